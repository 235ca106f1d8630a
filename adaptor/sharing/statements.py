"""Payloads of the entries that speak about other entries or writers: verdicts, withdrawals, memberships."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from adaptor.api.v1 import log_pb2
from adaptor.domain.verdict import MAX_FINDINGS, Assessment, Finding, Judgement, Verdict
from adaptor.sharing.core.cid import Cid, is_cid
from adaptor.sharing.core.dag_cbor import MAX_INTEGER
from adaptor.sharing.core.entry import KEY_BYTES
from adaptor.sharing.payload import UnreadablePayloadError, parsed, reading, require_count, written

JUDGEMENT_TO_WIRE = {
    Judgement.VALID: log_pb2.JUDGEMENT_VALID,
    Judgement.INVALID: log_pb2.JUDGEMENT_INVALID,
    Judgement.ABSTAIN: log_pb2.JUDGEMENT_ABSTAIN,
}
_JUDGEMENT_FROM_WIRE = {number: judgement for judgement, number in JUDGEMENT_TO_WIRE.items()}


class MembershipOperation(enum.Enum):
    """What becomes of a writer."""

    ADD = "add"
    REVOKE = "revoke"


_OPERATION_TO_WIRE = {
    MembershipOperation.ADD: log_pb2.MEMBERSHIP_OPERATION_ADD,
    MembershipOperation.REVOKE: log_pb2.MEMBERSHIP_OPERATION_REVOKE,
}
_OPERATION_FROM_WIRE = {number: operation for operation, number in _OPERATION_TO_WIRE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Admits or revokes a writer.

    Attributes:
        operation: Which of the two.
        key: The writer's public key.
        through_number: Number of his last entry that still counts, for a revocation; 0 if none does.
    """

    operation: MembershipOperation
    key: bytes
    through_number: int = 0


def write_validation(verdicts: Sequence[Verdict]) -> bytes:
    """The verdicts as a payload."""
    return written(log_pb2.Validation(verdicts=map(_verdict_message, verdicts)))


def read_validation(payload: bytes, *, batch: int) -> tuple[Verdict, ...]:
    """The verdicts of a payload; those whose judgement is not said, or not known here, are no verdicts.

    Args:
        payload: A peer's bytes.
        batch: Most verdicts, the log's limit.

    Raises:
        UnreadablePayloadError: If it is no validation, or holds a value that makes no sense.
    """
    message = parsed(log_pb2.Validation(), payload)
    require_count("verdicts", len(message.verdicts), most=batch)
    return tuple(map(_verdict_of, (one for one in message.verdicts if one.judgement in _JUDGEMENT_FROM_WIRE)))


def write_withdrawal(targets: Sequence[Cid]) -> bytes:
    """The withdrawal of these contributions as a payload."""
    return written(log_pb2.Withdrawal(targets=targets))


def read_withdrawal(payload: bytes, *, batch: int) -> tuple[Cid, ...]:
    """The contributions that a payload withdraws.

    Args:
        payload: A peer's bytes.
        batch: Most contributions, the log's limit.

    Raises:
        UnreadablePayloadError: If it is no withdrawal, or names something else than entries.
    """
    message = parsed(log_pb2.Withdrawal(), payload)
    require_count("targets", len(message.targets), most=batch)
    return tuple(map(_target, message.targets))


def write_membership(membership: Membership) -> bytes:
    """The membership as a payload."""
    return written(
        log_pb2.Membership(
            operation=_OPERATION_TO_WIRE[membership.operation],
            key=membership.key,
            through_number=membership.through_number,
        )
    )


def read_membership(payload: bytes) -> Membership:
    """The membership of a payload.

    Raises:
        UnreadablePayloadError: If it is none, or an operation that is not said or not known here.
    """
    message = parsed(log_pb2.Membership(), payload)
    operation = _OPERATION_FROM_WIRE.get(message.operation)
    if operation is None:
        raise UnreadablePayloadError(f"operation: {message.operation} is unknown")
    if len(message.key) != KEY_BYTES:
        raise UnreadablePayloadError(f"key: must have {KEY_BYTES} bytes, got {len(message.key)}")
    if message.through_number > MAX_INTEGER:
        raise UnreadablePayloadError(f"through_number: must be at most {MAX_INTEGER}, got {message.through_number}")
    return Membership(operation=operation, key=message.key, through_number=message.through_number)


def _verdict_message(verdict: Verdict) -> log_pb2.Verdict:
    assessment = verdict.assessment
    return log_pb2.Verdict(
        target=verdict.target,
        judgement=JUDGEMENT_TO_WIRE[assessment.judgement],
        findings=map(finding_message, assessment.findings),
    )


def finding_message(finding: Finding) -> log_pb2.Finding:
    """The message of a finding."""
    return log_pb2.Finding(validator=finding.validator, text=finding.text)


def _verdict_of(message: log_pb2.Verdict) -> Verdict:
    if len(message.findings) > MAX_FINDINGS:
        raise UnreadablePayloadError(f"findings: must be at most {MAX_FINDINGS}, got {len(message.findings)}")
    with reading():
        return Verdict(
            target=_target(message.target),
            assessment=Assessment(
                judgement=_JUDGEMENT_FROM_WIRE[message.judgement],
                findings=tuple(Finding(validator=one.validator, text=one.text) for one in message.findings),
            ),
        )


def _target(value: bytes) -> Cid:
    if not is_cid(value):
        raise UnreadablePayloadError("target: is no id of an entry")
    return Cid(value)
