"""The key of a replica: made once, kept from others, and never said."""

from __future__ import annotations

import hmac
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adaptor.errors import InvalidValueError, StateDirectoryError
from adaptor.sharing.identity import Identity, load_or_create, signed_by

PREFIX, OTHER_PREFIX = b"test statement 1\x00", b"test statement 2\x00"
SEED = bytes(range(32))


def of_seed(seed: bytes = SEED) -> Identity:
    """An identity that is the same in every run."""
    return Identity(Ed25519PrivateKey.from_private_bytes(seed))


def test_a_new_key_is_kept_in_a_file_that_nobody_else_can_read(tmp_path: Path) -> None:
    """Mode 600 from the first moment, and the same name after a restart; nothing else is left in the folder."""
    path = tmp_path / "state" / "identity.key"
    os.umask(os.umask(0o000))
    made = load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path).peer == made.peer == made.public_key.hex()
    assert [one.name for one in path.parent.iterdir()] == ["identity.key"]
    assert load_or_create(tmp_path / "other.key").peer != made.peer


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    """It says which file, its mode and the remedy, and nothing of the key."""
    path = tmp_path / "identity.key"
    load_or_create(path)
    path.chmod(mode)
    with pytest.raises(StateDirectoryError, match=f"has mode {mode:o}.*chmod 600") as refused:
        load_or_create(path)
    assert path.read_text().splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"nonsense",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        b"x" * 1_000_000,
    ],
    ids=["empty", "nonsense", "no key", "another kind of key", "huge"],
)
def test_a_file_without_such_a_key_is_refused_and_kept(tmp_path: Path, held: bytes) -> None:
    """A damaged key is never replaced in silence: that would be another name."""
    path = tmp_path / "identity.key"
    path.touch(0o600)
    path.write_bytes(held)
    with pytest.raises(StateDirectoryError, match="holds no ed25519 private key"):
        load_or_create(path)
    assert path.read_bytes() == held


def test_a_folder_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    """A file where the folder should be, and a folder where the file should be."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "identity.key", tmp_path):
        with pytest.raises(StateDirectoryError, match="cannot be used"):
            load_or_create(path)


def test_a_key_made_by_somebody_else_in_the_meantime_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that stands in the file counts."""
    path = tmp_path / "identity.key"
    rival: list[Identity] = []
    link = os.link

    def late(source: str, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        rival.append(load_or_create(path))
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    assert load_or_create(path).peer == rival[0].peer
    assert len(list(tmp_path.iterdir())) == 1


def test_a_signature_is_good_for_one_signer_one_kind_and_one_message() -> None:
    """And for nothing else; nonsense is no signature."""
    signer, other = of_seed(), of_seed(bytes(32))
    signature = signer.sign(PREFIX, b"said")

    def good(by: str | bytes, prefix: bytes = PREFIX, message: bytes = b"said", given: bytes = signature) -> bool:
        return signed_by(by, prefix=prefix, message=message, signature=given)

    assert good(signer.peer)
    assert good(signer.public_key)
    assert not good(other.peer)
    assert not good(signer.peer, OTHER_PREFIX)
    assert not good(signer.peer, message=b"said!")
    assert not good(signer.peer, given=signature[:-1])
    assert not good(signer.peer[:-2])
    assert not good("not hex")


@pytest.mark.parametrize("prefix", [b"", b"no end", b"\x00x", b"two\x00ends\x00"])
def test_a_prefix_ends_with_its_only_zero(prefix: bytes) -> None:
    """Else one could be the beginning of another."""
    with pytest.raises(InvalidValueError, match="prefix"):
        of_seed().sign(prefix, b"said")


def test_derived_secrets_stay_the_same_and_differ_by_purpose_and_by_replica() -> None:
    """They are HKDF's, written out here: noise that changed with a release would tell two values of an observation."""
    extracted = hmac.digest(bytes(32), SEED, "sha256")
    expanded = hmac.digest(extracted, b"adaptor derived secret 1\x00noise\x01", "sha256")
    assert of_seed().derive("noise") == expanded
    derived = {of_seed().derive("noise"), of_seed().derive("other"), of_seed(bytes(32)).derive("noise"), SEED}
    assert len(derived) == 4
    assert all(len(one) == 32 for one in derived)


def test_nothing_that_is_printed_holds_the_key() -> None:
    """Neither repr nor str."""
    identity = of_seed()
    assert repr(identity) == str(identity) == f"Identity({identity.peer})"
    assert SEED.hex() not in repr(vars(type(identity)))
