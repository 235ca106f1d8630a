"""Policies on recorded jobs: runs are divided, draws are the same for all, and what is reported adds up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adaptor.domain.observation import Origin
from adaptor.experiments.models.ellis import Traced
from adaptor.experiments.simulated.run import Known
from adaptor.experiments.traces.battery import (
    BY_MEDIANS,
    LEAST,
    MOST,
    ORACLE,
    TUNED,
    Ended,
    Setup,
    known_from,
    repeated,
)
from adaptor.experiments.traces.draw import Draw
from adaptor.experiments.traces.episode import Task, observed, played
from adaptor.experiments.traces.figures import figures
from adaptor.experiments.traces.recorded import Recorded, drawn
from adaptor.experiments.traces.recurring import chain
from adaptor.experiments.traces.summary import battery_rows

SUPERSTEPS = 5


def recorded(name: str = "job") -> Recorded:
    """Three runs at 2 workers, one at 4, two at 8; every superstep of every run has a time of its own."""
    scale_out = np.array([8.0, 2.0, 4.0, 2.0, 8.0, 2.0])
    seconds = 40 / scale_out[:, None] + np.arange(6)[:, None] * 0.1 + np.arange(SUPERSTEPS) * 0.01
    return Recorded.of(Traced(name=name, scale_out=scale_out, seconds=seconds))


def setup(**changes: object) -> Setup:
    usual = Setup(policies=("adaptor", "ellis"), targets_s={"1.0": 60.0}, adaptation_cost_s=1.0, failures=0.0, seed=3)
    return replace(usual, **changes)  # type: ignore[arg-type]


def even_draw(*, lost: float = 0.0) -> Draw:
    """20 s at 2 workers and 5 s at 8 in each of four supersteps; the second one may fail first."""
    return Draw(
        sizes=np.array([2, 8]),
        superstep_s=np.tile([20.0, 5.0], (4, 1)),
        lost=np.array([0.0, lost, 0.0, 0.0]),
    )


def task(policy: str = "static", *, target_s: float = 1000.0, start: int = 2) -> Task:
    return Task(program="job", policy=policy, target_s=target_s, start=start, adaptation_cost_s=1.0, known=Known())


@pytest.mark.parametrize("seed", range(5))
def test_no_run_is_both_learnt_from_and_met(seed: int) -> None:
    """What a policy knows never holds a superstep of the runs that durations are drawn from."""
    divided = recorded().divided(np.random.default_rng(seed))
    learnt = {float(one) for _, run in divided.learnt for one in run}
    judged = {float(one) for _, runs in divided.judged for run in runs for one in run}
    assert learnt.isdisjoint(judged)
    assert len(learnt) + len(judged) == 6 * SUPERSTEPS


def test_every_scale_out_can_be_drawn_and_single_runs_are_never_learnt_from() -> None:
    """The world holds all scale-outs; those with one run are missing from what is known."""
    job = recorded()
    divided = job.divided(np.random.default_rng(1))
    assert [size for size, _ in divided.judged] == [2, 4, 8]
    assert job.single == [4]
    assert {size for size, _ in divided.learnable} == {2, 8}


def test_a_draw_is_one_whole_run_of_each_scale_out() -> None:
    """Supersteps of different runs are not mixed, as those of one run are slow or fast together."""
    job = recorded()
    draw = drawn(job.divided(np.random.default_rng(2)).judged, np.random.default_rng(2))
    for at, runs in enumerate(job.runs):
        assert any(np.array_equal(draw.superstep_s[:, at], run) for run in runs)


def test_scale_outs_with_too_few_runs_can_be_left_out() -> None:
    """With at least two runs asked for, the scale-out with a single one is no candidate."""
    traced = Traced(name="job", scale_out=np.array([2.0, 2.0, 4.0]), seconds=np.ones((3, 2)))
    assert Recorded.of(traced, least_runs=2).sizes.tolist() == [2]


@pytest.mark.parametrize(
    ("name", "given", "label", "seconds"),
    [
        ("ellis-kmeans", None, "published", 840.0),
        ("LogisticRegression", None, "published", 300.0),
        ("my-gbt", 77.0, "given", 77.0),
        ("pagerank", None, "0.8", None),
    ],
)
def test_targets_are_the_published_ones_unless_another_is_given(
    name: str, given: float | None, label: str, seconds: float | None
) -> None:
    """The first target is given, or published for what the file is of; multiples of the tuned static follow."""
    job = recorded(name)
    targets = job.targets_s(given)
    assert next(iter(targets)) == label
    assert targets[label] == pytest.approx(seconds or 0.8 * job.cheapest_s)
    assert targets["1.2"] == pytest.approx(1.2 * job.cheapest_s)


def test_the_tuned_static_is_the_cheapest_in_time_else_the_fastest() -> None:
    """Hindsight on medians picks it."""
    job = recorded()
    assert job.sizes[job.tuned(1000.0)] == job.sizes[np.argmin(job.typical_s * job.sizes)]
    assert job.sizes[job.tuned(1.0)] == 8


def test_a_static_run_takes_what_its_scale_out_takes() -> None:
    """Played by the controller and added up from the draw, a run without changes is the same."""
    draw = even_draw()
    run = played(task(), draw)
    assert (run.runtime_s, run.slot_s, run.rescales) == (80.0, 160.0, 0)
    assert draw.run_s.tolist() == [80.0, 20.0]


def test_only_scale_outs_that_were_recorded_are_planned() -> None:
    """The controller compares those of the draw and nothing between them."""
    plans = played(task("adaptor", target_s=40.0), even_draw()).plans
    assert {one.parallelism for plan in plans for one in plan.alternatives} == {2, 8}


def test_a_failed_try_is_paid_for_and_the_superstep_done_again() -> None:
    """A superstep that fails after half its time takes one and a half times as long in all."""
    run = played(task(), even_draw(lost=0.5))
    assert [step.duration_s for step in run.steps] == [20.0, 10.0, 20.0, 20.0, 20.0]
    assert run.runtime_s == even_draw(lost=0.5).run_s[0] == 90.0


def test_a_change_is_paid_for_at_the_scale_out_that_it_leads_to() -> None:
    """Ellis, which starts too narrow for its target, widens; time and executor-seconds hold the change."""
    draw = even_draw()
    run = played(task("ellis", target_s=40.0), draw)
    assert run.rescales == 1
    assert run.runtime_s == pytest.approx(sum(step.duration_s for step in run.steps) + 1.0)
    assert run.slot_s == pytest.approx(
        sum((step.duration_s + step.adaptation_s) * step.parallelism for step in run.steps)
    )


def test_a_run_leaves_its_supersteps_with_the_cold_ones_marked() -> None:
    """The first superstep and the first after widening carry start-up; the rest is warm."""
    found = observed(played(task("ellis", target_s=40.0), even_draw()))
    assert [one.superstep for one in found] == [1, 2, 3, 4]
    widened = next(at for at, one in enumerate(found) if one.parallelism == 8)
    assert [one.cold for one in found] == [at in (0, widened) for at in range(4)]
    assert {one.origin for one in found} == {Origin.EARLIER_RUN}


def test_the_oracle_is_in_time_whenever_a_schedule_is_and_never_dearer_than_a_policy_in_time() -> None:
    """Known afterwards, the best schedule bounds what any policy reaches on the same draw."""
    for repeat in range(4):
        ended = {one.policy: one for one in repeated(recorded(), setup(), repeat)}
        oracle = ended.pop(ORACLE)
        in_time = [one for one in ended.values() if not one.late]
        assert oracle.late is False
        assert in_time
        # Rounding of the schedule's search is bounded by a thousandth.
        assert all(oracle.executor_s <= one.executor_s * 1.001 for one in in_time)


def test_a_target_that_nothing_meets_is_missed_by_the_oracle_too() -> None:
    """Then the oracle is the fastest schedule, and late."""
    ended = {one.policy: one for one in repeated(recorded(), setup(targets_s={"1.0": 1.0}), 0)}
    assert all(one.late for one in ended.values())
    assert min(one.runtime_s for one in ended.values()) == ended[ORACLE].runtime_s


def test_a_repeat_is_the_same_whatever_other_policies_play() -> None:
    """Policies share their draws, so leaving one out changes nothing for the others."""
    both, alone = (repeated(recorded(), setup(policies=names), 1) for names in (("adaptor", "ellis"), ("ellis",)))
    assert [one for one in both if one.policy != "adaptor"] == alone


def test_supersteps_fail_for_the_first_target_only_and_in_a_cell_of_their_own() -> None:
    """With failures there is one more cell; the quiet ones stay as they were."""
    targets = {"published": 60.0, "1.0": 50.0}
    quiet = repeated(recorded(), setup(targets_s=targets), 2)
    failing = repeated(recorded(), setup(targets_s=targets, failures=1.0), 2)
    assert {one.target for one in failing} == {"published", "published with failures", "1.0"}
    assert [one for one in failing if one.target == "1.0"] == [one for one in quiet if one.target == "1.0"]
    slower = {one.policy: one.runtime_s for one in failing if one.target == "published with failures"}
    usual = {one.policy: one.runtime_s for one in failing if one.target == "published"}
    assert all(slower[name] > usual[name] for name in (LEAST, MOST, TUNED, BY_MEDIANS))


def test_what_is_known_is_no_more_than_the_service_would_read() -> None:
    """Of very many earlier supersteps the newest count."""
    traced = Traced(name="long", scale_out=np.full(12, 2.0), seconds=np.ones((12, 200)))
    known = known_from(Recorded.of(traced).divided(np.random.default_rng(0)), 1.0)
    assert len(known.earlier) == 500


def test_recurring_runs_judge_on_runs_that_taught_nobody() -> None:
    """Run 1 knows nothing, run 3 what two runs taught, each judged beside the best schedule of its draw."""
    judged = chain(recorded(), setup(), 0, policy="ellis", runs=4)
    assert [one.after for one in judged] == [0, 1, 2]
    assert all(one.executor_s > 0 and one.oracle_executor_s > 0 for one in judged)


def test_nothing_recurs_where_every_scale_out_has_a_single_run() -> None:
    """There would be nothing to learn from that is not judged on."""
    traced = Traced(name="thin", scale_out=np.array([2.0, 4.0]), seconds=np.ones((2, 3)))
    assert chain(Recorded.of(traced), setup(), 0, policy="ellis", runs=3) == []


def cell(*late: tuple[str, bool, float]) -> list[Ended]:
    return [
        Ended(
            policy=policy,
            target="1.0",
            repeat=repeat,
            target_s=60.0,
            runtime_s=70.0 if missed else 50.0,
            executor_s=executor_s,
            rescales=0,
            late=missed,
        )
        for policy, missed, executor_s in late
        for repeat in range(2)
    ]


def test_figures_count_the_cells_where_a_goal_is_missed() -> None:
    """Later, dearer and not fewer are judged by means of the same draws, and distance where both are in time."""
    worse = battery_rows("a", cell((ORACLE, False, 100.0), ("ellis", False, 110.0), ("adaptor", True, 120.0)))
    better = battery_rows("b", cell((ORACLE, False, 100.0), ("ellis", True, 110.0), ("adaptor", False, 105.0)))
    value = {one.name: one.value for one in figures([*worse, *better], [])}
    assert value["traces_cells_later_than_ellis"] == 1
    assert value["traces_cells_dearer_than_ellis"] == 1
    assert value["traces_cells_not_fewer_violations"] == 0
    assert value["traces_worst_above_oracle"] == 5.0
    assert value["traces_a_1_0_violations"] == 100.0
    assert value["traces_a_1_0_overrun"] == 10.0


def test_a_row_has_means_with_their_intervals_and_the_distance_to_the_oracle() -> None:
    """Half of the runs late gives an interval from none to all of two."""
    ended = [*cell((ORACLE, False, 100.0)), *cell(("adaptor", True, 120.0))[:1], *cell(("adaptor", False, 130.0))[1:]]
    row = next(one for one in battery_rows("a", ended) if one["policy"] == "adaptor")
    assert (row["late_percent_low"], row["late_percent"], row["late_percent_high"]) == (0.0, 50.0, 100.0)
    assert row["above_oracle_percent"] == 25.0
    assert (row["above_oracle_in_time_percent"], row["both_in_time"]) == (30.0, 1)
