"""Reads certificates, and makes them where there is no authority to ask: a small one of one's own.

gRPC's BoringSSL takes ECDSA and RSA; what is made here is ECDSA on P-256.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from adaptor.access.private_file import read_private, write_private
from adaptor.access.roster import ClientCertificate
from adaptor.errors import CallerUnknownError, InvalidValueError

BACKDATED = datetime.timedelta(hours=1)
"""For clocks that are behind, as libp2p's certificates have it."""

KEPT_CERTIFICATES = 4096
"""Parsed certificates in memory, about 2 MB: one a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, both in PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"


@lru_cache(maxsize=KEPT_CERTIFICATES)
def client_certificate(pem: bytes) -> ClientCertificate:
    """What a client's certificate says.

    Raises:
        CallerUnknownError: If it cannot be read.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        return ClientCertificate(
            fingerprint=certificate.fingerprint(SHA256()).hex(),
            names=_names(certificate),
            expires_at_s=certificate.not_valid_after_utc.timestamp(),
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise CallerUnknownError("the client certificate cannot be read") from error


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    found: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for kind in (x509.DNSName, x509.UniformResourceIdentifier, x509.RFC822Name):
            found += names.get_values_for_type(kind)
    if not found:
        found = [str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return tuple(found)


def fingerprint_of(path: Path) -> str:
    """SHA-256 of a certificate's DER in hex.

    Raises:
        InvalidValueError: If the file holds no certificate in PEM.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256()).hex()
    except (OSError, ValueError) as error:
        raise InvalidValueError("certificate", f"{path} holds no certificate in PEM") from error


def require_pair(certificate_path: Path, key_path: Path) -> Pair:
    """A server's certificate (with those between it and its authority, if any) and its key.

    Raises:
        InvalidValueError: If a file cannot be used, others may read the key, or the two do not belong together.
    """
    key = read_private(key_path, field="tls.key")
    try:
        certificate = certificate_path.read_bytes()
        shown = x509.load_pem_x509_certificates(certificate)[0].public_key()
    except (OSError, ValueError) as error:
        raise InvalidValueError("tls.certificate", f"{certificate_path} holds no certificate in PEM") from error
    try:
        held = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidValueError("tls.key", f"{key_path} holds no private key in PEM without a password") from error
    kind = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if shown.public_bytes(*kind) != held.public_bytes(*kind):
        raise InvalidValueError("tls.key", f"{key_path} is not the key of the certificate in {certificate_path}")
    return Pair(certificate=certificate, key=key)


def require_authorities(path: Path) -> bytes:
    """Authorities that issue clients' certificates, in PEM.

    Raises:
        InvalidValueError: If the file holds none.
    """
    try:
        held = path.read_bytes()
        x509.load_pem_x509_certificates(held)
    except (OSError, ValueError) as error:
        raise InvalidValueError("tls.client_ca", f"{path} holds no certificates in PEM") from error
    return held


class Authority:
    """Issues certificates.

    Args:
        pair: Its own.

    Raises:
        InvalidValueError: If it is not a certificate and its key.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        try:
            self._certificate = x509.load_pem_x509_certificate(pair.certificate)
            key = load_pem_private_key(pair.key, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InvalidValueError("authority", "is not a certificate and its key in PEM") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise InvalidValueError("authority", "has a key that is not ECDSA")
        self._key = key

    @classmethod
    def new(cls, name: str, *, now_s: float, lifetime_s: float) -> Authority:
        """A new one.

        Args:
            name: Of the authority, for people.
            now_s: Seconds since the epoch.
            lifetime_s: Until it expires; negative for one that has, as tests need.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(
            key_cert_sign=True,
            crl_sign=True,
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(_named(name), key, now_s=now_s, lifetime_s=lifetime_s)
            .issuer_name(_named(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, SHA256())
        )
        return cls(_pair(certificate, key))

    def issue(self, names: Sequence[str], *, client: bool, now_s: float, lifetime_s: float) -> Pair:
        """A certificate for a server or a client.

        Args:
            names: Host names and IP addresses of a server, or the name of a client; the first is its common name.
            client: Whether it is a client's.
            now_s: Seconds since the epoch.
            lifetime_s: Until it expires.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = (
            _builder(_named(names[0]), key, now_s=now_s, lifetime_s=lifetime_s)
            .issuer_name(self._certificate.subject)
            .add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self._key, SHA256())
        )
        return _pair(certificate, key)


def write_pair(pair: Pair, folder: Path, name: str) -> tuple[Path, Path]:
    """Write ``name.pem`` and, of mode 600, ``name.key``.

    Raises:
        InvalidValueError: If one is there already, or cannot be written.
    """
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    for path in (certificate, key):
        if path.exists():
            raise InvalidValueError("folder", f"{path} is there already; move it away first")
    write_private(key, pair.key, field="folder")
    write_private(certificate, pair.certificate, field="folder")
    certificate.chmod(0o644)
    return certificate, key


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, now_s: float, lifetime_s: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.fromtimestamp(now_s, tz=datetime.timezone.utc)
    ends = now + datetime.timedelta(seconds=lifetime_s)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, ends) - BACKDATED)
        .not_valid_after(ends)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate=certificate.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
