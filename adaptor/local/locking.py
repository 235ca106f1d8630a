"""A lock on a file, which the kernel releases when its holder dies, however it does."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from adaptor.errors import AdaptorError

POLL_INTERVAL_S = 0.1
"""Pause between two tries: short beside what is done under the lock, a start or a build."""


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float, error: Callable[[str], AdaptorError]) -> Iterator[None]:
    """Hold a lock.

    Args:
        path: The file; made if missing, and never removed, which would race with who opens it now.
        timeout_s: Longest wait for another holder.
        error: Made of the message where another process holds it for longer.

    Raises:
        AdaptorError: The one that `error` makes.
    """
    until_s = time.monotonic() + timeout_s
    with path.open("w") as file:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= until_s:
                raise error(f"another process holds {path} for more than {timeout_s:g} s")
            time.sleep(POLL_INTERVAL_S)
        yield
