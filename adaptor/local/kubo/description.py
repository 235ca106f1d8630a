"""What is to be known of a node that another process started: `node.json` in its home."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from adaptor.errors import KuboNodeError

FILE_NAME = "node.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDescription:
    """How a node was started.

    Attributes:
        swarm_port: Where other nodes reach it.
        api_port: Where its API listens on loopback.
        mode: `private`, `private with a key` or `public`.
        listen: Multiaddrs it was told to listen on.
    """

    swarm_port: int
    api_port: int
    mode: str
    listen: tuple[str, ...]


def write_description(home: Path, description: NodeDescription) -> None:
    """Write the file so that a reader sees the old or the new one, never a part.

    Raises:
        KuboNodeError: It cannot be written.
    """
    draft = home / f"{FILE_NAME}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(asdict(description), indent=2) + "\n", encoding="utf-8")
        draft.replace(home / FILE_NAME)
    except OSError as error:
        raise KuboNodeError(f"{draft} cannot be written ({error.strerror})") from error


def read_description(home: Path) -> NodeDescription | None:
    """What was written; ``None`` if nothing was, or it is damaged, as after a full disk: a start writes it anew."""
    try:
        values = json.loads((home / FILE_NAME).read_text(encoding="utf-8"))
        return NodeDescription(
            swarm_port=int(values["swarm_port"]),
            api_port=int(values["api_port"]),
            mode=str(values["mode"]),
            listen=tuple(map(str, values["listen"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
