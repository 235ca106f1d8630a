"""What can be set about a Kubo node, with the origin of every default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path

from adaptor.domain.checks import require_positive
from adaptor.errors import InvalidValueError

LOOPBACK = "127.0.0.1"
LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class KuboSettings:
    """Reach, size and bounds of one node.

    Attributes:
        listen: Addresses on which other nodes may reach this one; loopback alone unless somebody says otherwise. The
            API, through which the node is commanded, stays on loopback whatever stands here.
        swarm_port: Port for other nodes; 0 takes the one of the last start, or a free one.
        api_port: Port of the API; 0 as above.
        swarm_key: File with the key of a private swarm, which nodes without it cannot talk to; none if missing.
        public: Whether to join the public IPFS network: its bootstrap peers, its DHT, its relays.
        storage_max_bytes: Size of the repository above which Kubo collects what nobody pinned: bounds what strangers
            can make it hold. 10,000 entries of 500 bytes took 5 MB.
        memory_max_bytes: Most memory for connections. A node that gave and took 10,000 blocks had 115 MB in all.
        connections_low: Connections that are kept when there are too many. The log tells news to a handful of
            neighbours; the rest is reserve.
        connections_high: Connections above which idle ones are closed.
        start_timeout_s: Longest wait until the API answers. 0.2 s on two busy cores; a slow disk, or a
            repository that a newer Kubo has to migrate, may take a hundred times that.
        stop_timeout_s: Longest wait after TERM before KILL, and after KILL. Kubo ended within 0.1 s.
        init_timeout_s: Longest wait for a command of the `ipfs` program that makes a repository; takes about 0.3 s.
        api_timeout_s: Longest wait for one answer of the API about the node itself; loopback answers in milliseconds.
        poll_interval_s: Pause between two looks at the API or at the process table.
    """

    listen: tuple[str, ...] = (LOOPBACK,)
    swarm_port: int = 0
    api_port: int = 0
    swarm_key: Path | None = None
    public: bool = False
    storage_max_bytes: int = 2_000_000_000
    memory_max_bytes: int = 268_435_456
    connections_low: int = 24
    connections_high: int = 64
    start_timeout_s: float = 30.0
    stop_timeout_s: float = 10.0
    init_timeout_s: float = 30.0
    api_timeout_s: float = 5.0
    poll_interval_s: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what makes no sense, and a public node that only looks private."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and "port" not in field.name:
                require_positive(field.name, value)
        for name in ("swarm_port", "api_port"):
            if not 0 <= getattr(self, name) <= LARGEST_PORT:
                raise InvalidValueError(name, f"must lie between 0 and {LARGEST_PORT}, got {getattr(self, name)}")
        if not self.listen:
            raise InvalidValueError("listen", "must name an address, such as 127.0.0.1")
        for text in self.listen:
            _require_address(text)
        if self.connections_high <= self.connections_low:
            raise InvalidValueError("connections_high", f"must be above connections_low ({self.connections_low})")
        if self.public and self.swarm_key is not None:
            raise InvalidValueError("public", "a node with a swarm key cannot join the public network; choose one")

    @property
    def beyond_loopback(self) -> bool:
        """Whether other machines can reach the node."""
        return self.public or any(not ip_address(text).is_loopback for text in self.listen)


def _require_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError as error:
        raise InvalidValueError("listen", f"{text!r} is not an IP address, such as 127.0.0.1 or 0.0.0.0") from error
