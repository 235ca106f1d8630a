"""The driver's side of a run, with the service there: what it is told, and what the service learns of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adaptor.client import RefusedError, Run, start_run
from adaptor.domain.events import BarrierReached, RunFinished
from adaptor.domain.run import RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.values import FLINK_URL


@pytest.fixture
def service() -> Iterator[LoopbackService]:
    """A service that listens."""
    listening = LoopbackService().start()
    yield listening
    listening.close()


def begin(service: LoopbackService, **fields: Any) -> Run:
    """A run of five supersteps as a driver begins it."""
    defaults: dict[str, Any] = {
        "program": "kmeans",
        "run_id": "run-1",
        "parallelism": 1,
        "max_supersteps": 5,
        "max_parallelism": 4,
        "runtime_target_s": 1000.0,
        "flink_url": FLINK_URL,
        "address": service.address,
        "policy": "static",
    }
    return start_run(**{**defaults, **fields})


def reports(service: LoopbackService) -> list[SuperstepReport]:
    """What the service took in."""
    events = service.run(service.shop.events())
    return [one.report for one in events if isinstance(one, BarrierReached)]


def ends(service: LoopbackService) -> list[RunState]:
    """How the service heard that the run ended."""
    return [one.state for one in service.run(service.shop.events()) if isinstance(one, RunFinished)]


def places(service: LoopbackService) -> list[tuple[int, int, bool]]:
    """Superstep, try and failure of what was taken in."""
    return [(one.superstep, one.attempt, one.failed) for one in reports(service)]


def test_a_loop_of_four_lines_is_observed_to_its_end(service: LoopbackService) -> None:
    """Each superstep is reported once, with its job and its parallelism, and the run is finished."""
    with begin(service) as run:
        for superstep in run.supersteps():
            superstep.submitted(f"{superstep.number:032x}")
    assert places(service) == [(number, 1, False) for number in range(1, 6)]
    assert [one.job_id for one in reports(service)] == [f"{number:032x}" for number in range(1, 6)]
    assert ends(service) == [RunState.FINISHED]
    assert len(run.blocked_s) == 5


def test_the_parallelism_of_a_superstep_is_that_of_its_plan(service: LoopbackService) -> None:
    """And it is what is reported as requested."""
    with begin(service, policy="ellis", runtime_target_s=1e-9) as run:
        used = [(superstep.parallelism, superstep.plan) for superstep in run.supersteps()]
    assert [one for one, _ in used[:2]] == [1, 4]
    assert all(plan is not None and plan.parallelism == one for one, plan in used)
    assert [one.requested_parallelism for one in reports(service)] == [one for one, _ in used]


def test_breaking_out_reports_the_superstep_and_finishes_the_run(service: LoopbackService) -> None:
    """Convergence is a good end."""
    with begin(service) as run:
        for superstep in run.supersteps():
            if superstep.number == 3:
                break
    assert places(service) == [(1, 1, False), (2, 1, False), (3, 1, False)]
    assert ends(service) == [RunState.FINISHED]


def test_how_far_the_job_has_converged_is_reported_with_its_superstep(service: LoopbackService) -> None:
    """What is no figure is left out, and the tolerance is part of the run."""
    with begin(service, tolerance=0.01) as run:
        for superstep, figure in zip(run.supersteps(), (0.5, float("nan"), -1.0, 0.0, 0.25), strict=False):
            superstep.converged_to(figure)
    assert [one.convergence for one in reports(service)] == [0.5, None, None, 0.0, 0.25]
    assert service.run(service.shop.events())[0].spec.tolerance == 0.01


def test_an_exception_in_the_body_is_a_failed_superstep_and_a_failed_run(service: LoopbackService) -> None:
    """And it reaches the driver unchanged."""
    with pytest.raises(ZeroDivisionError), begin(service) as run:
        for superstep in run.supersteps():
            if superstep.number == 2:
                raise ZeroDivisionError
    assert places(service) == [(1, 1, False), (2, 1, True)]
    assert ends(service) == [RunState.FAILED]


def test_a_failed_superstep_is_handed_out_again_as_the_next_try(service: LoopbackService) -> None:
    """The driver decides; the plan is for the same number."""
    seen = []
    with begin(service, max_supersteps=2) as run:
        for superstep in run.supersteps():
            seen.append((superstep.number, superstep.attempt, superstep.plan is not None))
            if seen[-1][:2] in ((1, 1), (1, 2)):
                superstep.failed()
    assert seen == [(1, 1, True), (1, 2, True), (1, 3, True), (2, 1, True)]
    assert places(service) == [(1, 1, True), (1, 2, True), (1, 3, False), (2, 1, False)]


def test_a_restarted_driver_goes_on_where_it_was(service: LoopbackService) -> None:
    """At the next superstep, or the next try, with the plan of then."""
    for superstep in begin(service).supersteps():
        if superstep.number == 2:
            superstep.failed()
        if superstep.attempt == 2:
            break
    again = begin(service)
    [first, *_] = [(one.number, one.attempt, one.plan is not None) for one in again.supersteps()]
    again.finish()
    assert first == (2, 2, True)
    assert places(service)[:3] == [(1, 1, False), (2, 1, True), (2, 2, False)]
    assert reports(service)[-1].superstep == 5


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"runtime_target_s": -1.0}, "target_s: "),
    ({"runtime_target_s": None}, "objective: must be set"),
    ({"efficiency_target": 0.5}, "objective: give one of"),
    ({"runtime_target_s": None, "efficiency_target": 5.0}, "min_efficiency: "),
    ({"parallelism": 0}, "parallelism: must be at least 1, got 0"),
    ({"parallelism": -1}, "parallelism: must be at least 1, got -1"),
    ({"max_supersteps": 0}, "max_supersteps: must be at least 1"),
    ({"max_parallelism": -2}, "max_parallelism: must be at least 0"),
    ({"min_parallelism": 5}, "bounds: min_parallelism 5 is above"),
    ({"program": ""}, "context.program: "),
    ({"run_id": "../x"}, "run_id: "),
    ({"policy": "fast"}, "policy: 'fast' is not one of"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_start_that_makes_no_sense_is_refused_before_anything_ran(
    service: LoopbackService, fields: dict[str, Any], message: str
) -> None:
    """The error names the field."""
    with pytest.raises(RefusedError) as caught:
        begin(service, **fields)
    assert str(caught.value).startswith(message)


def test_a_run_id_cannot_be_used_for_another_run_nor_after_its_end(service: LoopbackService) -> None:
    """Otherwise a driver would silently run only what is left of an old run, perhaps nothing."""
    begin(service).finish()
    with pytest.raises(RefusedError, match=r"^run_id: 'run-1' was started before with another max_supersteps"):
        begin(service, max_supersteps=7)
    with pytest.raises(RefusedError, match=r"^run_id: run 'run-1' is over \(finished\); start a new run"):
        begin(service)


def test_a_fault_of_the_service_at_the_start_is_not_the_job_s(service: LoopbackService) -> None:
    """A full disk, a bug: the job runs as it would without adaptor."""
    service.shop.store.failing = True  # type: ignore[attr-defined]
    with begin(service, max_supersteps=2, max_wait_s=0.2) as run:
        assert [one.parallelism for one in run.supersteps()] == [1, 1]


def test_a_fault_of_the_service_at_a_barrier_costs_one_observation(service: LoopbackService) -> None:
    """The loop goes on, and so does the reporting."""
    observe, calls = service.shop.observer.observe, []

    async def faulty(**asked: str) -> object:
        calls.append(asked)
        if len(calls) == 2:
            raise ZeroDivisionError
        return await observe(**asked)

    service.shop.observer.observe = faulty  # type: ignore[method-assign, assignment]
    with begin(service, max_supersteps=4) as run:
        assert [one.number for one in run.supersteps()] == [1, 2, 3, 4]
    assert [(one.superstep, one.missed_supersteps) for one in reports(service)] == [(1, 0), (3, 1), (4, 0)]


def test_a_finished_run_hands_out_nothing_more(service: LoopbackService) -> None:
    """Finishing inside the loop ends it; finishing again changes nothing."""
    with begin(service) as run:
        numbers = []
        for superstep in run.supersteps():
            numbers.append(superstep.number)
            run.finish()
        run.finish(failed=True)
    assert numbers == [1]
    assert ends(service) == [RunState.FINISHED]


def test_a_job_id_may_be_what_pyflink_gives(service: LoopbackService) -> None:
    """An object whose text is the id."""

    class JobID:
        def __str__(self) -> str:
            return "b" * 32

    with begin(service, max_supersteps=1) as run:
        for superstep in run.supersteps():
            superstep.submitted(JobID())  # type: ignore[arg-type]
    assert reports(service)[0].job_id == "b" * 32


def test_a_run_without_an_id_is_given_one_that_is_its_own(service: LoopbackService) -> None:
    """From the program's name, whatever that holds."""
    ids = []
    for _ in range(2):
        with begin(service, run_id="", program="K-Means über alles!", max_supersteps=1) as run:
            ids.append(run.run_id)
    assert len(set(ids)) == 2
    assert all(one.startswith("K-Means--ber-alles") for one in ids)


def test_the_address_may_come_from_the_environment(service: LoopbackService, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a job need not be changed."""
    monkeypatch.setenv("ADAPTOR_ADDRESS", service.address)
    with begin(service, address="", max_supersteps=1) as run:
        assert [one.plan is not None for one in run.supersteps()] == [True]


def test_a_wide_superstep_waits_for_its_slots(service: LoopbackService) -> None:
    """It is handed out when they are there, and the wait is accounted for apart from the barrier."""
    with begin(service, parallelism=4, max_supersteps=2) as run:
        widths = [superstep.parallelism for superstep in run.supersteps()]
    assert (widths, service.shop.cluster.provided[0], len(run.slot_waits_s)) == ([4, 4], 4, 1)


def test_slots_that_cannot_be_had_are_done_without(service: LoopbackService) -> None:
    """The superstep is submitted with what exists, and reported as such."""
    service.shop.cluster.broken = True
    with begin(service, parallelism=4, max_supersteps=1) as run:
        widths = [superstep.parallelism for superstep in run.supersteps()]
    assert (widths, [one.requested_parallelism for one in reports(service)]) == ([1], [1])


def test_the_wait_for_slots_is_bounded(service: LoopbackService) -> None:
    """Slots that are too long in coming are not waited for: the loop goes on with those that exist."""
    service.call_soon(service.shop.cluster.open.clear)
    with begin(service, parallelism=4, max_supersteps=1, max_slot_wait_s=0.01) as run:
        assert [superstep.parallelism for superstep in run.supersteps()] == [1]
    service.call_soon(service.shop.cluster.open.set)
