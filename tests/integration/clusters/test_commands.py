"""`adaptor cluster ...`: the same calls from the command line, for people and as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adaptor.cli.announced import announced_capacity
from adaptor.cli.main import cli
from adaptor.client import Run, start_run
from adaptor.errors import InvalidValueError, ServiceCallError
from adaptor.testing.clock import ManualClock
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.values import FLINK_URL
from adaptor.testing.workshop import Workshop

NOON_S = 1_800_000_000.0


@pytest.fixture
def service() -> Iterator[LoopbackService]:
    """A service that listens."""
    listening = LoopbackService(Workshop(cluster=InMemoryProvisioner(most=8), clock=ManualClock(time.time()))).start()
    yield listening
    listening.close()


def command(service: LoopbackService, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["cluster", *arguments, "--service", service.address])


def told(service: LoopbackService, *arguments: str) -> str:
    result = command(service, *arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.output


def as_json(service: LoopbackService, *arguments: str) -> Any:
    return json.loads(told(service, *arguments, "--json"))


@pytest.fixture
def run(service: LoopbackService) -> Iterator[Run]:
    """A cluster of four slots, and a run on three of them."""
    told(service, "register", "lab", FLINK_URL, "--capacity", "4", "--price", "0.5", "--node-type", "m5")
    with start_run(
        program="p",
        run_id="run-1",
        parallelism=3,
        max_supersteps=3,
        efficiency_target=0.01,
        policy="static",
        flink_url=FLINK_URL,
        address=service.address,
    ) as begun:
        steps = begun.supersteps()
        next(steps)
        next(steps)
        yield begun


def test_people_read_tables(service: LoopbackService, run: Run) -> None:
    """Every command says in words what it found."""
    assert "lab" in told(service, "list")
    assert "run-1" in told(service, "demand", "lab")
    assert "slot-seconds" in told(service, "demand", "lab", "run-1")
    assert "run-1" in told(service, "grants", "lab")
    assert "in use until the next barriers" in told(service, "capacity", "lab", "2")
    assert "announced" in told(service, "announce", "lab", "+4@in+30m", "-2@in+1h")
    assert "announced" in told(service, "show", "lab")
    assert "fixed by the manager" in told(service, "grant", "lab", "run-1", "2")
    assert "fixed" not in told(service, "grant", "lab", "run-1", "free")
    assert "preview" in told(service, "reclaim", "lab", "1", "--within", "60s", "--preview")
    assert "back" in told(service, "reclaim", "lab", "1", "--within", "60s", "--id", "back")
    assert "back" in told(service, "reclaimed", "back")
    assert "team" in told(service, "tenant", "team", "--quota", "2")
    assert "team" in told(service, "tenants")
    assert "team is gone" in told(service, "tenant", "team", "--remove")
    assert "never expires" in told(service, "renew", "lab")
    assert "lease expires at" in told(service, "renew", "lab", "--lease", "60s")
    assert "the cluster is managed" in told(service, "watch", "lab", "--resume", "0", "--count", "1")
    assert "1 runs go on" in told(service, "remove", "lab")


def test_programs_read_json(service: LoopbackService, run: Run) -> None:
    """One object with the proto's names."""
    assert as_json(service, "list")["clusters"][0]["spec"]["cluster_id"] == "lab"
    assert as_json(service, "demand", "lab")["demands"][0]["wanted_slots"] == 3
    assert as_json(service, "grants", "lab")["grants"][0]["held_slots"] == 3
    preview = as_json(service, "reclaim", "lab", "2", "--within", "60s", "--preview")
    assert (preview["state"], preview["free_slots"]) == ("RECLAIM_STATE_PREVIEW", 1)
    assert as_json(service, "tenants") == {"tenants": []}
    assert as_json(service, "watch", "--count", "1")["text"] == "how it stands"


def test_a_change_that_rests_on_an_old_revision_is_refused(service: LoopbackService, run: Run) -> None:
    """The command line makes one line and exit code 2 of this error."""
    told(service, "capacity", "lab", "3")
    result = command(service, "capacity", "lab", "2", "--revision", "1")
    assert isinstance(result.exception, ServiceCallError)
    assert str(result.exception).startswith("revision: cluster 'lab' was changed meanwhile")


def test_a_service_that_is_away_is_said_so() -> None:
    """With the remedy."""
    result = CliRunner().invoke(cli, ["cluster", "list", "--service", "127.0.0.1:9"])
    assert "nothing answers at 127.0.0.1:9" in str(result.exception)


def test_announced_changes_are_read_as_people_write_them() -> None:
    """More, fewer or in all; from a time of day, in a while, or at a second."""
    more, fewer, total = announced_capacity(["+20@in+30m", "-4@1800000100", "8@23:59:59"], now_s=NOON_S)
    assert (more.at_s, more.more_slots) == (NOON_S + 1800, 20)
    assert (fewer.at_s, fewer.more_slots) == (NOON_S + 100, -4)
    assert total.total_slots == 8
    assert NOON_S < total.at_s <= NOON_S + 86400


@pytest.mark.parametrize("text", ["20", "+20", "x@14:00", "+20@25:00", "+20@soon", "+20@in+5", "1.5@14:00"])
def test_what_is_no_change_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(InvalidValueError, match="change: "):
        announced_capacity([text], now_s=NOON_S)
