"""Another process's or thread's way to read the index while it is kept."""

from __future__ import annotations

from pathlib import Path

from adaptor.sharing.index import schema
from adaptor.sharing.index.learning import Learning


class IndexReader(Learning):
    """Reads the index beside whoever keeps it, and never waits for him.

    Args:
        path: Of the file.

    Raises:
        StateDirectoryError: If there is none, or none of this version.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, schema.open_reading(path))
