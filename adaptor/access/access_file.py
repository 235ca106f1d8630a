"""The file of callers: changed by `adaptor access`, read again by a running service when it has changed."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adaptor.access.entries import Entry, Proof, Standing, entries_json, entries_of, new_token, token_digest
from adaptor.access.private_file import read_private, write_private
from adaptor.access.roles import Role
from adaptor.access.roster import Roster
from adaptor.errors import ConflictError, InvalidValueError

_log = logging.getLogger(__name__)

FIELD = "access.file"

LOOK_INTERVAL_S = 1.0
"""Time between two looks whether the file has changed: a revoked caller is out within a second, and a look costs
microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCaller:
    """A credential that is to be added.

    Attributes:
        name: Of the caller.
        role: What it is there for.
        expires_at_s: Seconds since the epoch; ``None`` stands for never.
    """

    name: str
    role: Role
    expires_at_s: float | None = None


class AccessFile:
    """The file, for whoever changes it.

    Args:
        path: Of the file.
        now_s: Tells the time, seconds since the epoch.
    """

    def __init__(self, path: Path, *, now_s: Callable[[], float]) -> None:
        self._path = path
        self._now_s = now_s

    def entries(self) -> list[Entry]:
        """Every credential, revoked ones too; none if there is no file yet.

        Raises:
            InvalidValueError: If the file cannot be used.
        """
        return _entries(self._path) if self._path.exists() else []

    def add_token(self, new: NewCaller) -> str:
        """Add a token.

        Returns:
            The token, which is kept nowhere.

        Raises:
            ConflictError: If the caller has another role.
            InvalidValueError: If the file cannot be used, or the name is none.
        """
        token = new_token()
        self._add(new, Proof.TOKEN, token_digest(token))
        return token

    def add_certificate(self, new: NewCaller, *, fingerprint: str = "", name: str = "") -> Entry:
        """Add a certificate, by its fingerprint or by a name in it.

        Raises:
            ConflictError: If it is known, or the caller has another role.
            InvalidValueError: If the file cannot be used, or a value is none.
        """
        return self._add(new, *((Proof.FINGERPRINT, fingerprint) if fingerprint else (Proof.CERTIFICATE_NAME, name)))

    def revoke(self, name_or_id: str) -> list[Entry]:
        """Make a caller's credentials, or one by its id, count no more.

        Returns:
            Those that counted before.

        Raises:
            InvalidValueError: If the file cannot be used, or knows no such caller.
        """
        with self._changing() as entries:
            now_s = self._now_s()
            meant = [one for one in entries if name_or_id in (one.name, one.entry_id)]
            if not meant:
                raise InvalidValueError("name", f"{name_or_id!r} is neither a caller nor a credential in {self._path}")
            revoked = [one for one in meant if one.revoked_at_s is None]
            entries[:] = [replace(one, revoked_at_s=now_s) if one in revoked else one for one in entries]
        return revoked

    def _add(self, new: NewCaller, proof: Proof, value: str) -> Entry:
        with self._changing() as entries:
            now_s = self._now_s()
            entry = Entry(
                entry_id=secrets.token_hex(4),
                name=new.name,
                role=new.role,
                proof=proof,
                value=value,
                created_at_s=now_s,
                expires_at_s=new.expires_at_s,
            )
            _require_new(entries, entry, now_s)
            entries.append(entry)
        return entry

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Entry]]:
        """The entries, written when the block ends well; one process at a time."""
        with _locked(self._path.with_name(f".{self._path.name}.lock")):
            entries = self.entries()
            yield entries
            write_private(self._path, entries_json(entries), field=FIELD)


def _require_new(entries: Sequence[Entry], new: Entry, now_s: float) -> None:
    """Refuse a caller with two roles, and a certificate that stands for two callers."""
    for one in entries:
        if one.standing(now_s) is not Standing.VALID:
            continue
        if one.name == new.name and one.role is not new.role:
            raise ConflictError("role", f"{new.name!r} is known as {one.role.value}; revoke that first")
        if (one.proof, one.value) == (new.proof, new.value):
            raise ConflictError("certificate", f"is known already as {one.name!r} ({one.entry_id}); revoke that first")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidValueError(FIELD, f"{path.parent} cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class LiveRoster:
    """The callers of the file as it is now, for a running service.

    A file that cannot be read any more leaves what was read last, and says so; a file that is gone means that nobody
    may call.

    Args:
        path: Of the file.
        monotonic_s: Tells how time passes.

    Raises:
        InvalidValueError: If the file cannot be used.
    """

    def __init__(self, path: Path, *, monotonic_s: Callable[[], float]) -> None:
        if not path.exists():
            raise InvalidValueError(
                FIELD, f"{path} is not there; `adaptor access add NAME --role administrator --file {path}` makes it"
            )
        self._path = path
        self._monotonic_s = monotonic_s
        self._looked_at_s = monotonic_s()
        self._seen = _mark(path)
        self._roster = Roster(_entries(path))

    def __call__(self) -> Roster:
        """The callers."""
        now_s = self._monotonic_s()
        if now_s - self._looked_at_s >= LOOK_INTERVAL_S:
            self._looked_at_s = now_s
            self._look()
        return self._roster

    def _look(self) -> None:
        mark = _mark(self._path)
        if mark == self._seen:
            return
        self._seen = mark
        if mark is None:
            self._roster = Roster()
            _log.error("%s is gone: nobody may call until it is back", self._path)
            return
        try:
            self._roster = Roster(_entries(self._path))
            _log.info("%s has changed: %d credentials are known now", self._path, len(self._roster.entries))
        except InvalidValueError as error:
            _log.error("%s; the callers known before it changed still count", error)


def _entries(path: Path) -> list[Entry]:
    text = read_private(path, field=FIELD)
    try:
        return entries_of(text)
    except InvalidValueError as error:
        raise InvalidValueError(FIELD, f"{path}: {error}") from error


def _mark(path: Path) -> tuple[int, ...] | None:
    """What changes when the file does; ``None`` if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
