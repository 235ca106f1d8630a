"""A log that this machine takes part in, with everything that runs for it: file, peers, index, knowledge, Kubo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.observation import Observation
from adaptor.errors import InvalidValueError, NotAllowedError, UnknownContributionError
from adaptor.sharing.contributions import contribution_payloads, goes_out
from adaptor.sharing.core.cid import Cid, cid_text
from adaptor.sharing.core.entry import Kind
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.core.peers import Chance
from adaptor.sharing.digest import Digest, Measured
from adaptor.sharing.draft import Draft
from adaptor.sharing.filter import parse_filter
from adaptor.sharing.gate import Gate
from adaptor.sharing.grpc.server import PeerServer
from adaptor.sharing.grpc.transport import GrpcTransport
from adaptor.sharing.identity import KEY_BYTES, Identity
from adaptor.sharing.index.rows import Why
from adaptor.sharing.invitation import Invitation
from adaptor.sharing.knowledge import Knowledge
from adaptor.sharing.log_file import LogFile
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.sharing.shared_log import SLICE, SharedLog
from adaptor.sharing.statements import Membership, MembershipOperation, write_membership, write_withdrawal
from adaptor.sharing.swarm import KuboLink

INDEX_NAME = "index.db"

SECRET_KEPT = "secret"  # noqa: S105 - a name
"""Under which the invitation's secret is kept in the log's file."""

SWARM_KEPT = "swarm"
"""Under which the invitation's multiaddresses are kept, parted by spaces."""

INVITED_PEERS = 4
"""Peers named in an invitation besides this machine: any one is enough, four survive three that are switched off."""

STOP_GRACE_S = 1.0
"""Time for calls in flight when the peers' port is closed: a page takes less."""


THREAD_SWITCH_S = 0.0005
"""How soon a thread at work in Python lets another one in, instead of Python's own 5 ms: a barrier passes ten times or
so between threads and the event loop, and each time may wait so long for a thread that indexes or judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a log at work needs of the machine.

    Attributes:
        identity: Of this machine.
        settings: What the user decided.
        now_s: Seconds since the epoch.
        chance: Where choices come from.
        precedence: Lets barrier calls go first.
        measured: Reads what this machine measured itself.
    """

    identity: Identity
    settings: SharingSettings
    now_s: Callable[[], float]
    chance: Chance
    precedence: Precedence
    measured: Measured


class OpenLog:
    """The log at work. Reads all that is kept of it, so it is best made on a thread; `start` belongs to the loop's.

    Args:
        file: Where it is kept.
        manifest: Its rules.
        folder: Where the index goes.
        world: What it needs of the machine.

    Raises:
        AdaptorError: If the log or the index cannot be used.
    """

    def __init__(self, file: LogFile, manifest: Manifest, *, folder: Path, world: World) -> None:
        settings, identity = world.settings, world.identity
        self.manifest = manifest
        self._precedence = world.precedence
        self._world = world
        self._secret = file.recall(SECRET_KEPT)
        self.log = SharedLog(
            file=file,
            manifest=manifest,
            limits=settings.limits,
            key=identity.key,
            now_s=world.now_s,
            chance=world.chance,
            precedence=world.precedence,
        )
        self._server: PeerServer | None = None
        self._kubo: KuboLink | None = None
        self._swarm = (file.recall(SWARM_KEPT) or b"").decode().split()
        self.gate = Gate(
            filter=parse_filter(settings.filter_text, field="sharing.filter"),
            salt=manifest.salt,
            secret=identity.derive("noise"),
        )
        self.digest = Digest(
            self.log,
            folder / INDEX_NAME,
            validate=settings.validate,
            chance=world.chance,
            precedence=world.precedence,
            measured=world.measured,
        )
        self.knowledge = Knowledge(self.digest, self.gate, view=settings.view)
        self._transport = GrpcTransport(
            identity,
            log_id=manifest.log_id,
            secret=self._secret,
            limits=settings.transport_limits,
            now_s=world.now_s,
            gave=self.log.gave,
        )

    def _peer_server(self) -> PeerServer:
        world = self._world
        server = PeerServer(
            self.log,
            identity=world.identity,
            log_id=self.manifest.log_id,
            secret=self._secret,
            listen=world.settings.listen,
            advertise=world.settings.advertise,
            limits=world.settings.server_limits,
            now_s=world.now_s,
        )
        self.log.listens_at(server.address)
        return server

    async def start(self) -> None:
        """Begin to answer peers, to call them, and to work.

        Raises:
            AdaptorError: If the port for peers cannot be used; then `close` lets go of everything else.
        """
        settings = self._world.settings
        sys.setswitchinterval(THREAD_SWITCH_S)
        if settings.listen:
            self._server = self._peer_server()
            await self._server.start()
        if settings.kubo:
            self._kubo = KuboLink(self.log, settings.kubo, connect=self._swarm, limits=settings.kubo_limits)
        self.log.start(self._transport)
        self.digest.start()
        self.knowledge.start()
        if self._kubo is not None:
            self._kubo.start()

    async def close(self) -> None:
        """End everything, and let go of the files."""
        if self._kubo is not None:
            await self._kubo.stop()
        if self._server is not None:
            await self._server.stop(grace_s=STOP_GRACE_S)
        await self.knowledge.stop()
        await self.digest.stop()
        await self.log.stop()

    @property
    def problem(self) -> str:
        """Trouble with the back ends, in words; empty if there is none."""
        return self._kubo.problem if self._kubo is not None else ""

    async def invitation(self) -> Invitation:
        """An invitation to the log: this machine, peers that were heard from, and the Kubo node's swarm.

        Raises:
            InvalidValueError: If nobody could be reached by it.
        """
        known = [(one.peer, one.address) for one in self.log.exchange.book if one.address and one.last_heard_s]
        own = [(self.log.own, self.log.address)] if self.log.address else []
        swarm = await self._kubo.multiaddrs() if self._kubo is not None else ()
        if not own and not known and not swarm:
            problem = "must be set: nobody could reach this machine, and it knows no peer"
            raise InvalidValueError("sharing.listen", problem)
        return Invitation(
            log_id=self.manifest.log_id, peers=(*own, *known[:INVITED_PEERS]), secret=self._secret, swarm=swarm
        )

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Give observations to peers; one that was given before changes nothing.

        Raises:
            LogRefusedError: If the log's limits forbid it.
            StateDirectoryError: If it could not be written.
        """
        with self._precedence.before_threads():
            await self._publish(observations)

    async def _publish(self, observations: Sequence[Observation]) -> None:
        ids = [one.observation_id for one in observations]
        known = {one.observation_id for one in await self.log.on_file(self.log.file.sent_of, ids)}
        runs: dict[str, list[Observation]] = {}
        for one in observations:
            if one.observation_id not in known and goes_out(one):
                runs.setdefault(one.run_id, []).append(one)
        drafts: list[Draft] = []
        for number, (run_id, given) in enumerate(runs.items()):
            if number % SLICE == SLICE - 1:
                await self._precedence.turn()
            drafts += self._drafts(run_id, given)
        if drafts:
            await self.log.append(drafts)

    def _drafts(self, run_id: str, observations: Sequence[Observation]) -> list[Draft]:
        """Contributions of one run. The gate alone decides what goes into them."""
        batch = self.manifest.limits.batch
        drafts = []
        for start in range(0, len(observations), batch):
            part = observations[start : start + batch]
            payloads = contribution_payloads(part, gate=self.gate, flink_version="", run=run_id, batch=batch)
            ids = tuple(one.observation_id for one in part)
            drafts += [Draft(kind=Kind.CONTRIBUTION, payload=one, observation_ids=ids) for one in payloads]
        return drafts

    async def why(self, contribution: Cid) -> Why:
        """Votes on a contribution and their reasons.

        Raises:
            UnknownContributionError: If there is no such contribution here.
        """
        return await self.digest.read(self.digest.reader.why, contribution)

    async def withdraw(self, targets: Sequence[Cid]) -> Cid:
        """Hide own contributions from every index.

        Returns:
            The entry that says so.

        Raises:
            InvalidValueError: If none is named.
            UnknownContributionError: If one is not a contribution of this machine.
        """
        if not targets:
            raise InvalidValueError("contributions", "must name at least one")
        sent = {one.contribution for one in await self.log.on_file(self.log.file.sent_with, targets)}
        for target in targets:
            if target not in sent:
                raise UnknownContributionError(cid_text(target))
        draft = Draft(kind=Kind.WITHDRAWAL, payload=write_withdrawal(targets))
        return (await self.log.append([draft]))[0]

    async def set_member(self, key: bytes, *, revoke: bool) -> Cid:
        """Admit or revoke a writer.

        Returns:
            The entry that says so.

        Raises:
            NotAllowedError: If this machine did not create the log.
            InvalidValueError: If the key is none.
        """
        if self.manifest.founder != self._world.identity.public_key:
            raise NotAllowedError("sharing: only the machine that created the log admits and revokes writers")
        if len(key) != KEY_BYTES:
            raise InvalidValueError("key", f"must have {KEY_BYTES} bytes, got {len(key)}")
        operation = MembershipOperation.REVOKE if revoke else MembershipOperation.ADD
        through = self.log.exchange.replica.entries_of(key) if revoke else 0
        payload = write_membership(Membership(operation=operation, key=key, through_number=through))
        return (await self.log.append([Draft(kind=Kind.MEMBERSHIP, payload=payload)]))[0]
