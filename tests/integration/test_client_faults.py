"""The driver's side of a run when the service is missing, slow, killed or forgetful: the job goes on regardless."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from adaptor.client import Run, start_run
from adaptor.domain.events import BarrierReached, RunFinished
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.values import FLINK_URL
from adaptor.testing.workshop import Workshop

PATIENT_S = 30.0
"""A wait that is long enough for any machine where an answer is on its way."""


@pytest.fixture
def service() -> Iterator[LoopbackService]:
    """A service that does not listen yet, on a port that is its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    away = LoopbackService()
    away.address = f"127.0.0.1:{port}"
    yield away
    away.close()


def begin(service: LoopbackService, **fields: Any) -> Run:
    """A run of many supersteps with a short patience."""
    defaults: dict[str, Any] = {
        "program": "kmeans",
        "run_id": "run-1",
        "parallelism": 2,
        "max_supersteps": 100,
        "max_parallelism": 4,
        "runtime_target_s": 1000.0,
        "flink_url": FLINK_URL,
        "address": service.address,
        "policy": "static",
        "max_wait_s": 0.05,
    }
    return start_run(**{**defaults, **fields})


def taken(service: LoopbackService) -> list[tuple[int, int]]:
    """Superstep and missed supersteps of what the service took in, in order."""
    events = service.run(service.shop.events())
    return [(one.report.superstep, one.report.missed_supersteps) for one in events if isinstance(one, BarrierReached)]


def patient(run: Run) -> None:
    """Wait from now on until the service answers."""
    run._delivery._max_wait_s = PATIENT_S
    run._delivery._away = False


def test_without_a_service_the_loop_goes_on_with_what_it_has(
    service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised, and the log says so once rather than at every barrier."""
    with begin(service, max_supersteps=4) as run:
        assert [(one.number, one.parallelism, one.plan) for one in run.supersteps()] == [
            (number, 2, None) for number in range(1, 5)
        ]
    assert caplog.text.count("cannot be reached, the job goes on") == 1
    assert "4 reports of run run-1 were never delivered" in caplog.text


def test_a_service_that_is_away_is_waited_for_once_and_then_only_looked_at(service: LoopbackService) -> None:
    """The bound is spent by the first barrier in a row that fails, not by each."""
    waits: list[float] = []
    run = begin(service, max_supersteps=3, max_wait_s=0.3)
    ask = run._delivery._ask_health

    def asked(message: bytes, *, timeout: float, wait_for_ready: bool) -> bytes:
        waits.append(timeout)
        return ask(message, timeout=timeout, wait_for_ready=wait_for_ready)

    run._delivery._ask_health = asked  # type: ignore[assignment]
    assert len(list(run.supersteps())) == 3
    assert waits == [0.1, 0.1, 0.1]
    run.finish()


def test_reports_are_delivered_once_the_service_appears(service: LoopbackService) -> None:
    """In order and exactly once, and the newest plan is used again."""
    run = begin(service)
    supersteps = run.supersteps()
    for _ in range(4):
        assert next(supersteps).plan is None
    service.start()
    patient(run)
    current = next(supersteps)
    assert (current.number, current.plan is not None) == (5, True)
    assert taken(service) == [(1, 0), (2, 0), (3, 0), (4, 0)]
    run.finish()


def test_a_service_that_comes_back_on_its_port_goes_on_with_the_run(service: LoopbackService) -> None:
    """Killed and restarted between two supersteps, again and again."""
    service.start()
    run = begin(service, max_wait_s=PATIENT_S)
    supersteps = run.supersteps()
    for number in range(1, 5):
        assert next(supersteps).number == number
        service.stop()
        service.run(service.shop.restarted())
        service.start()
    run.finish()
    assert taken(service) == [(number, 0) for number in range(1, 5)]


def test_a_service_that_is_back_is_used_although_each_barrier_takes_longer_than_a_look(
    service: LoopbackService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brief look only asks whether it is there; the rest of the patience is for the answer."""
    look_s, timeouts = 10.0, []
    monkeypatch.setattr("adaptor.client.delivery.BRIEF_LOOK_S", look_s)
    run = begin(service)
    report = run._delivery._stub.ReportBarrier

    def timed(request: object, *, timeout: float, wait_for_ready: bool) -> object:
        timeouts.append(timeout)
        return report(request, timeout=timeout, wait_for_ready=wait_for_ready)

    run._delivery._stub.ReportBarrier = timed  # type: ignore[method-assign, assignment]
    supersteps = run.supersteps()
    next(supersteps)
    next(supersteps)
    assert (run._delivery._away, timeouts) == (True, [])
    service.start()
    run._delivery._max_wait_s = PATIENT_S
    assert next(supersteps).plan is not None
    assert taken(service) == [(1, 0), (2, 0)]
    assert min(timeouts) > look_s
    run.finish()


def test_a_report_whose_answer_was_lost_is_not_observed_twice(service: LoopbackService) -> None:
    """The service took it in, the client gave up and repeats it."""
    service.start()
    run = begin(service, max_wait_s=PATIENT_S)
    supersteps = run.supersteps()
    next(supersteps)
    run._delivery._max_wait_s = 0.2
    service.shop.observer.open.clear()
    assert next(supersteps).plan is None
    service.shop.observer.open.set()
    patient(run)
    assert next(supersteps).plan is not None
    assert taken(service) == [(1, 0), (2, 0)]
    assert len(service.shop.observer.asked) == 2
    run.finish()


def test_of_too_many_reports_the_oldest_are_dropped_and_the_service_is_told(service: LoopbackService) -> None:
    """Three are kept of seven: four were missed."""
    run = begin(service, max_kept_reports=3)
    supersteps = run.supersteps()
    for _ in range(7):
        next(supersteps)
    service.start()
    patient(run)
    run.finish()
    assert taken(service) == [(5, 4), (6, 0), (7, 0)]


def test_a_failed_try_after_dropped_reports_is_planned_again(service: LoopbackService) -> None:
    """The service is at the superstep that failed, not at the first one it missed."""
    run = begin(service, max_kept_reports=1)
    supersteps = run.supersteps()
    for _ in range(3):
        next(supersteps)
    next(supersteps).failed()
    service.start()
    patient(run)
    again = next(supersteps)
    assert (again.number, again.attempt) == (4, 2)
    assert again.plan is not None
    assert again.plan.superstep == 4
    run.finish()
    assert taken(service) == [(4, 3), (4, 0)]


def test_a_service_that_lost_its_state_is_told_of_the_run_again(service: LoopbackService) -> None:
    """And of how many supersteps it will never hear."""
    service.start()
    run = begin(service, max_wait_s=PATIENT_S)
    supersteps = run.supersteps()
    for _ in range(3):
        next(supersteps)
    service.stop()
    service.lose_state(Workshop())
    service.start()
    assert next(supersteps).plan is not None
    assert next(supersteps).plan is not None
    run.finish()
    assert taken(service) == [(3, 2), (4, 0), (5, 0)]
    assert isinstance(service.run(service.shop.events())[-2], RunFinished | BarrierReached)


def test_reports_of_a_run_that_somebody_ended_are_dropped(
    service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop goes on; the log says why."""
    from adaptor.domain.run import RunState

    service.start()
    run = begin(service, max_wait_s=PATIENT_S)
    supersteps = run.supersteps()
    next(supersteps)
    service.run(service.shop.engine.finish_run("run-1", RunState.CANCELLED))
    assert next(supersteps).plan is None
    assert "superstep 1 was refused: FAILED_PRECONDITION: run_id: run 'run-1' is over (cancelled)" in caplog.text
    run.finish()
    assert taken(service) == []


def test_a_start_that_is_refused_only_later_stops_nothing(
    service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    """Supersteps have run by then: the job goes on without adaptor."""
    run = begin(service, policy="fast")
    supersteps = run.supersteps()
    next(supersteps)
    service.start()
    patient(run)
    assert next(supersteps).plan is None
    assert "superstep 1 was refused: INVALID_ARGUMENT: policy: 'fast'" in caplog.text
    run.finish()


def test_something_else_on_the_port_is_as_good_as_nothing(service: LoopbackService) -> None:
    """It accepts connections and says nothing."""
    host, port = service.address.split(":")
    with socket.create_server((host, int(port))), begin(service, max_supersteps=3) as run:
        assert [one.parallelism for one in run.supersteps()] == [2, 2, 2]
