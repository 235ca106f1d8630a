"""This machine's part in a shared log, put together from the settings."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

from adaptor.app.clock import SystemClock
from adaptor.app.settings import Settings
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.digest import Measured, nothing_measured
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings


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
            kubo=settings["sharing.kubo"],
            limits=replica_limits(settings),
        ),
        now_s=SystemClock().now_s,
        chance=random.SystemRandom(),
        precedence=precedence,
        measured=measured,
    )


def replica_limits(settings: Settings) -> ReplicaLimits:
    """The bounds of a replica: each is the setting of the same name, without the unit."""
    values: dict[str, Any] = {}
    for one in fields(ReplicaLimits):
        values[one.name] = settings[f"sharing.{one.name.removesuffix('_s')}"]
    return ReplicaLimits(**values)
