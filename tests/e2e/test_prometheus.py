"""A real Prometheus scrapes a real service, and everything that is delivered for it is tried on it.

Runs where the binaries are: Debian and others have them as the package `prometheus`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from click.testing import CliRunner

from adaptor.api.v1 import clusters_pb2, clusters_pb2_grpc, runs_pb2_grpc
from adaptor.cli.access import access
from adaptor.client import Credentials
from adaptor.client.channel import open_channel
from adaptor.testing.calls import finish, report, start_without

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason="there is no Prometheus on this machine"),
]

LONGEST_WAIT_S = 120.0
"""For whatever comes within seconds on a machine that is not loaded."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        return int(holder.getsockname()[1])


@contextmanager
def process(*words: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process for the time of the block."""
    with log.open("w") as out:
        started = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=out, text=True, env={**os.environ, **environment}
        )
        try:
            yield started
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(30.0)
            if started.stdout:
                started.stdout.close()


class Prometheus:
    """A running one, asked over its API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        answer = requests.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, query: str) -> float | None:
        """The one value of a query; ``None`` if it has none yet."""
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def until(self, query: str, wanted: float) -> None:
        """Wait for a value."""
        deadline, seen = time.monotonic() + LONGEST_WAIT_S, None
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                seen = self.value(query)
            if seen == wanted:
                return
            time.sleep(0.2)
        raise AssertionError(f"{query} never was {wanted}, last seen was {seen}")


def configuration(folder: Path, target: str) -> Path:
    """The delivered configuration, with this target, TLS and a token, and a shorter interval."""
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    text = text.replace("127.0.0.1:4402", target).replace("_interval: 15s", "_interval: 1s")
    text = re.sub(r"(?m)^    # (scheme|tls_config|  ca_file|authorization|  credentials_file)", r"    \1", text)
    text = text.replace("/etc/prometheus/adaptor-ca.pem", str(folder / "pki" / "ca.pem"))
    text = text.replace("/etc/prometheus/adaptor.token", str(folder / "eye.token"))
    shutil.copy(ROOT / "deploy" / "prometheus" / "alerts.yml", folder)
    (folder / "prometheus.yml").write_text(text)
    return folder / "prometheus.yml"


def let_in(folder: Path) -> dict[str, str]:
    """An authority and callers, made as a new user makes them; the service's environment."""
    file = str(folder / "access.json")
    CliRunner().invoke(access, ["authority", str(folder / "pki"), "--host", "127.0.0.1"], catch_exceptions=False)
    for name, role in (("eye", "observer"), ("root", "administrator")):
        words = ["add", name, "--role", role, "--file", file, "--token-file", str(folder / f"{name}.token")]
        CliRunner().invoke(access, words, catch_exceptions=False)
    return {
        "ADAPTOR_TLS_CERTIFICATE": str(folder / "pki" / "server.pem"),
        "ADAPTOR_TLS_KEY": str(folder / "pki" / "server.key"),
        "ADAPTOR_ACCESS_FILE": file,
        "ADAPTOR_METRICS_LISTEN": f"127.0.0.1:{free_port()}",
        "ADAPTOR_METRICS_REFRESH_INTERVAL": "200ms",
        "ADAPTOR_SERVICE_STATE_DIR": str(folder / "state"),
        "ADAPTOR_SHARING_LISTEN": "",
    }


def use(channel: grpc.Channel) -> None:
    """A run of one superstep, and a cluster."""
    runs = runs_pb2_grpc.RunServiceStub(channel)
    runs.StartRun(start_without("flink_url"), timeout=30)
    runs.ReportBarrier(report(1), timeout=30)
    runs.FinishRun(finish(), timeout=30)
    spec = clusters_pb2.ClusterSpec(cluster_id="night", flink_url="http://127.0.0.1:1")
    request = clusters_pb2.RegisterClusterRequest(spec=spec, capacity_slots=8)
    clusters_pb2_grpc.ClusterServiceStub(channel).RegisterCluster(request, timeout=30)


def test_a_real_prometheus_reads_a_real_service(tmp_path: Path) -> None:
    """Over TLS with a token; every query of the dashboard and every rule is understood."""
    environment = let_in(tmp_path)
    target, port = environment["ADAPTOR_METRICS_LISTEN"], free_port()
    serve = [sys.executable, "-m", "adaptor.cli", "serve", "--listen", "127.0.0.1:0"]
    scrape = [
        str(PROMETHEUS),
        f"--config.file={configuration(tmp_path, target)}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    shown = Credentials(ca_file=str(tmp_path / "pki" / "ca.pem"), token_file=str(tmp_path / "root.token"))
    with process(*serve, log=tmp_path / "service.log", **environment) as service:
        address = service.stdout.readline().strip() if service.stdout else ""
        with process(*scrape, log=tmp_path / "prometheus.log"), open_channel(address, shown) as channel:
            use(channel)
            prometheus = Prometheus(port)
            prometheus.until('up{job="adaptor"}', 1)
            prometheus.until("adaptor_runs_started_total", 1)
            prometheus.until('adaptor_runs_ended_total{state="finished"}', 1)
            prometheus.until("adaptor_barrier_duration_seconds_count", 1)
            prometheus.until('adaptor_cluster_capacity_slots{cluster="night"}', 8)
            for query in _dashboard_queries():
                prometheus.ask("query", query=query)
            groups = prometheus.ask("rules")["groups"]
            assert [rule["health"] for group in groups for rule in group["rules"] if rule["health"] == "err"] == []
        text = _exposed(tmp_path, target)
    checked = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def _exposed(folder: Path, target: str) -> str:
    token = (folder / "eye.token").read_text().strip()
    headers, ca = {"Authorization": f"Bearer {token}"}, str(folder / "pki" / "ca.pem")
    return requests.get(f"https://{target}/metrics", headers=headers, verify=ca, timeout=10).text


def _dashboard_queries() -> list[str]:
    panels = json.loads((ROOT / "deploy" / "grafana" / "adaptor.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    for variable, value in (("$__rate_interval", "1m"), ("$instance", ".*"), ("$cluster", ".*")):
        queries = [one.replace(variable, value) for one in queries]
    return queries


@pytest.mark.parametrize("words", [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"]])
def test_what_is_delivered_is_understood(words: list[str]) -> None:
    """By Prometheus' own tool."""
    folder = ROOT / "deploy" / "prometheus"
    checked = subprocess.run([str(PROMTOOL), *words], cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
