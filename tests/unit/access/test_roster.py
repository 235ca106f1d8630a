"""Who a caller is, by what it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.access.entries import Proof, entries_json, entries_of
from adaptor.access.roles import Role
from adaptor.access.roster import ClientCertificate, Evidence, Roster
from adaptor.errors import CallerUnknownError, InvalidValueError
from adaptor.testing.callers import an_entry

NOW_S = 1000.0
PRINT = "ab" * 32
CERTIFICATE = ClientCertificate(fingerprint=PRINT, names=("cm.example.org",), expires_at_s=2000.0)
BY_PRINT = an_entry("printed", Role.MANAGER, proof=Proof.FINGERPRINT, value=PRINT)
BY_NAME = an_entry("named", Role.MANAGER, proof=Proof.CERTIFICATE_NAME, value="cm.example.org")


def bearer(token: str, **fields: object) -> Evidence:
    """A call with a token over TLS."""
    return replace(Evidence(encrypted=True, authorization=(f"Bearer {token}",)), **fields)  # type: ignore[arg-type]


def test_a_token_says_who_calls() -> None:
    """In whatever case the scheme is written."""
    driver = an_entry("driver", token="t1")
    roster = Roster([an_entry("other"), driver])
    assert roster.identify(bearer("t1"), now_s=NOW_S) is driver
    assert roster.identify(Evidence(encrypted=True, authorization=("bearer t1",)), now_s=NOW_S) is driver


def test_a_caller_may_have_two_tokens_at_once() -> None:
    """So that one can take the other's place."""
    roster = Roster([an_entry("driver", token="old"), an_entry("driver", token="new")])
    assert {roster.identify(bearer(one), now_s=NOW_S).name for one in ("old", "new")} == {"driver"}


def test_a_certificate_is_known_by_its_fingerprint_before_its_name() -> None:
    """So that one can be revoked although its name is known."""
    shown = Evidence(encrypted=True, certificate=CERTIFICATE)
    assert Roster([BY_NAME]).identify(shown, now_s=NOW_S) is BY_NAME
    assert Roster([BY_NAME, BY_PRINT]).identify(shown, now_s=NOW_S) is BY_PRINT
    with pytest.raises(CallerUnknownError, match="was revoked"):
        Roster([BY_NAME, replace(BY_PRINT, revoked_at_s=1.0)]).identify(shown, now_s=NOW_S)


def test_a_token_counts_more_than_the_certificate_of_the_line() -> None:
    """The certificate only opened it."""
    driver = an_entry("driver", token="t1")
    both = bearer("t1", certificate=CERTIFICATE)
    assert Roster([BY_NAME, driver]).identify(both, now_s=NOW_S) is driver
    with pytest.raises(CallerUnknownError, match="token is not known"):
        Roster([BY_NAME]).identify(both, now_s=NOW_S)


FAULTS: list[tuple[str, Evidence, str]] = [
    ("nothing", Evidence(encrypted=True), "neither a token nor a client certificate"),
    ("unknown token", bearer("secret-guess"), "the token is not known here"),
    ("expired token", bearer("expired"), "the token has expired"),
    ("revoked token", bearer("revoked"), "the token was revoked"),
    ("plain text", bearer("t1", encrypted=False), "came over plain text"),
    ("two headers", Evidence(encrypted=True, authorization=("Bearer t1", "Bearer t1")), "more than one"),
    ("another scheme", Evidence(encrypted=True, authorization=("Basic dDE6",)), "not `Bearer`"),
    ("unknown certificate", Evidence(encrypted=True, certificate=CERTIFICATE), "client certificate is not known"),
    (
        "expired certificate",
        Evidence(encrypted=True, certificate=replace(CERTIFICATE, expires_at_s=999.0)),
        "client certificate has expired",
    ),
]


@pytest.mark.parametrize(("evidence", "problem"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_nobody_is_let_in_by_what_does_not_count(evidence: Evidence, problem: str) -> None:
    """The error says why, and nothing of what was shown."""
    roster = Roster(
        [
            an_entry("driver", token="t1"),
            an_entry("late", token="expired", expires_at_s=NOW_S),
            an_entry("gone", token="revoked", revoked_at_s=1.0),
        ]
    )
    with pytest.raises(CallerUnknownError, match=problem) as caught:
        roster.identify(evidence, now_s=NOW_S)
    assert not any(secret in str(caught.value) for secret in ("secret-guess", "dDE6", "t1"))


def test_a_stream_ends_with_its_credential() -> None:
    """Revoked, expired or taken out of the file."""
    entry = an_entry("watcher", Role.OBSERVER, expires_at_s=2000.0)
    assert Roster([entry]).still_valid(entry, now_s=NOW_S)
    assert not Roster([entry]).still_valid(entry, now_s=2000.0)
    assert not Roster([replace(entry, revoked_at_s=5.0)]).still_valid(entry, now_s=NOW_S)
    assert not Roster([replace(entry, role=Role.JOB)]).still_valid(entry, now_s=NOW_S)
    assert not Roster().still_valid(entry, now_s=NOW_S)


def test_entries_survive_their_file() -> None:
    """All that they hold."""
    entries = [an_entry("driver", expires_at_s=5.0), BY_PRINT, replace(BY_NAME, revoked_at_s=7.5)]
    assert entries_of(entries_json(entries)) == entries


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"version": 2, "entries": []}',
        b'{"version": 1}',
        entries_json([an_entry("driver")]).replace(b"job", b"god"),
        entries_json([an_entry("driver")]).replace(b'"driver"', b'"a driver"'),
        entries_json([BY_PRINT]).replace(b"abab", b"ABAB"),
    ],
)
def test_a_file_that_is_none_is_refused(text: bytes) -> None:
    """Rather than read in part."""
    with pytest.raises(InvalidValueError):
        entries_of(text)
