"""The key of a private swarm: a file that every node of it has, and without which nobody can talk to any of them."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from adaptor.errors import InvalidValueError, KuboNodeError

KEY_BYTES = 32
"""By the format `/key/swarm/psk/1.0.0/` of libp2p."""

KEY_MODE = 0o600
_OTHERS = 0o077
_FORMAT = re.compile(r"/key/swarm/psk/1\.0\.0/\s+/base16/\s+[0-9a-fA-F]{64}\s*")


def new_swarm_key(path: Path) -> None:
    """Write a new key, readable by its owner alone.

    Raises:
        InvalidValueError: The file exists, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_MODE)
    except OSError as error:
        raise InvalidValueError("swarm_key", f"{path} cannot be written ({error.strerror})") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(KEY_BYTES)}\n")


def read_swarm_key(path: Path) -> str:
    """The content of a key's file.

    Raises:
        InvalidValueError: It cannot be read, others can read it, or it is no key.
    """
    try:
        if path.stat().st_mode & _OTHERS:
            raise InvalidValueError("swarm_key", f"{path} can be read by others; `chmod 600 {path}`, or make a new one")
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValueError("swarm_key", f"{path} cannot be read ({error})") from error
    if not _FORMAT.fullmatch(text):
        raise InvalidValueError("swarm_key", f"{path} is no swarm key: three lines, as libp2p's private networks want")
    return text


def place_swarm_key(repository: Path, source: Path | None) -> None:
    """Let a repository have this key, or none.

    Raises:
        InvalidValueError: The key is not to be used.
        KuboNodeError: It cannot be written.
    """
    target = repository / "swarm.key"
    try:
        target.unlink(missing_ok=True)
        if source is not None:
            text = read_swarm_key(source)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_MODE)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
    except OSError as error:
        raise KuboNodeError(f"{target} cannot be written ({error.strerror})") from error
