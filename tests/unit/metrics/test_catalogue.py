"""The catalogue follows Prometheus' conventions, and whatever is delivered beside it names nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adaptor.metrics.catalogue import METRICS, PREFIX, Kind, Metric, metrics_table, series_names

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "deploy" / "grafana" / "adaptor.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"

COUNTED = ("runs", "slots", "streams", "clusters", "reclaims", "blocks", "entries", "peers", "joined", "running")
UNITS = ("seconds", "ratio", *COUNTED)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_says_what_it_is_and_in_what_unit(metric: Metric) -> None:
    """https://prometheus.io/docs/practices/naming/: one prefix, base units, `_total` for counters alone."""
    assert metric.name.startswith(PREFIX)
    assert re.fullmatch(r"[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.kind is Kind.COUNTER or metric.name.endswith(UNITS)
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(metric.buckets)
    assert not {"run", "run_id", "job", "peer", "le", "quantile"} & set(metric.label_names)


def test_no_name_is_given_twice() -> None:
    """Prometheus would refuse the second."""
    assert len({one.name for one in METRICS}) == len(METRICS)


def named(text: str) -> set[str]:
    """What a text calls metrics of ours."""
    return set(re.findall(r"\badaptor_[a-z_]+\b", text))


def queries() -> list[str]:
    """Every expression of the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """In its panels and its variables."""
    variables = json.loads(DASHBOARD.read_text())["templating"]["list"]
    asked = " ".join(queries() + [json.dumps(one["query"]) for one in variables])
    assert named(asked) - series_names() == set()


def test_every_metric_is_on_the_dashboard() -> None:
    """But those that say when something was."""
    asked = named(" ".join(queries()))
    unseen = {one.name for one in METRICS if not any(name.startswith(one.name) for name in asked)}
    assert unseen == {
        "adaptor_runs_started_total",
        "adaptor_clusters",
        "adaptor_sharing_joined",
        "adaptor_sharing_last_heard_timestamp_seconds",
        "adaptor_start_timestamp_seconds",
        "adaptor_refresh_timestamp_seconds",
    }


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """A rule on a name that nobody has never fires."""
    expressions = re.findall(r"expr: (.*(?:\n {10}.*)*)", ALERTS.read_text())
    assert len(expressions) == len(re.findall(r"- alert:", ALERTS.read_text()))
    assert named(" ".join(expressions)) - series_names() == set()


def test_the_table_in_the_documentation_is_current() -> None:
    """`adaptor docs` makes it from the same list."""
    assert metrics_table() in (ROOT / "docs" / "metrics.md").read_text()
