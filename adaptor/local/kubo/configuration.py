"""The configuration of a node: everything that reaches out is named, and off unless the user wants the public network.

Kubo's defaults make a node part of the public IPFS network. What is set here is written again at every start, so that
neither a start that was cut short nor an edit by hand leaves a node more open than it was asked to be; keys that are
not named here keep what they have.

Two settings go beyond privacy. *Bootstrap peers* are found by the log's own address book, not by Kubo. *Providing*
(telling a DHT which blocks are here) is off in private: a block is asked of connected peers, all of whom hold the
log, and announcing thousands of small blocks again and again is a known way to keep a small machine busy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from adaptor.local.kubo.settings import LOOPBACK, KuboSettings

AUTO = "auto"
"""What Kubo replaces by the public network's own lists."""

CONFIGURATION_MODE = 0o600
"""The file holds the node's private key."""

IMPORT_BATCH_NODES = 4_096
"""Blocks that an import writes at once: two of our batches; Kubo's 128 are made for a file per block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a node listens."""

    swarm: int
    api: int


def configured(found: Mapping[str, Any], *, settings: KuboSettings, ports: Ports) -> dict[str, Any]:
    """A configuration with what the settings ask for.

    Args:
        found: What `ipfs init` or an earlier start wrote.
        settings: Of the node.
        ports: Where it is to listen.
    """
    wanted = _merged(_at_any_rate(settings, ports), _public() if settings.public else _private())
    return _merged(found, wanted)


def swarm_addresses(settings: KuboSettings, port: int) -> list[str]:
    """The multiaddrs that a node listens on: TCP alone, which also works within a private swarm."""
    return [f"/ip{ip_address(text).version}/{text}/tcp/{port}" for text in settings.listen]


def environment(settings: KuboSettings, *, repository: str) -> dict[str, str]:
    """What a Kubo process gets to see.

    Args:
        settings: Of the node.
        repository: Its folder.
    """
    return {
        "IPFS_PATH": repository,
        "IPFS_TELEMETRY": "off",
        # Inherited ones would point the node elsewhere.
        "IPFS_HTTP_ROUTERS": "",
        "IPFS_NS_MAP": "",
        # With it, libp2p refuses to start without a key rather than to talk to everybody.
        "LIBP2P_FORCE_PNET": "1" if settings.swarm_key is not None else "0",
        # Otherwise two nodes may listen on one port, and each gets half of the calls.
        "LIBP2P_TCP_REUSEPORT": "false",
        "GOLOG_LOG_LEVEL": "error",
    }


def _at_any_rate(settings: KuboSettings, ports: Ports) -> dict[str, Any]:
    return {
        "Addresses": {
            "API": f"/ip4/{LOOPBACK}/tcp/{ports.api}",
            "Gateway": [],
            "Swarm": swarm_addresses(settings, ports.swarm),
        },
        "API": {"HTTPHeaders": {}, "Authorizations": None},
        "AutoTLS": {"Enabled": False},
        "Datastore": {"StorageMax": f"{settings.storage_max_bytes}B"},
        "Discovery": {"MDNS": {"Enabled": False}},
        "Experimental": {"FilestoreEnabled": False, "Libp2pStreamMounting": False, "P2pHttpProxy": False},
        "Gateway": {"NoFetch": True, "ExposeRoutingAPI": False},
        "HTTPRetrieval": {"Enabled": False},
        "Import": {"BatchMaxNodes": IMPORT_BATCH_NODES, "FastProvideRoot": False, "FastProvideWait": False},
        "Plugins": {"Plugins": {"telemetry": {"Disabled": True, "Config": {"Mode": "off"}}}},
        "Pubsub": {"Enabled": True, "Router": "gossipsub", "DisableSigning": False},
        "Swarm": {
            "ConnMgr": {
                "Type": "basic",
                "LowWater": settings.connections_low,
                "HighWater": settings.connections_high,
            },
            "ResourceMgr": {"Enabled": True, "MaxMemory": f"{settings.memory_max_bytes}B"},
            "RelayService": {"Enabled": False},
            "Transports": {
                "Network": {"QUIC": False, "Websocket": False, "WebTransport": False, "WebRTCDirect": False}
            },
        },
        "Version": {"SwarmCheckEnabled": False},
    }


def _private() -> dict[str, Any]:
    return {
        "AutoConf": {"Enabled": False},
        "AutoNAT": {"ServiceMode": "disabled"},
        "Bootstrap": [],
        "DNS": {"Resolvers": {}},
        "Ipns": {"DelegatedPublishers": []},
        "Peering": {"Peers": []},
        "Provide": {"Enabled": False, "Strategy": "roots"},
        # The LAN's part of the DHT, among connected nodes alone: how pubsub finds further readers of a topic.
        "Routing": {"Type": "dht", "DelegatedRouters": [], "LoopbackAddressesOnLanDHT": True},
        "Swarm": {
            "DisableNatPortMap": True,
            "EnableHolePunching": False,
            "RelayClient": {"Enabled": False},
            "Transports": {"Network": {"Relay": False}},
        },
    }


def _public() -> dict[str, Any]:
    return {
        "AutoConf": {"Enabled": True},
        "AutoNAT": {"ServiceMode": "enabled"},
        "Bootstrap": [AUTO],
        "DNS": {"Resolvers": {".": AUTO}},
        "Ipns": {"DelegatedPublishers": [AUTO]},
        # A record for each batch, not for each block.
        "Provide": {"Enabled": True, "Strategy": "roots"},
        "Routing": {"Type": AUTO, "DelegatedRouters": [AUTO], "LoopbackAddressesOnLanDHT": False},
        "Swarm": {
            "DisableNatPortMap": False,
            "EnableHolePunching": True,
            "RelayClient": {"Enabled": True},
            "Transports": {"Network": {"Relay": True}},
        },
    }


# Tables that are replaced as a whole: what stands in them and is not asked for must go.
_WHOLE = frozenset({"Resolvers", "HTTPHeaders"})


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and name not in _WHOLE:
            merged[name] = _merged(old, value)
        else:
            merged[name] = value
    return merged
