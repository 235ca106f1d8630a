"""Which log this machine takes part in: create one or join one, go on with it after a restart, and leave it.

Everything of it lies in one folder of the state directory: the identity, the log, and the index made from it. A log is
joined by writing down its manifest, its invitation's secret and the peers it names in one transaction; from then on
every start goes on from there, so a join may be killed at any point and repeated.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from adaptor.domain.context import ExecutionContext
from adaptor.domain.known import Known
from adaptor.domain.observation import Observation
from adaptor.errors import ConflictError, NoLogError, PeerCallError
from adaptor.sharing.core.cid import Cid, cid_of, cid_text
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.manifest import Manifest, read_manifest
from adaptor.sharing.core.peers import Chance
from adaptor.sharing.digest import Measured, nothing_measured
from adaptor.sharing.filter import parse_filter
from adaptor.sharing.grpc.transport import GrpcTransport
from adaptor.sharing.identity import KEY_NAME, Identity, load_or_create
from adaptor.sharing.invitation import Invitation, parse_invitation
from adaptor.sharing.log_file import LogFile
from adaptor.sharing.open_log import INDEX_NAME, SECRET_KEPT, SWARM_KEPT, OpenLog, World
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.sharing.swarm import fetched_manifest
from adaptor.sharing.waiting import Unbroken, ended

FOLDER_NAME = "sharing"
LOG_NAME = "log.db"

SECRET_BYTES = 32
EPOCH_BYTES = 16
SALT_BYTES = 32


class Participation:
    """At most one log.

    Args:
        folder: Of the state directory.
        settings: What the user decided.
        now_s: Seconds since the epoch.
        chance: Where choices come from.
        precedence: Lets barrier calls go first.
        measured: Reads what this machine measured itself.

    Raises:
        InvalidValueError: If the filter makes no sense.
    """

    def __init__(
        self,
        folder: Path,
        settings: SharingSettings,
        *,
        now_s: Callable[[], float],
        chance: Chance,
        precedence: Precedence,
        measured: Measured = nothing_measured,
    ) -> None:
        parse_filter(settings.filter_text, field="sharing.filter")
        self._folder = folder / FOLDER_NAME
        self._settings = settings
        self._now_s = now_s
        self._chance = chance
        self._precedence = precedence
        self._measured = measured
        self._open: OpenLog | None = None
        self._changing = asyncio.Lock()
        self._identity: Identity | None = None
        self._beginning = Unbroken()

    @property
    def ready(self) -> bool:
        """Whether this machine takes part in a log."""
        return self._open is not None

    @property
    def open(self) -> OpenLog:
        """The log.

        Raises:
            NoLogError: If there is none.
        """
        if self._open is None:
            raise NoLogError
        return self._open

    @property
    def identity(self) -> Identity:
        """Of this machine, made at first use."""
        if self._identity is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._identity = load_or_create(self._folder / KEY_NAME)
        return self._identity

    async def start(self) -> None:
        """Go on with the log that was taken part in before, if any.

        Raises:
            AdaptorError: If its files or the port for peers cannot be used.
        """
        path = self._folder / LOG_NAME
        if path.exists():
            file = LogFile(path)
            if file.manifest is not None:
                await self._take_up(file, file.manifest)
            else:
                file.close()

    async def stop(self) -> None:
        """Let go of everything; the next start goes on from here."""
        await ended(tuple(self._beginning.tasks))
        opened, self._open = self._open, None
        if opened is not None:
            await opened.close()

    async def create(self, *, name: str, writers: Sequence[bytes] | None, quorum: int, secret: bool) -> Cid:
        """Create a log and take part in it.

        Args:
            name: For people.
            writers: Keys that may write besides this machine's; ``None`` lets anyone write.
            quorum: Votes that confirm or refute.
            secret: Whether peers must know the invitation's secret.

        Raises:
            ConflictError: If this machine takes part in a log already.
            InvalidValueError: If a value makes no sense.
        """
        own = self.identity.public_key
        manifest = Manifest(
            name=name,
            founder=own,
            writers=None if writers is None else tuple(sorted(set(writers) - {own})),
            quorum=quorum,
            salt=secrets.token_bytes(SALT_BYTES),
        )
        await self._beginning.run(self._create(manifest, secrets.token_bytes(SECRET_BYTES) if secret else None))
        return manifest.log_id

    async def _create(self, manifest: Manifest, secret: bytes | None) -> None:
        async with self._changing:
            self._require_no_other(manifest.log_id)
            await self._begin(manifest, secret)

    async def join(self, text: str) -> Manifest:
        """Take part in the log of an invitation; may be repeated.

        Raises:
            InvalidValueError: If the invitation is damaged.
            ConflictError: If this machine takes part in another log.
            PeerCallError: If none of the invitation's peers answers.
        """
        return await self._beginning.run(self._join(parse_invitation(text)))

    async def _join(self, invitation: Invitation) -> Manifest:
        async with self._changing:
            self._require_no_other(invitation.log_id)
            if self._open is None:
                manifest = await self._described(invitation)
                await self._begin(manifest, invitation.secret, peers=invitation.peers, swarm=invitation.swarm)
            for peer, address in invitation.peers:
                await self.open.log.know(peer, address)
            return self.open.manifest

    async def leave(self) -> Path:
        """End taking part; the log's file is kept aside, and a log can be created or joined again.

        Returns:
            Where it is kept.

        Raises:
            NoLogError: If there is none.
        """
        async with self._changing:
            kept = self._folder / f"left-{cid_text(self.open.manifest.log_id)}.db"
            await self.stop()
            for suffix in ("", "-wal", "-shm"):
                (self._folder / (INDEX_NAME + suffix)).unlink(missing_ok=True)
            (self._folder / LOG_NAME).replace(kept)
            return kept

    async def publish(self, observations: Sequence[Observation]) -> None:
        """Give observations to peers; one that was given before changes nothing.

        Raises:
            AdaptorError: If there is no log, or it did not take them.
        """
        await self.open.publish(observations)

    async def of(self, context: ExecutionContext) -> Known:
        """What is known of an execution context from the log; nothing if there is none."""
        return Known() if self._open is None else await self._open.knowledge.of(context)

    def _require_no_other(self, wanted: Cid) -> None:
        if self._open is not None and self._open.manifest.log_id != wanted:
            name = self._open.manifest.name
            raise ConflictError("log", f"this machine takes part in {name!r} already; `adaptor share leave` ends that")

    async def _described(self, invitation: Invitation) -> Manifest:
        """The log's manifest from the first peer that gives it."""
        problem = PeerCallError("swarm", "nobody in it has the log's manifest")
        transport = GrpcTransport(
            self.identity,
            log_id=invitation.log_id,
            secret=invitation.secret,
            limits=self._settings.transport_limits,
            now_s=self._now_s,
        )
        try:
            for peer, address in invitation.peers:
                try:
                    block = await transport.describe(address, invitation.log_id, peer)
                    if cid_of(block) == invitation.log_id:
                        return read_manifest(block)
                    problem = PeerCallError(peer, "gave another manifest than that of the invitation", malformed=True)
                except PeerCallError as error:
                    problem = error
                except MalformedBlockError as error:
                    problem = PeerCallError(peer, f"its manifest cannot be read: {error}", malformed=True)
        finally:
            await transport.close()
        found = await self._manifest_of_swarm(invitation)
        if found is None:
            raise problem
        return found

    async def _manifest_of_swarm(self, invitation: Invitation) -> Manifest | None:
        settings = self._settings
        if not settings.kubo:
            return None
        return await fetched_manifest(
            settings.kubo, invitation.log_id, connect=invitation.swarm, limits=settings.kubo_limits
        )

    async def _begin(
        self,
        manifest: Manifest,
        secret: bytes | None,
        *,
        peers: Sequence[tuple[str, str]] = (),
        swarm: Sequence[str] = (),
    ) -> None:
        kept = {SWARM_KEPT: " ".join(swarm).encode(), **({} if secret is None else {SECRET_KEPT: secret})}
        await self._take_up(await asyncio.to_thread(self._founded, manifest, kept, peers), manifest)

    def _founded(self, manifest: Manifest, kept: Mapping[str, bytes], peers: Sequence[tuple[str, str]]) -> LogFile:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = LogFile(self._folder / LOG_NAME)
        file.found(manifest, epoch=secrets.token_bytes(EPOCH_BYTES), kept=kept, peers=peers)
        return file

    async def _take_up(self, file: LogFile, manifest: Manifest) -> None:
        world = World(
            identity=self.identity,
            settings=self._settings,
            now_s=self._now_s,
            chance=self._chance,
            precedence=self._precedence,
            measured=self._measured,
        )
        try:
            opened = await asyncio.to_thread(OpenLog, file, manifest, folder=self._folder, world=world)
        except BaseException:
            file.close()
            raise
        try:
            await opened.start()
        except BaseException:
            await opened.close()
            raise
        self._open = opened
