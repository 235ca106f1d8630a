"""Connections to a service, plain or over TLS, with what shows who calls. It depends on grpcio alone.

Secrets come from files and go nowhere but over TLS: where a token or a certificate is given, plain text is not spoken.
The token's file is read at each call, so a new one counts at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

CA_VARIABLE = "ADAPTOR_CA_FILE"
"""Environment variable that names `Credentials.ca_file`; the others are named alike."""

CERTIFICATE_VARIABLE = "ADAPTOR_CERTIFICATE_FILE"
KEY_VARIABLE = "ADAPTOR_KEY_FILE"
TOKEN_VARIABLE = "ADAPTOR_TOKEN_FILE"  # noqa: S105 - a name

LONGEST_TOKEN = 4096
"""Characters; gRPC's limit for all headers is 8 KiB."""

Options = Sequence[tuple[str, Any]]


class CredentialError(ValueError):
    """A file of credentials cannot be used; the message names it, and never what it holds."""


@dataclass(frozen=True)
class Credentials:
    """What shows who calls, and how the service is known.

    Attributes:
        ca_file: Authorities that the service's certificate must come from, in PEM; empty stands for gRPC's own list
            where TLS is spoken for another reason, and otherwise for plain text.
        certificate_file: The client's certificate in PEM, where the service demands one.
        key_file: Its private key in PEM.
        token_file: Holds the token that `adaptor access add` printed.
    """

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    token_file: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Credentials:
        """What the variables say: ADAPTOR_CA_FILE, ADAPTOR_CERTIFICATE_FILE, ADAPTOR_KEY_FILE, ADAPTOR_TOKEN_FILE."""
        names = (CA_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE)
        return cls(*(environment.get(name, "") for name in names))

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return any((self.ca_file, self.certificate_file, self.key_file, self.token_file))


def open_channel(address: str, credentials: Credentials, options: Options = ()) -> grpc.Channel:
    """A connection for callers that block.

    Raises:
        CredentialError: If a file cannot be used.
    """
    if not credentials.encrypted:
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, channel_credentials(credentials), options=options)


def open_aio_channel(address: str, credentials: Credentials, options: Options = ()) -> grpc.aio.Channel:
    """A connection for callers in an event loop.

    Raises:
        CredentialError: If a file cannot be used.
    """
    if not credentials.encrypted:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, channel_credentials(credentials), options=options)


def channel_credentials(credentials: Credentials) -> grpc.ChannelCredentials:
    """TLS with these files.

    Raises:
        CredentialError: If a file cannot be used.
    """
    if bool(credentials.certificate_file) != bool(credentials.key_file):
        raise CredentialError("certificate_file and key_file: give both or none")
    made = grpc.ssl_channel_credentials(
        root_certificates=_pem(credentials.ca_file),
        private_key=_pem(credentials.key_file),
        certificate_chain=_pem(credentials.certificate_file),
    )
    if not credentials.token_file:
        return made
    _token(credentials.token_file)
    return grpc.composite_channel_credentials(made, grpc.metadata_call_credentials(_Bearer(credentials.token_file)))


class _Bearer(grpc.AuthMetadataPlugin):
    """Puts the token into each call."""

    def __init__(self, token_file: str) -> None:
        self._token_file = token_file

    def __call__(self, context: Any, callback: Callable[[Any, Exception | None], None]) -> None:  # noqa: ARG002
        try:
            callback((("authorization", f"Bearer {_token(self._token_file)}"),), None)
        except CredentialError as error:
            callback((), error)


def _token(path: str) -> str:
    try:
        with Path(path).open(encoding="ascii") as file:
            token = file.read(LONGEST_TOKEN + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"token_file: {path} cannot be read ({_short(error)})") from None
    if not token or len(token) > LONGEST_TOKEN or not token.isprintable():
        raise CredentialError(f"token_file: {path} holds no token")
    return token


def _pem(path: str) -> bytes | None:
    if not path:
        return None
    try:
        held = Path(path).read_bytes()
    except OSError as error:
        raise CredentialError(f"{path} cannot be read ({_short(error)})") from None
    if b"-----BEGIN " not in held:
        raise CredentialError(f"{path} holds nothing in PEM")
    return held


def _short(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
