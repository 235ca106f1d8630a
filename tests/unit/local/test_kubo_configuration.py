"""A node is private unless its user asks for the public network, whatever its configuration said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptor.errors import InvalidValueError
from adaptor.local.kubo.configuration import Ports, configured, environment
from adaptor.local.kubo.settings import KuboSettings
from adaptor.local.kubo.swarm_key import new_swarm_key, place_swarm_key, read_swarm_key

PORTS = Ports(swarm=4001, api=5001)
PRIVATE = KuboSettings()
PUBLIC = KuboSettings(public=True, listen=("0.0.0.0",))

# As `ipfs init` of 0.39 writes it, in part.
INITIAL: dict[str, Any] = {
    "Identity": {"PeerID": "12D3KooW", "PrivKey": "secret"},
    "Datastore": {"StorageMax": "10GB", "Spec": {"type": "pebbleds"}},
    "Addresses": {
        "Swarm": ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic-v1"],
        "API": "/ip4/127.0.0.1/tcp/5001",
        "Gateway": "/ip4/127.0.0.1/tcp/8080",
    },
    "Discovery": {"MDNS": {"Enabled": True}},
    "Bootstrap": ["auto"],
    "DNS": {"Resolvers": {".": "auto"}},
    "Routing": {"DelegatedRouters": ["auto"]},
    "Ipns": {"ResolveCacheSize": 128, "DelegatedPublishers": ["auto"]},
    "Swarm": {"RelayClient": {}, "Transports": {"Network": {}}, "AddrFilters": None},
    "AutoConf": {},
}


def private() -> dict[str, Any]:
    return configured(INITIAL, settings=PRIVATE, ports=PORTS)


def test_a_private_node_knows_nobody_and_tells_nobody() -> None:
    """Every way outwards that 0.39 has."""
    made = private()
    assert made["Bootstrap"] == []
    assert made["DNS"]["Resolvers"] == {}
    assert made["Routing"]["DelegatedRouters"] == made["Ipns"]["DelegatedPublishers"] == []
    for part in ("AutoConf", "AutoTLS", "Provide", "HTTPRetrieval"):
        assert made[part]["Enabled"] is False, part
    assert made["Discovery"]["MDNS"]["Enabled"] is False
    assert made["AutoNAT"]["ServiceMode"] == "disabled"
    assert made["Swarm"]["DisableNatPortMap"] is True
    assert made["Swarm"]["RelayClient"]["Enabled"] is made["Swarm"]["RelayService"]["Enabled"] is False
    assert made["Plugins"]["Plugins"]["telemetry"]["Disabled"] is True
    assert made["Version"]["SwarmCheckEnabled"] is False


def test_a_private_node_listens_on_loopback_alone() -> None:
    """On one port for nodes and one for its API; no gateway."""
    assert private()["Addresses"] == {
        "API": "/ip4/127.0.0.1/tcp/5001",
        "Gateway": [],
        "Swarm": ["/ip4/127.0.0.1/tcp/4001"],
    }


def test_what_is_not_ours_stays() -> None:
    """The node's identity, its store, and what a user set elsewhere."""
    made = private()
    assert made["Identity"] == INITIAL["Identity"]
    assert made["Datastore"]["Spec"] == INITIAL["Datastore"]["Spec"]
    assert made["Ipns"]["ResolveCacheSize"] == 128


def test_configuring_twice_changes_nothing() -> None:
    """It is done before every start."""
    assert configured(private(), settings=PRIVATE, ports=PORTS) == private()


def test_a_node_that_was_public_becomes_private_again() -> None:
    """Nothing of the public network remains."""
    public = configured(INITIAL, settings=PUBLIC, ports=PORTS)
    assert public["Bootstrap"] == ["auto"]
    assert configured(public, settings=PRIVATE, ports=PORTS) == private()


def test_even_a_public_node_keeps_its_api_on_loopback_and_tells_nothing_of_its_user() -> None:
    """Neither its neighbours by multicast nor Kubo's makers."""
    made = configured(INITIAL, settings=PUBLIC, ports=PORTS)
    assert made["Addresses"]["API"] == "/ip4/127.0.0.1/tcp/5001"
    assert made["Addresses"]["Gateway"] == []
    assert made["Discovery"]["MDNS"]["Enabled"] is False
    assert made["Plugins"]["Plugins"]["telemetry"]["Disabled"] is True


def test_a_node_with_a_key_refuses_to_run_without_it() -> None:
    """The variable makes libp2p insist."""
    with_key = environment(KuboSettings(swarm_key=Path("key")), repository="/r")
    assert with_key["LIBP2P_FORCE_PNET"] == "1"
    assert environment(PRIVATE, repository="/r")["LIBP2P_FORCE_PNET"] == "0"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"listen": ("example.org",)}, "listen"),
        ({"listen": ()}, "listen"),
        ({"swarm_port": 65_536}, "swarm_port"),
        ({"api_port": -1}, "api_port"),
        ({"start_timeout_s": 0.0}, "start_timeout_s"),
        ({"connections_low": 64}, "connections_high"),
        ({"public": True, "swarm_key": Path("key")}, "public"),
    ],
)
def test_settings_refuse_nonsense(given: dict[str, Any], field: str) -> None:
    """By the name of the field."""
    with pytest.raises(InvalidValueError) as caught:
        KuboSettings(**given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("listen", "beyond"), [(("127.0.0.1", "::1"), False), (("127.0.0.1", "10.0.0.7"), True), (("0.0.0.0",), True)]
)
def test_what_is_reached_from_elsewhere_is_known(listen: tuple[str, ...], beyond: bool) -> None:
    """A user is told."""
    assert KuboSettings(listen=listen).beyond_loopback is beyond


def test_a_new_key_is_for_its_owner_alone_and_comes_and_goes_with_the_settings(tmp_path: Path) -> None:
    """Mode 600 here and in the repository; without a key none is left there."""
    key = tmp_path / "key"
    new_swarm_key(key)
    assert key.stat().st_mode & 0o777 == 0o600
    place_swarm_key(tmp_path, key)
    placed = tmp_path / "swarm.key"
    assert placed.read_text() == read_swarm_key(key)
    assert placed.stat().st_mode & 0o777 == 0o600
    place_swarm_key(tmp_path, None)
    assert not placed.exists()


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    """With the remedy; a key that exists is never overwritten."""
    key = tmp_path / "key"
    new_swarm_key(key)
    with pytest.raises(InvalidValueError, match="exists"):
        new_swarm_key(key)
    key.chmod(0o644)
    with pytest.raises(InvalidValueError, match="chmod 600"):
        read_swarm_key(key)
    key.write_text("/key/swarm/psk/1.0.0/\n/base16/\nabc\n")
    key.chmod(0o600)
    with pytest.raises(InvalidValueError, match="no swarm key"):
        read_swarm_key(key)
