"""The state directory: made if missing, and used by one service at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from adaptor.errors import StateDirectoryError

LOCK_NAME = "adaptor.lock"


class StateDirectory:
    """A claimed state directory; the claim ends with `release` or with the process, however that dies.

    Args:
        path: Of the directory.

    Raises:
        StateDirectoryError: If it cannot be written, or another service uses it; the message says which.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateDirectoryError(
                f"state_dir: {path} cannot be written ({error.strerror}); give a writable --state-dir"
            ) from error
        self._claim()

    def _claim(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._lock)
            raise StateDirectoryError(
                f"state_dir: {self.path} is used by a running service (process {holder}); "
                "stop it, or give another --state-dir"
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another service use it. The file stays: removing it would race with who opens it now."""
        os.close(self._lock)


def running_service(path: Path) -> str:
    """Process id of the service that uses a state directory; empty if none does."""
    try:
        lock = os.open(path / LOCK_NAME, os.O_RDWR)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock, 32, 0).decode(errors="replace").strip()
    else:
        return ""
    finally:
        os.close(lock)
