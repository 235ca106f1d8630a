"""This machine's part in a shared log, put together from the settings."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import TypeVar

from adaptor.app.clock import SystemClock
from adaptor.app.settings import Settings
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.digest import Measured, nothing_measured
from adaptor.sharing.grpc.limits import ServerLimits, TransportLimits
from adaptor.sharing.kubo.limits import KuboLimits
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings

B = TypeVar("B", ReplicaLimits, ServerLimits, TransportLimits, KuboLimits)


def participation(
    settings: Settings, *, precedence: Precedence, measured: Measured = nothing_measured
) -> Participation:
    """What takes part in a log, at rest until it is started.

    Args:
        settings: Of everything.
        precedence: Lets barrier calls go first.
        measured: Reads what this machine measured itself.

    Raises:
        InvalidValueError: If a setting makes no sense.
    """
    return Participation(
        settings["service.state_dir"],
        SharingSettings(
            listen=settings["sharing.listen"],
            advertise=settings["sharing.advertise"],
            filter_text=settings["sharing.filter"],
            view=settings["sharing.view"],
            validate=settings["sharing.validate"],
            kubo=settings["kubo.api_url"],
            limits=_bounds(ReplicaLimits, "sharing", settings),
            server_limits=_bounds(ServerLimits, "peer_server", settings),
            transport_limits=_bounds(TransportLimits, "peer_client", settings),
            kubo_limits=_bounds(KuboLimits, "kubo", settings),
        ),
        now_s=SystemClock().now_s,
        chance=random.SystemRandom(),
        precedence=precedence,
        measured=measured,
    )


def _bounds(kind: type[B], table: str, settings: Settings) -> B:
    """Bounds of a kind: each is the setting of the same name in a table, without the unit of seconds."""
    names = [one.name for one in fields(kind)]
    return kind(**{name: settings[f"{table}.{name.removesuffix('_s')}"] for name in names})
