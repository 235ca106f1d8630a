"""The few questions about a node itself, asked of its API: bounded in time and size, whatever answers there."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import requests

from adaptor.errors import KuboUnavailableError
from adaptor.local.kubo.settings import LOOPBACK

LARGEST_ANSWER_BYTES = 1_048_576
"""Most bytes of an answer: a list of the at most some hundred peers, at a few hundred bytes each, twenty-fold."""

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers.

    Attributes:
        peer_id: Name of the node in the swarm.
        version: Of Kubo.
        addresses: Where other nodes reach it, each ending in its name.
    """

    peer_id: str
    version: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a node holds.

    Attributes:
        blocks: How many.
        size_bytes: Of the repository.
    """

    blocks: int
    size_bytes: int


class NodeRpc:
    """Asks the API of a node on this machine.

    Args:
        port: Of the API.
        timeout_s: Longest wait for one answer.
    """

    def __init__(self, port: int, *, timeout_s: float) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._timeout_s = timeout_s

    def identity(self) -> Identity:
        """Who answers.

        Raises:
            KuboUnavailableError: Nobody, or not Kubo.
        """
        said = self._ask("id")
        addresses = said.get("Addresses") or ()
        if not isinstance(said.get("ID"), str) or not isinstance(addresses, (list, tuple)):
            raise KuboUnavailableError(self.url, "the answer to `id` is not Kubo's")
        agent = str(said.get("AgentVersion", ""))
        return Identity(
            peer_id=said["ID"],
            version=agent.split("/")[1] if "/" in agent else agent,
            addresses=tuple(map(str, addresses)),
        )

    def peers(self) -> int:
        """How many nodes it is connected to.

        Raises:
            KuboUnavailableError: There is no answer, or not Kubo's.
        """
        found = self._ask("swarm/peers").get("Peers") or ()
        return len(found) if isinstance(found, (list, tuple)) else 0

    def holdings(self) -> Holdings:
        """What it holds.

        Raises:
            KuboUnavailableError: There is no answer, or not Kubo's.
        """
        said = self._ask("repo/stat")
        try:
            return Holdings(blocks=int(said["NumObjects"]), size_bytes=int(said["RepoSize"]))
        except (KeyError, TypeError, ValueError) as error:
            raise KuboUnavailableError(self.url, "the answer to `repo/stat` is not Kubo's") from error

    def _ask(self, command: str) -> dict[str, Any]:
        try:
            said = json.loads(self._body(command))
        except requests.RequestException as error:
            raise KuboUnavailableError(self.url, _cause(error)) from error
        except ValueError as error:
            raise KuboUnavailableError(self.url, f"the answer to `{command}` is not JSON") from error
        if not isinstance(said, dict):
            raise KuboUnavailableError(self.url, f"the answer to `{command}` is not Kubo's")
        return said

    def _body(self, command: str) -> bytes:
        until_s = time.monotonic() + self._timeout_s
        body = bytearray()
        with requests.Session() as session:
            session.trust_env = False  # proxies of the environment do not apply to loopback
            with session.post(
                f"{self.url}/api/v0/{command}", timeout=self._timeout_s, stream=True, allow_redirects=False
            ) as response:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    body += chunk
                    if len(body) > LARGEST_ANSWER_BYTES:
                        raise KuboUnavailableError(self.url, f"the answer to `{command}` has no end")
                    if time.monotonic() > until_s:
                        raise KuboUnavailableError(self.url, f"no answer to `{command}` within {self._timeout_s:g} s")
                if response.status_code != requests.codes.ok:
                    raise KuboUnavailableError(self.url, f"status {response.status_code} to `{command}`")
        return bytes(body)


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
