"""The embedded Flink with real processes: it grows, shrinks, mends itself, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from adaptor.errors import EmbeddedFlinkError
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.pinning import allowed_cores, core_of_slot
from adaptor.local.processes import cluster_processes, end_leftovers, marks
from adaptor.local.provisioner import LocalProvisioner
from adaptor.local.settings import EmbeddedFlinkSettings, JobManagerMemory

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running JobManager."""
    made = EmbeddedFlink(tmp_path_factory.mktemp("flink"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def provisioner(cluster):
    """As another process would have it, which attaches to a running cluster."""
    made = LocalProvisioner(EmbeddedFlink.attach(cluster.home))
    yield made
    made.close()


def pids(cluster):
    return {slot: process.pid for slot, process in cluster.task_managers().items()}


def test_slots_come_and_go_with_real_processes(cluster, provisioner):
    """One, two, one: Flink counts the same slots as there are TaskManagers, each on a core of its own."""
    for slots in (1, 2, 1):
        assert asyncio.run(provisioner.provide(slots)).existing_slots == slots
        assert list(cluster.task_managers()) == list(range(slots))
        if cores := allowed_cores():
            pinned = {slot: psutil.Process(pid).cpu_affinity() for slot, pid in pids(cluster).items()}
            assert pinned == {slot: [core_of_slot(slot, cores)] for slot in range(slots)}


def test_a_killed_task_manager_is_replaced(cluster, provisioner):
    """SIGKILL, and the same number of slots again by another process."""
    asyncio.run(provisioner.provide(1))
    (victim,) = cluster.task_managers().values()
    os.kill(victim.pid, signal.SIGKILL)
    victim.handle.wait(timeout=10)
    assert asyncio.run(provisioner.provide(1)).existing_slots == 1
    assert victim.pid not in pids(cluster).values()


def test_two_callers_at_once_do_not_start_twice(cluster, provisioner):
    """A barrier that timed out and the next one may both want the same."""

    async def both():
        return await asyncio.gather(provisioner.provide(2), provisioner.provide(2))

    assert [capacity.existing_slots for capacity in asyncio.run(both())] == [2, 2]
    assert len(pids(cluster)) == 2


def test_stop_leaves_no_process_and_may_be_repeated(cluster):
    """The last test with this cluster."""
    assert cluster.processes()
    cluster.stop()
    cluster.stop()
    assert cluster.processes() == ()


def test_what_a_crashed_caller_left_is_found_by_its_mark(tmp_path):
    """A marked process that was killed leaves a child that ignores TERM; the caller itself, though marked, lives."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    crashing = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stubborn!r}])"
    caller = subprocess.Popen(
        [sys.executable, "-c", crashing],
        env={**os.environ, **marks(tmp_path, role="driver")},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"up\n"
    caller.kill()
    caller.wait()
    (left,) = cluster_processes(tmp_path)
    assert left.role == "driver"
    assert end_leftovers(tmp_path, timeout_s=0.2) == 1
    assert not left.is_alive()
    assert cluster_processes(tmp_path) == ()
    caller.stdout.close()


def test_a_job_manager_that_cannot_start_says_why(tmp_path):
    """The end of its output is in the message, and nothing is left running."""
    settings = EmbeddedFlinkSettings(job_manager_memory=JobManagerMemory(heap_mib=1))
    cluster = EmbeddedFlink(tmp_path, settings)
    with pytest.raises(EmbeddedFlinkError, match=r"(?s)the JobManager ended while starting:.*heap"):
        cluster.start()
    assert cluster.processes() == ()
