"""Settings of the metrics, and the port that gives them away."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptor.app.setting import DURATION, TEXT, Setting
from adaptor.metrics.exposition import MetricsServer, Readers
from adaptor.metrics.telemetry import Telemetry
from adaptor.service.server import Entrance, host_and_port

METRICS_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "metrics.listen",
        TEXT,
        "",
        "address and port of the metrics for Prometheus, for example `127.0.0.1:4402`; empty does not listen",
        "nobody should find a port open that he did not ask for; beyond loopback it needs TLS and a token, as calls do",
    ),
    Setting(
        "metrics.refresh_interval",
        DURATION,
        "5s",
        "time between two looks at clusters, streams and sharing",
        "a third of Prometheus' usual 15 s",
    ),
)


def metrics_server(settings: Mapping[str, Any], telemetry: Telemetry, entrance: Entrance) -> MetricsServer:
    """The port that gives the metrics away, with the service's certificate and callers where it has them.

    Raises:
        InvalidValueError: If the address is malformed, or beyond loopback while anybody could read.
        PortInUseError: If the port is taken.
    """
    host, port = host_and_port(settings["metrics.listen"], guarded=entrance.guarded, field="metrics.listen")
    tls = None
    if settings["tls.certificate"]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = (Path(settings[name]).expanduser() for name in ("tls.certificate", "tls.key"))
        tls.load_cert_chain(certificate, key)
    readers = Readers(tls=tls, roster=entrance.roster)
    return MetricsServer(telemetry.registry, host=host, port=port, readers=readers)
