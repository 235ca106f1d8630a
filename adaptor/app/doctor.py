"""Looks at what adaptor needs on this machine, and says what to do about what is missing."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adaptor.app.settings import Settings
from adaptor.errors import AdaptorError
from adaptor.flink.client import FlinkClient
from adaptor.local.distribution import find_distribution
from adaptor.local.java import find_java
from adaptor.store.run_file import FILE_NAME, RunFile
from adaptor.store.state_directory import running_service


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        ok: Whether adaptor can work with it.
        text: What was found, and the remedy if it is not ok.
    """

    name: str
    ok: bool
    text: str


def findings(settings: Settings, *, flink_url: str = "") -> Iterator[Finding]:
    """What there is.

    Args:
        settings: Of the service that would run here.
        flink_url: A cluster to look at; empty looks at none.
    """
    yield _found("java", _java)
    yield _found("flink", lambda: f"{find_distribution().folder}, the embedded distribution")
    yield _found("state directory", lambda: _state_directory(settings["service.state_dir"]))
    yield _found("port", lambda: _port(settings["service.listen"]))
    if flink_url:
        yield _found("cluster", lambda: _cluster(flink_url, settings["flink.timeout"]))


def _found(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, ok=True, text=look())
    except AdaptorError as error:
        return Finding(name=name, ok=False, text=str(error))


def _java() -> str:
    java = find_java()
    return f"Java {java.version} from {java.origin} ({java.executable}), for the embedded Flink"


def _state_directory(path: Path) -> str:
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        raise AdaptorError(f"state_dir: {nearest} cannot be written; give a writable --state-dir")
    if not (path / FILE_NAME).exists():
        return f"{path} is free to use"
    RunFile(path, read_only=True).close()
    holder = running_service(path)
    return f"{path} is sound" + (f", used by the running service {holder}" if holder else "")


def _port(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        if port != "0" and probe.connect_ex((host, int(port))) == 0:
            return f"{listen} answers: a service runs there"
    return f"{listen} is free"


def _cluster(flink_url: str, timeout_s: float) -> str:
    with FlinkClient(flink_url, timeout_s=timeout_s) as client:
        overview = client.overview()
    return (
        f"Flink {overview.flink_version} at {flink_url}: {overview.task_managers} TaskManagers, "
        f"{overview.slots_available} of {overview.slots_total} slots free"
    )
