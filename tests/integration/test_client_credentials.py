"""A job and the command line with good and bad credentials. The job always goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from adaptor.access.roles import Role
from adaptor.cli.attach import attached
from adaptor.client import Credentials, start_run
from adaptor.client.channel import CredentialError, channel_credentials
from adaptor.errors import ServiceCallError
from adaptor.testing.callers import TOKENS, client_pair, guarded
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.values import FLINK_URL
from adaptor.testing.workshop import Workshop


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LoopbackService]:
    """One that asks who calls."""
    made = LoopbackService(Workshop(), entrance=guarded(tmp_path)).start()
    yield made
    made.close()


def credentials(folder: Path, token: str = TOKENS[Role.JOB]) -> Credentials:
    """Files with a token."""
    (folder / "token").write_text(f"{token}\n")
    return Credentials(ca_file=str(folder / "ca.pem"), token_file=str(folder / "token"))


def parallelisms(service: LoopbackService, shown: Credentials | None, *, then: str = "") -> list[int]:
    """What a job of three supersteps ran with; after the first one the token may change."""
    used = []
    with start_run(
        program="kmeans",
        parallelism=1,
        max_supersteps=3,
        max_parallelism=4,
        flink_url=FLINK_URL,
        runtime_target_s=0.001,
        run_id="job",
        address=service.address,
        credentials=shown,
        max_wait_s=5.0,
        max_slot_wait_s=0.0,
    ) as run:
        for superstep in run.supersteps():
            used.append(superstep.parallelism)
            if then and shown is not None:
                Path(shown.token_file).write_text(then)
    return used


def supersteps(service: LoopbackService) -> list[int]:
    """How far the service knows each run."""
    found = service.run(service.shop.engine.runs(limit=10, before=None))
    return [one.supersteps for one in found]


def test_a_job_with_a_token_is_planned(
    service: LoopbackService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an argument, or from files that the environment names."""
    shown = credentials(tmp_path)
    monkeypatch.setenv("ADAPTOR_CA_FILE", shown.ca_file)
    monkeypatch.setenv("ADAPTOR_TOKEN_FILE", shown.token_file)
    parallelisms(service, None)
    assert supersteps(service) == [3]


@pytest.mark.parametrize("token", ["adaptor_wrong", TOKENS[Role.OBSERVER]])
def test_a_job_that_is_not_let_in_goes_on_and_says_so_once(
    service: LoopbackService, tmp_path: Path, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    """With what it has."""
    with caplog.at_level(logging.WARNING, logger="adaptor.client"):
        assert parallelisms(service, credentials(tmp_path, token)) == [1, 1, 1]
    said = [one.message for one in caplog.records if "does not let this job in" in one.message]
    assert len(said) == 1
    assert token not in caplog.text
    assert supersteps(service) == []


def test_a_job_is_let_in_as_soon_as_its_token_is_right(service: LoopbackService, tmp_path: Path) -> None:
    """The file is read at each call, and what was kept is delivered."""
    parallelisms(service, credentials(tmp_path, "adaptor_wrong"), then=TOKENS[Role.JOB])
    assert supersteps(service) == [3]


def test_a_job_goes_on_although_a_file_is_missing(
    service: LoopbackService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It says which; and never speaks plain text instead."""
    with (
        caplog.at_level(logging.WARNING, logger="adaptor.client"),
        start_run(
            program="kmeans",
            parallelism=2,
            max_supersteps=1,
            max_parallelism=4,
            runtime_target_s=1.0,
            address=service.address,
            credentials=Credentials(ca_file=str(tmp_path / "missing.pem"), token_file="none"),
            max_wait_s=0.2,
        ) as run,
    ):
        assert [one.parallelism for one in run.supersteps()] == [2]
    assert "missing.pem cannot be read (No such file" in caplog.text


def test_a_run_is_begun_again_where_the_service_lost_its_state(service: LoopbackService, tmp_path: Path) -> None:
    """A service that asks who calls says no more of an unknown run than that the job has none of that name."""
    with start_run(
        program="kmeans",
        parallelism=1,
        max_supersteps=3,
        max_parallelism=4,
        flink_url=FLINK_URL,
        runtime_target_s=100.0,
        address=service.address,
        credentials=credentials(tmp_path),
        max_wait_s=5.0,
    ) as run:
        for superstep in run.supersteps():
            if superstep.number == 2:
                service.stop()
                service.lose_state(Workshop())
                service.start()
    assert supersteps(service) == [2]


FAULTS = [
    ({"certificate_file": "a"}, "give both or none"),
    ({"ca_file": "nowhere"}, "nowhere cannot be read"),
    ({"ca_file": "junk"}, "junk holds nothing in PEM"),
    ({"token_file": "nowhere"}, "token_file: nowhere cannot be read"),
    ({"token_file": "empty"}, "token_file: empty holds no token"),
    ({"token_file": "binary"}, "token_file: binary cannot be read"),
    ({"token_file": "long"}, "token_file: long holds no token"),
]


@pytest.mark.parametrize(("fields", "problem"), FAULTS, ids=[problem for _, problem in FAULTS])
def test_files_that_cannot_be_used_are_named(
    fields: dict[str, str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never with what they hold."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("junk", b"secret"), ("empty", b" \n"), ("binary", b"\xff\xfe"), ("long", b"x" * 5000)):
        Path(name).write_bytes(content)
    with pytest.raises(CredentialError) as caught:
        channel_credentials(Credentials(**fields))
    assert problem in str(caught.value)


def test_the_command_line_calls_with_credentials(service: LoopbackService, tmp_path: Path) -> None:
    """A token from a file; without one, the reason in one line."""
    shown = credentials(tmp_path, TOKENS[Role.OBSERVER])
    address = ["--service", service.address, "--ca-file", shown.ca_file]
    assert CliRunner().invoke(attached, [*address, "--token-file", shown.token_file, "--json"]).exit_code == 0
    result = CliRunner().invoke(attached, address)
    assert isinstance(result.exception, ServiceCallError)
    assert "neither a token nor a client certificate" in str(result.exception)


def test_the_command_line_shows_a_certificate(service: LoopbackService, tmp_path: Path) -> None:
    """Which the service does not know here, but takes for one of its authority."""
    pair = client_pair("stranger")
    (tmp_path / "c.pem").write_bytes(pair.certificate)
    (tmp_path / "c.key").write_bytes(pair.key)
    options = ["--service", service.mutual_address, "--ca-file", str(tmp_path / "ca.pem")]
    options += ["--certificate-file", str(tmp_path / "c.pem"), "--key-file", str(tmp_path / "c.key")]
    result = CliRunner().invoke(attached, options)
    assert "the client certificate is not known here" in str(result.exception)
