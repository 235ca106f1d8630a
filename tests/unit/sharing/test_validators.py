"""What is said of a contribution: true ones pass, lies do not, an author has one voice, too little is no answer."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.domain.checks import LONGEST_S, SHORTEST_S
from adaptor.domain.shared import MAX_PARALLELISM, SharedBatch, SharedContext, SharedObservation
from adaptor.domain.verdict import MAX_FINDING, Assessment, Judgement, Verdict
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.residual import KnownObservation
from adaptor.sharing.statements import read_validation, write_validation
from adaptor.sharing.validators import judge

VALID, INVALID, ABSTAIN = Judgement.VALID, Judgement.INVALID, Judgement.ABSTAIN

AUTHOR = b"a" * 32
"""Whose contribution is judged."""

PEERS = (b"b" * 32, b"c" * 32, b"d" * 32)
"""Honest others."""


def context(rows: str = "100") -> SharedContext:
    """What was run."""
    return SharedContext(algorithm="kmeans", parameters={"k": "8"}, data={"rows": rows}, node_type="t")


def measured(
    rng: random.Random,
    *,
    author: bytes = AUTHOR,
    run: str = "r",
    factor: float = 1.0,
    supersteps: int = 12,
    parallelisms: Sequence[int] = (1, 2, 4, 8),
) -> list[KnownObservation]:
    """One run: 10 % between runs, 3 % between supersteps, a slow first one, all times `factor`."""
    level = math.exp(min(0.2, max(-0.2, rng.gauss(0, 0.1))))
    rows = []
    for number in range(1, supersteps + 1):
        parallelism = parallelisms[number % len(parallelisms)]
        truth_s = 2 + 40 / parallelism + 0.3 * parallelism
        duration_s = truth_s * level * factor * math.exp(rng.gauss(0, 0.03)) * (1.15 if number == 1 else 1.0)
        rows.append(
            KnownObservation(author, run, context().key, number, parallelism, duration_s, number == 1, before=True)
        )
    return rows


def as_batch(rows: Sequence[KnownObservation]) -> SharedBatch:
    """The rows of one run as the contribution they came with."""
    return SharedBatch(
        context=context(),
        run=rows[0].run,
        observations=tuple(
            SharedObservation(
                superstep=row.superstep, parallelism=row.parallelism, duration_s=row.duration_s, cold=row.cold
            )
            for row in rows
        ),
    )


def rest_of(authors: Iterable[bytes], *, seed: int = 1, factor: float = 1.0) -> list[KnownObservation]:
    """Runs of some authors."""
    rng = random.Random(seed)
    return [row for author in authors for row in measured(rng, author=author, factor=factor)]


def own_run(*, seed: int = 2, factor: float = 1.0, name: str = "mine", supersteps: int = 12) -> SharedBatch:
    """A run of the author in question."""
    return as_batch(measured(random.Random(seed), author=AUTHOR, run=name, factor=factor, supersteps=supersteps))


def said(assessment: Assessment, validator: str) -> str:
    """What one validator found, or nothing."""
    return next((one.text for one in assessment.findings if one.validator == validator), "")


class TestResidual:
    """Beside what others measured."""

    @pytest.mark.parametrize(
        ("factor", "judgement"),
        [
            (1 / 1000, INVALID),
            (0.1, INVALID),
            (0.8, VALID),
            (1.0, VALID),
            (1.25, VALID),
            (5.0, INVALID),
            (1e3, INVALID),
        ],
    )
    def test_a_run_is_judged_by_how_far_it_lies_from_others(self, factor: float, judgement: Judgement) -> None:
        """Runs of one context differ by some 15 %; more than double is no accident."""
        assert judge(own_run(factor=factor), rest_of(PEERS), author=AUTHOR).judgement is judgement

    def test_a_run_at_a_parallelism_nobody_tried_is_judged_by_their_laws(self) -> None:
        """As long as it is not far from what they tried."""
        rows = measured(random.Random(2), author=AUTHOR, run="mine", parallelisms=(3, 6, 12))
        assert judge(as_batch(rows), rest_of(PEERS), author=AUTHOR).judgement is VALID
        far = measured(random.Random(2), author=AUTHOR, run="mine", parallelisms=(64,))
        assert judge(as_batch(far), rest_of(PEERS), author=AUTHOR).judgement is ABSTAIN

    def test_one_straggler_does_not_refute_a_run(self) -> None:
        """A quarter of its supersteps would."""
        run = own_run()
        for count, judgement in ((1, VALID), (6, INVALID)):
            slow = [replace(one, duration_s=one.duration_s * 10) for one in run.observations[:count]]
            lame = replace(run, observations=(*slow, *run.observations[count:]))
            assert judge(lame, rest_of(PEERS), author=AUTHOR).judgement is judgement

    @pytest.mark.parametrize(
        "authors", [(), PEERS[:1], (AUTHOR,), (AUTHOR, PEERS[0])], ids=["0", "1", "self", "self+1"]
    )
    def test_too_few_authors_are_no_answer(self, authors: tuple[bytes, ...]) -> None:
        """Nobody vouches for himself, and one other alone refutes nobody."""
        for factor in (1.0, 100.0):
            assert judge(own_run(factor=factor), rest_of(authors), author=AUTHOR).judgement is ABSTAIN

    def test_who_judges_trusts_his_own_measurements(self) -> None:
        """They are enough alone."""
        rest = rest_of(PEERS[:1])
        assert judge(own_run(), rest, author=AUTHOR, own=PEERS[0]).judgement is VALID
        assert judge(own_run(factor=9.0), rest, author=AUTHOR, own=PEERS[0]).judgement is INVALID

    def test_a_flood_of_one_author_outvotes_nobody(self) -> None:
        """Forty runs of lies against one honest run each of three others."""
        rng = random.Random(3)
        flood = [
            row
            for number in range(40)
            for row in measured(rng, author=b"liar" * 8, run=f"r{number}", factor=30.0, supersteps=40)
        ]
        rest = rest_of(PEERS) + flood
        assert judge(own_run(), rest, author=AUTHOR).judgement is VALID
        assert judge(own_run(factor=30.0), rest, author=AUTHOR).judgement is INVALID

    def test_others_who_contradict_each_other_confirm_nothing(self) -> None:
        """Two say one thing, two another."""
        rest = rest_of(PEERS[:2]) + rest_of([b"p" * 32, b"q" * 32], factor=50.0)
        assert judge(own_run(), rest, author=AUTHOR).judgement is ABSTAIN
        assert judge(own_run(factor=50.0), rest, author=AUTHOR).judgement is ABSTAIN

    def test_work_that_shrinks_from_superstep_to_superstep_is_no_lie(self) -> None:
        """Delta iterations do less in each; ten times off is still seen."""

        def shrinking(author: bytes, factor: float = 1.0) -> list[KnownObservation]:
            rows = measured(random.Random(author[0]), author=author, supersteps=16)
            return [row._replace(duration_s=factor * row.duration_s * 0.8**row.superstep) for row in rows]

        rest = [row for author in PEERS for row in shrinking(author)]
        assert judge(as_batch(shrinking(AUTHOR)), rest, author=AUTHOR).judgement is VALID
        assert judge(as_batch(shrinking(AUTHOR, 30.0)), rest, author=AUTHOR).judgement is INVALID

    def test_other_contexts_of_the_algorithm_refute_a_wrong_unit_and_confirm_nothing(self) -> None:
        """More data takes longer; a thousand times is another unit."""
        elsewhere = context(rows="77")
        honest, wrong = replace(own_run(), context=elsewhere), replace(own_run(factor=1000.0), context=elsewhere)
        assert judge(honest, rest_of(PEERS), author=AUTHOR).judgement is ABSTAIN
        assessment = judge(wrong, rest_of(PEERS), author=AUTHOR)
        assert assessment.judgement is INVALID
        assert "milliseconds" in said(assessment, "residual")

    def test_a_cold_superstep_is_compared_without_its_start_up(self) -> None:
        """Others' warm ones are enough."""
        rows = [row._replace(cold=True, duration_s=1.2 * row.duration_s) for row in measured(random.Random(2))]
        assert judge(as_batch(rows), rest_of(PEERS), author=AUTHOR).judgement is VALID


def with_first(**changes: object) -> SharedBatch:
    """A true run in which one superstep is changed."""
    run = own_run()
    return replace(run, observations=(replace(run.observations[0], **changes), *run.observations[1:]))  # type: ignore[arg-type]


class TestPlausibility:
    """What no machine does."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"duration_s": 2e-5},
            {"duration_s": 0.05, "parallelism": 100_000},
            {"duration_s": 40 * 86_400.0},
            {"cpu_utilisation": 300.0},
            {"parallelism": 5000, "scale_out": 2},
        ],
    )
    def test_it_refutes_whatever_others_say(self, changes: dict[str, object]) -> None:
        """And names the superstep."""
        for rest in ((), rest_of(PEERS)):
            assessment = judge(with_first(**changes), rest, author=AUTHOR)
            assert assessment.judgement is INVALID
            assert said(assessment, "plausibility").startswith("superstep 1: ")

    @pytest.mark.parametrize("changes", [{"cpu_utilisation": 2.5}, {"scale_out": 1}, {"duration_s": 86_400.0}])
    def test_what_is_rare_is_not_implausible(self, changes: dict[str, object]) -> None:
        """Only others' measurements could speak against it."""
        assert judge(with_first(**changes), (), author=AUTHOR).judgement is ABSTAIN

    @pytest.mark.parametrize(
        ("durations_s", "suspected"),
        [
            ([15_603.0, 15_412.0, 15_998.0, 16_021.0, 15_777.0], True),
            ([15_603.0, 15_412.0, 15_998.0, 16_021.0, 15_777.5], False),
            ([15_603.0, 15_412.0], False),
            ([16_000.0, 15_000.0, 16_000.0, 16_000.0, 15_000.0], False),
            ([15.0, 16.0, 15.0, 16.0, 17.0], False),
        ],
        ids=["milliseconds", "a fraction", "too few", "coarsened", "small"],
    )
    def test_whole_numbers_make_the_unit_doubtful(self, durations_s: list[float], suspected: bool) -> None:
        """A doubt is told, and is no refutation."""
        batch = SharedBatch(context=context(), run="r", observations=observations(durations_s))
        assessment = judge(batch, (), author=AUTHOR)
        assert assessment.judgement is ABSTAIN
        assert ("milliseconds" in said(assessment, "plausibility")) is suspected


def observations(durations_s: Sequence[float]) -> tuple[SharedObservation, ...]:
    """Supersteps 1, 2, ... at parallelism 4."""
    return tuple(
        SharedObservation(superstep=number, parallelism=4, duration_s=one) for number, one in enumerate(durations_s, 1)
    )


def test_a_batch_that_holds_a_superstep_twice_contradicts_itself() -> None:
    """Whatever the durations."""
    run = own_run()
    twice = replace(run, observations=run.observations + run.observations[:2])
    assert said(judge(twice, (), author=AUTHOR), "schema") == "2 supersteps are there more than once"


def published(batch: SharedBatch, *, author: bytes, run: str = "mine", before: bool = True) -> list[KnownObservation]:
    """The batch as rows of somebody's contribution."""
    return [
        KnownObservation(author, run, "any", one.superstep, one.parallelism, one.duration_s, one.cold, before)
        for one in batch.observations
    ]


def rounded(batch: SharedBatch, digits: int) -> SharedBatch:
    """The batch with coarse durations."""
    coarse = [replace(one, duration_s=float(f"{one.duration_s:.{digits - 1}e}")) for one in batch.observations]
    return replace(batch, observations=tuple(coarse))


class TestDuplicates:
    """The same measurements again."""

    @pytest.mark.parametrize(
        ("rest", "refuted"),
        [
            (lambda batch: published(batch, author=AUTHOR), True),
            (lambda batch: published(batch, author=AUTHOR, run="other"), True),
            (lambda batch: published(batch, author=PEERS[0]), True),
            (lambda batch: published(batch, author=PEERS[0])[:4], True),
            (lambda batch: published(batch, author=PEERS[0])[:1], False),
            (lambda batch: published(batch, author=PEERS[0], before=False), False),
            (
                lambda batch: [row._replace(superstep=row.superstep + 50) for row in published(batch, author=AUTHOR)],
                False,
            ),
        ],
        ids=["same run", "own other run", "copy", "partly a copy", "one superstep", "later copy", "other supersteps"],
    )
    def test_what_was_published_before_does_not_count_again(
        self, rest: Callable[[SharedBatch], list[KnownObservation]], refuted: bool
    ) -> None:
        """Bit by bit; who is copied is not blamed."""
        batch = own_run()
        assessment = judge(batch, rest(batch), author=AUTHOR)
        assert bool(said(assessment, "duplicates")) is refuted
        assert (assessment.judgement is INVALID) is refuted

    def test_durations_too_coarse_to_tell_apart_are_no_copies(self) -> None:
        """Like runs round to like numbers; the same run published twice is still seen."""
        batch = rounded(own_run(), 2)
        assert not said(judge(batch, published(batch, author=PEERS[0]), author=AUTHOR), "duplicates")
        assert said(judge(batch, published(batch, author=AUTHOR), author=AUTHOR), "duplicates")

    def test_chance_hits_at_milliseconds_are_no_copies(self) -> None:
        """Twenty true runs, rounded as Flink rounds, beside two hundred others."""
        rest = [row for seed in range(200) for row in measured(random.Random(seed), author=b"p" * 32, run=str(seed))]
        rest = [row._replace(duration_s=round(row.duration_s, 3)) for row in rest]
        for seed in range(1000, 1020):
            batch = own_run(seed=seed)
            coarse = [replace(one, duration_s=round(one.duration_s, 3)) for one in batch.observations]
            assessment = judge(replace(batch, observations=tuple(coarse)), rest, author=AUTHOR)
            assert not said(assessment, "duplicates")


ROWS = st.lists(
    st.builds(
        KnownObservation,
        st.sampled_from((AUTHOR, *PEERS)),
        st.sampled_from(("", "a")),
        st.sampled_from((context().key, "other")),
        st.integers(1, 1_000_000),
        st.integers(1, 64) | st.integers(1, MAX_PARALLELISM),
        st.floats(SHORTEST_S, LONGEST_S),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)


@given(
    ROWS, st.lists(st.tuples(st.integers(1, MAX_PARALLELISM), st.floats(SHORTEST_S, LONGEST_S)), min_size=1, max_size=9)
)
def test_whatever_the_rows_there_is_a_judgement_that_can_be_published(
    rest: list[KnownObservation], points: list[tuple[int, float]]
) -> None:
    """The same for the rows in any order and given twice, with findings that peers can read."""
    batch = SharedBatch(
        context=context(),
        run="r",
        observations=tuple(
            SharedObservation(superstep=number, parallelism=parallelism, duration_s=duration_s)
            for number, (parallelism, duration_s) in enumerate(points, 1)
        ),
    )
    assessment = judge(batch, rest, author=AUTHOR, own=PEERS[0])
    assert judge(batch, list(reversed(rest)) + rest, author=AUTHOR, own=PEERS[0]) == assessment
    assert all(0 < len(one.text) <= MAX_FINDING for one in assessment.findings)
    verdict = Verdict(target=cid_of(b"x"), assessment=assessment)
    assert read_validation(write_validation([verdict]), batch=1) == (verdict,)


@given(st.integers(0, 10_000), st.floats(10.0, 1e6), st.integers(1, 400))
def test_lies_of_a_minority_change_no_judgement_of_an_honest_run(seed: int, factor: float, rows: int) -> None:
    """One liar beside three honest authors, however much he writes and however far he lies, up or down."""
    rng = random.Random(seed)
    lies = measured(rng, author=b"liar" * 8, factor=factor if seed % 2 else 1 / factor, supersteps=rows)
    rest = rest_of(PEERS, seed=seed) + lies
    assessment = judge(own_run(seed=seed + 1), rest, author=AUTHOR)
    assert assessment.judgement is not INVALID
