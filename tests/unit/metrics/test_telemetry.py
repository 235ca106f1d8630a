"""What happens to runs and calls, as numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.domain.cluster import CapacityCurve
from adaptor.domain.cluster_news import ClusterStatus
from adaptor.domain.events import (
    BarrierReached,
    Event,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
)
from adaptor.domain.managed import ManagedCluster
from adaptor.domain.plan import Interval
from adaptor.domain.run import RunState
from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import CallerUnknownError, NotAllowedError, TooManyCallsError, UnknownRunError
from adaptor.metrics.catalogue import METRICS, MOST_CLUSTERS
from adaptor.metrics.telemetry import Telemetry
from adaptor.store.history import Recorded
from adaptor.testing.demands import a_cluster
from adaptor.testing.values import BEGAN_S, RUN_ID, a_report, slots, started
from adaptor.testing.workshop import Workshop


@pytest.fixture
def telemetry() -> Telemetry:
    """Numbers of a service that has just begun."""
    return Telemetry(now_s=lambda: 7.0)


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    """One number."""
    return telemetry.registry.get_sample_value(name, labels)


def happened(event: Event, run_id: str = RUN_ID) -> Recorded:
    """An event as it is recorded, without a plan."""
    return Recorded(run_id=run_id, sequence=1, event=event)


def ended(state: RunState = RunState.FINISHED) -> RunFinished:
    """The end of a run."""
    return RunFinished(state=state, at_s=BEGAN_S)


def reached(superstep: int, **fields: object) -> BarrierReached:
    """A barrier."""
    report = a_report(superstep, **fields)  # type: ignore[arg-type]
    return BarrierReached(report=report, flink=FlinkStatistics(), capacity=slots(4), at_s=BEGAN_S)


def test_runs_that_go_on_are_those_that_began_and_did_not_end(telemetry: Telemetry) -> None:
    """Those of before a restart too; an abandoned one comes back with its next report."""
    telemetry.resumed(["old-1", "old-2"])
    telemetry.note(None, happened(started()))
    assert value(telemetry, "adaptor_runs_running") == 3
    telemetry.note(None, happened(ended(RunState.ABANDONED), "old-1"))
    telemetry.note(None, happened(ended()))
    assert value(telemetry, "adaptor_runs_running") == 1
    telemetry.note(None, happened(reached(3), "old-1"))
    assert value(telemetry, "adaptor_runs_running") == 2
    assert value(telemetry, "adaptor_runs_started_total") == 1
    assert value(telemetry, "adaptor_runs_ended_total", state="abandoned") == 1


def test_rescales_are_counted_by_their_outcome(telemetry: Telemetry) -> None:
    """With the time of those that succeeded."""
    common = {"superstep": 2, "parallelism": 4, "at_s": BEGAN_S}
    telemetry.note(None, happened(RescaleSucceeded(capacity=slots(4), duration_s=3.0, **common)))  # type: ignore[arg-type]
    telemetry.note(None, happened(RescaleFailed(capacity=slots(1), problem="none", **common)))  # type: ignore[arg-type]
    telemetry.note(None, happened(RescaleOutcomeUnknown(**common)))  # type: ignore[arg-type]
    for outcome in ("succeeded", "failed", "unknown"):
        assert value(telemetry, "adaptor_rescales_total", outcome=outcome) == 1
    assert value(telemetry, "adaptor_rescale_duration_seconds_sum") == 3.0


async def test_predictions_are_compared_with_what_came_true(telemetry: Telemetry) -> None:
    """Of supersteps that ended well, where the plan for just that superstep said something."""
    shop = Workshop()
    record = await shop.engine.start_run(started().spec)
    assert record.plan is not None
    predicted = Interval(low=8.0, expected=10.0, high=12.0, level=0.8)
    before = replace(record, plan=replace(record.plan, superstep=1, predicted_s=predicted))
    telemetry.note(before, happened(reached(1, duration_s=11.0)))
    telemetry.note(before, happened(reached(1, duration_s=20.0)))
    telemetry.note(before, happened(reached(1, duration_s=5.0, failed=True)))
    telemetry.note(before, happened(reached(2, duration_s=5.0)))
    assert value(telemetry, "adaptor_supersteps_total", outcome="failed") == 1
    assert value(telemetry, "adaptor_superstep_duration_seconds_sum") == 36.0
    assert value(telemetry, "adaptor_superstep_predicted_seconds_sum") == 20.0
    assert value(telemetry, "adaptor_superstep_prediction_ratio_sum") == pytest.approx(3.1)
    assert value(telemetry, "adaptor_superstep_predictions_total", interval="held") == 1
    assert value(telemetry, "adaptor_superstep_predictions_total", interval="missed") == 1
    await shop.engine.stop()


def test_calls_and_refusals_are_counted(telemetry: Telemetry) -> None:
    """Refusals by what the error is; barriers with their time."""
    telemetry.called("/adaptor.v1.RunService/ReportBarrier", 0.003)
    telemetry.called("/adaptor.v1.RunService/GetRun", 9.0)
    for kind in (CallerUnknownError, NotAllowedError, TooManyCallsError, UnknownRunError):
        telemetry.refused(kind)
    assert value(telemetry, "adaptor_barrier_duration_seconds_sum") == 0.003
    assert value(telemetry, "adaptor_calls_total", method="GetRun") == 1
    for reason in ("unknown_caller", "not_allowed", "too_many", "other"):
        assert value(telemetry, "adaptor_calls_refused_total", reason=reason) == 1


def a_status(cluster_id: str) -> ClusterStatus:
    """A cluster of eight slots."""
    managed = ManagedCluster(
        cluster=replace(a_cluster(), cluster_id=cluster_id), revision=1, capacity=CapacityCurve.constant(8)
    )
    return ClusterStatus(managed=managed, held_slots=3, granted_slots=5, runs=2, wanted_slots=9)


def test_clusters_have_their_slots_while_they_are_managed(telemetry: Telemetry) -> None:
    """And at most so many have figures."""
    telemetry.clusters_stand([a_status("a"), a_status("b")])
    telemetry.clusters_stand([a_status("b")])
    assert value(telemetry, "adaptor_cluster_demand_slots", cluster="a") is None
    seen = [value(telemetry, f"adaptor_cluster_{name}_slots", cluster="b") for name in ("capacity", "demand", "held")]
    assert seen == [8, 9, 3]
    telemetry.clusters_stand([a_status(f"c{number}") for number in range(MOST_CLUSTERS + 50)])
    [family] = [one for one in telemetry.registry.collect() if one.name == "adaptor_cluster_runs"]
    assert len(family.samples) == MOST_CLUSTERS
    assert value(telemetry, "adaptor_clusters") == MOST_CLUSTERS + 50


def test_what_is_exposed_is_what_the_catalogue_says(telemetry: Telemetry) -> None:
    """Beside `process_*` of Prometheus' own client."""
    names = {one.name for one in telemetry.registry.collect() if not one.name.startswith("process_")}
    assert names == {one.name.removesuffix("_total") for one in METRICS}
