"""The benchmark of queries measures what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptor.experiments.query_bench import QUERIES, bench_query


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        bench_query(contributions=1000, queries=2 * len(QUERIES), seed=1, progress=lambda _: None).as_json()
    )
    return found


def test_it_reports_percentiles_with_goals_and_baselines(document: dict[str, Any]) -> None:
    """For both sizes of contributions."""
    figures = {one["name"]: one for one in document["figures"]}
    for prefix in ("query", "query_single"):
        assert figures[f"{prefix}_p99"]["goal"] == 50.0
        assert figures[f"{prefix}_p99"]["baseline"] > 0
        assert {f"{prefix}_p50", f"{prefix}_rebuild", f"{prefix}_kept_rate", f"{prefix}_file_size"} <= set(figures)
    assert document["query"]["counts"]["observations"] == 10 * document["query_single"]["counts"]["observations"]
    assert document["query"]["counts"]["hidden"] == 10


@pytest.mark.parametrize("kind", QUERIES)
def test_no_filtered_query_goes_through_all_rows(document: dict[str, Any], kind: str) -> None:
    """The plan seeks in every table; what is not the same on every machine is only how long that takes."""
    plan = document["query"]["plans"][kind]
    assert any(line.startswith("SEARCH") for line in plan)
    assert [line for line in plan if line.startswith(("SCAN o", "SCAN b", "SCAN v"))] == []
