"""Starts, watches and ends one node.

Its home holds the repository, `node.json` with its ports and mode, and its log. The process itself is found by its mark
(`adaptor.local.processes`), never by a pid on disk, so neither a stale note nor a pid that is another's by now matters.
A node outlives the command that started it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import EmbeddedFlinkError, KuboNodeError, KuboUnavailableError, PortInUseError
from adaptor.local import processes as marked
from adaptor.local.commands import tail_of
from adaptor.local.kubo.binary import KuboBinary, find_kubo
from adaptor.local.kubo.configuration import Ports, environment, swarm_addresses
from adaptor.local.kubo.description import NodeDescription, read_description, write_description
from adaptor.local.kubo.ports import chosen_ports
from adaptor.local.kubo.repository import Repository
from adaptor.local.kubo.rpc import Holdings, Identity, NodeRpc
from adaptor.local.kubo.settings import KuboSettings
from adaptor.local.locking import locked
from adaptor.local.processes import ClusterProcess

ROLE = "kubo"

START_ATTEMPTS = 3
"""A port found free may be taken before Kubo binds it; three in a row is no accident."""

TAKEN = "address already in use"
"""What the operating system says of a port, in Kubo's log."""

STOP_OVER_START = 3.0
"""A start may wait for another that ends a hanging node (twice its bound) and starts its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What is known of a node now.

    Attributes:
        pid: Of its process; ``None`` if none runs.
        api_url: Of its API; empty if it was never started.
        mode: `private`, `private with a key` or `public`; empty if it was never started.
        identity: Who it is; ``None`` if it does not answer.
        peers: Nodes it is connected to.
        holdings: What it holds; ``None`` if it does not answer.
        problem: Why it does not answer; empty if it does.
    """

    pid: int | None
    api_url: str
    mode: str
    identity: Identity | None = None
    peers: int = 0
    holdings: Holdings | None = None
    problem: str = ""

    @property
    def running(self) -> bool:
        """Whether it runs and answers."""
        return self.identity is not None


class KuboNode:
    """One node.

    Args:
        home: Its folder; created where missing.
        settings: Its reach and bounds.
        binary: The program; found when it is needed if not given.
    """

    def __init__(self, home: Path, settings: KuboSettings | None = None, *, binary: KuboBinary | None = None) -> None:
        self.home = home.absolute()
        self.settings = settings or KuboSettings()
        self.repository = Repository(self.home / "repository")
        self._binary = binary

    @property
    def log(self) -> Path:
        """What the node prints, of its last start."""
        return self.home / "kubo.log"

    def start(self) -> NodeStatus:
        """Start the node, and return when its API answers; one that runs already is left alone.

        Raises:
            InvalidValueError: The swarm key is not to be used.
            KuboMissingError: There is no Kubo to run.
            KuboNodeError: It does not come up (the message carries the end of its log), or runs in another mode.
            PortInUseError: A port that was asked for is taken.
        """
        binary = self._binary or find_kubo()
        with self._lock():
            if self._runs_as_asked():
                return self.status()
            self._end()
            for attempt in range(1, START_ATTEMPTS + 1):
                ports = chosen_ports(self.settings, self._last_ports() if attempt == 1 else None)
                try:
                    self._launch(binary, ports)
                    return self.status()
                except KuboNodeError as error:
                    self._end()
                    if TAKEN not in str(error):
                        raise
                    if attempt == START_ATTEMPTS or (self.settings.swarm_port and self.settings.api_port):
                        raise PortInUseError(f"{ports} cannot be listened on: {error}") from error
            raise AssertionError("the last attempt returns or raises")

    def stop(self) -> bool:
        """End the node; returns whether there was one.

        Raises:
            KuboNodeError: It survives even KILL, or another process starts or stops it for too long.
        """
        if not self.home.exists():
            return False
        with self._lock():
            return self._end() > 0

    def process(self) -> ClusterProcess | None:
        """The live process of the node."""
        return next((one for one in marked.cluster_processes(self.home) if one.role == ROLE), None)

    def status(self) -> NodeStatus:
        """What is known of the node now; never fails because it does not answer."""
        process, description = self.process(), read_description(self.home)
        if description is None:
            return NodeStatus(pid=process.pid if process else None, api_url="", mode="", problem="it was never started")
        rpc = NodeRpc(description.api_port, timeout_s=self.settings.api_timeout_s)
        if process is None:
            return NodeStatus(pid=None, api_url=rpc.url, mode=description.mode, problem="it is not running")
        try:
            identity = self._own_identity(rpc)
            return NodeStatus(
                pid=process.pid,
                api_url=rpc.url,
                mode=description.mode,
                identity=identity,
                peers=rpc.peers(),
                holdings=rpc.holdings(),
            )
        except (KuboUnavailableError, KuboNodeError) as error:
            problem = error.problem if isinstance(error, KuboUnavailableError) else str(error)
            return NodeStatus(pid=process.pid, api_url=rpc.url, mode=description.mode, problem=problem)

    def _runs_as_asked(self) -> bool:
        """Whether the node runs, answers, and is as open as was asked."""
        description = read_description(self.home)
        if self.process() is None or description is None:
            return False
        try:
            self._await_answer(description.api_port)
        except KuboNodeError:
            return False  # it hangs: whoever asks for a node gets a new one
        asked = self._description(Ports(swarm=description.swarm_port, api=description.api_port))
        if asked.mode != description.mode or asked.listen != description.listen:
            raise KuboNodeError(
                f"Kubo runs already, {description.mode}, on {', '.join(description.listen)}, and {asked.mode} on "
                f"{', '.join(asked.listen)} was asked for; `adaptor ipfs stop` ends it"
            )
        return True

    def _launch(self, binary: KuboBinary, ports: Ports) -> None:
        self.repository.prepare(binary.executable, settings=self.settings, ports=ports)
        write_description(self.home, self._description(ports))
        self.log.unlink(missing_ok=True)
        try:
            marked.start_process(
                [str(binary.executable), "daemon", "--migrate=true", "--enable-gc"],
                environment={
                    **environment(self.settings, repository=str(self.repository.folder)),
                    **marked.marks(self.home, role=ROLE),
                },
                output=self.log,
            )
        except EmbeddedFlinkError as error:
            raise KuboNodeError(str(error)) from error
        self._await_answer(ports.api)

    def _await_answer(self, port: int) -> None:
        rpc = NodeRpc(port, timeout_s=self.settings.api_timeout_s)
        until_s = time.monotonic() + self.settings.start_timeout_s
        while time.monotonic() < until_s:
            with contextlib.suppress(KuboUnavailableError):
                self._own_identity(rpc)
                return
            if self.process() is None:
                raise KuboNodeError(f"Kubo ended while starting:\n{tail_of(self.log)}")
            time.sleep(self.settings.poll_interval_s)
        waited = f"{self.settings.start_timeout_s:g} s"
        raise KuboNodeError(f"Kubo did not answer at {rpc.url} within {waited}:\n{tail_of(self.log)}")

    def _own_identity(self, rpc: NodeRpc) -> Identity:
        """Who answers at the node's port, which might be somebody else's by now."""
        identity = rpc.identity()
        if identity.peer_id != self.repository.peer_id:
            raise KuboUnavailableError(rpc.url, "another node answers there")
        return identity

    def _end(self) -> int:
        try:
            return marked.end_leftovers(self.home, timeout_s=self.settings.stop_timeout_s)
        except EmbeddedFlinkError as error:
            raise KuboNodeError(str(error)) from error

    def _last_ports(self) -> Ports | None:
        description = read_description(self.home)
        return None if description is None else Ports(swarm=description.swarm_port, api=description.api_port)

    def _description(self, ports: Ports) -> NodeDescription:
        private = "private" if self.settings.swarm_key is None else "private with a key"
        return NodeDescription(
            swarm_port=ports.swarm,
            api_port=ports.api,
            mode="public" if self.settings.public else private,
            listen=tuple(swarm_addresses(self.settings, ports.swarm)),
        )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        bounds = self.settings
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise KuboNodeError(f"{self.home} cannot be written ({error.strerror})") from error
        timeout_s = START_ATTEMPTS * bounds.start_timeout_s + STOP_OVER_START * bounds.stop_timeout_s
        with locked(self.home / "lock", timeout_s=timeout_s, error=KuboNodeError):
            yield
