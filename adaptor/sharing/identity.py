"""Who this replica is: an ed25519 key in a file that nobody else can read, and the names and signatures it gives.

The key signs entries of the log, calls to peers and certificates. Each kind of statement has a prefix of its own, which
ends with the only zero byte in it, so that no statement of one kind can be taken for one of another.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from adaptor.errors import InvalidValueError, StateDirectoryError

KEY_NAME = "identity.key"
"""Of the file in the state directory."""

KEY_BYTES = 32
"""Of an ed25519 public key, RFC 8032."""

SECRET_BYTES = 32
"""Of a derived secret: what one block of SHA-256 gives."""

_DERIVE_PREFIX = b"adaptor derived secret 1\x00"
_MAX_FILE_BYTES = 4_096
"""Far above the 119 bytes of an ed25519 key in PEM: a wrong file is not read as a whole."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Identity:
    """A replica's key pair.

    Args:
        key: The private half.

    Attributes:
        key: The private half, for whatever signs by itself.
        public_key: 32 bytes.
        peer: The public key in hex, which is this replica's name among its peers.
    """

    __slots__ = ("key", "peer", "public_key")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key
        self.public_key = key.public_key().public_bytes_raw()
        self.peer = self.public_key.hex()

    def __repr__(self) -> str:
        return f"Identity({self.peer})"

    def sign(self, prefix: bytes, message: bytes) -> bytes:
        """The signature of a statement, 64 bytes.

        Args:
            prefix: Of this kind of statement.
            message: What is stated.
        """
        return self.key.sign(_required(prefix) + message)

    def derive(self, purpose: str) -> bytes:
        """A secret that only this replica knows, 32 bytes: always the same for one purpose, unrelated to any other's.

        Args:
            purpose: What it is for.
        """
        info = _DERIVE_PREFIX + purpose.encode()
        return HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(self.key.private_bytes_raw())


def signed_by(peer: str | bytes, *, prefix: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a peer signed a statement.

    Args:
        peer: Its name, or its public key.
        prefix: Of this kind of statement.
        message: What is stated.
        signature: Said to be the peer's.
    """
    try:
        public_key = peer if isinstance(peer, bytes) else bytes.fromhex(peer)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _required(prefix) + message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create(path: Path) -> Identity:
    """The identity in a file; made at first.

    Args:
        path: Of the file. It holds the key in PEM and has mode 600.

    Raises:
        StateDirectoryError: If others may read it, or it cannot be read or written, or holds something else.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _loaded(path)
        _create(path)
        return _loaded(path)
    except OSError as error:
        raise StateDirectoryError(f"{KEY_NAME}: {path} cannot be used ({error.strerror})") from error


def _loaded(path: Path) -> Identity:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & _OTHERS:
            raise StateDirectoryError(
                f"{KEY_NAME}: {path} has mode {stat.S_IMODE(mode):o}, so others may read or change this machine's "
                f"private key; if nobody did, `chmod 600 {path}`"
            )
        held = file.read(_MAX_FILE_BYTES)
    try:
        key = load_pem_private_key(held, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise StateDirectoryError(f"{KEY_NAME}: {path} holds no ed25519 private key in PEM; restore it from a backup")
    return Identity(key)


def _create(path: Path) -> None:
    """Write a new key so that the file is there as a whole or not at all; one that is there already is kept."""
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)  # noqa: PTH108 - a name, not a path
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Let the file's name survive a power cut too: a lost identity is a lost name among peers."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _required(prefix: bytes) -> bytes:
    if not prefix or prefix.find(b"\x00") != len(prefix) - 1:
        raise InvalidValueError("prefix", "must end with its only zero byte")
    return prefix
