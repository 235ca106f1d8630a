"""This machine's part in a log, with real files and real ports on loopback."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from adaptor.control.run_controller import observation_of
from adaptor.domain.events import BarrierReached
from adaptor.domain.observation import Observation
from adaptor.errors import (
    ConflictError,
    InvalidValueError,
    NoLogError,
    NotAllowedError,
    PeerCallError,
    UnknownContributionError,
)
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.index.rows import ObservationFilter
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.testing.values import a_report, after, barrier, started

LIMITS = ReplicaLimits(anti_entropy_s=0.3, retry_s=0.05, retry_max_s=0.3)


def observation(number: int, *, shareable: bool = True) -> Observation:
    event = cast(BarrierReached, barrier(a_report(1), at_s=1.0))
    made = observation_of(after(started()).record, event)
    return replace(
        made,
        observation_id=f"run-1/{number}/1",
        superstep=number,
        duration_s=10.0 + number / 8,
        shareable=shareable,
    )


class Lab:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.parts: dict[str, Participation] = {}

    def part(self, name: str, **settings: object) -> Participation:
        given: dict[str, object] = {"listen": "127.0.0.1:0", "limits": LIMITS, "validate": False, **settings}
        self.parts[name] = Participation(
            self._folder / name,
            SharingSettings(**given),  # type: ignore[arg-type]
            now_s=time.time,
            chance=random.Random(name),
            precedence=Precedence(),
        )
        return self.parts[name]

    async def created(self, name: str = "first", **settings: object) -> Participation:
        part = self.part(name, **settings)
        await part.create(name="lab", writers=None, quorum=1, secret=True)
        return part


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    made = Lab(tmp_path)
    yield made
    for part in made.parts.values():
        await part.stop()


def applied(part: Participation) -> int:
    return len(part.open.log.exchange.replica.applied)


async def until(condition, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.01)


async def invitation(part: Participation) -> str:
    return (await part.open.invitation()).text


class TestWhichLog:
    async def test_what_one_publishes_the_other_can_read(self, lab: Lab) -> None:
        first, second = await lab.created(), lab.part("second")
        await second.join(await invitation(first))
        await first.publish([observation(n) for n in range(1, 6)])
        await until(lambda: applied(second) == 1 == second.open.digest.position)
        page = await second.open.digest.read(second.open.digest.reader.filtered, ObservationFilter())
        assert [one.observation.duration_s for one in page.observations] == [10.0 + n / 8 for n in range(1, 6)]
        assert {one.author for one in page.observations} == {first.identity.peer}

    async def test_a_join_may_be_repeated_and_survives_a_restart(self, lab: Lab) -> None:
        first, second = await lab.created(), lab.part("second")
        text = await invitation(first)
        await second.join(text)
        await second.join(text)
        await first.publish([observation(1)])
        await until(lambda: applied(second) == 1)
        await second.stop()
        await first.publish([observation(2)])
        again = lab.part("second")
        await again.start()
        assert applied(again) == 1
        await until(lambda: applied(again) == 2)

    async def test_one_log_at_a_time_and_leaving_makes_room(self, lab: Lab) -> None:
        first, second = await lab.created(), await lab.created("second")
        text = await invitation(first)
        with pytest.raises(ConflictError, match="takes part in 'lab' already"):
            await second.join(text)
        kept = await second.leave()
        assert kept.exists()
        assert not second.ready
        await second.join(text)
        assert second.open.manifest.log_id == first.open.manifest.log_id

    async def test_without_a_log_everything_says_so(self, lab: Lab) -> None:
        part = lab.part("alone")
        await part.start()
        assert not part.ready
        with pytest.raises(NoLogError, match="share create NAME"):
            await part.publish([observation(1)])

    async def test_nobody_answers_at_the_invitations_addresses(self, lab: Lab) -> None:
        first = await lab.created()
        text = await invitation(first)
        await first.stop()
        second = lab.part("second")
        with pytest.raises(PeerCallError, match="cannot be reached"):
            await second.join(text)
        assert not second.ready

    async def test_a_damaged_invitation_names_itself(self, lab: Lab) -> None:
        first = await lab.created()
        text = await invitation(first)
        with pytest.raises(InvalidValueError, match="invitation: it is damaged"):
            await lab.part("second").join(text[:-3])

    async def test_who_listens_nowhere_and_knows_nobody_cannot_invite(self, lab: Lab) -> None:
        part = await lab.created(listen="")
        with pytest.raises(InvalidValueError, match=r"sharing\.listen: must be set"):
            await part.open.invitation()


class TestPublishing:
    async def test_nothing_private_and_nothing_twice_goes_out(self, lab: Lab) -> None:
        part = await lab.created()
        await part.publish([observation(1), observation(2, shareable=False)])
        await part.publish([observation(1), observation(3)])
        sent = await part.open.log.on_file(part.open.log.file.sent, limit=10)
        assert [one.observation_id for one in sent] == ["run-1/1/1", "run-1/3/1"]
        assert applied(part) == 2

    async def test_a_thousand_supersteps_are_a_few_signatures(self, lab: Lab) -> None:
        part = await lab.created()
        await part.publish([observation(n) for n in range(1, 1001)])
        assert applied(part) == 2

    async def test_a_withdrawn_contribution_disappears_everywhere(self, lab: Lab) -> None:
        first, second = await lab.created(), lab.part("second")
        await second.join(await invitation(first))
        await first.publish([observation(1)])
        await until(lambda: applied(second) == 1)
        (sent,) = await first.open.log.on_file(first.open.log.file.sent, limit=10)
        with pytest.raises(UnknownContributionError):
            await second.open.withdraw([sent.contribution])
        await first.open.withdraw([sent.contribution])
        await until(lambda: second.open.digest.position == 2)
        page = await second.open.digest.read(second.open.digest.reader.filtered, ObservationFilter())
        assert page.observations == ()
        with pytest.raises(UnknownContributionError):
            await first.open.withdraw([Cid(cid_of(b"never contributed"))])


class TestMembers:
    async def test_only_the_creator_admits_and_revokes(self, lab: Lab) -> None:
        first, second = await lab.created(), lab.part("second")
        await second.join(await invitation(first))
        with pytest.raises(NotAllowedError, match="only the machine that created the log"):
            await second.open.set_member(first.identity.public_key, revoke=True)
        with pytest.raises(InvalidValueError, match="key: must have 32 bytes"):
            await first.open.set_member(b"short", revoke=False)

    async def test_what_a_revoked_writer_wrote_before_stays_and_later_entries_do_not_count(self, lab: Lab) -> None:
        first, second = await lab.created(), lab.part("second")
        await second.join(await invitation(first))
        await second.publish([observation(1)])
        await until(lambda: applied(first) == 1)
        await first.open.set_member(second.identity.public_key, revoke=True)
        await until(lambda: applied(second) == 2)
        await second.publish([observation(2)])
        await until(lambda: applied(first) == 3 == first.open.digest.position)
        page = await first.open.digest.read(first.open.digest.reader.filtered, ObservationFilter())
        assert [one.observation.superstep for one in page.observations] == [1]


class TestValidation:
    async def test_peers_judge_each_other_in_the_background(self, lab: Lab) -> None:
        first, second = await lab.created(validate=True), lab.part("second", validate=True)
        await second.join(await invitation(first))
        await first.publish([observation(n) for n in range(1, 4)])
        (sent,) = await first.open.log.on_file(first.open.log.file.sent, limit=1)
        await until(lambda: applied(first) >= 2 and first.open.digest.position >= 2)
        why = await first.open.why(sent.contribution)
        assert [vote.author for vote in why.votes] == [second.identity.peer]
        assert why.votes[0].findings
