"""Versions of Kubo and Go as values, and which of them fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from adaptor.local.commands import output_of

Version = tuple[int, int, int]

OLDEST_KUBO: Version = (0, 39, 0)
"""The configuration here names what this release can do outwards. Before 0.38 providing was spelt otherwise and our
switch would be ignored in silence; 0.39 is what the tests run, and later ones are the owner's to keep patched."""

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def parsed_version(text: str) -> Version | None:
    """The first version in a text: `(0, 39, 0)` of ``0.39.0-dev``, `(1, 26, 0)` of ``go version go1.26 linux``."""
    match = _NUMBERS.search(text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def version_text(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


def kubo_version(executable: Path) -> Version | None:
    """What `ipfs version` says; ``None`` if the program does not run or is something else."""
    return _said([str(executable), "version", "--number"], reading=parsed_version)


def go_version(executable: Path) -> Version | None:
    """What `go version` says; ``None`` if the program does not run."""
    return _said([str(executable), "version"], reading=parsed_version)


def _said(command: list[str], *, reading: Callable[[str], Version | None]) -> Version | None:
    said = output_of(command)
    return None if said is None else reading(said)
