"""A certificate proves which identity vouches for its key."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from adaptor.sharing.certificates import (
    EXTENSION,
    SIGNED_PREFIX,
    ForeignCertificateError,
    certificate_peer,
    server_credentials,
)
from adaptor.sharing.identity import Identity

NOW_S = 1_700_000_000.0
IDENTITY = Identity(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = Identity(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def made() -> bytes:
    """A certificate of ours."""
    return ssl.PEM_cert_to_DER_cert(server_credentials(IDENTITY, now_s=NOW_S).certificate.decode())


MADE = made()


def spki(key: Key) -> bytes:
    """What the identity signs."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def with_extensions(key: Key, *values: bytes, signer: Key | None = None) -> bytes:
    """A certificate with other content."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    day = datetime.datetime.fromtimestamp(NOW_S, tz=datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day)
    )
    for value in values:
        builder = builder.add_extension(x509.UnrecognizedExtension(EXTENSION, value), critical=False)
    signing = signer or key
    return builder.sign(signing, None if isinstance(signing, ed25519.Ed25519PrivateKey) else SHA256()).public_bytes(
        Encoding.DER
    )


def vouched(key: Key, *, by: Identity = IDENTITY, named: Identity = IDENTITY, prefix: bytes = SIGNED_PREFIX) -> bytes:
    """The extension's value."""
    return b"\x30\x64\x04\x20" + named.public_key + b"\x04\x40" + by.sign(prefix, spki(key))


KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def test_a_certificate_names_the_identity_that_vouches_for_it() -> None:
    """As does one made by hand in the documented format; each start has a key of its own."""
    assert certificate_peer(MADE) == IDENTITY.peer
    assert certificate_peer(with_extensions(KEY, vouched(KEY))) == IDENTITY.peer
    assert made() != MADE


FOREIGN: dict[str, Callable[[], bytes]] = {
    "no certificate": lambda: b"nonsense",
    "nothing": lambda: b"",
    "too long": lambda: MADE + bytes(20_000),
    "something behind it": lambda: MADE + b"\x00",
    "no identity": lambda: with_extensions(KEY),
    "of another identity": lambda: with_extensions(KEY, vouched(KEY, by=OTHER)),
    "copied onto another key": lambda: with_extensions(OTHER_KEY, vouched(KEY)),
    "another kind of statement": lambda: with_extensions(KEY, vouched(KEY, prefix=b"adaptor log entry 1\x00")),
    "signed by another key": lambda: with_extensions(KEY, vouched(KEY), signer=OTHER_KEY),
    "cut off": lambda: with_extensions(KEY, vouched(KEY)[:-1]),
    "with something more": lambda: with_extensions(KEY, vouched(KEY) + b"\x00"),
    "malformed": lambda: with_extensions(KEY, b"\x31" + vouched(KEY)[1:]),
    "empty": lambda: with_extensions(KEY, b""),
    "another kind of key": lambda: with_extensions(RSA_KEY, vouched(RSA_KEY)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_any_other_certificate_proves_nothing(name: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ForeignCertificateError):
        certificate_peer(FOREIGN[name]())


def test_the_private_key_is_not_printed() -> None:
    """It would end in some log."""
    credentials = server_credentials(IDENTITY, now_s=NOW_S)
    assert "PRIVATE" not in repr(credentials)
    assert b"PRIVATE" in credentials.key


@given(st.integers(0, len(MADE) - 1), st.integers(0, 255))
def test_a_changed_certificate_names_nobody_else(place: int, value: int) -> None:
    """Whichever byte is changed, it names nobody, or the same identity."""
    changed = MADE[:place] + bytes((value,)) + MADE[place + 1 :]
    try:
        assert certificate_peer(changed) == IDENTITY.peer
    except ForeignCertificateError:
        assert changed != MADE


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_without_another_error(data: bytes) -> None:
    """They come from whoever answers at an address."""
    with pytest.raises(ForeignCertificateError):
        certificate_peer(data)
