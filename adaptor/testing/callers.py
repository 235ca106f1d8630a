"""Callers of every role, an authority with a server's certificate, and a server that asks who calls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import grpc

from adaptor.access.certificates import Authority, Pair
from adaptor.access.entries import Entry, Proof, token_digest
from adaptor.access.roles import Role
from adaptor.access.roster import Roster
from adaptor.app.clock import SystemClock
from adaptor.service.guard import CallLimits
from adaptor.service.server import Entrance
from adaptor.service.tls import ServerTls, TlsFiles

HOUR_S = 3600.0

TOKENS = {role: f"adaptor_token-of-{role.value}" for role in Role}
"""A caller of each role has this token, and is named after the role."""


def an_entry(name: str, role: Role = Role.JOB, *, token: str = "", **fields: Any) -> Entry:
    """A caller with a token."""
    defaults: dict[str, Any] = {
        "entry_id": name[:8].encode().hex()[:8],
        "proof": Proof.TOKEN,
        "value": token_digest(token or f"adaptor_token-of-{name}"),
        "created_at_s": 0.0,
    }
    return Entry(name=name, role=role, **{**defaults, **fields})


def one_of_each_role(*more: Entry) -> list[Entry]:
    """A caller of each role, and others."""
    return [*(an_entry(role.value, role) for role in Role), *more]


@cache
def authority(name: str = "authority") -> Authority:
    """An authority; the same for the same name."""
    return Authority.new(name, now_s=time.time(), lifetime_s=HOUR_S)


def client_pair(name: str, *, issuer: Authority | None = None, lifetime_s: float = HOUR_S) -> Pair:
    """A client's certificate, by the server's authority unless said otherwise."""
    return (issuer or authority()).issue([name], client=True, now_s=time.time(), lifetime_s=lifetime_s)


def server_tls(folder: Path, *, client_ca: bool = False) -> ServerTls:
    """TLS for 127.0.0.1 with files in a folder."""
    pair = authority().issue(["127.0.0.1", "localhost"], client=False, now_s=time.time(), lifetime_s=HOUR_S)
    certificate, key, authorities = folder / "server.pem", folder / "server.key", folder / "ca.pem"
    certificate.write_bytes(pair.certificate)
    key.touch(mode=0o600)
    key.write_bytes(pair.key)
    authorities.write_bytes(authority().pair.certificate)
    return ServerTls(TlsFiles(certificate=certificate, key=key, client_ca=authorities if client_ca else None))


def guarded(folder: Path, entries: Sequence[Entry] = (), **fields: Any) -> Entrance:
    """An entrance over TLS that knows these callers, or one of each role; with an address for certificates."""
    known = list(entries) or one_of_each_role()

    def roster() -> Roster:
        return Roster(known)

    defaults: dict[str, Any] = {
        "clock": SystemClock(),
        "tls": server_tls(folder, client_ca=True),
        "roster": roster,
        "limits": CallLimits(failure_rate_per_s=0),
        "mutual_listen": "127.0.0.1:0",
    }
    return Entrance(**{**defaults, **fields})


def tls_channel(
    address: str, *, token: str = "", pair: Pair | None = None, root: bytes | None = None
) -> grpc.aio.Channel:
    """A connection to a server that asks who calls."""
    made = grpc.ssl_channel_credentials(
        root_certificates=root or authority().pair.certificate,
        private_key=pair.key if pair else None,
        certificate_chain=pair.certificate if pair else None,
    )
    if token:
        made = grpc.composite_channel_credentials(made, grpc.access_token_call_credentials(token))
    return grpc.aio.secure_channel(address, made)
