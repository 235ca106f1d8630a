"""TLS certificates that are bound to an ed25519 identity, as libp2p does it.

gRPC's BoringSSL offers no ed25519 in TLS. So a server makes an ECDSA key when it starts, which never reaches a disk,
and signs its own certificate with it. An extension of the certificate holds the identity's public key and its
signature over the ECDSA public key: whoever completes a handshake under this certificate holds a key that the identity
vouches for. The certificate's other fields mean nothing; no authority is asked.

The format follows https://github.com/libp2p/specs/blob/master/tls/tls.md, with an object identifier of our own.
"""

from __future__ import annotations

import datetime
import warnings
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning

from adaptor.sharing.identity import Identity, signed_by

HOST_NAME = "peer.adaptor.invalid"
"""What every certificate is for: TLS wants a name, and peers are not known by theirs. `.invalid` is RFC 2606's."""

EXTENSION = x509.ObjectIdentifier("2.25.216713227949458821407767518877741623350")
"""Of the extension: under 2.25 anybody may take a UUID for himself (ITU-T X.667), here a3097312-c6f9-43f9-....."""

SIGNED_PREFIX = b"adaptor peer certificate 1\x00"

MAX_DER_BYTES = 16_384
"""Longest certificate that is looked at; ours have about 500 bytes."""

BACKDATED = datetime.timedelta(days=1)
"""For callers whose clock is behind; libp2p takes an hour, but clocks of machines that sleep are worse."""

LIFETIME = datetime.timedelta(days=3650)
"""Longer than any process runs; the key dies with it, and the signature is by an identity that does not expire."""

_KEY_HEAD, _KEY_END = b"\x30\x64\x04\x20", 36
_SIGNATURE_HEAD, _SIGNATURE_START = b"\x04\x40", 38
_EXTENSION_BYTES = 102
"""DER of a sequence of two byte strings, 32 bytes of key and 64 of signature."""


class ForeignCertificateError(Exception):
    """A certificate does not prove who shows it; ends at the edge as a fault of the peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCredentials:
    """What a server shows and proves with.

    Attributes:
        key: Private key in PEM; never written anywhere.
        certificate: In PEM.
    """

    key: bytes = field(repr=False)
    certificate: bytes


def server_credentials(identity: Identity, *, now_s: float) -> ServerCredentials:
    """A new key and a certificate for it.

    Args:
        identity: Who vouches for the key.
        now_s: Seconds since the epoch.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST_NAME)])
    now = datetime.datetime.fromtimestamp(now_s, tz=datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST_NAME)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(EXTENSION, _vouched(identity, key.public_key())), critical=False)
        .sign(key, SHA256())
    )
    return ServerCredentials(
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate=certificate.public_bytes(Encoding.PEM),
    )


def certificate_peer(der: bytes) -> str:
    """The name of the peer that vouches for a certificate.

    That whoever shows it holds its key is for the handshake to prove.

    Args:
        der: The certificate.

    Raises:
        ForeignCertificateError: If nobody does, or the signature is not the identity's.
    """
    if len(der) > MAX_DER_BYTES:
        raise ForeignCertificateError(f"its certificate has {len(der)} bytes, the limit is {MAX_DER_BYTES}")
    try:
        with warnings.catch_warnings():
            # The library warns of odd fields that it still reads. They mean nothing here, and anybody could send them.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            certificate.verify_directly_issued_by(certificate)
            public_key = certificate.public_key()
            value = certificate.extensions.get_extension_for_oid(EXTENSION).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, *_ODDITIES) as error:
        raise ForeignCertificateError("its certificate is not one of an adaptor") from error
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(value, x509.UnrecognizedExtension):
        raise ForeignCertificateError("its certificate is not one of an adaptor")
    return _voucher(value.value, public_key)


_ODDITIES = (
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def _vouched(identity: Identity, key: ec.EllipticCurvePublicKey) -> bytes:
    signature = identity.sign(SIGNED_PREFIX, _spki(key))
    return _KEY_HEAD + identity.public_key + _SIGNATURE_HEAD + signature


def _voucher(value: bytes, key: ec.EllipticCurvePublicKey) -> str:
    head, public_key = value[: len(_KEY_HEAD)], value[len(_KEY_HEAD) : _KEY_END]
    middle, signature = value[_KEY_END:_SIGNATURE_START], value[_SIGNATURE_START:]
    if len(value) != _EXTENSION_BYTES or head != _KEY_HEAD or middle != _SIGNATURE_HEAD:
        raise ForeignCertificateError("the identity in its certificate is malformed")
    if not signed_by(public_key, prefix=SIGNED_PREFIX, message=_spki(key), signature=signature):
        raise ForeignCertificateError("the identity in its certificate did not sign the certificate's key")
    return public_key.hex()


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
