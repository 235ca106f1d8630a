"""An HTTP server that answers like Flink's REST API, at the speed and with the faults that a script asks for.

Tests run it in a thread; a benchmark runs it as a process of its own, so that both do not share an interpreter lock::

    python -m adaptor.experiments.scripted_flink --port 0 --delay 20ms

prints its address on one line when it listens and ends on SIGTERM or SIGINT, with ``--exit-on-eof`` also when its
standard input is closed: a parent that is killed leaves nothing behind. ``PUT /scripted`` with a JSON object of
fields of `Script` changes the script at run time, for example ``{"fault": "late", "late_s": 3}``.

Its TaskManager metrics are as stale as Flink's: a query is answered from what was fetched before, and only then,
and at most once per interval, is the present state fetched. The first query is answered with nothing.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from adaptor.domain.duration import parse_duration_s
from adaptor.errors import AdaptorError, InvalidValueError, PortInUseError
from adaptor.experiments import scripted_answers as answers
from adaptor.experiments.scripted_answers import Document, Fault, Script, StaleCpuCounters

__all__ = ["Fault", "Script", "ScriptedFlink", "changed_script", "main"]

_LOOPBACK = "127.0.0.1"
_REMEMBERED = 10_000
"""Paths, and jobs whose answers are counted for `Fault.RUNNING_FIRST`; the longest untouched ones are forgotten."""
_SHUTDOWN_POLL_S = 0.02
_HTML = b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"
_TASK_MANAGER_METRICS = re.compile(r"/taskmanagers/([^/]+)/metrics")
_JOB = re.compile(r"/jobs/([0-9a-f]{32})(?:/vertices/([0-9a-f]{32}))?")


class ScriptedFlink:
    """The server; a context manager that listens inside its block.

    Args:
        script: How to behave at first.
        port: Where to listen; 0 takes a free port.
    """

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self._script = script or Script()
        self._port = port
        self._server: _Server | None = None
        self._metrics = StaleCpuCounters(started_s=time.monotonic())
        self._lock = threading.Lock()
        self._running_answers: collections.OrderedDict[str, int] = collections.OrderedDict()
        self.asked: collections.deque[str] = collections.deque(maxlen=_REMEMBERED)
        """Paths that were asked for, latest last."""
        self.connections = 0
        """Connections accepted so far."""

    def __enter__(self) -> ScriptedFlink:
        self.play(self._script)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Base address, also while connections are refused."""
        return f"http://{_LOOPBACK}:{self._port}"

    @property
    def script(self) -> Script:
        """How it behaves now."""
        return self._script

    def play(self, script: Script) -> None:
        """Behave like this from now on; under `Fault.REFUSE` nothing listens any more.

        Raises:
            PortInUseError: The port is taken.
        """
        self._script = script
        if script.fault is Fault.REFUSE:
            self.close()
        elif self._server is None:
            self._server = _Server(self, self._port)
            self._port = self._server.server_address[1]
            self._server.serve_in_thread()

    def close(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def answer(self, path: str, *, wait: Callable[[float | None], object]) -> tuple[int, bytes]:
        """Return status and body for one GET.

        Args:
            path: Path with query.
            wait: Waits so many seconds, for ever if ``None``, but not longer than the server lives.
        """
        self.asked.append(path)
        script = self._script
        if script.delay_s:
            wait(script.delay_s)
        fault = script.fault if script.fault_path in path else Fault.NONE
        if fault is Fault.NEVER:
            wait(None)
        if fault is Fault.LATE:
            wait(script.late_s)
        if fault is Fault.HTML:
            return 200, _HTML
        if fault is Fault.ERROR500:
            return 500, json.dumps(answers.errors("scripted")).encode()
        status, document = self._document(path, script, fault)
        return status, json.dumps(document).encode()

    def _document(self, path: str, script: Script, fault: Fault) -> tuple[int, Document]:
        path = path.partition("?")[0]
        if path in answers.PLAIN:
            return 200, answers.PLAIN[path](script)
        if path == "/taskmanagers/metrics":
            return 200, answers.metric_sum(list(self._cpu_ns(script).values()))
        if match := _TASK_MANAGER_METRICS.fullmatch(path):
            return 200, answers.metric(self._cpu_ns(script).get(match[1]))
        if match := _JOB.fullmatch(path):
            return self._job_document(script, fault, job_id=match[1], vertex_id=match[2])
        return 404, answers.errors(f"Not found: {path}")

    def _cpu_ns(self, script: Script) -> dict[str, int]:
        with self._lock:
            return self._metrics.ask(script, now_s=time.monotonic())

    def _job_document(
        self, script: Script, fault: Fault, *, job_id: str, vertex_id: str | None
    ) -> tuple[int, Document]:
        if fault is Fault.UNKNOWN_JOB:
            return 404, answers.errors(f"Job {job_id} not found")
        if vertex_id is None:
            running = fault is Fault.RUNNING_FIRST and self._still_running(job_id, script.running_answers)
            return 200, answers.job(script, job_id=job_id, running=running)
        document = answers.vertex(script, vertex_id=vertex_id)
        return (200, document) if document else (404, answers.errors(f"JobVertex {vertex_id} not found"))

    def _still_running(self, job_id: str, answers_first: int) -> bool:
        with self._lock:
            given = self._running_answers.pop(job_id, 0)
            self._running_answers[job_id] = given + 1
            if len(self._running_answers) > _REMEMBERED:
                self._running_answers.popitem(last=False)
            return given < answers_first


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() joins them
    request_queue_size = 128

    def __init__(self, flink: ScriptedFlink, port: int) -> None:
        self.flink = flink
        self.ending = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        try:
            super().__init__((_LOOPBACK, port), _Handler)
        except OSError as error:
            raise PortInUseError(f"port: {_LOOPBACK}:{port} cannot be listened on ({error.strerror})") from error
        self._thread = threading.Thread(target=self.serve_forever, args=(_SHUTDOWN_POLL_S,), name="scripted-flink")

    def serve_in_thread(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.ending.set()
        self.shutdown()
        self._thread.join()
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `end` can wake the thread that will read from it."""
        with self._connections_lock:
            self._connections.add(request)
        self.flink.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: giving up on a late answer is what they are tested for."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._send(*self.server.flink.answer(self.path, wait=self.server.ending.wait))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.server.flink.play(changed_script(self.server.flink.script, json.loads(body)))
        except (AdaptorError, ValueError) as error:
            self._send(400, json.dumps(answers.errors(str(error))).encode())
        else:
            self._send(200, b"{}")

    def _send(self, status: int, body: bytes) -> None:
        """Write head and body at once: two writes would be two packets, and two wake-ups of the client."""
        kind = "text/html" if body is _HTML else "application/json; charset=UTF-8"
        head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode("ascii") + body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def changed_script(script: Script, changes: dict[str, Any]) -> Script:
    """Return the script with the fields that a ``PUT /scripted`` names.

    Raises:
        InvalidValueError: A field is unknown, or connections would be refused, which nothing could take back.
    """
    unknown = set(changes) - {field.name for field in fields(Script)}
    if unknown:
        raise InvalidValueError(sorted(unknown)[0], "is no field of a script")
    if "fault" in changes:
        changes = {**changes, "fault": Fault(changes["fault"])}
    if changes.get("fault") is Fault.REFUSE:
        raise InvalidValueError("fault", "refuse can only be set in process; end the process instead")
    return replace(script, **changes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="scripted_flink", description="Answers like Flink's REST API")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", default="0s", help="before each answer, for example 20ms")
    parser.add_argument("--task-managers", type=int, default=Script().task_managers)
    parser.add_argument("--slots", type=int, default=Script().slots, help="of each TaskManager")
    parser.add_argument("--vertices", type=int, default=Script().vertices)
    parser.add_argument("--parallelism", type=int, default=Script().parallelism)
    parser.add_argument("--duration", default="10s", help="of every job, for example 90s")
    parser.add_argument("--exit-on-eof", action="store_true", help="end when standard input is closed")
    options = parser.parse_args(arguments)
    ending = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    try:
        script = Script(
            delay_s=parse_duration_s(options.delay, field="delay"),
            task_managers=options.task_managers,
            slots=options.slots,
            vertices=options.vertices,
            parallelism=options.parallelism,
            duration_s=parse_duration_s(options.duration),
        )
        with ScriptedFlink(script, port=options.port) as flink:
            sys.stdout.write(f"{flink.url}\n")
            sys.stdout.flush()
            if options.exit_on_eof:
                threading.Thread(target=_end_on_eof, daemon=True).start()
            signal.sigwait(ending)
    except AdaptorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _end_on_eof() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
