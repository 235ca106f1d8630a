"""Settings of who gets in, and what the server takes from them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptor.app.clock import SystemClock
from adaptor.app.setting import DURATION, INTEGER, TEXT, Setting
from adaptor.errors import InvalidValueError

if TYPE_CHECKING:  # who only reads settings is not to wait for the server
    from adaptor.service.server import Entrance
    from adaptor.service.tls import ServerTls

ACCESS_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "tls.certificate",
        TEXT,
        "",
        "file of the server's certificate in PEM, with those between it and its authority; empty speaks plain text",
        "needed beyond loopback alone; `adaptor access authority` makes one",
    ),
    Setting("tls.key", TEXT, "", "file of its private key in PEM, of mode 600", "as `tls.certificate`"),
    Setting(
        "tls.client_ca",
        TEXT,
        "",
        "file of the authorities in PEM whose certificates clients must show; empty asks for none",
        "tokens need no authority",
    ),
    Setting(
        "access.file",
        TEXT,
        "",
        "file of the callers, of mode 600, which `adaptor access` writes; empty asks nobody who he is",
        "needed beyond loopback alone; on it, whoever may log in is trusted",
    ),
    Setting(
        "access.job_calls_per_second",
        INTEGER,
        "1000",
        "calls a second of one job, or one connection where nobody is asked who he is; 0 limits none",
        "2,000 runs with a barrier every 4 s under one name",
    ),
    Setting(
        "access.calls_per_second",
        INTEGER,
        "100",
        "calls a second of any other caller; 0 limits none",
        "a manager that asks for the demand of ten clusters every second makes 20",
    ),
    Setting(
        "access.failures_per_second",
        INTEGER,
        "10",
        "calls a second from one address that do not show who makes them; 0 limits none",
        "a service with a wrong token, and not a guesser",
    ),
    Setting("access.burst", DURATION, "2s", "seconds of calls that may come at once", "one barrier's wait"),
    Setting(
        "access.refusal_pause",
        DURATION,
        "250ms",
        "how long the refusal of a call too many is held back",
        "a caller that waits for answers then makes four calls a second on each of its lines",
    ),
)


def entrance(settings: Mapping[str, Any], **told: Any) -> Entrance:
    """How callers get in, as the settings have it.

    Args:
        settings: Of everything.
        told: `on_refused` and `on_called` of an entrance, if anybody counts.

    Raises:
        InvalidValueError: If a file cannot be used, or settings do not go together.
    """
    from adaptor.access.access_file import LiveRoster
    from adaptor.service.guard import CallLimits
    from adaptor.service.server import Entrance

    path = settings["access.file"]
    return Entrance(
        clock=SystemClock(),
        tls=_tls(settings),
        roster=LiveRoster(Path(path).expanduser(), monotonic_s=time.monotonic) if path else None,
        limits=CallLimits(
            job_rate_per_s=settings["access.job_calls_per_second"],
            rate_per_s=settings["access.calls_per_second"],
            failure_rate_per_s=settings["access.failures_per_second"],
            burst_s=settings["access.burst"],
            refusal_pause_s=settings["access.refusal_pause"],
        ),
        mutual_listen=settings["service.mutual_listen"],
        **told,
    )


def _tls(settings: Mapping[str, Any]) -> ServerTls | None:
    certificate, key, client_ca = (settings[f"tls.{name}"] for name in ("certificate", "key", "client_ca"))
    if bool(certificate) != bool(key):
        raise InvalidValueError("tls.key" if certificate else "tls.certificate", "must be set with the other one")
    if not certificate:
        if client_ca:
            raise InvalidValueError("tls.certificate", "must be set with tls.client_ca")
        return None
    from adaptor.service.tls import ServerTls, TlsFiles

    authorities = Path(client_ca).expanduser() if client_ca else None
    return ServerTls(
        TlsFiles(certificate=Path(certificate).expanduser(), key=Path(key).expanduser(), client_ca=authorities)
    )
