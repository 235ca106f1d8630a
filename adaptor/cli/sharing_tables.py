"""Tables of the shared log, as people read them."""

from __future__ import annotations

import time

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from adaptor.api.v1 import log_pb2
from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.domain.duration import format_duration

_JUDGEMENTS = {
    log_pb2.JUDGEMENT_VALID: "valid",
    log_pb2.JUDGEMENT_INVALID: "invalid",
    log_pb2.JUDGEMENT_ABSTAIN: "abstains",
}

MAX_ROWS = 20
"""Most missing blocks or refusals that are shown: a screen."""


def status(answer: pb.GetSharingStatusResponse) -> tuple[RenderableType, ...]:
    """How the log stands."""
    lines = Text()
    lines.append(f"log {answer.name}", style="bold").append(f"  {answer.log}\n")
    lines.append(f"this machine {answer.own}, for peers at {answer.address or 'no address'}\n")
    lines.append(
        f"{answer.applied} entries applied, {answer.indexed} indexed, {answer.learnt} learnt from, "
        f"{len(answer.heads)} heads, "
        f"{answer.missing_count} blocks missing, {answer.waiting} entries waiting, "
        f"{answer.unpublished} own observations not shared yet\n"
    )
    lines.append(_sync(answer))
    if answer.problem:
        lines.append(f"\n{answer.problem}", style="red")
    parts: list[RenderableType] = [lines]
    if answer.peers:
        parts.append(_peers(answer))
    if answer.missing:
        parts.append(_missing(answer))
    if answer.refusals:
        parts.append(_refusals(answer))
    return tuple(parts)


def sent(answer: pb.ListSentResponse) -> RenderableType:
    """What left this machine."""
    table = Table("observation", "contribution", "when")
    for one in answer.sent:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.at_s))
        table.add_row(one.observation_id, one.contribution, when)
    return table


def why(answer: pb.WhyResponse) -> tuple[RenderableType, ...]:
    """Votes on a contribution."""
    head = Text(f"{answer.standing}: {answer.quorum} votes decide; contributed by {answer.author}")
    table = Table("verdict", "by", "counts", "reasons")
    for vote in answer.votes:
        reasons = "; ".join(f"{one.validator}: {one.text}" for one in vote.findings)
        table.add_row(_JUDGEMENTS.get(vote.judgement, "?"), vote.author[:16], "yes" if vote.counts else "no", reasons)
    return (head, table) if answer.votes else (head, Text("nobody judged it yet"))


def _sync(answer: pb.GetSharingStatusResponse) -> str:
    """With whom this machine is in sync, which is only ever said of named heads of named peers."""
    heard = [one for one in answer.peers if one.heads]
    even = [one.peer[:16] for one in heard if not one.unknown_heads]
    if not heard:
        return "no peer has named its heads yet"
    text = f"holds all heads that {len(even)} of {len(heard)} peers named last"
    return f"{text}: {', '.join(even)}" if even else text


def _peers(answer: pb.GetSharingStatusResponse) -> Table:
    table = Table("peer", "address", "heard", "heads", "unknown here", "in", "out", "refused", "failing calls")
    for one in answer.peers:
        table.add_row(
            one.peer[:16],
            one.address,
            f"{format_duration(one.heard_ago_s)} ago" if one.HasField("heard_ago_s") else "never",
            str(one.heads),
            str(one.unknown_heads),
            _size(one.bytes_in),
            _size(one.bytes_out),
            str(one.refusals),
            str(one.failures),
        )
    return table


def _missing(answer: pb.GetSharingStatusResponse) -> Table:
    table = Table("missing block", "known for", "tries")
    for one in answer.missing[:MAX_ROWS]:
        table.add_row(one.cid, format_duration(one.age_s), str(one.attempts))
    return table


def _refusals(answer: pb.GetSharingStatusResponse) -> Table:
    table = Table("refused of", "reason", "times", "last", "last one")
    for one in answer.refusals[:MAX_ROWS]:
        table.add_row(one.peer[:16], one.reason, str(one.count), f"{format_duration(one.ago_s)} ago", one.last_text)
    return table


def _size(size_bytes: int) -> str:
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} B"
