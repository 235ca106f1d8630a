"""Whether a report fits the run that it is about."""

from __future__ import annotations

from dataclasses import replace

from adaptor.control.run_record import RunRecord
from adaptor.domain.run import RunSpec
from adaptor.domain.statistics import SuperstepReport
from adaptor.errors import ConflictError, OutOfOrderError


def is_repeated(record: RunRecord, report: SuperstepReport) -> bool:
    """Whether the run already got past what is reported, so that the recorded answer must be given again."""
    return (report.superstep, report.attempt) < (record.next_superstep, record.next_attempt)


def require_not_ended(record: RunRecord) -> None:
    """Refuse to go on with a run whose job said that it is over.

    Raises:
        OutOfOrderError: If so.
    """
    if record.state.ended:
        raise OutOfOrderError("run_id", f"run {record.spec.run_id!r} is over ({record.state.value}); start a new run")


def require_in_order(record: RunRecord, report: SuperstepReport) -> None:
    """Refuse a report that skips a superstep or a try, or that comes after the end.

    Raises:
        OutOfOrderError: If so; the message says which report is expected.
    """
    require_not_ended(record)
    expected = record.next_superstep + report.missed_supersteps
    if report.superstep != expected:
        raise OutOfOrderError(
            "superstep",
            f"{report.superstep} reported, but {expected} comes next; report in order, or say in missed_supersteps "
            "how many reports were dropped",
        )
    if not report.missed_supersteps and report.attempt != record.next_attempt:
        raise OutOfOrderError(
            "attempt",
            f"{report.attempt} reported of superstep {report.superstep}, but {record.next_attempt} comes next",
        )


def require_same_report(recorded: SuperstepReport | None, report: SuperstepReport) -> None:
    """Refuse a repeated report with other figures.

    Args:
        recorded: What was reported first; ``None`` if this superstep was skipped as missed.
        report: What is reported now.

    Raises:
        ConflictError: If they differ; the message names the fields.
    """
    if recorded is None:
        raise ConflictError("superstep", f"{report.superstep} was recorded as missed and cannot be reported any more")
    # How many reports were dropped before says nothing about this one, and may be counted anew when it is repeated.
    report = replace(report, missed_supersteps=recorded.missed_supersteps)
    if recorded != report:
        fields = [name for name in report.__dataclass_fields__ if getattr(recorded, name) != getattr(report, name)]
        raise ConflictError(
            "superstep",
            f"{report.superstep} was already reported with other figures ({', '.join(fields)} differ); "
            "a superstep's report cannot be changed",
        )


def require_same_spec(recorded: RunSpec, spec: RunSpec) -> None:
    """Refuse a repeated start with other content.

    Raises:
        ConflictError: If they differ; the message names the fields.
    """
    if recorded != spec:
        fields = [name for name in spec.__dataclass_fields__ if getattr(recorded, name) != getattr(spec, name)]
        raise ConflictError(
            "run_id",
            f"{spec.run_id!r} was started before with another {' and '.join(fields)}; use a new run_id for a new run",
        )
