"""Callers as the access file holds them: values, and their JSON. Nothing here is a secret but by its absence.

A token has 256 random bits, so its plain SHA-256 can be kept: there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import enum
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from adaptor.access.roles import Caller, Role
from adaptor.errors import InvalidValueError

TOKEN_PREFIX = "adaptor_"  # noqa: S105 - what every token begins with, so that scanners of leaks know one
TOKEN_BYTES = 32
"""As many as SHA-256 has; whoever guesses a billion a second needs longer than the universe is old."""

VERSION = 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CERTIFICATE_NAME = re.compile(r"[ -~]{1,253}")
"""Printable ASCII, at most as long as a host name may be."""


class Proof(enum.Enum):
    """By what a caller is known."""

    TOKEN = "token"  # noqa: S105 - the word
    FINGERPRINT = "certificate"
    CERTIFICATE_NAME = "certificate name"


class Standing(enum.Enum):
    """Whether a credential counts."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One credential of one caller; a caller may have several, so that one can take another's place.

    Attributes:
        entry_id: Eight hex digits, for logs and for `adaptor access revoke`.
        name: Of the caller: 1 to 100 letters, digits, dots, dashes, underscores.
        role: What the caller is there for.
        proof: By what it is known.
        value: SHA-256 of the token or of the certificate's DER in hex, or a name in the certificate.
        created_at_s: Seconds since the epoch.
        expires_at_s: Seconds since the epoch; ``None`` stands for never.
        revoked_at_s: Seconds since the epoch; ``None`` if it was not. Revoked ones are kept, so that a log can say so.
    """

    entry_id: str
    name: str
    role: Role
    proof: Proof
    value: str
    created_at_s: float
    expires_at_s: float | None = None
    revoked_at_s: float | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidValueError("name", "must be 1 to 100 letters, digits, dots, dashes or underscores")
        pattern = _CERTIFICATE_NAME if self.proof is Proof.CERTIFICATE_NAME else _DIGEST
        if not pattern.fullmatch(self.value):
            raise InvalidValueError("value", f"is not that of a {self.proof.value}")

    @property
    def caller(self) -> Caller:
        """Whom it stands for."""
        return Caller(name=self.name, role=self.role)

    def standing(self, now_s: float) -> Standing:
        """Whether it counts at a time, seconds since the epoch."""
        if self.revoked_at_s is not None:
            return Standing.REVOKED
        if self.expires_at_s is not None and now_s >= self.expires_at_s:
            return Standing.EXPIRED
        return Standing.VALID


def new_token() -> str:
    """A token that nobody can guess."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def token_digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def entries_json(entries: Sequence[Entry]) -> bytes:
    """The file of these entries."""
    listed = [
        {
            "id": one.entry_id,
            "name": one.name,
            "role": one.role.value,
            "proof": one.proof.value,
            "value": one.value,
            "created_at_s": one.created_at_s,
            "expires_at_s": one.expires_at_s,
            "revoked_at_s": one.revoked_at_s,
        }
        for one in entries
    ]
    return orjson.dumps({"version": VERSION, "entries": listed}, option=orjson.OPT_INDENT_2) + b"\n"


def entries_of(text: bytes) -> list[Entry]:
    """The entries of a file.

    Raises:
        InvalidValueError: If it is none, is of a newer version, or an entry makes no sense; never says what it holds.
    """
    try:
        document = orjson.loads(text)
        if document["version"] != VERSION:
            raise InvalidValueError("version", f"is {document['version']!r}, this adaptor knows {VERSION}")
        return [_entry(one) for one in document["entries"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise InvalidValueError("entries", f"cannot be read ({type(error).__name__})") from error


def _entry(one: dict[str, Any]) -> Entry:
    return Entry(
        entry_id=str(one["id"]),
        name=str(one["name"]),
        role=Role(one["role"]),
        proof=Proof(one["proof"]),
        value=str(one["value"]),
        created_at_s=float(one["created_at_s"]),
        expires_at_s=_optional(one["expires_at_s"]),
        revoked_at_s=_optional(one["revoked_at_s"]),
    )


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
