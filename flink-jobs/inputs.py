"""Folders of input files: written whole or not at all, with a manifest beside them that says what they are."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

MANIFEST = "manifest.json"


def write_folder(directory: Path, write: Callable[[Path], T]) -> T:
    """Write a folder, or replace one that was written so; it appears complete or not at all.

    Args:
        directory: The folder.
        write: Writes everything into a folder that is not there yet, and returns its manifest, a dataclass.

    Returns:
        The manifest, which stands in the folder, too.

    Raises:
        ValueError: The directory holds something else.
    """
    if not (directory / MANIFEST).is_file() and directory.is_dir() and any(directory.iterdir()):
        raise ValueError(f"{directory} is not empty and has no {MANIFEST}: name another folder")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".input-") as scratch:
        new = Path(scratch) / "new"
        manifest = write(new)
        (new / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
        if directory.exists():
            directory.rename(Path(scratch) / "old")
        new.rename(directory)
    return manifest


def manifest_values(directory: Path) -> dict[str, Any] | None:
    """Return what the manifest of a folder says, None where there is none that can be read."""
    try:
        return dict(json.loads((directory / MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def contents(files: list[Path]) -> dict[str, Any]:
    """Return size and SHA-256 of files, in order, as manifests state them."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return {"size_bytes": sum(file.stat().st_size for file in files), "digest": digest.hexdigest()}
