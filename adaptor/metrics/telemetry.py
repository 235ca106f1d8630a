"""Keeps the catalogue's metrics up to date, in memory: a scrape reads what is there and asks nothing of the service."""

from __future__ import annotations

import time
from collections import Counter as Count
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import prometheus_client as prometheus
from prometheus_client.registry import CollectorRegistry

from adaptor.control.run_record import RunRecord
from adaptor.domain.attachment import Attachment
from adaptor.domain.cluster_news import ClusterStatus
from adaptor.domain.events import (
    BarrierReached,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
    RunStarted,
)
from adaptor.domain.plan import Plan
from adaptor.domain.stream import AttachmentState
from adaptor.errors import AdaptorError, CallerUnknownError, NotAllowedError, TooManyCallsError
from adaptor.metrics import catalogue
from adaptor.metrics.catalogue import METRICS, MOST_CLUSTERS, Kind, Metric
from adaptor.sharing.open_log import OpenLog
from adaptor.store.history import Recorded

_BARRIER = "ReportBarrier"

_REFUSALS: dict[type[AdaptorError], str] = {
    CallerUnknownError: "unknown_caller",
    NotAllowedError: "not_allowed",
    TooManyCallsError: "too_many",
}


_OF_CLUSTERS = [one for one in METRICS if "cluster" in one.label_names]

# Prometheus needs no series that say when each of the others began.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]


class Telemetry:
    """What happened and how things stand, as numbers.

    Args:
        now_s: Tells the time, seconds since the epoch.

    Attributes:
        registry: Holds them, and what Prometheus' client says of the process.
    """

    def __init__(self, *, now_s: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        self._metrics = {one.name: _made(one, self.registry) for one in METRICS}
        self._running: set[str] = set()
        self._clusters: set[str] = set()
        self._now_s = now_s
        self._set(catalogue.UP_SINCE, now_s())

    # --- what happens ----------------------------------------------------------------------------------------

    def resumed(self, run_ids: Iterable[str]) -> None:
        """Learn which runs went on when the service began."""
        self._running |= set(run_ids)
        self._set(catalogue.RUNS_RUNNING, len(self._running))

    def note(self, before: RunRecord | None, recorded: Recorded) -> None:
        """Count what happened to a run; it is recorded already.

        Args:
            before: The run before that; ``None`` if it has just begun.
            recorded: What happened.
        """
        match recorded.event:
            case RunStarted():
                self._count(catalogue.RUNS_STARTED)
            case BarrierReached(report=report):
                self._count(catalogue.SUPERSTEPS, outcome="failed" if report.failed else "succeeded")
                if not report.failed:
                    self._note_duration(before.plan if before else None, report.superstep, report.duration_s)
            case RescaleSucceeded(duration_s=duration_s):
                self._count(catalogue.RESCALES, outcome="succeeded")
                self._observe(catalogue.RESCALE_SECONDS, duration_s)
            case RescaleFailed():
                self._count(catalogue.RESCALES, outcome="failed")
            case RescaleOutcomeUnknown():
                self._count(catalogue.RESCALES, outcome="unknown")
            case RunFinished(state=state):
                self._count(catalogue.RUNS_ENDED, state=state.value)
        self._note_running(recorded)
        if recorded.plan is not None:
            self._count(catalogue.PLANS, reason=recorded.plan.reason.code.value, change=_change(recorded.plan))

    def called(self, method: str, duration_s: float) -> None:
        """Count a call that was let in.

        Args:
            method: As gRPC names it; one of the table of permissions.
            duration_s: Seconds until its answer; until its end for a stream.
        """
        name = method.rpartition("/")[2]
        self._count(catalogue.CALLS, method=name)
        if name == _BARRIER:
            self._observe(catalogue.BARRIER_SECONDS, duration_s)

    def refused(self, kind: type[AdaptorError]) -> None:
        """Count a call that was not let in, by the error that said so."""
        self._count(catalogue.CALLS_REFUSED, reason=_REFUSALS.get(kind, "other"))

    def _note_running(self, recorded: Recorded) -> None:
        if isinstance(recorded.event, RunFinished):
            self._running.discard(recorded.run_id)
        elif isinstance(recorded.event, (RunStarted, BarrierReached)):
            self._running.add(recorded.run_id)  # a report brings an abandoned run back
        self._set(catalogue.RUNS_RUNNING, len(self._running))

    def _note_duration(self, plan: Plan | None, superstep: int, duration_s: float) -> None:
        self._observe(catalogue.SUPERSTEP_SECONDS, duration_s)
        predicted = plan.predicted_s if plan and plan.superstep == superstep else None
        if predicted is None:
            return
        self._observe(catalogue.PREDICTED_SECONDS, predicted.expected)
        if predicted.expected > 0:
            self._observe(catalogue.PREDICTION_RATIO, duration_s / predicted.expected)
        held = predicted.low <= duration_s <= predicted.high
        self._count(catalogue.PREDICTIONS, interval="held" if held else "missed")

    # --- how things stand ------------------------------------------------------------------------------------

    def clusters_stand(self, clusters: Sequence[ClusterStatus]) -> None:
        """Take in how the clusters stand, in the order of ids."""
        self._set(catalogue.CLUSTERS, len(clusters))
        now_s = self._now_s()
        shown = clusters[:MOST_CLUSTERS]
        for gone in self._clusters - {one.managed.cluster_id for one in shown}:
            for metric in _OF_CLUSTERS:
                self._metrics[metric.name].remove_by_labels({"cluster": gone})
        self._clusters = {one.managed.cluster_id for one in shown}
        for status in shown:
            managed, cluster = status.managed, status.managed.cluster_id
            self._set(catalogue.CAPACITY, managed.capacity.at(now_s), cluster=cluster)
            if managed.flink_slots is not None:
                self._set(catalogue.FLINK_SLOTS, managed.flink_slots, cluster=cluster)
            self._set(catalogue.DEMAND, status.wanted_slots, cluster=cluster)
            self._set(catalogue.GRANTED, status.granted_slots, cluster=cluster)
            self._set(catalogue.HELD, status.held_slots, cluster=cluster)
            self._set(catalogue.CLUSTER_RUNS, status.runs, cluster=cluster)
            self._set(catalogue.RECLAIMS, len(status.reclaims), cluster=cluster)

    def streams_stand(self, attachments: Iterable[Attachment]) -> None:
        """Take in how attached streams stand."""
        counts = Count(one.state for one in attachments)
        for state in AttachmentState:
            self._set(catalogue.STREAMS, counts[state], state=state.value)

    def log_stands(self, opened: OpenLog | None) -> None:
        """Take in how the shared log stands; ``None`` if there is none."""
        self._set(catalogue.LOG_JOINED, 0 if opened is None else 1)
        if opened is not None:
            replica, book = opened.log.exchange.replica, list(opened.log.exchange.book)
            self._set(catalogue.LOG_ENTRIES, len(replica.applied))
            self._set(catalogue.LOG_MISSING, len(replica.missing))
            self._set(catalogue.LOG_PEERS, len(book))
            self._set(catalogue.LOG_HEARD, max((one.last_heard_s or 0.0 for one in book), default=0.0))

    def refreshed(self) -> None:
        """Note that all that was taken in just now."""
        self._set(catalogue.REFRESHED, self._now_s())

    # --- Prometheus' client ----------------------------------------------------------------------------------

    def _count(self, metric: Metric, **labels: str) -> None:
        self._of(metric, labels).inc()

    def _set(self, metric: Metric, value: float, **labels: str) -> None:
        self._of(metric, labels).set(value)

    def _observe(self, metric: Metric, value: float) -> None:
        self._of(metric, {}).observe(value)

    def _of(self, metric: Metric, labels: dict[str, str]) -> Any:
        made = self._metrics[metric.name]
        return made.labels(**labels) if labels else made


def _made(metric: Metric, registry: CollectorRegistry) -> Any:
    fields: dict[str, Any] = {"labelnames": metric.label_names, "registry": registry}
    if metric.kind is Kind.HISTOGRAM:
        return prometheus.Histogram(metric.name, metric.meaning, buckets=metric.buckets, **fields)
    kind = prometheus.Counter if metric.kind is Kind.COUNTER else prometheus.Gauge
    return kind(metric.name, metric.meaning, **fields)


def _change(plan: Plan) -> str:
    if plan.parallelism == plan.previous_parallelism:
        return "stay"
    return "wider" if plan.parallelism > plan.previous_parallelism else "narrower"
