"""A peer that means harm: it keeps up with the log like others, and lies, floods, forges and withholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adaptor.experiments.network.forgery import FORGERIES, Forger, invented
from adaptor.experiments.network.machine import Answer, Machine, World
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import signed
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.core.messages import Announcement, Call, Fetch, Page, Position, Pull

TARGETS = 3
"""Most peers that one act is aimed at."""


class Adversary(Machine):
    """One that means harm.

    Args:
        world: Everything around it.
        address: Where it listens.
        keys: Its identity and writer's key, that of a flood, that of a stranger, and of one who is admitted late.
        limits: Bounds of its replica.
        seed: Of its choices.
        victims: Whom it can reach.
        forged: Gets the names of blocks that may never be applied.
        acts: Gets what it did.
    """

    def __init__(
        self,
        world: World,
        *,
        address: str,
        keys: Sequence[Ed25519PrivateKey],
        limits: ReplicaLimits,
        seed: str,
        victims: Callable[[], Sequence[Machine]],
        authors: Sequence[bytes],
        forged: set[Cid],
        acts: Counter[str],
    ) -> None:
        super().__init__(world, address=address, key=keys[0], limits=limits, seed=seed)
        self._victims = victims
        self._forged = forged
        self._acts = acts
        self._hoard: dict[Cid, bytes] = {}
        self._forger = Forger(lambda: self.replica, world.manifest, keys, authors, self.chance)
        self._other: dict[str, Callable[[], None]] = {
            "garbage": self._garbage,
            "heads_nobody_has": partial(self._lie, heads=limits.heads, times=4),
            "too_many_heads": partial(self._lie, heads=limits.heads + 5),
            "absurd_head": self._absurd_head,
            "fake_peers": self._fake_peers,
            "too_many_bytes": self._too_many_bytes,
        }
        self._plan: list[str] = []
        self.candidate = keys[3]

    @property
    def kinds(self) -> tuple[str, ...]:
        """All it can do unasked."""
        return (*FORGERIES, *self._other)

    def act(self) -> None:
        """Do the next thing; everything once before anything again."""
        if not self._plan:
            self._plan = list(self.kinds)
            self.chance.shuffle(self._plan)
        name = self._plan.pop()
        self._acts[name] += 1
        if name in self._other:
            self._other[name]()
            return
        made = self._forger.make(name, self.now_s)
        self._forged |= made.forged
        self._hoard.update(made.hoard)
        self._hoard.update({cid_of(block): block for block in made.blocks})
        said = replace(
            self.exchange.greeting(), heads=(*made.heads, *self.exchange.greeting().heads)[: self.limits.heads]
        )
        targets = self._targets()
        if made.split:
            for block, target in zip(made.blocks, targets * len(made.blocks), strict=False):
                self._tell(target, replace(said, blocks=(block,)))
            return
        for target in targets:
            self._tell(target, replace(said, blocks=made.blocks))

    # --- answers --------------------------------------------------------------------------------------------

    def answer(self, caller: str, call: Call) -> Answer | None:
        """An answer, if any, and perhaps an honest one."""
        if isinstance(call, Fetch):
            return self._blocks(call)
        if isinstance(call, Pull):
            return self._page(call)
        said = super().answer(caller, call)
        return self._spoilt(said) if isinstance(said, Announcement) else said

    def _blocks(self, call: Fetch) -> list[bytes] | None:
        mood = self._mood("keep_silent", "withhold", "give_others", "claim_cycle")
        if mood == "keep_silent":
            return None
        if mood == "withhold":
            return []
        if mood == "give_others":
            return [self.chance.randbytes(40) for _ in range(3)]
        if mood == "claim_cycle":
            # Whatever is asked for is said to need itself.
            entry = replace(
                self._forger.draft(int(self.now_s * 1000)), parents=tuple(sorted(call.cids))[:4], height=10**6
            )
            block = signed(entry, self.key).block
            self._forged.add(cid_of(block))
            return [block]
        own = [self._hoard[cid] for cid in call.cids if cid in self._hoard]
        return own + self.disk.some_blocks([cid for cid in call.cids if cid not in self._hoard], most_bytes=4000)

    def _page(self, call: Pull) -> Page | None:
        mood = self._mood("keep_silent", "page_of_junk", "endless_page", "strange_position")
        if mood == "keep_silent":
            return None
        onward = Position(call.after.epoch, call.after.sequence + 1)
        if mood == "page_of_junk":
            junk = tuple(self.chance.randbytes(60) for _ in range(5))
            return Page(blocks=junk, position=onward, more=True)
        if mood == "endless_page":
            return Page(blocks=(), position=onward, more=True)
        if mood == "strange_position":
            return Page(blocks=(), position=Position(self.chance.randbytes(16), 2**62), more=True)
        return self.disk.page(call.after, most=20, most_bytes=8000)

    def _spoilt(self, said: Announcement) -> Announcement:
        mood = self._mood("lie_about_position", "lie_about_heads", "lie_about_heights", "hide_heads")
        if mood == "lie_about_position":
            return replace(said, position=Position(self.disk.epoch, self.chance.randrange(10**6)))
        if mood == "lie_about_heads":
            return replace(
                said, heads=((invented(self.chance), self.replica.top + 1), *said.heads)[: self.limits.heads]
            )
        if mood == "lie_about_heights":
            return replace(said, heads=tuple((cid, self.chance.randrange(1, 10**6)) for cid, _ in said.heads))
        if mood == "hide_heads":
            return replace(said, heads=(), position=None)
        return said

    def _mood(self, *moods: str) -> str:
        """What to do now; nothing bad half of the time."""
        mood = self.chance.choice(("", *moods) if self.chance.random() < 0.4 else ("",))  # noqa: PLR2004
        if mood:
            self._acts[mood] += 1
        return mood

    # --- unasked --------------------------------------------------------------------------------------------

    def _targets(self) -> list[Machine]:
        victims = [one for one in self._victims() if one.up]
        return self.chance.sample(victims, min(TARGETS, len(victims)))

    def _tell(self, target: Machine, said: Announcement) -> None:
        self.world.links.send(self.address, target.address, partial(self._arrive, target, said))

    def _arrive(self, target: Machine, said: Announcement) -> None:
        if target.up:
            target.hear(self.name, said)

    def _garbage(self) -> None:
        for target in self._targets():
            data = self.chance.randbytes(self.chance.randrange(1, 200))
            self.world.links.send(self.address, target.address, partial(self._arrive_bytes, target, data))

    def _arrive_bytes(self, target: Machine, data: bytes) -> None:
        if target.up:
            target.hear_bytes(self.name, data)

    def _lie(self, *, heads: int, times: int = 1) -> None:
        top, targets = self.replica.top, self._targets()
        for _ in range(times):
            named = tuple((invented(self.chance), top + 1 + i) for i in range(heads))
            for target in targets:
                self._tell(target, replace(self.exchange.greeting(), heads=named))

    def _absurd_head(self) -> None:
        for target in self._targets():
            self._tell(target, replace(self.exchange.greeting(), heads=((invented(self.chance), 10**15),)))

    def _fake_peers(self) -> None:
        """Peers that do not exist, and an existing one at a wrong address."""
        named = [(self.chance.randbytes(32).hex(), f"nowhere{i}:7") for i in range(6)]
        named += [(one.name, "nowhere:7") for one in self._targets()[:1]]
        for target in self._targets():
            self._tell(target, replace(self.exchange.greeting(), peers=tuple(named)))

    def _too_many_bytes(self) -> None:
        """More than a minute's bytes, in blocks that are nothing."""
        blocks = tuple(self.chance.randbytes(20_000) for _ in range(1 + self.limits.peer_bytes_per_minute // 20_000))
        for target in self._targets():
            self._tell(target, replace(self.exchange.greeting(), blocks=blocks))
