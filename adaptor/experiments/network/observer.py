"""Watches every step of every honest machine: counts, checks what must hold at any time, and tells the story."""

from __future__ import annotations

from adaptor.experiments.network.machine import Crash, Machine
from adaptor.experiments.network.outcome import Outcome
from adaptor.experiments.network.timeline import Timeline
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.exchange import Step
from adaptor.sharing.core.messages import Call, Fetch, Meet
from adaptor.sharing.core.state import SELF, Applied

SHORT = 6
"""Characters of a CID that a trace shows."""


class Observer:
    """Watches.

    Args:
        timeline: The time of what happens.
        outcome: Gets what was seen.
        tracing: Whether to tell the story.
    """

    def __init__(self, timeline: Timeline, outcome: Outcome, *, tracing: bool) -> None:
        self._timeline = timeline
        self._outcome = outcome
        self._tracing = tracing
        self.honest: set[str] = set()
        self.written: dict[Cid, Applied] = {}
        self.contributions: list[Cid] = []
        self.own: dict[str, list[Cid]] = {}
        self.forged: set[Cid] = set()
        self.refused_for_good: set[Cid] = set()

    def stepped(self, machine: Machine, what: str, step: Step, *, written: bool) -> None:
        """A step was made."""
        if machine.address not in self.honest:
            return
        outcome = self._outcome
        outcome.counts["steps"] += 1
        for refusal in step.changes.refusals:
            outcome.refusals[refusal.reason.value] += 1
            if not refusal.peer:
                outcome.fail(f"{machine.address} names nobody for a refusal")
            if refusal.reason.for_good and refusal.cid is not None:
                self.refused_for_good.add(refusal.cid)
        if written:
            for one in step.changes.applied:
                self._applied(machine, one)
        self._check_limits(machine)
        if self._tracing:
            self._tell(machine, what, step, written=written)

    def crashed(self, machine: Machine, crash: Crash) -> None:
        """A process died."""
        self._outcome.faults[crash.value] += 1
        self.say(f"{machine.address} dies: {crash.value}")

    def say(self, text: str) -> None:
        """Tell something, if anybody listens."""
        if self._tracing:
            self._outcome.trace.append(f"{self._timeline.elapsed_s:9.3f} {text}")

    def _applied(self, machine: Machine, one: Applied) -> None:
        if one.peer != SELF:
            return
        self.written[one.cid] = one
        if one.entry.kind is Kind.CONTRIBUTION:
            self.contributions.append(one.cid)
            self.own.setdefault(machine.address, []).append(one.cid)

    def _check_limits(self, machine: Machine) -> None:
        limits, replica = machine.limits, machine.replica
        if len(replica.missing) > limits.missing or len(replica.waiting) > limits.waiting:
            self._outcome.fail(
                f"{machine.address} keeps {len(replica.missing)} missing, {len(replica.waiting)} waiting"
            )
        if sum(1 for _ in machine.exchange.book) > limits.peers:
            self._outcome.fail(f"{machine.address} keeps too many peers")

    def _tell(self, machine: Machine, what: str, step: Step, *, written: bool) -> None:
        changes = step.changes
        parts = [f"applies {_names([one.cid for one in changes.applied])}"] if changes.applied else []
        parts += [f"lets wait {_names(list(changes.waiting))}"] if changes.waiting else []
        parts += [f"misses {_names(list(changes.missing))}"] if changes.missing else []
        parts += [f"refuses {one.reason.value} of {one.peer[:SHORT]}: {one.text}" for one in changes.refusals]
        parts += [_call(machine, call) for call in step.calls]
        if parts:
            self.say(f"{machine.address} {what}: {'; '.join(parts)}" + ("" if written else " (never written)"))


def _names(cids: list[Cid]) -> str:
    return " ".join(cid_text(cid)[-SHORT:] for cid in cids)


def _call(machine: Machine, call: Call) -> str:
    one = machine.exchange.book.get(call.peer)
    to = one.address if one is not None else "nobody"
    if isinstance(call, Fetch):
        return f"asks {to} for {_names(list(call.cids))}"
    if isinstance(call, Meet):
        return f"tells {to} with {len(call.announcement.blocks)} blocks"
    return f"pulls from {to} after {call.after.sequence}"
