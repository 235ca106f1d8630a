"""Serves a `ScriptedStreams` on loopback; a process of its own for benchmarks, a thread for tests.

    python -m adaptor.experiments.scripted_stream_server --jobs 200

prints its address on one line and ends on SIGTERM, SIGINT, or when its standard input is closed.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from adaptor.experiments.scripted_stream import VERTEX_IDS, ScriptedStream, ScriptedStreams, Text

_LOOPBACK = "127.0.0.1"


class ScriptedStreamServer:
    """The server; a context manager that listens inside its block.

    Args:
        streams: What it answers with.
        port: Where to listen; 0 takes a free port.

    Attributes:
        streams: What it answers with; changed under `lock`.
        lock: Held while a request is answered.
        silent: While set, connections are closed without an answer, as by a cluster that is gone.
        silent_once: Methods whose next request is carried out and not answered.
    """

    def __init__(self, streams: ScriptedStreams, *, port: int = 0) -> None:
        self.streams = streams
        self.lock = threading.Lock()
        self.silent = threading.Event()
        self.silent_once: set[str] = set()
        self._server = _Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scripted streams")

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://{_LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedStreamServer:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: ScriptedStreamServer, port: int) -> None:
        self.owner = owner
        super().__init__((_LOOPBACK, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer("GET")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def _answer(self, method: str) -> None:
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if owner.silent.is_set():
            self.close_connection = True
            return
        with owner.lock:
            document = json.loads(body) if body else None
            status, answer = owner.streams.answer(method, self.path, document, now_s=time.time())
            if method in owner.silent_once:
                owner.silent_once.discard(method)
                self.close_connection = True
                return
        self._send(status, (answer if isinstance(answer, Text) else json.dumps(answer)).encode())

    def _send(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


SUPERSTEP_S = 10.0
"""Seconds of a superstep of a scripted job: twice the least time between two barriers."""

RATE = 700.0
"""Records a second of a scripted stream, of which a subtask could process 1,000: what is wanted as delivered."""


def many_streams(jobs: int, *, with_supersteps: int = 0) -> ScriptedStreams:
    """A cluster of so many streams, each within its band, of which the first so many tell supersteps."""
    now_s = time.time()
    ids = [f"{number:032x}" for number in range(1, jobs + 1)]
    streams = {
        job_id: ScriptedStream(
            job_id=job_id,
            name=f"stream-{number}",
            rate=RATE,
            superstep_records=RATE * SUPERSTEP_S if number < with_supersteps else 0.0,
            parallelism=dict.fromkeys(VERTEX_IDS, 1),
            created_s=now_s,
            began_s=now_s,
            looked_s=now_s,
        )
        for number, job_id in enumerate(ids)
    }
    return ScriptedStreams(streams=streams, slots=2 * jobs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the standard input is closed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--with-supersteps", type=int, default=0)
    options = parser.parse_args(arguments)
    with ScriptedStreamServer(many_streams(options.jobs, with_supersteps=options.with_supersteps)) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
