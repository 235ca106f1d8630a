"""A service killed at any store write of a reclaim resumes it: what was taken back is never granted again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from test_fault_points import Supervised, free_address

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.api.v1 import runs_pb2, runs_pb2_grpc
from adaptor.cluster import ClusterCallError, ClusterManager
from adaptor.experiments.scripted_flink import Script, ScriptedFlink

pytestmark = pytest.mark.e2e

SERVICE = Path(__file__).with_name("service_under_reclaim.py")
SETTLE_S = 60.0
SLOTS, RECLAIMED = 4, 2
T = TypeVar("T")


def insist(call: Callable[[], T]) -> T:
    """The answer of a call that may be repeated, once the service is back; any other failure is one."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            return call()
        except (grpc.RpcError, ClusterCallError) as error:
            code = error.code().name if isinstance(error, grpc.RpcError) else error.code
            if code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED") or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


class Story:
    """Two runs on a managed cluster, one of which must give: the calls of all three."""

    def __init__(self, address: str, flink_url: str) -> None:
        self.manager = ClusterManager(address)
        self._channel = grpc.insecure_channel(address)
        self._runs = runs_pb2_grpc.RunServiceStub(self._channel)
        self._flink_url = flink_url

    def start(self, run_id: str, slots: int) -> None:
        request = runs_pb2.StartRunRequest(
            run_id=run_id,
            context=runs_pb2.ExecutionContext(program="p"),
            efficiency_target=runs_pb2.EfficiencyTarget(min_efficiency=0.01),
            bounds=runs_pb2.Bounds(max_parallelism=SLOTS),
            start_parallelism=slots,
            max_supersteps=9,
            flink_url=self._flink_url,
            policy="static",
        )
        insist(lambda: self._runs.StartRun(request, timeout=10.0))

    def barrier(self, run_id: str, superstep: int, slots: int) -> int:
        request = runs_pb2.ReportBarrierRequest(
            run_id=run_id, superstep=superstep, requested_parallelism=slots, duration_s=0.01
        )
        return int(insist(lambda: self._runs.ReportBarrier(request, timeout=10.0)).plan.parallelism)

    def reclaim(self) -> pb.ReclaimStatus:
        return insist(lambda: self.manager.reclaim("lab", slots=RECLAIMED, within_s=600, reclaim_id="back", revision=1))

    def until_done(self) -> pb.ReclaimStatus:
        deadline = time.monotonic() + SETTLE_S
        while True:
            found = insist(lambda: self.manager.reclaim_status("back"))
            if found.state != pb.RECLAIM_STATE_OPEN or time.monotonic() > deadline:
                return found
            time.sleep(0.02)

    def close(self) -> None:
        self.manager.close()
        self._channel.close()


def play(folder: Path, flink_url: str, point: tuple[str, str] | None) -> Supervised:
    """A reclaim under a service that dies at the point, and what must be true afterwards."""
    folder.mkdir()
    service = Supervised(folder, free_address(), point, script=SERVICE)
    story = Story(service.listen, flink_url)
    try:
        insist(lambda: story.manager.register("lab", flink_url, capacity_slots=SLOTS))
        story.start("wide", 3)
        story.start("narrow", 1)
        assert story.barrier("wide", 1, 3) == 3
        story.barrier("narrow", 1, 1)
        bound = story.reclaim()
        assert [(one.run_id, one.from_slots, one.to_slots) for one in bound.shares] == [("wide", 3, 1)], point
        kept = story.barrier("wide", 2, 3)
        assert kept == 1, f"{point}: the run was planned with {kept} slots and may keep 1"
        done = story.until_done()
        assert (done.state, done.freed_slots) == (pb.RECLAIM_STATE_DONE, RECLAIMED), point
        assert story.barrier("wide", 3, 1) == 1, f"{point}: what was taken back was granted again"
        cluster = insist(lambda: story.manager.cluster("lab"))
        assert (cluster.capacity_slots, cluster.revision, cluster.held_slots) == (SLOTS - RECLAIMED, 2, 2), point
        granted = {one.run_id: one.slots for one in insist(lambda: story.manager.grants("lab"))}
        assert granted == {"wide": 1, "narrow": 1}, point
    finally:
        story.close()
        service.stop()
    return service


def chosen(points: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first of every kind of write, and the second of reclaims, which says that it is done."""
    return [one for one in points if one[1] == "1" or one == ("write: insert into clusters_reclaims", "2")]


def test_a_reclaim_is_resumed_whatever_write_its_service_is_killed_at(tmp_path, capsys):
    """Kill at every kind of write, in both stores, restart, and find the slots taken back once."""
    with ScriptedFlink(Script(task_managers=SLOTS, duration_s=0.01, parallelism=1)) as flink:
        undisturbed = play(tmp_path / "undisturbed", flink.url, None)
        seen = [tuple(line.split("\t")) for line in undisturbed.points_file.read_text().splitlines()]
        points = chosen(seen)
        tables = ("clusters", "grants", "reclaims", "news")
        assert {f"write: insert into clusters_{table}" for table in tables} <= {name for name, _ in points}

        def killed_at(index: int) -> bool:
            return play(tmp_path / f"point-{index}", flink.url, points[index]).killed

        with ThreadPoolExecutor(max_workers=3) as pool:
            killed = list(pool.map(killed_at, range(len(points))))
    with capsys.disabled():
        print(f"\n{sum(killed)} of {len(points)} writes of a reclaim killed the service; it was resumed every time")
    assert all(killed), [points[index] for index, dead in enumerate(killed) if not dead]
