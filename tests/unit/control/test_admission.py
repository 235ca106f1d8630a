"""Which reports fit a run, and what the others are told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from adaptor.control import admission
from adaptor.control.run_record import RunRecord
from adaptor.domain.events import Event, RunFinished
from adaptor.domain.run import RunState
from adaptor.errors import ConflictError, OutOfOrderError
from adaptor.testing.values import BEGAN_S, a_report, a_spec, after, barrier, started


def record(*more: Event) -> RunRecord:
    """A run whose third superstep failed once."""
    supersteps = (a_report(1), a_report(2), a_report(3, failed=True))
    return after(started(), *(barrier(one, at_s=BEGAN_S + one.superstep) for one in supersteps), *more).record


def finished(state: RunState) -> RunFinished:
    """The end of it."""
    return RunFinished(state=state, at_s=BEGAN_S + 9)


@pytest.mark.parametrize(
    ("superstep", "attempt", "repeated"),
    [(1, 1, True), (2, 1, True), (3, 1, True), (2, 7, True), (3, 2, False), (3, 3, False), (4, 1, False)],
)
def test_what_the_run_got_past_is_a_repetition(superstep: int, attempt: int, repeated: bool) -> None:
    """It gets the recorded answer; everything else must be in order."""
    assert admission.is_repeated(record(), a_report(superstep, attempt=attempt)) is repeated


@pytest.mark.parametrize(("superstep", "attempt", "missed"), [(3, 2, 0), (4, 1, 1), (9, 1, 6), (5, 4, 2)])
def test_the_next_try_and_a_later_superstep_that_says_what_was_missed_are_in_order(
    superstep: int, attempt: int, missed: int
) -> None:
    """After missed reports the number of its try cannot be known here."""
    admission.require_in_order(record(), a_report(superstep, attempt=attempt, missed_supersteps=missed))


@pytest.mark.parametrize(
    ("superstep", "attempt", "missed", "message"),
    [
        (4, 1, 0, "superstep: 4 reported, but 3 comes next"),
        (5, 1, 1, "superstep: 5 reported, but 4 comes next"),
        (3, 3, 0, "attempt: 3 reported of superstep 3, but 2 comes next"),
    ],
)
def test_anything_else_is_out_of_order_and_told_what_comes_next(
    superstep: int, attempt: int, missed: int, message: str
) -> None:
    """With the remedy."""
    with pytest.raises(OutOfOrderError, match=f"^{message}"):
        admission.require_in_order(record(), a_report(superstep, attempt=attempt, missed_supersteps=missed))


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.FAILED, RunState.CANCELLED])
def test_nothing_new_is_taken_after_the_end(state: RunState) -> None:
    """The job said itself that it is over."""
    with pytest.raises(OutOfOrderError, match=rf"^run_id: run 'run-1' is over \({state.value}\); start a new run"):
        admission.require_in_order(record(finished(state)), a_report(3, attempt=2))


def test_an_abandoned_run_may_go_on() -> None:
    """That it is over was only a guess."""
    admission.require_in_order(record(finished(RunState.ABANDONED)), a_report(3, attempt=2))


def test_a_repetition_with_the_same_figures_is_welcome() -> None:
    """How many reports were dropped before it may have been counted anew."""
    report = a_report(5, missed_supersteps=2)
    admission.require_same_report(report, report)
    admission.require_same_report(report, replace(report, missed_supersteps=0))


@pytest.mark.parametrize(
    ("field", "other"),
    [("duration_s", 11.0), ("requested_parallelism", 2), ("failed", True), ("job_id", "b" * 32)],
)
def test_a_repetition_with_other_figures_is_refused_and_the_difference_named(field: str, other: object) -> None:
    """What was recorded cannot be changed."""
    report = a_report(2)
    with pytest.raises(
        ConflictError, match=re.escape(f"superstep: 2 was already reported with other figures ({field} ")
    ):
        admission.require_same_report(report, replace(report, **{field: other}))


def test_a_superstep_that_was_recorded_as_missed_cannot_be_reported_any_more() -> None:
    """Plans were made without it."""
    with pytest.raises(ConflictError, match=r"^superstep: 2 was recorded as missed"):
        admission.require_same_report(None, a_report(2))


def test_a_repeated_start_must_have_the_same_content() -> None:
    """The message names every field that differs."""
    admission.require_same_spec(a_spec(), a_spec())
    with pytest.raises(ConflictError, match=r"^run_id: 'run-1' was started before with another policy and max_superst"):
        admission.require_same_spec(a_spec(), a_spec(policy="static", max_supersteps=3))
