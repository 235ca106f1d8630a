"""The file of callers on a disk: who may read it, what a change of it does, what damage does."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from adaptor.access.access_file import LOOK_INTERVAL_S, AccessFile, LiveRoster, NewCaller
from adaptor.access.roles import Role
from adaptor.access.roster import Evidence
from adaptor.errors import CallerUnknownError, ConflictError, InvalidValueError

DRIVER = NewCaller(name="driver", role=Role.JOB)


class Watch:
    """Time that goes on when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.seconds


@pytest.fixture
def file(tmp_path: Path) -> AccessFile:
    """One that is not there yet."""
    return AccessFile(tmp_path / "access.json", now_s=lambda: 50.0)


def bearer(token: str) -> Evidence:
    """A call with a token."""
    return Evidence(encrypted=True, authorization=(f"Bearer {token}",))


def test_a_token_is_kept_nowhere(file: AccessFile, tmp_path: Path) -> None:
    """And the file is its owner's alone."""
    token = file.add_token(DRIVER)
    path = tmp_path / "access.json"
    assert token.encode() not in path.read_bytes()
    assert token.removeprefix("adaptor_").encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_not_used(file: AccessFile, tmp_path: Path) -> None:
    """Whoever could write it could let himself in."""
    file.add_token(DRIVER)
    (tmp_path / "access.json").chmod(0o640)
    with pytest.raises(InvalidValueError, match=r"^access.file: .* has mode 640.*chmod 600"):
        LiveRoster(tmp_path / "access.json", monotonic_s=Watch())


def test_a_service_without_the_file_is_told_how_to_make_it(tmp_path: Path) -> None:
    """Rather than letting nobody in."""
    with pytest.raises(InvalidValueError, match=r"is not there; `adaptor access add"):
        LiveRoster(tmp_path / "missing.json", monotonic_s=Watch())


def test_a_running_service_takes_changes(file: AccessFile, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Added, revoked, expired by another process: within a second, and a damaged file changes nothing."""
    watch, token = Watch(), file.add_token(DRIVER)
    live = LiveRoster(tmp_path / "access.json", monotonic_s=watch)
    second = file.add_token(NewCaller(name="second", role=Role.OBSERVER, expires_at_s=60.0))
    with pytest.raises(CallerUnknownError):
        live().identify(bearer(second), now_s=55.0)
    watch.seconds += LOOK_INTERVAL_S
    assert live().identify(bearer(second), now_s=55.0).name == "second"
    with pytest.raises(CallerUnknownError, match="has expired"):
        live().identify(bearer(second), now_s=60.0)
    assert [one.name for one in file.revoke("driver")] == ["driver"]
    watch.seconds += LOOK_INTERVAL_S
    with pytest.raises(CallerUnknownError, match="was revoked"):
        live().identify(bearer(token), now_s=55.0)
    (tmp_path / "access.json").write_text("{")
    watch.seconds += LOOK_INTERVAL_S
    with caplog.at_level(logging.ERROR):
        assert live().identify(bearer(second), now_s=55.0).name == "second"
    assert "the callers known before it changed still count" in caplog.text
    (tmp_path / "access.json").unlink()
    watch.seconds += LOOK_INTERVAL_S
    with pytest.raises(CallerUnknownError, match="not known here"):
        live().identify(bearer(second), now_s=55.0)
    assert token not in caplog.text
    assert second not in caplog.text


def test_one_name_has_one_role(file: AccessFile) -> None:
    """Until it is revoked."""
    file.add_token(DRIVER)
    with pytest.raises(ConflictError, match="is known as job; revoke that first"):
        file.add_token(NewCaller(name="driver", role=Role.ADMINISTRATOR))
    file.revoke("driver")
    file.add_token(NewCaller(name="driver", role=Role.OBSERVER))


def test_one_certificate_is_one_caller(file: AccessFile) -> None:
    """Otherwise the file's order would decide."""
    file.add_certificate(DRIVER, fingerprint="ab" * 32)
    with pytest.raises(ConflictError, match="is known already as 'driver'"):
        file.add_certificate(NewCaller(name="other", role=Role.JOB), fingerprint="ab" * 32)


def test_only_one_credential_is_revoked_where_its_id_is_given(file: AccessFile) -> None:
    """The other one of the same caller goes on."""
    old, new = file.add_token(DRIVER), file.add_token(DRIVER)
    entry = file.entries()[0]
    assert old != new
    assert file.revoke(entry.entry_id) == [entry]
    assert [one.revoked_at_s for one in file.entries()] == [50.0, None]
    with pytest.raises(InvalidValueError, match="'nobody' is neither"):
        file.revoke("nobody")
