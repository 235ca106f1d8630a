"""Tells who a caller is by what it shows. Pure: values in, an entry or a reason out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adaptor.access.entries import Entry, Proof, Standing, token_digest
from adaptor.errors import CallerUnknownError

SCHEME = "bearer "
"""Of the `authorization` header, RFC 6750; the word's case does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a client's certificate says; that its owner showed it, and that an authority issued it, TLS has proved.

    Attributes:
        fingerprint: SHA-256 of its DER in hex.
        names: Alternative names of its subject (host names, URIs, mail addresses), or its common name without any.
        expires_at_s: Seconds since the epoch; a connection may outlive its certificate.
    """

    fingerprint: str
    names: tuple[str, ...]
    expires_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a call brings along.

    Attributes:
        encrypted: Whether it came over TLS.
        authorization: Each `authorization` header.
        certificate: The client's, if it showed one.
    """

    encrypted: bool
    authorization: tuple[str, ...] = ()
    certificate: ClientCertificate | None = None


class Roster:
    """All callers that are known.

    Args:
        entries: Of the access file; of two with the same proof the later one counts.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._by_proof = {(one.proof, one.value): one for one in entries}

    def identify(self, evidence: Evidence, *, now_s: float) -> Entry:
        """Whose call it is. A token, where there is one, says it alone: the certificate only opened the line.

        Args:
            evidence: What the call brings along.
            now_s: Seconds since the epoch.

        Raises:
            CallerUnknownError: If nothing valid is shown; says why, and never what was shown.
        """
        if evidence.authorization:
            return self._by_token(evidence, now_s)
        if evidence.certificate is not None:
            return self._by_certificate(evidence.certificate, now_s)
        raise CallerUnknownError("there is neither a token nor a client certificate with the call")

    def still_valid(self, entry: Entry, *, now_s: float) -> bool:
        """Whether a caller who was identified before would be again."""
        return self._by_proof.get((entry.proof, entry.value)) == entry and entry.standing(now_s) is Standing.VALID

    def _by_token(self, evidence: Evidence, now_s: float) -> Entry:
        if not evidence.encrypted:
            raise CallerUnknownError(
                "the token came over plain text, where others may have read it: revoke it, and call over TLS"
            )
        if len(evidence.authorization) > 1:
            raise CallerUnknownError("there is more than one authorization header")
        header = evidence.authorization[0]
        if header[: len(SCHEME)].lower() != SCHEME:
            raise CallerUnknownError("the authorization header is not `Bearer` and a token")
        entry = self._by_proof.get((Proof.TOKEN, token_digest(header[len(SCHEME) :].strip())))
        return _valid(entry, now_s, what="token")

    def _by_certificate(self, certificate: ClientCertificate, now_s: float) -> Entry:
        if now_s >= certificate.expires_at_s:
            raise CallerUnknownError("the client certificate has expired")
        # The fingerprint first, so that one certificate can be revoked although its name is known.
        keys = [(Proof.FINGERPRINT, certificate.fingerprint)]
        keys += [(Proof.CERTIFICATE_NAME, name) for name in certificate.names]
        found = next((self._by_proof[key] for key in keys if key in self._by_proof), None)
        return _valid(found, now_s, what="client certificate")


def _valid(entry: Entry | None, now_s: float, *, what: str) -> Entry:
    if entry is None:
        raise CallerUnknownError(f"the {what} is not known here")
    standing = entry.standing(now_s)
    if standing is Standing.REVOKED:
        raise CallerUnknownError(f"the {what} was revoked", entry_id=entry.entry_id, name=entry.name)
    if standing is Standing.EXPIRED:
        raise CallerUnknownError(f"the {what} has expired", entry_id=entry.entry_id, name=entry.name)
    return entry
