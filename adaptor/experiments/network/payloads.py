"""What honest peers of a simulation write: contributions, verdicts on them, withdrawals, changes of membership."""

from __future__ import annotations

import random
from collections.abc import Sequence

from adaptor.api.v1 import log_pb2
from adaptor.sharing.core.cid import Cid
from adaptor.sharing.core.entry import Kind

Draft = tuple[Kind, bytes]

VERDICT_SHARE = 0.35
WITHDRAWAL_SHARE = 0.03
"""Shares of entries that are not contributions: so that a run of 200 entries has dozens and a handful of them."""

_JUDGEMENTS = (log_pb2.JUDGEMENT_VALID, log_pb2.JUDGEMENT_INVALID, log_pb2.JUDGEMENT_ABSTAIN)
_WEIGHTS = (6, 3, 1)


def draft_of(chance: random.Random, contributions: Sequence[Cid], own: Sequence[Cid]) -> Draft:
    """Something to write.

    Args:
        chance: Decides what.
        contributions: That may be judged.
        own: Contributions of the author, which he may withdraw.
    """
    dice = chance.random()
    if contributions and dice < VERDICT_SHARE:
        return Kind.VALIDATION, _validation(chance, contributions)
    if own and dice > 1 - WITHDRAWAL_SHARE:
        return Kind.WITHDRAWAL, log_pb2.Withdrawal(targets=[chance.choice(own)]).SerializeToString()
    return Kind.CONTRIBUTION, contribution(chance)


def contribution(chance: random.Random) -> bytes:
    """One superstep somebody measured."""
    return log_pb2.Contribution(
        schema_version=1,
        context=log_pb2.SharedContext(algorithm="k"),
        observations=[
            log_pb2.SharedObservation(
                superstep=1,
                parallelism=chance.randint(1, 8),
                duration_s=1 + chance.random(),
                measurement=log_pb2.MEASUREMENT_DRIVER_CLOCK,
            )
        ],
        run=f"r{chance.randrange(100)}",
    ).SerializeToString()


def membership(key: bytes, *, revoked_after: int | None = None) -> Draft:
    """A writer is admitted; or revoked, after so many entries of his."""
    operation = log_pb2.MEMBERSHIP_OPERATION_ADD if revoked_after is None else log_pb2.MEMBERSHIP_OPERATION_REVOKE
    made = log_pb2.Membership(operation=operation, key=key, through_number=revoked_after or 0)
    return Kind.MEMBERSHIP, made.SerializeToString()


def _validation(chance: random.Random, contributions: Sequence[Cid]) -> bytes:
    # Few targets among the latest, so that several vote on the same, and some twice.
    latest = contributions[-8:]
    targets = chance.sample(latest, min(2, len(latest)))
    verdicts = [
        log_pb2.Verdict(target=target, judgement=chance.choices(_JUDGEMENTS, _WEIGHTS)[0]) for target in targets
    ]
    return log_pb2.Validation(verdicts=verdicts).SerializeToString()
