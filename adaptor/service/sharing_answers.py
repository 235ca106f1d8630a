"""What is known of the shared log, as messages."""

from __future__ import annotations

from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.sharing.contributions import context_message, observation_message
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.core.peers import Peer
from adaptor.sharing.index.rows import IndexedObservation, Why
from adaptor.sharing.log_file import SentObservation
from adaptor.sharing.open_log import OpenLog
from adaptor.sharing.statements import JUDGEMENT_TO_WIRE, finding_message

MISSING_SHOWN = 100
"""Missing blocks in a status: enough to see a pattern, about 8 kB."""

REFUSALS_SHOWN = 100
"""Kinds of refusals in a status, the latest first."""


async def status(opened: OpenLog, *, unpublished: int, now_s: float) -> pb.GetSharingStatusResponse:
    """How the log stands."""
    log, replica = opened.log, opened.log.exchange.replica
    oldest = sorted(replica.missing.items().items(), key=lambda item: (item[1].since_s, item[0]))[:MISSING_SHOWN]
    refusals = await log.on_file(log.file.refusal_counts)
    counts = await opened.digest.read(opened.digest.reader.counts)
    return pb.GetSharingStatusResponse(
        log=cid_text(replica.log_id),
        name=log.log_manifest.name,
        own=log.own,
        address=log.address,
        applied=len(replica.applied),
        indexed=opened.digest.position,
        heads=sorted(map(cid_text, replica.heads)),
        missing=[
            pb.MissingBlock(cid=cid_text(cid), age_s=max(0.0, now_s - one.since_s), attempts=one.attempts)
            for cid, one in oldest
        ],
        missing_count=len(replica.missing),
        waiting=len(replica.waiting),
        peers=[_peer(one, opened, now_s) for one in log.exchange.book],
        refusals=[
            pb.RefusalStatus(
                peer=one.peer,
                reason=one.reason,
                count=one.count,
                last_text=one.last_text,
                ago_s=max(0.0, now_s - one.last_at_s),
            )
            for one in refusals[:REFUSALS_SHOWN]
        ],
        unpublished=unpublished,
        counts=counts,
        problem=opened.problem,
        learnt=opened.knowledge.position,
    )


def sent(one: SentObservation) -> pb.Sent:
    """An observation that left this machine."""
    return pb.Sent(observation_id=one.observation_id, contribution=cid_text(one.contribution), at_s=one.at_s)


def why(found: Why, *, quorum: int) -> pb.WhyResponse:
    """Votes on a contribution."""
    return pb.WhyResponse(
        standing=found.standing,
        quorum=quorum,
        author=found.author,
        votes=[
            pb.Vote(
                author=one.author,
                judgement=JUDGEMENT_TO_WIRE[one.judgement],
                counts=one.counts,
                findings=map(finding_message, one.findings),
            )
            for one in found.votes
        ],
    )


def observation(one: IndexedObservation) -> pb.IndexedObservation:
    """An observation with who measured it and how it stands."""
    return pb.IndexedObservation(
        context=context_message(one.context),
        observation=observation_message(one.observation),
        run=one.run,
        contribution=one.contribution,
        author=one.author,
        own=one.own,
        standing=one.standing,
    )


def _peer(one: Peer, opened: OpenLog, now_s: float) -> pb.PeerStatus:
    applied = opened.log.exchange.replica.applied
    # A swarm is nobody in particular: what it holds is said of those in it that were heard.
    heads = frozenset() if one.swarm else one.heads
    message = pb.PeerStatus(
        peer=one.peer,
        address=one.address,
        heads=len(heads),
        unknown_heads=sum(cid not in applied for cid in heads),
        bytes_in=one.bytes_in,
        bytes_out=one.bytes_out,
        refusals=one.refusals,
        failures=one.failures,
    )
    if one.last_heard_s:
        message.heard_ago_s = max(0.0, now_s - one.last_heard_s)
    return message
