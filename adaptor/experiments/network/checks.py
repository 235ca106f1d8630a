"""What must hold when the faults are over: the same log everywhere, nothing forged in it, nothing honest lost."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.experiments.network.counting import Statements, counted, expected
from adaptor.experiments.network.machine import Crash, Machine
from adaptor.experiments.network.observer import Observer
from adaptor.experiments.network.outcome import Outcome
from adaptor.experiments.network.scenario import LEAST_ENTRIES
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.entry import parse_entry
from adaptor.sharing.core.manifest import Manifest

LEAST_WRITERS = 3

FAULTS = (
    *(crash.value for crash in Crash),
    "restarts",
    "leaves",
    "joins",
    "partitions",
    "slow_spells",
    "clocks_set",
    "revocations",
    "messages_lost",
    "messages_doubled",
    "messages_overtaken",
    "messages_cut_off",
    "messages_slow",
)
"""What must have happened at least once in every run, besides everything that adversaries do unasked."""


class Quiet:
    """Whether nothing is left to be done.

    Args:
        honest: Machines that should come to rest.
    """

    def __init__(self, honest: Sequence[Machine]) -> None:
        self._honest = honest

    def reached(self) -> bool:
        """Whether all have the same heads and want nothing that an honest peer has."""
        first = self._honest[0].replica
        return all(
            one.replica.heads == first.heads and not len(one.replica.waiting) and not len(one.replica.missing)
            for one in self._honest
        )


def check(
    honest: Sequence[Machine], seen: Observer, outcome: Outcome, *, manifest: Manifest, faults: Sequence[str]
) -> None:
    """Note everything that does not hold, and faults that did not take place."""
    for kind in faults:
        if not outcome.faults[kind]:
            outcome.fail(f"no {kind} took place")
    _check_entries(honest, seen, outcome)
    _check_counting(honest, outcome, manifest=manifest)
    for machine in honest:
        _check_lists(machine, seen, outcome)
        check_disk(machine, outcome)


def _check_entries(honest: Sequence[Machine], seen: Observer, outcome: Outcome) -> None:
    first = honest[0].replica
    written = set(seen.written)
    if len(written) < LEAST_ENTRIES:
        outcome.fail(f"only {len(written)} entries were written")
    if len({one.entry.author for one in seen.written.values()}) + 1 < LEAST_WRITERS:
        outcome.fail("fewer than three wrote")
    for machine in honest:
        applied = machine.replica.applied.keys()
        if applied != first.applied.keys():
            only = len(applied - first.applied.keys()), len(first.applied.keys() - applied)
            outcome.fail(f"{machine.address} differs from p0: {only[0]} more, {only[1]} fewer")
        if machine.replica.heads != first.heads:
            outcome.fail(f"{machine.address} has other heads than p0")
        if lost := written - applied:
            outcome.fail(f"{machine.address} lacks {len(lost)} honest entries")
        outcome.counts["applied"] += len(applied)
        if forged := seen.forged & applied:
            outcome.counts["forged_applied"] += len(forged)
            outcome.fail(f"{machine.address} applied {len(forged)} forged entries")
    needed = {need for cid in first.applied for need in parse_entry(honest[0].disk.blocks[cid]).entry.needs}
    if first.heads != first.applied.keys() - needed:
        outcome.fail("heads are not the entries that nobody builds upon")
    numbers = {(one.entry.author, one.entry.number) for one in seen.written.values()}
    if len(numbers) < len(written):
        outcome.fail("an honest author gave two entries one number")
    if refused := written & seen.refused_for_good:
        outcome.fail(f"{len(refused)} honest entries were refused for good")


def _check_counting(honest: Sequence[Machine], outcome: Outcome, *, manifest: Manifest) -> None:
    """Every replica counts the same, from its entries in the order in which it happened to apply them, and rightly."""
    statements = Statements(manifest)
    right = expected(manifest, statements.of(honest[0].disk.blocks, honest[0].replica.applied))
    for state in ("open", "confirmed", "refuted"):
        outcome.counts[state] += sum(one[3] == state for one in right.values())
    for machine in honest:
        if counted(manifest, statements.of(machine.disk.blocks, machine.replica.applied)) != right:
            outcome.fail(f"{machine.address} counts other entries or votes than it should")


def _check_lists(machine: Machine, seen: Observer, outcome: Outcome) -> None:
    replica = machine.replica
    honest = seen.written.keys()
    if stuck := [cid for cid in replica.missing.items() if cid in honest]:
        outcome.fail(f"{machine.address} still misses {len(stuck)} honest entries")
    if len(replica.waiting):
        outcome.fail(f"{machine.address} still lets {len(replica.waiting)} entries wait")
    for cid, one in replica.missing.items().items():
        if one.attempts >= machine.limits.attempts:
            outcome.fail(f"{machine.address} goes on asking for {cid.hex()[-6:]}")


def check_disk(machine: Machine, outcome: Outcome) -> None:
    """What runs is what is on disk, and what is on disk makes sense."""
    running, disk = machine.replica, machine.disk
    waiting = {cid: one.entry.needs for cid, one in disk.waiting.items()}
    same = {
        "applied entries": list(running.applied) == disk.order and running.applied == disk.nodes,
        "heads": running.heads == disk.heads,
        "waiting entries": dict(running.waiting.items()) == disk.waiting,
        "missing blocks": running.missing.items().keys() == disk.missing.keys(),
        "refused blocks": list(running.refused) == list(disk.refused),
        "blocks": all(cid_of(disk.blocks.get(cid, b"")) == cid for cid in (*disk.order, *waiting)),
    }
    known = disk.nodes.keys() | disk.waiting.keys() | disk.missing.keys()
    if any(need not in known for needs in waiting.values() for need in needs):
        outcome.fail(f"{machine.address} lets entries wait for what nobody will ask for")
    for what, holds in same.items():
        if not holds:
            outcome.fail(f"{machine.address} has other {what} on disk than it runs with")
