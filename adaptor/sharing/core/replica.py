"""One replica of a log: decides what becomes of a block, and knows which blocks are missing.

A block is checked, then waits until all entries that it needs are applied, then is checked against those and
applied. Whether it is applied depends on nothing but itself and its past, so all replicas that get the same blocks, in
any order, repeated or not, apply the same entries. Exceptions are reasons to refuse *for now* (see `refusal`): such
a block is forgotten, and taken when it is offered again and the reason is gone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Entry, Kind, Reading, SignedEntry, read_entry, signed
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.missing_blocks import MissingBlocks
from adaptor.sharing.core.refusal import Refusal, RefusalReason, RefusedEntryError
from adaptor.sharing.core.state import SELF, Applied, Changes, LogState, Node, Waiting, header
from adaptor.sharing.core.waiting_entries import WaitingEntries
from adaptor.sharing.core.writers import Writers

HOUR_MS = 3_600_000

SKIP_BASE = 16
"""Skip links reach down by powers of sixteen: one entry in sixteen carries one, so they cost 3 bytes an entry, and
from any head sixteen blocks lead to the next power."""


NOTHING_AHEAD: Mapping[Cid, Reading] = MappingProxyType({})


class Replica:
    """The log as this machine holds it.

    Args:
        manifest: Rules of the log.
        limits: Bounds of this replica.
        state: What was kept of earlier.
        writers: Who may write, by the membership entries in `state`.
    """

    def __init__(self, manifest: Manifest, limits: ReplicaLimits, state: LogState, writers: Writers) -> None:
        self.manifest = manifest
        self.log_id = manifest.log_id
        self.limits = limits
        self.epoch = state.epoch
        self.applied: dict[Cid, Node] = {}
        self.heads: set[Cid] = set(state.heads)
        self.waiting = WaitingEntries(limits, state.waiting)
        self.missing = MissingBlocks(limits, state.missing)
        self.top = 0
        self.refused: OrderedDict[Cid, None] = OrderedDict.fromkeys(state.refused)
        self._writers = writers
        self._tips: dict[bytes, Cid] = {}
        self._landmarks: dict[int, Cid] = {}
        for cid, node in state.applied.items():
            self._note(cid, node)

    def head_heights(self) -> dict[Cid, int]:
        """Every head with its height."""
        return {cid: self.applied[cid].height for cid in self.heads}

    def entries_of(self, author: bytes) -> int:
        """How many entries of an author are part of the log here: the number of his last one."""
        tip = self._tips.get(author)
        return 0 if tip is None else self.applied[tip].number

    def knows(self, cid: Cid) -> bool:
        """Whether a block is held or refused, so that nobody need be asked for it."""
        return cid in self.applied or cid in self.waiting or cid in self.refused

    def settled(self, cid: Cid) -> bool:
        """Whether it is certain for ever what becomes of a block."""
        return cid in self.applied or cid in self.refused

    def append(
        self, kind: Kind, payload: bytes, *, key: Ed25519PrivateKey, now_s: float, changes: Changes
    ) -> SignedEntry:
        """Write an entry of this replica's own upon all heads.

        Args:
            kind: What it is for.
            payload: A message of ``log.proto``.
            key: The author's.
            now_s: Seconds since the epoch.
            changes: Gets what this changes, so that several entries can be written to disk at once.

        Raises:
            RefusedEntryError: If the log's limits forbid it; then nothing was changed.
        """
        one = signed(self._draft(kind, payload, author=key.public_key().public_bytes_raw(), now_s=now_s), key)
        if len(one.block) > self.manifest.limits.entry_bytes:
            text = f"{len(one.block)} bytes, the log's limit is {self.manifest.limits.entry_bytes}"
            raise RefusedEntryError(RefusalReason.TOO_LARGE, text)
        self._apply(one.cid, one.entry, peer=SELF, changes=changes)
        changes.blocks[one.cid] = one.block
        changes.heads = frozenset(self.heads)
        return one

    def receive(
        self,
        blocks: Iterable[bytes],
        *,
        peer: str,
        now_s: float,
        changes: Changes,
        ahead: Mapping[Cid, Reading] = NOTHING_AHEAD,
    ) -> None:
        """Take blocks, wanted or not, in any order.

        Args:
            blocks: Bytes that claim to be entries.
            peer: Who gave them.
            now_s: Seconds since the epoch.
            changes: Gets what became of them.
            ahead: What reading some of them came to, where that was done before.
        """
        for block in blocks:
            cid = cid_of(block)
            if cid in self.applied or cid in self.waiting or cid in self.refused:
                self._found(cid, changes)
                continue
            self._take(cid, block, ahead.get(cid), peer=peer, now_s=now_s, changes=changes)
        self._drop_surplus(changes)
        if changes.applied:
            changes.heads = frozenset(self.heads)

    def hear(self, heads: Iterable[tuple[Cid, int]], *, peer: str, now_s: float, changes: Changes) -> None:
        """Learn which heads a peer has; those that are unknown here become missing."""
        for cid, height in heads:
            if self.knows(cid):
                continue
            if height > self.top + self.limits.height_jump:
                self._refuse(RefusalReason.HEIGHT_JUMP, self._jump(height), cid=cid, peer=peer, changes=changes)
            else:
                self._miss(cid, height=height, peer=peer, now_s=now_s, changes=changes)

    def not_found(self, cids: Iterable[Cid], *, peer: str, now_s: float, changes: Changes) -> None:
        """Note that a peer did not give blocks it was asked for; what was tried too often is given up."""
        for cid in cids:
            one = self.missing.failed(cid, peer=peer, now_s=now_s)
            if one is None:
                continue
            if one.attempts < self.limits.attempts:
                changes.missing[cid] = one
                continue
            text = f"asked for {one.attempts} times since it was first heard of"
            self._give_up(cid, RefusalReason.NEVER_FOUND, text, peer=peer, changes=changes)

    def _take(self, cid: Cid, block: bytes, read: Reading | None, *, peer: str, now_s: float, changes: Changes) -> None:
        author = None
        try:
            if isinstance(read, RefusedEntryError):
                raise read
            one = read or read_entry(block, log=self.log_id, limits=self.manifest.limits)
            author = one.entry.author
            self._require_near(one.entry, now_s)
            self._place(one, peer=peer, now_s=now_s, changes=changes)
        except RefusedEntryError as error:
            self._refuse(error.reason, error.text, cid=cid, peer=peer, author=author, changes=changes)
            if error.reason.for_good:
                self._found(cid, changes)
                self._drop_dependants(cid, RefusalReason.PARENT_REFUSED, "an entry that it needs is refused", changes)

    def _place(self, one: SignedEntry, *, peer: str, now_s: float, changes: Changes) -> None:
        """Apply the entry and all that waited for it, or let it wait for what it needs."""
        lacking = [need for need in one.entry.needs if need not in self.applied]
        if any(need in self.refused for need in lacking):
            raise RefusedEntryError(RefusalReason.PARENT_REFUSED, "an entry that it needs is refused")
        if lacking:
            self._found(one.cid, changes)
            changes.blocks[one.cid] = one.block
            self._hold(one, lacking, peer=peer, now_s=now_s, changes=changes)
            return
        self._apply(one.cid, one.entry, peer=peer, changes=changes)
        changes.blocks[one.cid] = one.block
        self._apply_dependants(one.cid, changes)

    def _hold(self, one: SignedEntry, lacking: list[Cid], *, peer: str, now_s: float, changes: Changes) -> None:
        """Let an entry wait. All that it needs is applied, waits or is missing, now and until it waits no more."""
        waiting = changes.waiting[one.cid] = Waiting(header(one.entry), peer, len(one.block))
        self.waiting.add(one.cid, waiting)
        below = one.entry.height - 1
        noted = [self._miss(need, height=below, peer=peer, now_s=now_s, changes=changes) for need in lacking]
        if not all(noted):
            if one.cid in self.waiting:
                text = "a block that it needs is one too many that are missing"
                self._drop_waiting(one.cid, RefusalReason.TOO_MANY_MISSING, text, changes)
            return
        for skip in one.entry.skips:
            self._miss(skip, height=below, peer=peer, now_s=now_s, changes=changes)

    def _apply_dependants(self, cid: Cid, changes: Changes) -> None:
        """Apply what waited for an entry, and what waited for that, and so on."""
        ready = [cid]
        while ready:
            for child in self.waiting.needing(ready.pop()):
                # One that was refused may have taken others of these with it.
                waiting = self.waiting.get(child)
                if waiting is None or not all(need in self.applied for need in waiting.entry.needs):
                    continue
                self._let_go(child, changes)
                try:
                    self._apply(child, waiting.entry, peer=waiting.peer, changes=changes)
                except RefusedEntryError as error:
                    author = waiting.entry.author
                    self._refuse(error.reason, error.text, cid=child, peer=waiting.peer, author=author, changes=changes)
                    self._drop_block(child, changes)
                    reason = RefusalReason.PARENT_REFUSED if error.reason.for_good else error.reason
                    self._drop_dependants(child, reason, "an entry that it needs is refused", changes)
                else:
                    ready.append(child)

    def _apply(self, cid: Cid, entry: Entry, *, peer: str, changes: Changes) -> None:
        node = self._node(entry)
        self._found(cid, changes)
        self._note(cid, node)
        self.heads.difference_update(entry.needs)
        self.heads.add(cid)
        if entry.kind is Kind.MEMBERSHIP:
            self._writers.admit(entry)
        changes.applied.append(Applied(len(self.applied), cid, entry, node, peer))

    def _node(self, entry: Entry) -> Node:
        """What is kept of an entry, once it agrees with what it needs.

        Raises:
            RefusedEntryError: If it does not.
        """
        parents = [self.applied[parent] for parent in entry.parents]
        if entry.height != 1 + max((parent.height for parent in parents), default=0):
            raise RefusedEntryError(RefusalReason.WRONG_HEIGHT, f"height {entry.height} is not one above its parents")
        if any(entry.at_ms < parent.at_ms for parent in parents):
            raise RefusedEntryError(RefusalReason.BACKDATED, "its time lies before a parent's")
        previous = self.applied[entry.previous] if entry.previous is not None else None
        if previous is not None:
            if (previous.author, previous.number) != (entry.author, entry.number - 1):
                raise RefusedEntryError(RefusalReason.BROKEN_CHAIN, "its previous entry is not its author's last one")
            if entry.at_ms < previous.at_ms:
                raise RefusedEntryError(RefusalReason.BACKDATED, "its time lies before its author's last entry's")
        if entry.kind is Kind.MEMBERSHIP and entry.author != self.manifest.founder:
            raise RefusedEntryError(RefusalReason.NOT_THE_FOUNDER, "only the founder admits and revokes writers")
        if entry.author not in self._writers:
            raise RefusedEntryError(RefusalReason.NOT_A_WRITER, "its author is not among the log's writers")
        same_hour = previous is not None and previous.at_ms // HOUR_MS == entry.at_ms // HOUR_MS
        in_hour = previous.in_hour + 1 if previous is not None and same_hour else 1
        if in_hour > self.manifest.limits.entries_per_hour:
            text = f"its author wrote more than {self.manifest.limits.entries_per_hour} entries in one hour"
            raise RefusedEntryError(RefusalReason.TOO_MANY_ENTRIES, text)
        return Node(entry.height, entry.at_ms, entry.author, entry.number, in_hour)

    def _draft(self, kind: Kind, payload: bytes, *, author: bytes, now_s: float) -> Entry:
        """The next entry of an author, upon all heads, or upon the highest if there are more than may be named."""
        by_height = sorted(self.heads, key=lambda cid: (-self.applied[cid].height, cid))
        parents = by_height[: self.manifest.limits.parents]
        previous = self._tips.get(author)
        past = [self.applied[cid] for cid in (*parents, *((previous,) if previous else ()))]
        height = 1 + max((self.applied[cid].height for cid in parents), default=0)
        return Entry(
            log=self.log_id,
            kind=kind,
            author=author,
            number=1 + (self.applied[previous].number if previous else 0),
            previous=previous,
            parents=tuple(sorted(parents)),
            skips=self._skips(height),
            height=height,
            at_ms=max([int(now_s * 1000), *(node.at_ms for node in past)]),
            payload=payload,
        )

    def _skips(self, height: int) -> tuple[Cid, ...]:
        """Entries at one power of the base below `height`, for each power that divides it."""
        found = set()
        step = SKIP_BASE
        while height % step == 0 and height > step:
            landmark = self._landmarks.get(height - step)
            if landmark is not None:
                found.add(landmark)
            step *= SKIP_BASE
        return tuple(sorted(found)[: self.manifest.limits.skips])

    def _note(self, cid: Cid, node: Node) -> None:
        self.applied[cid] = node
        self.top = max(self.top, node.height)
        if node.height % SKIP_BASE == 0:
            self._landmarks.setdefault(node.height, cid)
        tip = self._tips.get(node.author)
        if tip is None or self.applied[tip].number < node.number:
            self._tips[node.author] = cid

    def _let_go(self, cid: Cid, changes: Changes) -> None:
        self.waiting.remove(cid)
        if changes.waiting.pop(cid, None) is None:
            changes.not_waiting.append(cid)

    def _drop_block(self, cid: Cid, changes: Changes) -> None:
        if changes.blocks.pop(cid, None) is None:
            changes.dropped.append(cid)

    def _drop_waiting(self, cid: Cid, reason: RefusalReason, text: str, changes: Changes) -> None:
        """Forget an entry that waits, and what waits for it."""
        waiting = self.waiting[cid]
        self._let_go(cid, changes)
        self._drop_block(cid, changes)
        author = waiting.entry.author
        self._refuse(reason, text, cid=cid, peer=waiting.peer, author=author, changes=changes)
        self._drop_dependants(cid, reason, text, changes)

    def _drop_dependants(self, cid: Cid, reason: RefusalReason, text: str, changes: Changes) -> None:
        """Forget what waits for a block that will not come, and what waits for that, and so on."""
        gone = [cid]
        while gone:
            for child in self.waiting.needing(gone.pop()):
                waiting = self.waiting[child]
                self._let_go(child, changes)
                self._drop_block(child, changes)
                author = waiting.entry.author
                self._refuse(reason, text, cid=child, peer=waiting.peer, author=author, changes=changes)
                gone.append(child)

    def _drop_surplus(self, changes: Changes) -> None:
        """Forget waiting entries if there are too many."""
        limits = self.limits
        while (cid := self.waiting.surplus()) is not None:
            text = f"more than {limits.waiting} entries or {limits.waiting_bytes} bytes wait for their parents"
            self._drop_waiting(cid, RefusalReason.TOO_MANY_WAITING, text, changes)

    def _give_up(self, cid: Cid, reason: RefusalReason, text: str, *, peer: str, changes: Changes) -> None:
        """Forget a missing block, and what waits for it."""
        self._found(cid, changes)
        self._refuse(reason, text, cid=cid, peer=peer, changes=changes)
        self._drop_dependants(cid, reason, "a block that it needs is given up", changes)

    def _miss(self, cid: Cid, *, height: int, peer: str, now_s: float, changes: Changes) -> bool:
        """Note a block as missing unless it is known; tells whether there was room."""
        if self.knows(cid):
            return True
        if cid not in self.missing and len(self.missing) >= self.limits.missing:
            text = f"more than {self.limits.missing} blocks are missing"
            surplus = self.missing.surplus(peer)
            if surplus is None:
                self._refuse(RefusalReason.TOO_MANY_MISSING, text, cid=cid, peer=peer, changes=changes)
                return False
            other = self.missing.named_by(surplus)
            self._give_up(surplus, RefusalReason.TOO_MANY_MISSING, text, peer=other, changes=changes)
        changes.missing[cid] = self.missing.add(cid, height=height, peer=peer, now_s=now_s)
        return True

    def _found(self, cid: Cid, changes: Changes) -> None:
        if self.missing.remove(cid):
            # It may be on disk and have been changed within this step: so both.
            changes.missing.pop(cid, None)
            changes.found.append(cid)

    def _refuse(
        self, reason: RefusalReason, text: str, *, cid: Cid, peer: str, changes: Changes, author: bytes | None = None
    ) -> None:
        changes.refusals.append(Refusal(reason=reason, text=text, peer=peer, cid=cid, author=author))
        if reason.for_good and cid not in self.refused:
            self._remember_refused(cid, changes)

    def _remember_refused(self, cid: Cid, changes: Changes) -> None:
        """Remember a block that is refused for good, and forget the oldest if there are too many."""
        self.refused[cid] = changes.refused[cid] = None
        while len(self.refused) > self.limits.refused:
            oldest, _ = self.refused.popitem(last=False)
            if oldest in changes.refused:
                del changes.refused[oldest]
            else:
                changes.forgotten.append(oldest)

    def _require_near(self, entry: Entry, now_s: float) -> None:
        if entry.height > self.top + self.limits.height_jump:
            raise RefusedEntryError(RefusalReason.HEIGHT_JUMP, self._jump(entry.height))
        if entry.at_ms > (now_s + self.limits.clock_skew_s) * 1000:
            text = f"its time lies more than {self.limits.clock_skew_s:.0f} s ahead of this machine's clock"
            raise RefusedEntryError(RefusalReason.FROM_THE_FUTURE, text)

    def _jump(self, height: int) -> str:
        return f"height {height} lies more than {self.limits.height_jump} above the highest entry, {self.top}"
