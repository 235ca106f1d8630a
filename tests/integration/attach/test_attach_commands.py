"""`adaptor attach` and its sisters, as processes against a service and a scripted cluster."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from adaptor.testing.attached import JOB

NOWHERE = "127.0.0.1:1"
"""No service listens there."""


@pytest.fixture
def attach(server, tmp_path):
    """Starts `adaptor attach` on the scripted stream, with a service of its own."""
    started = []

    def start(*options: str, job: str | None = JOB) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "adaptor.cli", "attach", server.url, *([job] if job else [])]
        command += ["--service", NOWHERE]
        command += ["--state-dir", str(tmp_path / "state"), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """What a process prints up to a line that holds a text; a silent one is ended after a minute."""
    alarm = threading.Timer(60.0, process.kill)
    alarm.start()
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if text in line:
            break
    alarm.cancel()
    assert text in lines[-1], lines
    return lines


def test_attach_without_a_service_starts_one_says_so_and_lets_go_at_the_end(attach, server, stream):
    """Ctrl-C ends the command, the attachment and the service; the job is as it was."""
    stream.rate = 700.0
    process = attach("--dry-run")
    lines = lines_until(process, "attached to scripted")
    assert "dry run: nothing will be changed" in lines[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert f"no service answers at {NOWHERE}: one is started" in errors
    assert "the job goes on as it is" in errors
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]


def test_attach_all_looks_after_the_jobs_that_the_rules_select(attach, server, stream, tmp_path):
    """One line a news, with its job; Ctrl-C lets go of all."""
    stream.rate = 700.0
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nselect = "scr*"\ndry_run = true\ntarget = ["utilisation=0.6"]\n')
    process = attach("--all", "--rules", str(rules), job=None)
    lines = lines_until(process, "scripted-11111111: attached to scripted")
    assert f"looking after the jobs of {server.url} that 1 rule select" in lines[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "let go of 1 jobs" in errors) == (0, True), errors


def test_attach_with_json_prints_one_object_a_line(attach, stream):
    """For programs: the attachment first, then the news."""
    process = attach("--dry-run", "--json")
    attached = json.loads(lines_until(process, "attachment")[-1])["attachment"]
    assert (attached["job_id"], attached["flink_version"]) == (JOB, "2.3.0")
    assert json.loads(lines_until(process, "text")[-1])["text"] == "attached to scripted"


def test_a_command_that_is_killed_leaves_no_service_behind(attach, server, stream):
    """The service notices that nobody holds its standard input any more."""
    stream.rate = 700.0
    process = attach("--dry-run")
    lines_until(process, "attached to scripted")
    (service,) = psutil.Process(process.pid).children()
    process.kill()
    service.wait(timeout=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://127.0.0.1:1", JOB], "cannot be reached"),
        (["http://169.254.169.254", JOB], "link-local"),
        (["ftp://host", JOB], "must be the http or https address"),
        (["http://127.0.0.1:1", JOB, "--target", "speed=3"], "is none of utilisation="),
        (["http://127.0.0.1:1", JOB, "--target", "utilisation=2"], "utilisation"),
        (["http://127.0.0.1:1"], "or --all for every job"),
        (["http://127.0.0.1:1", JOB, "--jar", "job.jar"], "--allow-resubmit"),
        (["http://127.0.0.1:1", JOB, "--allow-resubmit"], "give the jar"),
    ],
)
def test_bad_input_ends_with_one_line_that_names_the_remedy(arguments, message, tmp_path):
    """Exit code 2, and no service is left behind."""
    command = [sys.executable, "-m", "adaptor.cli", "attach", *arguments, "--service", NOWHERE]
    done = subprocess.run(
        [*command, "--state-dir", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


def test_without_a_service_the_other_commands_say_what_to_do(tmp_path):
    """Nothing is attached where nothing runs."""
    done = subprocess.run(
        [sys.executable, "-m", "adaptor.cli", "attached", "--service", NOWHERE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "adaptor serve" in done.stderr) == (2, True)
