"""Files that nobody else may read: tokens, keys, the list of callers."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from adaptor.errors import InvalidValueError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

MAX_BYTES = 16 * 1024 * 1024
"""Of a file that is read: some 50,000 callers."""


def read_private(path: Path, *, field: str) -> bytes:
    """The content of a file that its owner alone may read or change.

    Args:
        path: Of the file.
        field: What names it, for errors.

    Raises:
        InvalidValueError: If it cannot be read, is too long, or others may read or change it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS:
                raise InvalidValueError(
                    field,
                    f"{path} has mode {stat.S_IMODE(mode):o}, so others may read or change it; if nobody did, "
                    f"`chmod 600 {path}`",
                )
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidValueError(field, f"{path} cannot be read ({error.strerror})") from error
    if len(content) > MAX_BYTES:
        raise InvalidValueError(field, f"{path} is longer than {MAX_BYTES} bytes")
    return content


def write_private(path: Path, content: bytes, *, field: str) -> None:
    """Write a file of mode 600 so that readers see the old or the new one as a whole, also after a power cut.

    Raises:
        InvalidValueError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise InvalidValueError(field, f"{path} cannot be written ({error.strerror})") from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
