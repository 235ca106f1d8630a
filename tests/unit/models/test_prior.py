"""What other contexts say of one that nobody measured."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptor.domain.context import ExecutionContext
from adaptor.domain.informed_prior import InformedPrior
from adaptor.domain.observation import ObservedDuration
from adaptor.models.learning import WHOLE, Parts
from adaptor.models.prediction import Prediction
from adaptor.models.prior import Prior
from adaptor.models.runtime import RuntimeModel
from adaptor.models.training import TrainingRow
from adaptor.store import codec

CANDIDATES = np.arange(1, 9, dtype=np.int64)


def a_context(rows: float, *, program: str = "kmeans", node: str = "node", k: str = "8") -> ExecutionContext:
    """K-Means over so many rows."""
    return ExecutionContext(program=program, parameters={"k": k}, data={"rows": f"{rows:.0f}"}, node_type=node)


def rows_of(
    sizes: tuple[float, ...], *, parallelisms: tuple[int, ...] = (1, 2, 4, 8), seed: int = 1, contributor: str = "peer"
) -> list[TrainingRow]:
    """A fixed second, and work that grows with the rows and divides."""
    rng = np.random.default_rng(seed)
    return [
        TrainingRow(
            context=a_context(size),
            parallelism=p,
            duration_s=float((1.0 + size / 1e6 * 10.0 / p) * np.exp(0.01 * rng.normal())),
            superstep=i + 1,
            contributor=contributor,
            run=f"{size}-{p}",
        )
        for size in sizes
        for p in parallelisms
        for i in range(3)
    ]


def predicted(prior: Prior, context: ExecutionContext, *own: ObservedDuration) -> Prediction:
    """Of 1 to 8 subtasks."""
    return RuntimeModel.fit(own, prior=prior.informed(context)).predict(CANDIDATES)


SIZES = (1e6, 2e6, 3e6, 4e6, 6e6, 8e6)
PRIOR = Prior.fit(rows_of(SIZES))


def test_half_the_data_takes_about_half_the_work_where_one_context_was_measured() -> None:
    """Peers measured a U shape; a newcomer with half the rows gets it at a lower level, with a wide interval."""
    measured = [
        TrainingRow(
            context=a_context(3367760),
            parallelism=p,
            duration_s=t + 0.1 * i,
            superstep=i + 1,
            contributor="peer",
            run="1",
        )
        for p, t in ((1, 15.6), (2, 11.6), (4, 17.7))
        for i in range(4)
    ]
    prior = Prior.fit(measured)
    prediction = predicted(prior, a_context(1683880))
    assert 0.45 < prediction.expected_s[0] / 15.6 < 0.75
    assert int(CANDIDATES[np.argmin(prediction.expected_s[:4])]) == 2
    low, expected, high = prediction.rest_s(1)
    assert high[0] / expected[0] > 1.3
    assert low[0] < expected[0]
    assert prediction.outside_observed_range.tolist() == [False] * 4 + [True] * 4


def test_a_law_of_many_sizes_is_learnt() -> None:
    """Between sizes that were measured the prediction is near the truth, and the interval holds it."""
    prediction = predicted(PRIOR, a_context(5e6))
    truth = 1.0 + 50.0 / CANDIDATES
    assert prediction.expected_s[[0, 1, 3, 7]] == pytest.approx(truth[[0, 1, 3, 7]], rel=0.05)
    low, _, high = prediction.rest_s(1)
    assert ((low < truth) & (truth < high)).all()


def test_its_own_supersteps_move_a_run_as_a_whole() -> None:
    """A run that is a third slower at 8 is expected to be slower elsewhere, and more surely there than before."""
    context = a_context(5e6)
    before = predicted(PRIOR, context)
    after = predicted(PRIOR, context, *[ObservedDuration(parallelism=8, duration_s=1.15 * 7.25)] * 3)
    assert (after.expected_s > before.expected_s * 1.05).all()
    assert after.expected_s[7] == pytest.approx(1.15 * 7.25, rel=0.03)


def test_data_that_mislead_lose_their_weight_with_the_first_superstep() -> None:
    """A peer's clock in the wrong unit: the level is this run's own at once, and the weight shows it."""
    spoilt = [replace(row, duration_s=row.duration_s * 1000) for row in rows_of(SIZES)]
    prior = Prior.fit(spoilt)
    model = RuntimeModel.fit([ObservedDuration(parallelism=4, duration_s=13.5)], prior=prior.informed(a_context(5e6)))
    assert model.informed is not None
    assert model.weights["everything"] < 0.1
    assert model.informed.shared_weight < 0.9
    assert model.predict(CANDIDATES).expected_s[3] == pytest.approx(13.5, rel=0.1)
    honest = RuntimeModel.fit([ObservedDuration(parallelism=4, duration_s=13.5)], prior=PRIOR.informed(a_context(5e6)))
    assert honest.weights["everything"] > 0.9


def test_one_lying_contributor_does_not_bend_what_the_others_say() -> None:
    """His measurements contradict everybody's and count little; his weight is evidence."""
    honest = [row for one in range(4) for row in rows_of(SIZES, seed=one, contributor=f"author-{one}")]
    lies = [replace(row, duration_s=10 * row.duration_s) for row in rows_of(SIZES[:3], contributor="liar")]
    prior = Prior.fit([*honest, *lies])
    informed = prior.informed(a_context(5e6))
    assert informed is not None
    weights = {source.contributor: source.weight for source in informed.sources}
    assert weights["liar"] < 0.2 < min(weight for name, weight in weights.items() if name != "liar")
    assert predicted(prior, a_context(5e6)).expected_s[3] == pytest.approx(13.5, rel=0.1)


@pytest.mark.parametrize("way", ["by_anybody", "by_one"])
def test_what_is_wrong_by_any_factor_does_not_bend_what_is_right(way: str) -> None:
    """Three in ten observations are off by 0.1 to 10; nine contributors measured everything."""
    rng = np.random.default_rng(7)
    clean = [row for one in range(9) for row in rows_of(SIZES, seed=one, contributor=f"author-{one}")]
    bad = rng.random(len(clean)) < 0.3
    factors = np.where(bad, 10.0 ** rng.uniform(-1, 1, len(clean)), 1.0)
    spoilt = [
        replace(
            row,
            duration_s=row.duration_s * float(factor),
            contributor="liar" if wrong and way == "by_one" else row.contributor,
        )
        for row, factor, wrong in zip(clean, factors, bad, strict=True)
    ]
    truth = 1.0 + 50.0 / CANDIDATES
    prediction = predicted(Prior.fit(spoilt), a_context(5e6))
    assert prediction.expected_s[[0, 1, 3, 7]] == pytest.approx(truth[[0, 1, 3, 7]], rel=0.05)


def test_a_liar_is_found_before_those_who_are_compared_with_him_are_doubted() -> None:
    """Each measured sizes of his own; milliseconds for seconds make one wrong, and nobody else."""
    honest = [
        row
        for one in range(4)
        for row in rows_of((1e6 * (1 + one), 1e6 * (2 + one)), seed=one, contributor=f"author-{one}")
    ]
    lies = [replace(row, duration_s=1000 * row.duration_s) for row in rows_of((2e6, 5e6), contributor="liar")]
    informed = Prior.fit([*honest, *lies]).informed(a_context(7e6))
    assert informed is not None
    weights = {source.contributor: source.weight for source in informed.sources}
    assert weights.pop("liar") < 0.1
    assert min(weights.values()) > 0.5


def test_parts_can_be_left_out_to_see_what_they_are_worth() -> None:
    """Without beliefs a wrong tenth bends the prediction; with them it does not."""
    rows = [row for one in range(3) for row in rows_of(SIZES, seed=one, contributor=f"author-{one}")]
    spoilt = [replace(row, duration_s=row.duration_s * (30.0 if i % 3 == 0 else 1.0)) for i, row in enumerate(rows)]
    found = [
        float(predicted(Prior.fit(spoilt, parts=parts), a_context(5e6)).expected_s[3])
        for parts in (WHOLE, Parts(beliefs=False, trust=False))
    ]
    assert abs(found[0] - 13.5) < abs(found[1] - 13.5)


def test_a_single_odd_parallelism_does_not_move_the_whole_curve() -> None:
    """One superstep that is short of memory takes half as long again; elsewhere less than that is expected."""
    prior = PRIOR.informed(a_context(5e6))
    model = RuntimeModel.fit([ObservedDuration(parallelism=1, duration_s=1.5 * 51.0)], prior=prior)
    prediction = model.predict(CANDIDATES)
    assert prediction.expected_s[0] == pytest.approx(1.5 * 51.0, rel=0.1)
    assert prediction.expected_s[7] < 1.48 * (1.0 + 50.0 / 8)
    assert model.weights["not_everywhere"] > model.weights["shape_only"]


def test_other_programs_say_how_steep_curves_are_but_not_how_long() -> None:
    """Nothing is known before the first superstep; one superstep then says something of every parallelism."""
    context = a_context(1e6, program="pagerank")
    assert not predicted(PRIOR, context).known.any()
    prediction = predicted(PRIOR, context, ObservedDuration(parallelism=2, duration_s=30.0))
    assert prediction.known.all()
    assert prediction.expected_s[1] == pytest.approx(30.0, rel=0.02)
    assert prediction.expected_s[7] < 20.0


def test_nothing_is_said_where_nothing_was_measured() -> None:
    """Neither of no rows, nor of the context's own alone."""
    assert Prior.fit([]).informed(a_context(1e6)) is None
    assert Prior.fit(rows_of((1e6,))).informed(a_context(1e6)) is None


def test_what_is_kept_with_a_run_survives_the_store() -> None:
    """A replay reads the same value."""
    informed = PRIOR.informed(a_context(5e6))
    assert informed is not None
    assert codec.loads(codec.dumps(informed, InformedPrior), InformedPrior) == informed
    assert informed.observations == 6 * 4 * 3
    assert informed.shared_observations == informed.observations


def test_the_same_rows_give_the_same_prior_in_any_order() -> None:
    """To the last bit with the same order, and to rounding with another."""
    rows = rows_of(SIZES)
    assert Prior.fit(rows).informed(a_context(5e6)) == PRIOR.informed(a_context(5e6))
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = predicted(Prior.fit([rows[i] for i in order]), a_context(5e6))
    assert shuffled.expected_s == pytest.approx(predicted(PRIOR, a_context(5e6)).expected_s, rel=1e-4)


def test_names_do_not_matter() -> None:
    """Of programs, columns, machine types, contributors and runs."""

    def renamed(context: ExecutionContext) -> ExecutionContext:
        return ExecutionContext(
            program="zz",
            parameters={"aa": context.parameters["k"]},
            data={"another": context.data["rows"]},
            node_type="0",
        )

    rows = [replace(row, context=renamed(row.context), contributor="a", run=f"x{row.run}") for row in rows_of(SIZES)]
    other = predicted(Prior.fit(rows), renamed(a_context(5e6)))
    assert other.expected_s == pytest.approx(predicted(PRIOR, a_context(5e6)).expected_s, rel=1e-6)
    assert other.spread_of_expectation == pytest.approx(
        predicted(PRIOR, a_context(5e6)).spread_of_expectation, rel=1e-4
    )


def test_seven_times_longer_durations_give_seven_times_longer_predictions() -> None:
    """With the same relative intervals."""
    seven = Prior.fit([replace(row, duration_s=7 * row.duration_s) for row in rows_of(SIZES)])
    before, after = predicted(PRIOR, a_context(5e6)), predicted(seven, a_context(5e6))
    assert after.expected_s == pytest.approx(7 * before.expected_s, rel=1e-4)
    assert after.spread_of_expectation == pytest.approx(before.spread_of_expectation, rel=1e-2)


def test_trees_join_in_from_eight_contexts_on() -> None:
    """They are fitted, and get a share from 0 to 1."""
    sizes = tuple(float(size) for size in np.geomspace(1e6, 9e6, 9))
    prior = Prior.fit(rows_of(sizes, parallelisms=(1, 4)))
    trees = prior.programs["kmeans"].trees
    assert trees is None or 0 < trees.share <= 1
    assert predicted(prior, a_context(5e6)).expected_s[3] == pytest.approx(13.5, rel=0.1)


def test_importing_models_does_not_import_what_only_fitting_needs() -> None:
    """The service starts without scikit-learn."""
    code = "import sys, adaptor.models.runtime, adaptor.models.prior; sys.exit('sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


TEXT = st.sampled_from(["1", "2", "0", "-3", "1e6", "nan", "inf", "word", "1e308", "1e-300"])
CONTEXT = st.builds(
    ExecutionContext,
    program=st.sampled_from(["a", "b"]),
    parameters=st.dictionaries(st.sampled_from(["x", "y"]), TEXT, max_size=2),
    data=st.dictionaries(st.sampled_from(["x", "z"]), TEXT, max_size=2),
    node_type=st.sampled_from(["n", "m"]),
)
ROW = st.builds(
    TrainingRow,
    context=CONTEXT,
    parallelism=st.integers(1, 100_000),
    duration_s=st.floats(min_value=1e-6, max_value=1e9),
    superstep=st.integers(1, 3),
    cold=st.booleans(),
    scale_out=st.none() | st.integers(1, 100),
    memory_mb=st.none() | st.floats(min_value=1.0, max_value=1e9),
    contributor=st.sampled_from(["", "p", "q"]),
    run=st.sampled_from(["", "r", "s"]),
)


@given(st.lists(ROW, max_size=8), CONTEXT, st.lists(st.integers(1, 8), max_size=2))
@settings(max_examples=25, deadline=None)
def test_whatever_peers_share_a_prior_comes_out_that_predicts_finite_durations(
    rows: list[TrainingRow], context: ExecutionContext, measured: list[int]
) -> None:
    """Few rows, odd values, missing columns: a plan can be made and kept."""
    informed = Prior.fit(rows).informed(context)
    if informed is None:
        return
    assert codec.loads(codec.dumps(informed, InformedPrior), InformedPrior) == informed
    own = [ObservedDuration(parallelism=p, duration_s=10.0) for p in measured]
    prediction = RuntimeModel.fit(own, prior=informed).predict(CANDIDATES)
    if prediction.known.any():
        low, expected, high = prediction.rest_s(100)
        assert np.isfinite(expected).all()
        assert (low <= expected).all()
        assert (expected <= high).all()
