"""A real node: it starts, stops, survives what kills it, and talks to nobody it was not told of."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from click.testing import CliRunner

from adaptor.cli.main import cli
from adaptor.errors import KuboNodeError, KuboUnavailableError, PortInUseError
from adaptor.local.kubo.node import KuboNode, NodeStatus
from adaptor.local.kubo.rpc import NodeRpc
from adaptor.local.kubo.settings import KuboSettings
from adaptor.local.kubo.swarm_key import new_swarm_key
from adaptor.local.processes import marks, start_process
from adaptor.testing.kubo_nodes import Nodes, address_of, installed

pytestmark = pytest.mark.e2e


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with Nodes(tmp_path) as made:
        yield made


def asked(status: NodeStatus, command: str) -> dict[str, object]:
    answer = requests.post(f"{status.api_url}/api/v0/{command}", timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def peer_id(status: NodeStatus) -> str:
    assert status.identity is not None
    return status.identity.peer_id


def test_a_node_starts_answers_and_stops(nodes: Nodes) -> None:
    """Each may be repeated, and the node keeps its name and its ports."""
    node = nodes.node("a")
    assert not node.status().running
    assert node.stop() is False
    first = node.start()
    assert first.running
    assert first.mode == "private"
    assert node.start().pid == first.pid
    assert node.stop() is True
    assert (node.status().running, node.process()) == (False, None)
    again = node.start()
    assert (peer_id(again), again.api_url, address_of(again)) == (peer_id(first), first.api_url, address_of(first))
    assert again.pid != first.pid


def test_a_private_node_listens_on_loopback_alone_and_knows_nobody(nodes: Nodes) -> None:
    """Seen from the operating system: two TCP ports, nothing else, no multicast; and it asks nobody."""
    status = nodes.running("a")
    assert status.pid is not None
    sockets = psutil.Process(status.pid).net_connections(kind="inet")
    listening = {one.laddr for one in sockets if one.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert len(listening) == 2
    assert [one for one in sockets if one.type == socket.SOCK_DGRAM] == []
    beyond = [one for one in sockets if one.raddr and one.raddr.ip != "127.0.0.1"]
    assert beyond == []
    assert asked(status, "bootstrap/list")["Peers"] in (None, [])
    assert status.peers == 0


def test_secrets_are_for_their_owner_alone(nodes: Nodes, tmp_path: Path) -> None:
    """The node's own key stands in its configuration."""
    key = tmp_path / "swarm.key"
    new_swarm_key(key)
    node = nodes.node("a", KuboSettings(swarm_key=key))
    node.start()
    for name in ("config", "swarm.key"):
        assert (node.repository.folder / name).stat().st_mode & 0o777 == 0o600
    assert node.home.stat().st_mode & 0o777 == 0o700


def test_only_nodes_with_the_key_can_talk(nodes: Nodes, tmp_path: Path) -> None:
    """One without it, and one with another."""
    keys = [tmp_path / name for name in ("key", "other")]
    for key in keys:
        new_swarm_key(key)
    first = nodes.running("a", KuboSettings(swarm_key=keys[0]))
    assert first.mode == "private with a key"
    for name, key, status in (("b", keys[0], 200), ("c", keys[1], 500), ("d", None, 500)):
        other = nodes.running(name, KuboSettings(swarm_key=key))
        connect = f"{other.api_url}/api/v0/swarm/connect"
        answer = requests.post(connect, params={"arg": address_of(first), "timeout": "3s"}, timeout=10)
        assert answer.status_code == status, answer.text


def test_a_killed_node_is_seen_to_be_gone_and_starts_again(nodes: Nodes) -> None:
    """With its locks and notes still lying about."""
    node = nodes.node("a")
    before = node.start()
    nodes.kill("a")
    gone = node.status()
    assert (gone.running, gone.pid, gone.problem) == (False, None, "it is not running")
    assert peer_id(node.start()) == peer_id(before)


def test_a_node_that_hangs_is_replaced(nodes: Nodes) -> None:
    """It is stopped, so it does not answer; whoever asks for a node gets one that does."""
    first = nodes.running("a")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGSTOP)
    node = nodes.node("a", KuboSettings(start_timeout_s=5.0, stop_timeout_s=1.0, api_timeout_s=1.0))
    assert node.status().problem == "no answer in time"
    second = node.start()
    assert second.running
    assert second.pid != first.pid


def test_a_note_about_another_process_ends_nobody(nodes: Nodes) -> None:
    """Processes are known by their mark; a pid or a port that is another's by now does not matter."""
    node = nodes.node("a")
    other = start_process(
        ["sleep", "600"], environment=marks(node.home.parent / "b", role="kubo"), output=Path(os.devnull)
    )
    try:
        node.start()
        nodes.kill("a")
        assert node.stop() is False
        assert psutil.pid_exists(other)
    finally:
        psutil.Process(other).kill()
        os.waitpid(other, 0)


def test_a_port_that_was_asked_for_and_is_taken_is_named(nodes: Nodes) -> None:
    """And nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for settings in (KuboSettings(swarm_port=port), KuboSettings(api_port=port)):
            node = nodes.node("a", settings)
            with pytest.raises(PortInUseError, match=f"{port} is taken"):
                node.start()
            assert node.process() is None


def test_a_port_of_the_last_start_that_is_taken_by_now_is_given_up(nodes: Nodes) -> None:
    """Nobody asked for that one."""
    node = nodes.node("a")
    first = node.start()
    node.stop()
    with socket.create_server(("127.0.0.1", int(first.api_url.rpartition(":")[2]))):
        second = node.start()
    assert second.running
    assert second.api_url != first.api_url
    assert address_of(second) == address_of(first)


def test_another_node_at_the_port_is_not_taken_for_this_one(nodes: Nodes) -> None:
    """Its name differs."""
    first, second = nodes.running("a"), nodes.node("b")
    second.start()
    second.stop()
    note = second.home / "node.json"
    values = json.loads(note.read_text())
    note.write_text(json.dumps({**values, "api_port": int(first.api_url.rpartition(":")[2])}))
    assert not second.status().running
    assert second.start().api_url != first.api_url


def test_a_start_in_another_mode_is_refused_while_the_node_runs(nodes: Nodes, tmp_path: Path) -> None:
    """A user who asks for a key must not get a node without one."""
    nodes.running("a")
    key = tmp_path / "key"
    new_swarm_key(key)
    with pytest.raises(KuboNodeError, match="adaptor ipfs stop"):
        nodes.node("a", KuboSettings(swarm_key=key)).start()


def test_a_node_that_cannot_start_says_why(nodes: Nodes) -> None:
    """With the end of its log, and nothing left running."""
    node = nodes.node("a")
    node.start()
    node.stop()
    (node.repository.folder / "datastore_spec").write_text("{}")
    with pytest.raises(KuboNodeError, match=r"(?s)ended while starting.*datastore"):
        node.start()
    assert node.process() is None


def test_a_damaged_configuration_is_named_with_what_to_do(nodes: Nodes) -> None:
    """As after a full disk."""
    node = nodes.node("a")
    node.start()
    node.stop()
    (node.repository.folder / "config").write_text("{")
    with pytest.raises(KuboNodeError, match=r"move .* away"):
        node.start()


def test_a_start_that_was_cut_short_leaves_no_open_node(nodes: Nodes) -> None:
    """A repository made by hand, with Kubo's defaults, is private after a start of ours."""
    node = nodes.node("a")
    node.start()
    node.stop()
    path = node.repository.folder / "config"
    opened = json.loads(path.read_text())
    opened["Bootstrap"], opened["Discovery"]["MDNS"]["Enabled"] = ["auto"], True
    opened["Addresses"]["Swarm"] = ["/ip4/0.0.0.0/tcp/0"]
    path.write_text(json.dumps(opened))
    status = node.start()
    assert asked(status, "bootstrap/list")["Peers"] in (None, [])
    assert address_of(status).startswith("/ip4/127.0.0.1/")


def test_nobody_at_the_port_is_an_error_of_ours() -> None:
    """Within the time allowed."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(KuboUnavailableError, match="no connection"):
            NodeRpc(unused.getsockname()[1], timeout_s=1.0).identity()


def test_the_commands_do_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install, start, status, stop, as a program reads them."""
    installed()
    state = ["--state-dir", str(tmp_path), "--json"]

    def said(*arguments: str, code: int = 0) -> dict[str, object]:
        done = CliRunner().invoke(cli, ["ipfs", *arguments])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    assert said("install", "--json")["version"] == installed().version
    try:
        started = said("start", *state)
        assert started["running"] is True
        assert said("status", *state)["pid"] == started["pid"]
    finally:
        assert said("stop", *state) == {"stopped": True}
    assert said("status", *state, code=1)["problem"] == "it is not running"
    assert KuboNode(tmp_path / "kubo").process() is None
