"""The Go module that says which Kubo is built, from which sources, down to the hash of each."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adaptor.errors import KuboMissingError
from adaptor.local.kubo.versions import Version, parsed_version

MODULE_FOLDER = Path(__file__).with_name("module")
FILES = ("go.mod", "go.sum")
PACKAGE = "github.com/ipfs/kubo/cmd/ipfs"

DIGEST_DIGITS = 12
"""Hex digits of the digest in a folder's name: enough to tell apart what one machine ever builds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedModule:
    """What is built.

    Attributes:
        kubo: Version of Kubo, as in ``0.39.0``.
        oldest_go: Oldest Go that the module accepts.
        digest: Of both files, hex.
    """

    kubo: str
    oldest_go: Version
    digest: str

    @property
    def folder_name(self) -> str:
        """Name of the folder that the built program is kept in."""
        return f"kubo-{self.kubo}-{self.digest[:DIGEST_DIGITS]}"


@cache
def pinned_module(folder: Path = MODULE_FOLDER) -> PinnedModule:
    """Read the module.

    Args:
        folder: With both files.

    Raises:
        KuboMissingError: A file is missing or is not what it should be.
    """
    try:
        files = [(folder / name).read_bytes() for name in FILES]
    except OSError as error:
        raise KuboMissingError(f"{error.filename} cannot be read ({error.strerror}); install adaptor again") from error
    text = files[0].decode("utf-8", errors="replace")
    kubo = re.search(r"^\s*github\.com/ipfs/kubo v(\S+)", text, re.MULTILINE)
    go = re.search(r"^go (\S+)$", text, re.MULTILINE)
    oldest_go = parsed_version(go[1]) if go else None
    if kubo is None or oldest_go is None:
        raise KuboMissingError(f"{folder / FILES[0]} names no Kubo or no Go; install adaptor again")
    return PinnedModule(kubo=kubo[1], oldest_go=oldest_go, digest=hashlib.sha256(b"\0".join(files)).hexdigest())
