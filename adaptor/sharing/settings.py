"""What a user decides about sharing."""

from __future__ import annotations

from dataclasses import dataclass, field

from adaptor.errors import InvalidValueError
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.grpc.limits import ServerLimits, TransportLimits
from adaptor.sharing.index.rows import View
from adaptor.sharing.kubo.limits import KuboLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingSettings:
    """Settings of this machine's part in a log.

    Attributes:
        listen: Address and port for peers; empty does not listen.
        advertise: Address and port that peers are told; empty stands for `listen`.
        filter_text: What peers see of each field.
        view: Which contributions models learn from: the value of a `View`.
        validate: Whether contributions are judged here.
        kubo: Address of a Kubo node's API; empty uses none.
        limits: Bounds of the replica.
        server_limits: Bounds on what callers can make this machine do.
        transport_limits: Bounds on what peers can make this machine wait for and take.
        kubo_limits: Bounds of the way over Kubo.
    """

    listen: str = "127.0.0.1:4401"
    advertise: str = ""
    filter_text: str = ""
    view: str = "not_refuted"
    validate: bool = True
    kubo: str = ""
    limits: ReplicaLimits = field(default_factory=ReplicaLimits)
    server_limits: ServerLimits = field(default_factory=ServerLimits)
    transport_limits: TransportLimits = field(default_factory=TransportLimits)
    kubo_limits: KuboLimits = field(default_factory=KuboLimits)

    def __post_init__(self) -> None:
        views = [one.value for one in View]
        if self.view not in views:
            raise InvalidValueError("sharing.view", f"must be one of {', '.join(views)}, got {self.view!r}")
