"""A newcomer's first plan rests on shared observations: real services, real kills, and no Flink."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from told_runs import started, told

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc, sharing_pb2, sharing_pb2_grpc
from adaptor.domain.context import ExecutionContext
from adaptor.experiments.demo import peers
from adaptor.experiments.demo.children import Children
from adaptor.experiments.demo.service_process import ServiceProcess
from adaptor.experiments.newcomer.misleading import MisleadingPeer, misleading_observations
from adaptor.local.processes import cluster_processes

pytestmark = pytest.mark.e2e

LEARNT_S = 30.0
FULL, HALF = 1_600_000, 800_000


def full_superstep_s(parallelism: int) -> float:
    """Two cores: the second slot helps, the others do not."""
    return {1: 10.0, 2: 6.5, 3: 6.9, 4: 7.5}[parallelism]


def half_superstep_s(parallelism: int) -> float:
    """The work halves, a fixed second does not."""
    return 1.0 + (full_superstep_s(parallelism) - 1.0) / 2


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ServiceProcess]]:
    """Makes services, each with an empty state directory; all end with the tests."""
    folder = tmp_path_factory.mktemp("services")
    children = Children(folder)
    try:
        yield lambda name: ServiceProcess(children, state_dir=folder / name, log=folder / f"{name}.log")
    finally:
        children.close()


@pytest.fixture(scope="module")
def first(services: Callable[[str], ServiceProcess]) -> ServiceProcess:
    """A service whose log holds a run that needed two slots, and some of other sizes."""
    service = services("first")
    service.start()
    peers.ensure_log(service.address, "test")
    plans = told(service.address, "run-0", full_superstep_s, rows=FULL, start=1, target_s=85.0, supersteps=10)
    assert max(plan.parallelism for plan in plans) > 1
    for number in range(1, 4):
        rows = FULL * (1 + number)
        told(
            service.address,
            f"run-{number}",
            lambda parallelism, by=1 + number: by * full_superstep_s(parallelism),
            rows=rows,
            start=1 + number,
            target_s=1000.0,
            supersteps=8,
        )
    peers.when_published(service.address)
    return service


def when_learnt(address: str) -> pb.Plan:
    """The first plan for half the data, asked again in new runs until peers' measurements are part of it."""
    deadline_s, number = time.monotonic() + LEARNT_S, 0
    with grpc.insecure_channel(address) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        while True:
            number += 1
            plan = started(stub, f"newcomer-{number}", rows=HALF, start=2, target_s=400.0)
            if plan.evidence.shared_observations or time.monotonic() > deadline_s:
                return plan
            time.sleep(0.5)


def require_informed(plan: pb.Plan, own: str) -> None:
    """One slot suffices, and only what the first one shared can say so."""
    assert plan.evidence.own_observations == plan.evidence.earlier_observations == 0
    assert plan.evidence.shared_observations > 0
    assert list(plan.evidence.contributors) == [own]
    assert (plan.superstep, plan.parallelism, plan.previous_parallelism) == (1, 1, 2)
    assert plan.reason_code == "cheapest_on_time"
    assert plan.predicted_s.low < half_superstep_s(1) < plan.predicted_s.high


def test_a_newcomers_first_plan_rests_on_shared_observations(services, first):
    """Two services, one invitation: what the first measured plans the second one's superstep 1, after a restart too."""
    newcomer = services("alone")
    newcomer.start()
    alone = told(newcomer.address, "alone", half_superstep_s, rows=HALF // 2, start=2, target_s=400.0, supersteps=1)
    assert alone[0].parallelism == 2
    assert not alone[0].evidence.shared_observations
    newcomer.stop()
    first.stop()
    first.start()
    there = peers.when_published(first.address)
    fresh = services("fresh")
    fresh.start()
    peers.join(fresh.address, peers.invitation(first.address))
    peers.when_caught_up(fresh.address, there)
    require_informed(when_learnt(fresh.address), there.own)


def test_misleading_data_lose_their_weight_at_the_first_superstep_and_cost_no_target(services, tmp_path):
    """A peer claims absurd gains: that is believed for one superstep and contradicted by it."""
    context = ExecutionContext(program="kmeans", parameters={"k": "6"}, data={"rows": str(FULL)})
    claims = misleading_observations(context, superstep_at_1_s=full_superstep_s(1), most=4, seed=1)
    newcomer = services("misled")
    newcomer.start()
    with MisleadingPeer(tmp_path / "liar", claims) as liar:
        peers.join(newcomer.address, liar.invitation)
        peers.when_caught_up(newcomer.address, liar.ahead)
        assert list(when_learnt(newcomer.address).evidence.contributors) == [liar.ahead.own]
        plans = told(newcomer.address, "misled", half_superstep_s, rows=HALF, start=2, target_s=120.0, supersteps=8)
    weights = [plan.evidence.shared_weight for plan in plans]
    assert weights[0] == 1.0
    assert max(weights[1:]) < 0.5
    assert sum(half_superstep_s(plan.parallelism) for plan in plans[:-1]) < 120.0


def joined_and_killed(newcomer: ServiceProcess, invitation: str, after_s: float) -> None:
    """Ask a service to join, and kill it so long after."""
    with grpc.insecure_channel(newcomer.address) as channel:
        stub = sharing_pb2_grpc.SharingServiceStub(channel)
        call = stub.JoinLog.future(sharing_pb2.JoinLogRequest(invitation=invitation), timeout=peers.CALL_S)
        with contextlib.suppress(grpc.FutureTimeoutError, grpc.RpcError):
            call.result(timeout=after_s)
        os.kill(newcomer.pid, signal.SIGKILL)
        newcomer.stop()


def test_a_join_killed_at_any_point_works_when_it_is_repeated(services, first):
    """SIGKILL before, within and after the call to join; the same invitation, and everything is there once."""
    there = peers.when_published(first.address)
    invitation = peers.invitation(first.address)
    newcomer = services("killed")
    newcomer.start()
    for after_s in (0.001, 0.02, 0.05, 0.2):
        joined_and_killed(newcomer, invitation, after_s)
        newcomer.start()
    peers.join(newcomer.address, invitation)
    here = peers.when_caught_up(newcomer.address, there)
    assert here.applied >= there.applied
    assert not here.refusals
    require_informed(when_learnt(newcomer.address), there.own)
    assert shared_by(newcomer.address, there.own) == shared_by(first.address, there.own)


def shared_by(address: str, author: str) -> list[tuple[str, int, int, float]]:
    """Everything that a service's index holds of an author."""
    with grpc.insecure_channel(address) as channel:
        stub = sharing_pb2_grpc.SharingServiceStub(channel)
        wanted = sharing_pb2.StreamObservationsRequest(filter=sharing_pb2.ObservationFilter(author=author))
        found = [one for page in stub.StreamObservations(wanted, timeout=peers.CALL_S) for one in page.observations]
    return sorted(
        (one.contribution, one.observation.superstep, one.observation.parallelism, one.observation.duration_s)
        for one in found
    )


def test_whatever_was_started_ends_with_the_caller(tmp_path):
    """An interrupt in the middle, a service that hangs, another that was killed: nothing is left."""
    children = Children(tmp_path)
    stopped, killed = (ServiceProcess(children, state_dir=tmp_path / name, log=tmp_path / "log") for name in "ab")
    try:
        with pytest.raises(KeyboardInterrupt):
            stopped.start()
            killed.start()
            os.kill(stopped.pid, signal.SIGSTOP)
            os.kill(killed.pid, signal.SIGKILL)
            raise KeyboardInterrupt
    finally:
        children.close()
    assert cluster_processes(tmp_path) == ()
