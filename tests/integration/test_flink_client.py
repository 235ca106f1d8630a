"""The client over loopback HTTP: against the scripted Flink, and against servers that are not Flink at all."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests

from adaptor.errors import FlinkAnswerError, FlinkUnreachableError, PortInUseError, UnknownJobError
from adaptor.experiments.scripted_flink import Fault, Script, ScriptedFlink
from adaptor.flink.client import FlinkClient
from adaptor.flink.values import JobState

JOB_ID = "ab" * 16
TIMEOUT_S = 0.3


@pytest.fixture
def scripted() -> Iterator[ScriptedFlink]:
    with ScriptedFlink() as flink:
        yield flink


@pytest.fixture
def client(scripted: ScriptedFlink) -> Iterator[FlinkClient]:
    with FlinkClient(scripted.url, timeout_s=TIMEOUT_S) as made:
        yield made


@contextlib.contextmanager
def byte_server(answer: bytes, *, every_s: float | None = None) -> Iterator[str]:
    """Give these bytes to whoever connects, whole or one after another, and then wait for the other side to hang up."""
    done = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection = listener.accept()[0]
            with connection:
                connection.recv(65_536)
                if every_s is None:
                    connection.sendall(answer)
                for byte in answer if every_s is not None else b"":
                    connection.sendall(bytes([byte]))
                    if done.wait(every_s):
                        return
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def http(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def ask(url: str, *, max_answer_bytes: int = 100_000) -> None:
    with FlinkClient(url, timeout_s=TIMEOUT_S, max_answer_bytes=max_answer_bytes) as client:
        client.overview()


def test_every_question_is_answered(scripted: ScriptedFlink, client: FlinkClient) -> None:
    assert client.overview().slots_total == 2
    assert [each.resource_id for each in client.task_managers()] == list(scripted.script.resource_ids)
    job = client.job(JOB_ID)
    assert job.state is JobState.FINISHED
    assert [vertex.parallelism for vertex in job.vertices] == [2, 2, 2, 1]
    assert len(client.vertex(JOB_ID, job.vertices[0].vertex_id).subtasks) == 2
    assert client.jobs() == ()


def test_metrics_are_those_of_the_query_before(client: FlinkClient) -> None:
    """As with Flink, the first query is answered with nothing, and starts the fetch."""
    assert client.total_cpu_ns() is None
    first = client.total_cpu_ns()
    second = client.task_manager_cpu_ns("taskmanager-0-0")
    assert first is not None
    assert second is not None
    assert second * 2 > first
    assert client.task_manager_cpu_ns("gone") is None


def test_connections_are_kept_and_shared_by_threads(scripted: ScriptedFlink) -> None:
    """Forty questions from four threads need at most four connections; refusals do not cost a connection either."""
    scripted.play(replace(scripted.script, delay_s=0.002))
    with FlinkClient(scripted.url, timeout_s=5) as client, ThreadPoolExecutor(4) as pool:
        assert len({job.job_id for job in pool.map(client.job, [f"{index:032x}" for index in range(40)])}) == 40
        scripted.play(Script(fault=Fault.UNKNOWN_JOB))
        for _ in range(3):
            with pytest.raises(UnknownJobError):
                client.job(JOB_ID)
    assert len(scripted.asked) == 43
    assert scripted.connections <= 4


@pytest.mark.parametrize("fault", [Fault.LATE, Fault.NEVER])
def test_a_late_answer_is_unreachable(scripted: ScriptedFlink, client: FlinkClient, fault: Fault) -> None:
    scripted.play(Script(fault=fault, late_s=60))
    with pytest.raises(FlinkUnreachableError, match=r"no complete answer within 0.3 s") as raised:
        client.overview()
    assert raised.value.url == scripted.url


def test_a_refused_connection_is_unreachable_until_it_is_accepted_again(
    scripted: ScriptedFlink, client: FlinkClient
) -> None:
    client.overview()
    scripted.play(Script(fault=Fault.REFUSE))
    with pytest.raises(FlinkUnreachableError, match="Connection refused"):
        client.overview()
    scripted.play(Script())
    assert client.overview().flink_version == "2.3.0"


def test_html_is_no_answer(scripted: ScriptedFlink, client: FlinkClient) -> None:
    scripted.play(Script(fault=Fault.HTML))
    with pytest.raises(FlinkAnswerError, match="HTTP 200 with an HTML page"):
        client.job(JOB_ID)


def test_an_internal_error_is_no_answer(scripted: ScriptedFlink, client: FlinkClient) -> None:
    scripted.play(Script(fault=Fault.ERROR500))
    with pytest.raises(FlinkAnswerError, match=r"HTTP 500: .*scripted"):
        client.job(JOB_ID)


def test_an_unknown_job_is_told_apart_from_an_unknown_vertex(scripted: ScriptedFlink, client: FlinkClient) -> None:
    with pytest.raises(FlinkAnswerError, match=r"HTTP 404: .*JobVertex f{32} not found"):
        client.vertex(JOB_ID, "f" * 32)
    scripted.play(Script(fault=Fault.UNKNOWN_JOB))
    with pytest.raises(UnknownJobError, match=JOB_ID):
        client.job(JOB_ID)
    with pytest.raises(UnknownJobError, match=JOB_ID):
        client.vertex(JOB_ID, "0" * 32)


def test_running_comes_before_finished(scripted: ScriptedFlink, client: FlinkClient) -> None:
    scripted.play(Script(fault=Fault.RUNNING_FIRST, running_answers=2))
    assert [client.job(JOB_ID).state.value for _ in range(3)] == ["RUNNING", "RUNNING", "FINISHED"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (http(b"", status="302 Found", headers="Location: http://127.0.0.1:9/\r\n"), "HTTP 302, a redirect"),
        (http(b"{" + b" " * 200_000), "longer than 100000 bytes"),
        (http(b"[]"), "not an object"),
        (http(b"{}"), "taskmanagers is not"),
        (http(b"<html>", status="502 Bad Gateway"), "HTTP 502 with an HTML page"),
        (http(b"{}", status="404 Not Found"), "HTTP 404: no reason given"),
        (http(b"[" * 50_000), "no JSON"),
    ],
)
def test_a_server_that_is_not_flink_is_recognised(answer: bytes, problem: str) -> None:
    with byte_server(answer) as url, pytest.raises(FlinkAnswerError, match=problem):
        ask(url)


def test_an_answer_without_a_length_is_bounded_too() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"4000\r\n%s\r\n" % (b" " * 0x4000) * 20
    with byte_server(chunks) as url, pytest.raises(FlinkAnswerError, match="longer than 100000 bytes"):
        ask(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        http(b"{}").replace(b"Length: 2", b"Length: 20"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nplain",
    ],
)
def test_a_connection_that_breaks_off_is_unreachable(answer: bytes) -> None:
    with byte_server(answer) as url, pytest.raises(FlinkUnreachableError) as raised:
        ask(url)
    assert raised.value.url == url


@pytest.mark.parametrize("answer", [http(b" " * 10_000), b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000, b"H" * 10_000])
def test_an_answer_that_trickles_in_is_bounded_as_a_whole(answer: bytes) -> None:
    """A byte now and then never lets a socket's own timeout come; body, header and status line alike."""
    with (
        byte_server(answer, every_s=TIMEOUT_S / 10) as url,
        pytest.raises(FlinkUnreachableError, match=r"no complete answer within 0.3 s"),
    ):
        ask(url)


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    """Names too long for the domain system are refused without asking it."""
    with pytest.raises(FlinkUnreachableError):
        ask(f"http://{'a' * 64}.invalid:8081")


def test_a_proxy_of_the_environment_is_not_used(
    scripted: ScriptedFlink, client: FlinkClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.overview().slots_total == 2


def test_two_scripted_servers_cannot_share_a_port(scripted: ScriptedFlink) -> None:
    port = int(scripted.url.rpartition(":")[2])
    with pytest.raises(PortInUseError, match=str(port)), ScriptedFlink(port=port):
        pass


def test_a_scripted_process_says_where_it_listens_changes_its_script_and_ends_with_its_parent() -> None:
    """It ends when its standard input is closed, so a benchmark that is killed leaves nothing behind."""
    command = [sys.executable, "-m", "adaptor.experiments.scripted_flink", "--delay", "1ms", "--exit-on-eof"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with FlinkClient(url, timeout_s=5) as client:
            assert client.overview().slots_total == 2
            changes = {"fault": "html", "fault_path": "/jobs/", "slots": 4}
            assert requests.put(f"{url}/scripted", data=json.dumps(changes), timeout=5).status_code == 200
            for nonsense in ('{"fault": "refuse"}', '{"colour": 1}', '{"fault": "?"}', "["):
                assert requests.put(f"{url}/scripted", data=nonsense, timeout=5).status_code == 400
            assert client.overview().slots_total == 8
            with pytest.raises(FlinkAnswerError):
                client.job(JOB_ID)
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_scripted_process_refuses_nonsense() -> None:
    command = [sys.executable, "-m", "adaptor.experiments.scripted_flink", "--delay", "20"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("delay: '20' is not a duration")
