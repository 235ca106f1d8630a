"""Every metric, in one list, after Prometheus' conventions: base units, the unit in the name, `_total` for counters.

No label holds a run: labels have as many values as the code has words, or, for clusters, as `MOST_CLUSTERS` says. The
table in ``docs/metrics.md`` is made from the list, and the dashboard is checked against it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

PREFIX = "adaptor_"

MOST_CLUSTERS = 100
"""Clusters with figures of their own, in the order of their ids; the others are left out and counted."""


class Kind(enum.Enum):
    """What Prometheus calls the kinds."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        name: As Prometheus has it.
        kind: What it is.
        meaning: One sentence.
        labels: What each label holds, by name.
        buckets: Upper bounds of a histogram, in the unit of the name.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[tuple[str, str], ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of its labels."""
        return tuple(name for name, _ in self.labels)


BARRIER_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""From a tenth of the goal of a barrier to the longest wait of a client."""

SUPERSTEP_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0)
"""From start-up alone to hours."""

RESCALE_S = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""From slots that are there to a TaskManager that Kubernetes must place first."""

RATIO = (0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0)
"""Around 1, where a prediction is right."""

_CLUSTER = (("cluster", f"id of the cluster, at most {MOST_CLUSTERS}"),)

RUNS_STARTED = Metric(name="adaptor_runs_started_total", kind=Kind.COUNTER, meaning="Runs that began.")
RUNS_ENDED = Metric(
    name="adaptor_runs_ended_total",
    kind=Kind.COUNTER,
    meaning="Runs that ended; an abandoned one may come back.",
    labels=(("state", "finished, failed, cancelled, abandoned"),),
)
RUNS_RUNNING = Metric(name="adaptor_runs_running", kind=Kind.GAUGE, meaning="Runs that go on.")
SUPERSTEPS = Metric(
    name="adaptor_supersteps_total",
    kind=Kind.COUNTER,
    meaning="Supersteps that were reported.",
    labels=(("outcome", "succeeded, failed"),),
)
SUPERSTEP_SECONDS = Metric(
    name="adaptor_superstep_duration_seconds",
    kind=Kind.HISTOGRAM,
    meaning="How long supersteps took that ended well.",
    buckets=SUPERSTEP_S,
)
PREDICTED_SECONDS = Metric(
    name="adaptor_superstep_predicted_seconds",
    kind=Kind.HISTOGRAM,
    meaning="How long the same supersteps were expected to take, where a plan said so.",
    buckets=SUPERSTEP_S,
)
PREDICTION_RATIO = Metric(
    name="adaptor_superstep_prediction_ratio",
    kind=Kind.HISTOGRAM,
    meaning="True over predicted duration of a superstep; 1 is right.",
    buckets=RATIO,
)
PREDICTIONS = Metric(
    name="adaptor_superstep_predictions_total",
    kind=Kind.COUNTER,
    meaning="Supersteps with a prediction, by whether its interval held the truth.",
    labels=(("interval", "held, missed"),),
)
PLANS = Metric(
    name="adaptor_plans_total",
    kind=Kind.COUNTER,
    meaning="Plans that were made.",
    labels=(("reason", "the plan's reason code"), ("change", "wider, narrower, stay")),
)
RESCALES = Metric(
    name="adaptor_rescales_total",
    kind=Kind.COUNTER,
    meaning="Rescales of runs by what became of them.",
    labels=(("outcome", "succeeded, failed, unknown"),),
)
RESCALE_SECONDS = Metric(
    name="adaptor_rescale_duration_seconds",
    kind=Kind.HISTOGRAM,
    meaning="How long rescales took until the cluster had changed.",
    buckets=RESCALE_S,
)
BARRIER_SECONDS = Metric(
    name="adaptor_barrier_duration_seconds",
    kind=Kind.HISTOGRAM,
    meaning="How long a report of a barrier waited for its answer in the service.",
    buckets=BARRIER_S,
)
CALLS = Metric(
    name="adaptor_calls_total",
    kind=Kind.COUNTER,
    meaning="Calls that were let in.",
    labels=(("method", "name of the call"),),
)
CALLS_REFUSED = Metric(
    name="adaptor_calls_refused_total",
    kind=Kind.COUNTER,
    meaning="Calls that were not let in.",
    labels=(("reason", "unknown_caller, not_allowed, too_many, other"),),
)
STREAMS = Metric(
    name="adaptor_attached_streams",
    kind=Kind.GAUGE,
    meaning="Streams that are looked after, or were.",
    labels=(("state", "watching, paused, detached, job_ended, lost"),),
)
CLUSTERS = Metric(name="adaptor_clusters", kind=Kind.GAUGE, meaning="Managed clusters.")
CAPACITY = Metric(
    name="adaptor_cluster_capacity_slots",
    kind=Kind.GAUGE,
    meaning="Slots that may be used, as the manager said.",
    labels=_CLUSTER,
)
FLINK_SLOTS = Metric(
    name="adaptor_cluster_flink_slots",
    kind=Kind.GAUGE,
    meaning="Slots that Flink had when it was last asked.",
    labels=_CLUSTER,
)
DEMAND = Metric(
    name="adaptor_cluster_demand_slots",
    kind=Kind.GAUGE,
    meaning="Slots that the runs of a cluster want.",
    labels=_CLUSTER,
)
GRANTED = Metric(
    name="adaptor_cluster_granted_slots",
    kind=Kind.GAUGE,
    meaning="Slots that the runs of a cluster are granted.",
    labels=_CLUSTER,
)
HELD = Metric(
    name="adaptor_cluster_held_slots",
    kind=Kind.GAUGE,
    meaning="Slots that the newest plans of the runs of a cluster ask for.",
    labels=_CLUSTER,
)
CLUSTER_RUNS = Metric(
    name="adaptor_cluster_runs", kind=Kind.GAUGE, meaning="Runs of a cluster that go on.", labels=_CLUSTER
)
RECLAIMS = Metric(
    name="adaptor_cluster_reclaims",
    kind=Kind.GAUGE,
    meaning="Reclaims of a cluster that are under way.",
    labels=_CLUSTER,
)
LOG_JOINED = Metric(
    name="adaptor_sharing_joined", kind=Kind.GAUGE, meaning="1 if this machine takes part in a log, else 0."
)
LOG_ENTRIES = Metric(name="adaptor_sharing_entries", kind=Kind.GAUGE, meaning="Entries of the log that are here.")
LOG_MISSING = Metric(
    name="adaptor_sharing_missing_blocks", kind=Kind.GAUGE, meaning="Blocks of the log that are known of and not here."
)
LOG_PEERS = Metric(name="adaptor_sharing_peers", kind=Kind.GAUGE, meaning="Peers that are known.")
LOG_HEARD = Metric(
    name="adaptor_sharing_last_heard_timestamp_seconds",
    kind=Kind.GAUGE,
    meaning="When a peer was last heard, since the epoch; 0 if none ever was.",
)
UP_SINCE = Metric(
    name="adaptor_start_timestamp_seconds", kind=Kind.GAUGE, meaning="When the service began, since the epoch."
)
REFRESHED = Metric(
    name="adaptor_refresh_timestamp_seconds",
    kind=Kind.GAUGE,
    meaning="When the gauges of clusters, streams and sharing were last brought up to date, since the epoch.",
)

METRICS: tuple[Metric, ...] = (
    RUNS_STARTED,
    RUNS_ENDED,
    RUNS_RUNNING,
    SUPERSTEPS,
    SUPERSTEP_SECONDS,
    PREDICTED_SECONDS,
    PREDICTION_RATIO,
    PREDICTIONS,
    PLANS,
    RESCALES,
    RESCALE_SECONDS,
    BARRIER_SECONDS,
    CALLS,
    CALLS_REFUSED,
    STREAMS,
    CLUSTERS,
    CAPACITY,
    FLINK_SLOTS,
    DEMAND,
    GRANTED,
    HELD,
    CLUSTER_RUNS,
    RECLAIMS,
    LOG_JOINED,
    LOG_ENTRIES,
    LOG_MISSING,
    LOG_PEERS,
    LOG_HEARD,
    UP_SINCE,
    REFRESHED,
)


def series_names() -> frozenset[str]:
    """Every name that a query may use: of histograms, what Prometheus makes of them."""
    names = set()
    for one in METRICS:
        if one.kind is Kind.HISTOGRAM:
            names |= {f"{one.name}_bucket", f"{one.name}_sum", f"{one.name}_count"}
        else:
            names.add(one.name)
    return frozenset(names)


def metrics_table() -> str:
    """The documentation's table, as Markdown."""
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for one in METRICS:
        labels = "; ".join(f"`{name}`: {text}" for name, text in one.labels)
        rows.append(f"| `{one.name}` | {one.kind.value} | {labels} | {one.meaning} |")
    return "\n".join(rows) + "\n"
