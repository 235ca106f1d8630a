"""`adaptor access` as a new user types it: from nothing to a service that a caller gets into."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adaptor.access.access_file import AccessFile
from adaptor.access.certificates import require_pair
from adaptor.app.access_settings import entrance
from adaptor.app.settings import load_settings
from adaptor.cli.access import access
from adaptor.errors import InvalidValueError


def run(*words: object) -> Result:
    """What the command says."""
    return CliRunner().invoke(access, [str(word) for word in words])


def test_an_authority_and_callers_make_an_entrance(tmp_path: Path) -> None:
    """With the settings that the documentation shows."""
    pki, file = tmp_path / "pki", tmp_path / "access.json"
    assert run("authority", pki, "--host", "127.0.0.1", "--host", "flink.example.org").exit_code == 0
    require_pair(pki / "server.pem", pki / "server.key")
    assert run("issue", pki, "cm-1").exit_code == 0
    assert stat.S_IMODE((pki / "cm-1.key").stat().st_mode) == 0o600
    token = run("add", "driver", "--role", "job", "--file", file).stdout.strip()
    assert token.startswith("adaptor_")
    kept = tmp_path / "token"
    assert token not in run("add", "eye", "--role", "observer", "--token-file", kept, "--file", file).output
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert run("add", "cm", "--role", "manager", "--certificate-name", "cm-1", "--file", file).exit_code == 0
    assert run("add", "cm", "--role", "manager", "--certificate", pki / "cm-1.pem", "--file", file).exit_code == 0
    flags = {
        "tls.certificate": str(pki / "server.pem"),
        "tls.key": str(pki / "server.key"),
        "tls.client_ca": str(pki / "ca.pem"),
        "access.file": str(file),
        "service.mutual_listen": "127.0.0.1:0",
    }
    assert entrance(load_settings(environment={}, flags=flags)).guarded


def test_callers_are_listed_and_revoked(tmp_path: Path) -> None:
    """Those that count no more stay in the list; a token is in none."""
    file = tmp_path / "access.json"
    token = run("add", "driver", "--role", "job", "--expires", "90d", "--file", file).stdout.strip()
    assert run("revoke", "driver", "--file", file).exit_code == 0
    [listed] = json.loads(run("list", "--file", file, "--json").stdout)
    assert (listed["name"], listed["role"], listed["standing"]) == ("driver", "job", "revoked")
    table = run("list", "--file", file).output
    assert "driver" in table
    assert token not in table
    assert len(AccessFile(file, now_s=lambda: 0.0).entries()) == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("add", "driver", "--role", "job"), "name the file of the callers with --file"),
        (("add", "a b", "--role", "job", "--file", "f.json"), "name: must be 1 to 100 letters"),
        (("revoke", "nobody", "--file", "f.json"), "'nobody' is neither a caller"),
        (("issue", ".", "cm"), "holds no authority"),
        (("add", "a", "--role", "job", "--certificate", "none.pem", "--file", "f.json"), "holds no certificate in PEM"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    words: tuple[str, ...], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming the field and the remedy."""
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert isinstance(result.exception, InvalidValueError)
    assert problem in str(result.exception)


def test_a_certificate_is_not_overwritten(tmp_path: Path) -> None:
    """Its key could not be had again."""
    assert run("authority", tmp_path, "--host", "a").exit_code == 0
    assert "is there already" in str(run("authority", tmp_path, "--host", "b").exception)
