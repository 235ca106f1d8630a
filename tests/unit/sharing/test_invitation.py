"""An invitation is one line: whole, damaged or foreign, and which of these is said."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.errors import InvalidValueError
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.invitation import MAX_CHARACTERS, MAX_PEERS, PREFIX, Invitation, parse_invitation

LOG = cid_of(b"rules")
PEER = "ab" * 32
SECRET = b"s" * 32
PLAIN = Invitation(log_id=LOG, peers=((PEER, "10.0.0.7:4401"),))
FULL = Invitation(
    log_id=LOG,
    peers=((PEER, "10.0.0.7:4401"), ("cd" * 32, "[fd00::7]:4401"), ("ef" * 32, "adaptor.example.org:1")),
    secret=SECRET,
    swarm=("/ip4/10.0.0.7/tcp/4001/p2p/12D3KooWGzBm", "/dns4/kubo/tcp/4001"),
    swarm_key=b"k" * 32,
)

peers = st.lists(
    st.tuples(
        st.binary(min_size=32, max_size=32).map(bytes.hex),
        st.builds("{}:{}".format, st.ip_addresses(v=4).filter(lambda ip: not ip.is_unspecified), st.integers(1, 65535)),
    ),
    max_size=MAX_PEERS,
).map(tuple)
keys = st.none() | st.binary(min_size=32, max_size=32)
invitations = st.builds(
    Invitation,
    log_id=st.binary().map(cid_of),
    peers=peers,
    secret=keys,
    swarm=st.just(("/dns4/kubo/tcp/4001",)),
    swarm_key=keys,
)


def line(body: bytes) -> str:
    """A body with a checksum that is right."""
    check = hashlib.sha256(PREFIX.encode() + body).digest()[:4]
    return PREFIX + base64.b32encode(body + check).decode().lower().rstrip("=")


@given(invitations)
def test_what_is_written_is_read(invitation: Invitation) -> None:
    """And is one line of lower-case letters and digits."""
    text = invitation.text
    assert parse_invitation(text) == invitation
    assert parse_invitation(f"  {text.upper()}\n") == invitation
    assert text.removeprefix(PREFIX).isalnum()


def test_an_ordinary_one_is_short_enough_to_be_sent_in_a_message() -> None:
    """Below 250 characters for one peer."""
    assert len(PLAIN.text) < 250
    assert parse_invitation(FULL.text) == FULL


def test_secrets_are_not_printed() -> None:
    """The text alone holds them; it is made only where it is asked for."""
    for shown in (repr(FULL), str(FULL), f"{FULL}"):
        assert "ssss" not in shown
        assert "kkkk" not in shown
        assert FULL.text not in shown


TEXT = FULL.text
WRONG_LINES = {
    "": "does not begin with adaptor1:",
    "hello": "does not begin with adaptor1:",
    TEXT.removeprefix(PREFIX): "does not begin with adaptor1:",
    TEXT.replace("adaptor1", "adaptor2"): "of version 2, and this adaptor knows version 1",
    PREFIX: "damaged",
    TEXT[:-1]: "damaged",
    TEXT[:-8]: "damaged",
    TEXT + "a": "damaged",
    TEXT[:50] + TEXT[51:]: "damaged",
    TEXT[:60] + ("a" if TEXT[60] != "a" else "b") + TEXT[61:]: "damaged",
    TEXT[:40] + " " + TEXT[40:]: "character 41 cannot be part of it",
    TEXT[:40] + "1" + TEXT[41:]: "character 41 cannot be part of it",
    PREFIX + "a" * MAX_CHARACTERS: "the limit is",
    line(b"nonsense"): "not that of an invitation",
    line(dag_cbor.mapping({"log": dag_cbor.link(LOG)})): "not that of an invitation",
}


@pytest.mark.parametrize(("text", "problem"), WRONG_LINES.items(), ids=range(len(WRONG_LINES)))
def test_a_line_that_is_none_is_refused_and_the_message_says_why(text: str, problem: str) -> None:
    """Without repeating it, as it may hold a secret."""
    with pytest.raises(InvalidValueError, match=problem) as refused:
        parse_invitation(text)
    assert len(text) < 20 or text[9:29] not in str(refused.value)


def body(**changed: bytes) -> bytes:
    """The content of an invitation, with other fields."""
    peer = dag_cbor.array((dag_cbor.byte_string(bytes.fromhex(PEER)), dag_cbor.text("10.0.0.7:4401")))
    fields = {
        "log": dag_cbor.link(LOG),
        "peers": dag_cbor.array([peer]),
        "secret": dag_cbor.NULL,
        "swarm": dag_cbor.array([]),
        "swarm_key": dag_cbor.NULL,
    }
    return dag_cbor.mapping(fields | changed)


def test_the_form_is_the_documented_one() -> None:
    """A second way to write it is refused."""
    assert parse_invitation(line(body())) == PLAIN
    with pytest.raises(InvalidValueError, match="not in the one form"):
        parse_invitation(line(body().replace(b"\x81\x82", b"\x98\x01\x82")))


@pytest.mark.parametrize(
    "changed",
    [
        {"log": dag_cbor.byte_string(b"x")},
        {"log": dag_cbor.NULL},
        {"peers": dag_cbor.text("x")},
        {"peers": dag_cbor.array([dag_cbor.NULL])},
        {"peers": dag_cbor.array([dag_cbor.array([dag_cbor.byte_string(bytes(32))])])},
        {"peers": dag_cbor.array([dag_cbor.array([dag_cbor.byte_string(bytes(31)), dag_cbor.text("a:1")])])},
        {"peers": dag_cbor.array([dag_cbor.array([dag_cbor.byte_string(bytes(32)), dag_cbor.text("a")])])},
        {"secret": dag_cbor.text("x")},
        {"secret": dag_cbor.byte_string(b"x" * 31)},
        {"swarm": dag_cbor.array([dag_cbor.unsigned(1)])},
        {"swarm": dag_cbor.array([dag_cbor.text("no address")])},
        {"swarm_key": dag_cbor.byte_string(b"")},
        {"more": dag_cbor.NULL},
        {"peers": dag_cbor.array([])},
    ],
    ids=str,
)
def test_content_that_makes_no_sense_is_refused(changed: dict[str, bytes]) -> None:
    """Even under a checksum that is right."""
    with pytest.raises(InvalidValueError, match="invitation: "):
        parse_invitation(line(body(**changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"peers": (), "swarm": ()},
        {"peers": ((PEER, "0.0.0.0:4401"),)},
        {"peers": ((PEER, "10.0.0.7:0"),)},
        {"peers": ((PEER, "unix:/tmp/socket"),)},
        {"peers": (("AB" * 32, "10.0.0.7:1"),)},
        {"peers": ((PEER, "10.0.0.7:1"),) * (MAX_PEERS + 1)},
        {"swarm": ("/dns4/kubo",) * 17},
        {"swarm": ("/dns4/" + "k" * 300,)},
        {"secret": b"short"},
        {"log_id": Cid(b"none")},
    ],
    ids=str,
)
def test_one_that_makes_no_sense_is_not_made(changed: dict[str, object]) -> None:
    """The same rules hold for who writes it."""
    with pytest.raises(InvalidValueError, match="invitation: "):
        replace(FULL, **changed)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_any_content_is_read_or_refused(data: bytes) -> None:
    """Nothing else is raised."""
    with pytest.raises(InvalidValueError, match="invitation: "):
        parse_invitation(line(data))
