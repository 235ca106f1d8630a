"""What the provisioner starts and stops, on a cluster that exists in memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adaptor.errors import ProvisionError
from adaptor.flink.values import ClusterOverview, TaskManagerInfo
from adaptor.local import provisioner as module
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.settings import EmbeddedFlinkSettings

SETTINGS = EmbeddedFlinkSettings(register_timeout_s=0.05, release_timeout_s=0.05, poll_interval_s=0.001)


@dataclass
class Process:
    slot: int
    resource_id: str
    alive: bool = True

    def is_alive(self):
        return self.alive


@dataclass
class Cluster:
    """Stands for `EmbeddedFlink`, and for the JobManager that knows its TaskManagers."""

    settings: EmbeddedFlinkSettings = SETTINGS
    home: Path = Path("/nowhere")
    rest_url: str = "http://127.0.0.1:1"
    busy: set[int] = field(default_factory=set)
    refuses_to_register: bool = False
    started: int = 0
    all: list[Process] = field(default_factory=list)

    def task_managers(self):
        return {process.slot: process for process in self.all if process.alive}

    def add_task_manager(self):
        slot = min(set(range(9)) - set(self.task_managers()))
        self.started += 1
        self.all.append(Process(slot, f"tm-{slot}-{self.started}"))

    def remove_task_manager(self, slot):
        self.task_managers()[slot].alive = False

    def log_tail(self, name):
        return f"the log of {name}"


class Flink:
    """Stands for `FlinkClient`."""

    def __init__(self, cluster):
        self.cluster = cluster

    def task_managers(self):
        if self.cluster.refuses_to_register:
            return ()
        return tuple(
            TaskManagerInfo(resource_id=process.resource_id, slots=1, free_slots=int(slot not in self.cluster.busy))
            for slot, process in self.cluster.task_managers().items()
        )

    def overview(self):
        slots = len(self.task_managers())
        return ClusterOverview(task_managers=slots, slots_total=slots, slots_available=slots, flink_version="2.3.0")

    def close(self):
        pass


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def provisioner(cluster, monkeypatch):
    monkeypatch.setattr(module, "FlinkClient", lambda *_, **__: Flink(cluster))
    made = LocalProvisioner(cluster)
    yield made
    made.close()


async def test_missing_task_managers_are_started_and_surplus_ones_stopped_from_the_top(provisioner, cluster):
    """Low slot indices stay, since they have cores of their own."""
    assert (await provisioner.provide(3)).existing_slots == 3
    capacity = await provisioner.provide(1)
    assert (capacity.existing_slots, capacity.obtainable_slots) == (1, 4)
    assert list(cluster.task_managers()) == [0]


async def test_the_same_call_again_changes_nothing(provisioner, cluster):
    """Calls may be repeated."""
    await provisioner.provide(2)
    await provisioner.provide(2)
    assert cluster.started == 2


async def test_a_task_manager_with_tasks_is_never_stopped(provisioner, cluster):
    """Surplus without tasks goes instead; where there is none, the capacity says so."""
    await provisioner.provide(3)
    cluster.busy = {2}
    assert (await provisioner.provide(2)).existing_slots == 2
    assert list(cluster.task_managers()) == [0, 2]
    cluster.busy = {0, 2}
    assert (await provisioner.provide(1)).existing_slots == 2


async def test_a_dead_task_manager_is_replaced(provisioner, cluster):
    """By `restore` too, which takes nothing away."""
    await provisioner.provide(2)
    cluster.remove_task_manager(1)
    await provisioner.restore()
    assert list(cluster.task_managers()) == [0, 1]
    cluster.add_task_manager()
    await provisioner.restore()
    assert list(cluster.task_managers()) == [0, 1, 2]


async def test_one_that_does_not_register_is_ended_and_its_log_is_shown(provisioner, cluster):
    """So the next call starts anew."""
    cluster.refuses_to_register = True
    with pytest.raises(ProvisionError, match=r"taskmanager-0 ended or did not register within 0\.05 s:\nthe log of"):
        await provisioner.provide(1)
    assert not cluster.task_managers()


@pytest.mark.parametrize("slots", [-1, 5])
async def test_what_cannot_be_had_is_refused(provisioner, slots):
    """The message names the setting."""
    with pytest.raises(ProvisionError, match="max_task_managers"):
        await provisioner.provide(slots)
