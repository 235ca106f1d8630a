"""Real Kubo nodes on loopback, for tests: private, on free ports, and ended by their mark whatever happens."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

from adaptor.local.kubo.binary import KuboBinary, install_kubo
from adaptor.local.kubo.node import KuboNode, NodeStatus
from adaptor.local.kubo.settings import KuboSettings
from adaptor.sharing.kubo.block_store import KuboBlockStore
from adaptor.sharing.kubo.transport import KuboSwarm


@cache
def installed() -> KuboBinary:
    """The Kubo to test with; a machine that has none builds it, once, outside of the checkout."""
    return install_kubo(report=print)


class Nodes:
    """Nodes below one folder.

    Args:
        folder: For their repositories.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, KuboNode] = {}

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as stack:
            for node in self._nodes.values():
                stack.callback(node.stop)

    def node(self, name: str, settings: KuboSettings | None = None) -> KuboNode:
        """A node, which need not run."""
        made = KuboNode(self._folder / name, settings, binary=installed())
        self._nodes[name] = made
        return made

    def running(self, name: str, settings: KuboSettings | None = None) -> NodeStatus:
        """A node that runs."""
        return self.node(name, settings).start()

    def kill(self, name: str) -> None:
        """End a node as a power cut would."""
        process = self._nodes[name].process()
        if process is None:
            raise LookupError(f"node {name} does not run")
        process.handle.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, 0)


def address_of(status: NodeStatus) -> str:
    """Where other nodes reach a node."""
    if status.identity is None:
        raise LookupError("the node does not answer")
    return status.identity.addresses[0]


class Replica:
    """What one participant has of a node: its blocks and its swarm.

    Args:
        status: Of the node.
        log_id: Of the log.
    """

    def __init__(self, status: NodeStatus, log_id: bytes) -> None:
        self.status = status
        self.store = KuboBlockStore(status.api_url)
        self.swarm = KuboSwarm(status.api_url, log_id=log_id)

    async def __aenter__(self) -> Replica:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()
        await self.swarm.close()
