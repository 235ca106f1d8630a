"""What the log asks of a Kubo node, through aioipfs: every call is bounded in time and size and fails in one way.

Traps of aioipfs 0.7.1 that end here:
- Its session waits half an hour, and `block.get` reads whatever comes: calls have deadlines of their own, and blocks
  are read up to a bound.
- Some methods answer ``None`` where the connection broke, `dag.car_import` returns Kubo's error as if it were a result,
  and statuses such as 502 pass: every answer is looked at.
- `pubsub.pub` asks for Kubo's version at each call, swallows a cancellation while it does, and falls back to a form
  that no Kubo since 0.11 understands: the answer is fixed.
- `pubsub.sub` ends at the first message that it cannot decode, however long a message is, and leaves its session open:
  the stream is read here.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar

import aiohttp
import aioipfs  # type: ignore[import-untyped]
from yarl import URL

from adaptor.errors import KuboUnavailableError, PeerCallError

T = TypeVar("T")

OK = 200
SERVER_ERROR = 500

NOT_HERE = ("not found locally", "could not find", "not found")
"""What Kubo says of a block it does not hold, in its releases so far."""

NOT_TO_BE_HAD = (*NOT_HERE, "context deadline exceeded", "context canceled")
"""What it says where its peers gave it none in the time allowed."""

LARGEST_ERROR_BYTES = 4_096
"""Most bytes read of an error: one line."""

_CHUNK_BYTES = 65_536


class KuboRefusalError(KuboUnavailableError):
    """The node answered with an error of its own: it is there, and does not do what it was asked for."""


class _Client(aioipfs.AsyncIPFS):  # type: ignore[misc]
    """Speaks to a Kubo that is known to be newer than 0.11, so it need not ask."""

    async def agent_version_post011(self) -> bool:
        """Whether topics are multibase."""
        return True


class KuboApi:
    """The API of one node. To be made and closed within one event loop.

    Args:
        url: Of the API, as ``http://127.0.0.1:5001``.
        timeout_s: Longest wait for an answer that is not a block of a peer's.
        connections: Most calls at once; more wait for their turn.
        max_block_bytes: Longest block that is read.
    """

    def __init__(self, url: str, *, timeout_s: float, connections: int, max_block_bytes: int) -> None:
        parts = URL(url)
        self.url = url
        self.timeout_s = timeout_s
        self.max_block_bytes = max_block_bytes
        self._streams: set[aiohttp.ClientResponse] = set()
        self._client = _Client(host=parts.host or "", port=parts.port or 0, scheme=parts.scheme, conns_max=connections)

    async def close(self) -> None:
        """End all connections, with the calls on them."""
        for stream in tuple(self._streams):
            stream.close()  # closing the session alone would leave its reader waiting for ever
        await self._client.close()

    async def identity(self) -> str:
        """The node's name in the swarm.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        said = await self._bounded("id", self._client.core.id())
        if not isinstance(said, dict) or not isinstance(said.get("ID"), str):
            raise self._nonsense("id", said)
        return str(said["ID"])

    async def multiaddrs(self) -> tuple[str, ...]:
        """Where other nodes reach this one, each address ending in the node's name.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        said = await self._bounded("id", self._client.core.id())
        found = said.get("Addresses") if isinstance(said, dict) else None
        if not isinstance(found, list | None) or not all(isinstance(one, str) for one in found or ()):
            raise self._nonsense("id", said)
        return tuple(found or ())

    async def import_car(self, car: bytes) -> None:
        """Store the blocks of a CAR and pin what its one root links to.

        Raises:
            KuboUnavailableError: Not all of it is stored and pinned.
        """
        said = await self._bounded("dag import", self._client.dag.car_import(car, pin_roots=True))
        root = said.get("Root") if isinstance(said, dict) else None
        if not isinstance(root, dict) or root.get("PinErrorMsg") != "":
            raise self._nonsense("dag import", said)

    async def block(self, name: str, *, offline: bool, timeout_s: float) -> bytes | None:
        """The bytes that Kubo gives as a block.

        Args:
            name: CID in text.
            offline: Whether to ask this node alone, not its peers.
            timeout_s: Longest wait.

        Returns:
            ``None`` if it is not to be had in this time, or is longer than a block may be.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        params = {"arg": name, "offline": "true" if offline else "false", **_within(timeout_s)}
        return await self._bounded("block get", self._read_block(params), timeout_s=timeout_s + self.timeout_s)

    async def holds(self, name: str) -> bool:
        """Whether a block is in this node.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        block = self._client.block
        asked = block.fetch_json(block.url("block/stat"), params={"arg": name, "offline": "true"})
        try:
            said = await self._bounded("block stat", asked)
        except KuboRefusalError as error:
            if any(words in error.problem for words in NOT_HERE):
                return False
            raise
        if not isinstance(said, dict) or "Size" not in said:
            raise self._nonsense("block stat", said)
        return True

    async def publish(self, topic: str, payload: bytes) -> None:
        """Give a message to all who listen to a topic.

        Raises:
            KuboUnavailableError: The node did not take it.
        """
        said = await self._bounded("pubsub pub", self._client.pubsub.pub(topic, payload))
        if not isinstance(said, str) or said.strip():
            raise self._nonsense("pubsub pub", said)

    async def subscription(self, topic: str, *, silence_s: float) -> AsyncGenerator[bytes, None]:
        """What comes on a topic, in pieces as they come.

        Args:
            topic: Name of the topic.
            silence_s: Longest time without anything.

        Raises:
            KuboUnavailableError: The stream broke, or was silent for too long.
        """
        pubsub = self._client.pubsub
        params = {"arg": multibase(topic.encode()), "discover": "true"}
        bounds = aiohttp.ClientTimeout(total=None, sock_connect=self.timeout_s, sock_read=silence_s)
        try:
            async with self._client.session.post(pubsub.url("pubsub/sub"), params=params, timeout=bounds) as response:
                if response.status != OK:
                    raise self._failed("pubsub sub", f"status {response.status}")
                self._streams.add(response)
                try:
                    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                        yield chunk
                finally:
                    self._streams.discard(response)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, RuntimeError, ValueError) as error:
            raise self._failed("pubsub sub", _cause(error)) from error

    async def connect(self, multiaddr: str) -> None:
        """Open a connection to another node.

        Raises:
            PeerCallError: The other one cannot be reached.
            KuboUnavailableError: The node does not answer as it should.
        """
        try:
            swarm = self._client.swarm
            asked = swarm.fetch_json(swarm.url("swarm/connect"), params={"arg": multiaddr, **_within(self.timeout_s)})
            said = await self._bounded("swarm connect", asked, timeout_s=2 * self.timeout_s)
        except KuboRefusalError as error:
            raise PeerCallError(multiaddr.rsplit("/", maxsplit=1)[-1], error.problem) from error
        if not isinstance(said, dict) or "Strings" not in said:
            raise self._nonsense("swarm connect", said)

    async def peers(self) -> tuple[str, ...]:
        """Names of the nodes that this one is connected to.

        Raises:
            KuboUnavailableError: The node does not answer as it should.
        """
        said = await self._bounded("swarm peers", self._client.swarm.peers(verbose=False))
        found = (said.get("Peers") or ()) if isinstance(said, dict) else None
        if not isinstance(found, (list, tuple)):
            raise self._nonsense("swarm peers", said)
        return tuple(sorted({str(one["Peer"]) for one in found if isinstance(one, dict) and "Peer" in one}))

    async def _read_block(self, params: dict[str, str]) -> bytes | None:
        url = self._client.block.url("block/get")
        async with self._client.session.post(url, params=params) as response:
            if response.status != OK:
                problem = _message(await _read(response.content, LARGEST_ERROR_BYTES) or b"")
                if response.status == SERVER_ERROR and any(words in problem for words in NOT_TO_BE_HAD):
                    return None
                raise self._failed("block get", f"status {response.status}: {problem}")
            return await _read(response.content, self.max_block_bytes)

    async def _bounded(self, command: str, call: Awaitable[T], *, timeout_s: float | None = None) -> T:
        """The outcome of a call, within its time, in our own errors."""
        bound_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            return await asyncio.wait_for(call, bound_s)
        except asyncio.TimeoutError as error:
            raise self._failed(command, f"no answer within {bound_s:g} s") from error
        except aioipfs.APIError as error:
            problem = str(getattr(error, "message", "") or "an error without a word")[:LARGEST_ERROR_BYTES]
            raise KuboRefusalError(self.url, f"{command}: {problem}") from error
        except (aiohttp.ClientError, aioipfs.IPFSConnectionError, aioipfs.RPCAccessDenied, OSError) as error:
            raise self._failed(command, _cause(error)) from error
        except (ValueError, TypeError, AttributeError, KeyError, RuntimeError) as error:
            # What aioipfs makes of an answer that is not Kubo's, and aiohttp of a session that was closed meanwhile.
            raise self._failed(command, _cause(error)) from error

    def _failed(self, command: str, problem: str) -> KuboUnavailableError:
        return KuboUnavailableError(self.url, f"{command}: {problem}")

    def _nonsense(self, command: str, said: object) -> KuboUnavailableError:
        # aioipfs answers ``None`` where a connection could not be made or broke.
        return self._failed(command, "no connection" if said is None else f"answered {str(said)[:200]!r}")


def multibase(data: bytes) -> str:
    """Bytes as Kubo's API takes and gives them: base64url without padding, with the prefix ``u``."""
    return "u" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def parse_multibase(text: str) -> bytes:
    """The bytes of such a text.

    Raises:
        ValueError: It is not one.
    """
    if not text.startswith("u"):
        raise ValueError("not base64url")
    return base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), altchars=b"-_", validate=True)


def _within(timeout_s: float) -> dict[str, str]:
    """Lets Kubo itself give up in time: then a peer's silence differs from that of a node that hangs."""
    return {"timeout": f"{timeout_s:.3f}s"}


async def _read(content: aiohttp.StreamReader, most: int) -> bytes | None:
    """A body; ``None`` if it is longer than it may be."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _message(body: bytes) -> str:
    """What Kubo says in an error."""
    try:
        return str(json.loads(body)["Message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")


def _cause(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()[:200]
