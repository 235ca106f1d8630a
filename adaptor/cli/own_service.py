"""A service for the time of one command, where none runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
import grpc

from adaptor.app.setting import variable_of
from adaptor.cli.calling import channel_to
from adaptor.errors import ServiceCallError

STOP_S = 10.0
"""Longest wait for the service to end in order; its own grace is 2 s."""

_GUARDED = ("access.file", "tls.certificate", "tls.key", "tls.client_ca", "service.mutual_listen", "metrics.listen")

PROBE_S = 1.0
"""Longest wait for a sign of a running service; loopback answers in milliseconds."""


@contextmanager
def running_service(address: str, *, serve_options: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The address of a running service, and whether it was started for the time of the block.

    Args:
        address: Where one may run.
        serve_options: Of `adaptor serve`, should one have to be started.

    Raises:
        ServiceCallError: If none runs and none can be started.
    """
    if _answers(address):
        yield address, False
        return
    click.echo(f"no service answers at {address}: one is started for the time of this command", err=True)
    command = [sys.executable, "-m", "adaptor.cli", "serve", "--listen", "127.0.0.1:0", "--exit-on-eof"]
    command += serve_options
    # Nobody else is to call it, so it asks nobody who he is, whatever the settings say of a service that goes on.
    environment = {**os.environ, **dict.fromkeys(map(variable_of, _GUARDED), "")}
    # A session of its own: Ctrl-C reaches this command alone, which lets go of the stream before the service ends.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )
    try:
        own = process.stdout.readline().strip() if process.stdout else ""
        if not own:
            raise ServiceCallError("service: none runs, and none could be started; the lines above say why")
        yield own, True
    finally:
        _end(process)


def _answers(address: str) -> bool:
    with channel_to(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=PROBE_S)
        except grpc.FutureTimeoutError:
            return False
    return True


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
