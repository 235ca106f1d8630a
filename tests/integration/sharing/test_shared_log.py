"""A log at work on real files, its peers in the same process."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.errors import LogRefusedError, StateDirectoryError
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.exchange import Exchange, Step
from adaptor.sharing.core.limits import LogLimits, ReplicaLimits
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.messages import Fetch
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.core.state import Changes
from adaptor.sharing.draft import Draft
from adaptor.sharing.log_file import LogFile
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.shared_log import SharedLog
from adaptor.testing.peers import LoopNetwork

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 9)]
LIMITS = ReplicaLimits(anti_entropy_s=0.2, retry_s=0.02, retry_max_s=0.1)


def manifest(**limits: int) -> Manifest:
    founder = KEYS[0].public_key().public_bytes_raw()
    return Manifest(name="test", founder=founder, writers=None, quorum=1, salt=b"s" * 32, limits=LogLimits(**limits))


class Group:
    """Peers with their files, which can be stopped and started again."""

    def __init__(self, folder: Path, rules: Manifest) -> None:
        self.folder = folder
        self.rules = rules
        self.network = LoopNetwork()

    def open(self, number: int, *, limits: ReplicaLimits = LIMITS) -> SharedLog:
        file = LogFile(self.folder / f"{number}.db")
        file.found(self.rules, epoch=bytes([number]) * 16)
        log = SharedLog(
            file=file,
            manifest=self.rules,
            limits=limits,
            key=KEYS[number],
            now_s=time.time,
            chance=random.Random(number),
            precedence=Precedence(),
        )
        log.listens_at(f"peer-{number}")
        self.network.logs[log.address] = log
        log.start(self.network.transport(log.own))
        return log

    async def stop(self, log: SharedLog) -> None:
        del self.network.logs[log.address]
        await log.stop()

    async def close(self) -> None:
        for log in tuple(self.network.logs.values()):
            await self.stop(log)


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[Group]:
    made = Group(tmp_path, manifest())
    yield made
    await made.close()


async def until(condition, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


def drafts(count: int, text: str = "payload") -> list[Draft]:
    return [Draft(kind=Kind.CONTRIBUTION, payload=f"{text} {n}".encode()) for n in range(count)]


def size(log: SharedLog) -> int:
    return len(log.exchange.replica.applied)


class TestPeers:
    async def test_news_reach_all_peers_and_a_newcomer_gets_everything(self, group: Group) -> None:
        first, second = group.open(0), group.open(1)
        await second.know(first.own, first.address)
        await first.append(drafts(600))
        await until(lambda: size(second) == 600)
        third = group.open(2)
        await third.know(second.own, second.address)
        await until(lambda: size(third) == 600)
        await third.append(drafts(1, "from the newcomer"))
        await until(lambda: size(first) == size(second) == 601)
        assert first.exchange.replica.heads == second.exchange.replica.heads == third.exchange.replica.heads

    async def test_a_newcomer_starts_from_any_peer_even_if_the_founder_is_gone(self, group: Group) -> None:
        first, second = group.open(0), group.open(1)
        await second.know(first.own, first.address)
        await first.append(drafts(50))
        await until(lambda: size(second) == 50)
        group.network.cut.add(first.address)
        third = group.open(2)
        await third.know(second.own, second.address)
        await until(lambda: size(third) == 50)

    async def test_peers_that_wrote_apart_agree_after_the_partition_heals(self, group: Group) -> None:
        first, second = group.open(0), group.open(1)
        await second.know(first.own, first.address)
        await until(lambda: first.exchange.book.get(second.own) is not None)
        group.network.cut |= {first.address, second.address, first.own, second.own}
        await first.append(drafts(120, "first"))
        await second.append(drafts(130, "second"))
        group.network.cut.clear()
        await until(lambda: size(first) == size(second) == 250)
        assert first.exchange.replica.heads == second.exchange.replica.heads

    async def test_a_restart_goes_on_where_the_file_ends(self, group: Group) -> None:
        first, second = group.open(0), group.open(1)
        await second.know(first.own, first.address)
        await first.append(drafts(40))
        await until(lambda: size(second) == 40)
        await second.append([])  # waits for the step before it to be on disk
        await group.stop(second)
        await first.append(drafts(40, "later"))
        again = group.open(1)
        assert size(again) == 40
        await until(lambda: size(again) == 80)
        assert [one.sequence for one in await again.entries_after(0, most=100)] == list(range(1, 81))


class TestOwnEntries:
    async def test_what_the_limits_forbid_is_an_error_and_what_came_before_stays(self, tmp_path: Path) -> None:
        group = Group(tmp_path, manifest(entries_per_hour=3))
        log = group.open(0)
        with pytest.raises(LogRefusedError, match="more than 3 entries in one hour"):
            await log.append(drafts(5))
        assert size(log) == 3
        await group.stop(log)
        assert size(group.open(0)) == 3
        await group.close()

    async def test_a_full_disk_leaves_the_log_as_the_file_has_it(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = group.open(0)
        await log.append(drafts(2))

        def full(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(log.file, "write", full)
        with pytest.raises(StateDirectoryError, match="disk is full"):
            await log.append(drafts(3))
        assert size(log) == 2
        monkeypatch.undo()
        await log.append(drafts(1, "after"))
        assert size(log) == 3

    async def test_who_writes_while_another_commit_is_on_its_way_shares_the_next_one(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each learns what became of his own; a commit that fails is everybody's."""
        rules = manifest(entries_per_hour=5)
        log = Group(group.folder, rules).open(3)
        production, commits = log.file.write, []

        def counted(changes: Changes, **given: Any) -> None:
            commits.append(len(changes.applied))
            production(changes, **given)

        monkeypatch.setattr(log.file, "write", counted)
        written = await asyncio.gather(*(log.append(drafts(1, f"by {n}")) for n in range(4)))
        assert len({cid for cids in written for cid in cids}) == size(log) == 4
        assert [count for count in commits if count] == [4]
        outcomes = await asyncio.gather(log.append(drafts(1)), log.append(drafts(1)), return_exceptions=True)
        assert [type(one) for one in outcomes] == [list, LogRefusedError]
        await log.stop()

    async def test_any_fault_within_a_step_leaves_the_log_as_the_file_has_it_and_no_call_holds_its_place(
        self, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The blocks come with the next try, however many tries ended so: no more calls go out at once than may."""
        first, second = group.open(0), group.open(1)
        await first.append(drafts(3))
        production = Exchange.fetched

        def broken(self: Exchange, call: Fetch, blocks: list[bytes], **given: Any) -> Step:
            production(self, call, blocks, **given)
            raise ZeroDivisionError("a fault of ours")

        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "fetched", broken)
            await second.know(first.own, first.address)
            await until(lambda: group.network.calls.get("fetch", 0) > 2 * LIMITS.fetches_in_flight)
            assert size(second) == 0
        await until(lambda: size(second) == 3)
        assert await second.on_file(lambda: len(second.file.entries_after(0, most=9))) == 3


class TestRefusals:
    async def test_a_bad_block_is_counted_under_its_peer_and_the_good_ones_go_on(self, group: Group) -> None:
        first, second = group.open(0), group.open(1)
        await first.append(drafts(3))
        good = (await first.page(None)).blocks
        forged = good[1][:-1] + bytes([good[1][-1] ^ 1])
        said = first.exchange.greeting((good[0], forged, b"nonsense", good[1], good[2]))
        await second.met(first.own, said, 1000)
        assert size(second) == 3
        counts = {(one.peer, one.reason): one.count for one in await second.on_file(second.file.refusal_counts)}
        assert counts[first.own, RefusalReason.MALFORMED.value] >= 1
        assert sum(counts.values()) == 2

    async def test_after_a_restart_the_same_refused_blocks_are_remembered(self, group: Group) -> None:
        """Of a bound that is set, even if one was forgotten and refused again with the same message."""
        limits = replace(LIMITS, refused=3)
        first, second = group.open(0), group.open(1, limits=limits)
        bad = [bytes([number]) for number in range(4)]
        await second.met(first.own, first.exchange.greeting(tuple(bad[:3])), 100)
        await second.met(first.own, first.exchange.greeting((bad[3], bad[0])), 100)
        before = [second.exchange.replica.knows(cid_of(one)) for one in bad]
        await group.stop(second)
        again = group.open(1, limits=limits)
        assert [again.exchange.replica.knows(cid_of(one)) for one in bad] == before == [True, False, True, True]

    async def test_a_peer_that_sends_too_much_is_not_listened_to_until_the_minute_is_over(self, group: Group) -> None:
        first = group.open(0)
        await first.append(drafts(3))
        second = group.open(1, limits=ReplicaLimits(peer_bytes_per_minute=1000))
        said = first.exchange.greeting((await first.page(None)).blocks)
        await second.met(first.own, said, 2000)
        counts = {one.reason: one.peer for one in await second.on_file(second.file.refusal_counts)}
        assert counts == {RefusalReason.TOO_MANY_BYTES.value: first.own}
