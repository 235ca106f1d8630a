"""How a caller proves who it is: a signature in the metadata of each call.

It covers the log, the callee's key and the time. It needs no challenge and so no round trip of its own, and it is
checked before a byte of the request is read. The request itself is not covered, because TLS under the pinned
certificate protects it on its way, and the proof with it: the only one who could show a proof again is the callee, and
a proof for one callee is none for another. Should somebody get hold of one all the same, he can until it is too old
ask for blocks and announce in the caller's name, but not write: entries carry signatures of their own.

Where the log has a secret, an HMAC under it over the same and the caller's key shows that the caller knows it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from adaptor.sharing.core.cid import Cid, is_cid
from adaptor.sharing.core.refusal import RefusalReason
from adaptor.sharing.identity import KEY_BYTES, Identity, signed_by

PEER, LOG, TIME = "adaptor-peer-bin", "adaptor-log-bin", "adaptor-time"
PROOF, SECRET_PROOF = "adaptor-proof-bin", "adaptor-secret-proof-bin"

CALL_PREFIX = b"adaptor peer call 1\x00"
SECRET_PREFIX = b"adaptor peer secret 1\x00"

SIGNATURE_BYTES = 64
MAX_TIME_DIGITS = 12
"""Seconds since the epoch have ten until the year 2286."""

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, proven.

    Attributes:
        peer: Its name.
        log_id: The log that it calls about.
    """

    peer: str
    log_id: Cid


class UnprovenError(Exception):
    """A caller did not prove who it is; ends at the server as a refused call.

    Attributes:
        reason: Why.
        peer: Its name, if that much was proven; else empty.
        unknown_log: Whether all that is wrong is that the log is not held here.
    """

    def __init__(self, reason: RefusalReason, text: str, *, peer: str = "", unknown_log: bool = False) -> None:
        super().__init__(text)
        self.reason = reason
        self.peer = peer
        self.unknown_log = unknown_log


class Prover:
    """Proves who calls. One proof serves all calls to a peer within the same second.

    Args:
        identity: Of the caller.
        secret: Of the log's invitation; ``None`` if there is none.
    """

    def __init__(self, identity: Identity, *, secret: bytes | None) -> None:
        self._identity = identity
        self._secret = secret
        self._second = -1
        self._made: dict[tuple[bytes, str], Metadata] = {}

    def metadata(self, *, log_id: Cid, callee: str, now_s: float) -> Metadata:
        """The metadata of a call.

        Args:
            log_id: The log that it is about.
            callee: Name of the peer that is called.
            now_s: Seconds since the epoch.
        """
        if int(now_s) != self._second:
            self._second = int(now_s)
            self._made.clear()
        key = (log_id, callee)
        if key not in self._made:
            self._made[key] = self._metadata(log_id, bytes.fromhex(callee), str(self._second))
        return self._made[key]

    def _metadata(self, log_id: Cid, callee: bytes, time: str) -> Metadata:
        caller = self._identity.public_key
        statement = _statement(log_id, callee, time)
        metadata: Metadata = (
            (PEER, caller),
            (LOG, log_id),
            (TIME, time),
            (PROOF, self._identity.sign(CALL_PREFIX, statement)),
        )
        if self._secret is None:
            return metadata
        return (*metadata, (SECRET_PROOF, _secret_proof(self._secret, caller, statement)))


class Door:
    """Checks who calls.

    Args:
        own: Public key of the callee.
        log_id: The log that is held here.
        secret: Without which nobody is let in; ``None`` if there is none.
        clock_skew_s: How far a caller's clock may be off.
    """

    def __init__(self, own: bytes, *, log_id: Cid, secret: bytes | None, clock_skew_s: float) -> None:
        self._own = own
        self._log_id = log_id
        self._secret = secret
        self._clock_skew_s = clock_skew_s

    def caller(self, metadata: Iterable[tuple[str, str | bytes]], *, now_s: float) -> Caller:
        """Who calls.

        Args:
            metadata: Of the call.
            now_s: Seconds since the epoch.

        Raises:
            UnprovenError: If that is not proven, or the log is not held here.
        """
        given = dict(metadata)
        log_id, time = given.get(LOG), given.get(TIME)
        key, proof = _bytes(given.get(PEER), KEY_BYTES), _bytes(given.get(PROOF), SIGNATURE_BYTES)
        if not key or not proof or not is_cid(log_id) or not _is_time(time):
            raise UnprovenError(RefusalReason.UNPROVEN, "the call does not say who calls")
        caller = Caller(peer=key.hex(), log_id=Cid(bytes(log_id)))  # type: ignore[arg-type]  # `is_cid` says so
        statement = _statement(caller.log_id, self._own, str(time))
        if not signed_by(key, prefix=CALL_PREFIX, message=statement, signature=proof):
            text = "the caller's signature is not its own, or is for another peer"
            raise UnprovenError(RefusalReason.UNPROVEN, text)
        self._require_current(caller, int(str(time)), now_s)
        if caller.log_id != self._log_id:
            text = "this peer does not hold the log"
            raise UnprovenError(RefusalReason.WRONG_LOG, text, peer=caller.peer, unknown_log=True)
        self._require_secret(caller, statement, _bytes(given.get(SECRET_PROOF), hashlib.sha256().digest_size))
        return caller

    def _require_current(self, caller: Caller, time_s: int, now_s: float) -> None:
        ahead_s = time_s - now_s
        if abs(ahead_s) > self._clock_skew_s:
            text = (
                f"the caller's clock, or its proof, is {abs(ahead_s):.0f} s {'ahead' if ahead_s > 0 else 'behind'}; "
                f"{self._clock_skew_s:g} s are allowed"
            )
            reason = RefusalReason.FROM_THE_FUTURE if ahead_s > 0 else RefusalReason.UNPROVEN
            raise UnprovenError(reason, text, peer=caller.peer)

    def _require_secret(self, caller: Caller, statement: bytes, proof: bytes) -> None:
        if self._secret is None:
            return
        due = _secret_proof(self._secret, bytes.fromhex(caller.peer), statement)
        if not hmac.compare_digest(due, proof):
            text = "the caller does not know the secret of the log's invitation"
            raise UnprovenError(RefusalReason.UNPROVEN, text, peer=caller.peer)


def _statement(log_id: Cid, callee: bytes, time: str) -> bytes:
    """What is signed. All parts but the last have one length, so it can be read in one way only."""
    return log_id + callee + time.encode()


def _secret_proof(secret: bytes, caller: bytes, statement: bytes) -> bytes:
    return hmac.digest(secret, SECRET_PREFIX + caller + statement, "sha256")


def _bytes(value: object, size: int) -> bytes:
    return value if isinstance(value, bytes) and len(value) == size else b""


def _is_time(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MAX_TIME_DIGITS
