"""Figures of the sharing benchmark: what of trials becomes a figure, and what OrbitDB's script said beside it."""

from __future__ import annotations

import json

import pytest

from adaptor.errors import InvalidValueError
from adaptor.experiments.report import Figure
from adaptor.experiments.sharing_bench import orbitdb
from adaptor.experiments.sharing_bench.figures import figures_of, scaling_figures
from adaptor.experiments.sharing_bench.records import observation
from adaptor.experiments.sharing_bench.trial import Judging, Memory, Newcomer, Outcome, Trial

MB = 1_000_000


def an_outcome(
    *, records: int = 10_000, batched: bool = False, indexed_s: tuple[float | None, ...] = (4.0, 6.0)
) -> Outcome:
    """A trial in which everything went as usual."""
    trial = Trial(backend="embedded", batched=batched, records=records, peers=3, newcomers=2, singles=3)
    newcomers = [
        Newcomer(joined_s=0.1, applied_s=one, indexed_s=one, observations=records if one else 0, cpu_s=1.0)
        for one in indexed_s
    ]
    return Outcome(
        trial=trial,
        append_s=5.0,
        entries=records,
        newcomers=newcomers,
        judging=Judging(contributions=100, took_s=2.0, cpu_s=1.0),
        bytes_in=[500 * records, 500 * records],
        singles_s=[0.002, 0.003, 0.009],
        memories=[Memory(bare=100 * MB, idle=110 * MB, full=140 * MB, peak=150 * MB)],
    )


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    """The figures by their names, of which none may come twice."""
    assert len({one.name for one in figures}) == len(figures)
    return {one.name: one for one in figures}


LINES = [
    {"system": "orbitdb-js", "figure": "versions", "core": "4.0.0"},
    {"n": 10_000, "figure": "append_s", "value": 66.0, "unit": "s"},
    {"n": 10_000, "figure": "newcomer_all_since_dial_s", "value": 80.0, "unit": "s"},
    {"n": 10_000, "figure": "live_2peers_median_ms", "value": 18.0, "unit": "ms"},
    {"n": 10_000, "figure": "three_writer_rss_mib", "value": 400, "unit": "MiB"},
    {"n": 59, "figure": "append_s", "value": 0.4, "unit": "s"},
]


def test_each_goal_of_the_figures_is_found() -> None:
    """Names of figures are those that `goals.toml` has goals for."""
    figures = by_name(figures_of([an_outcome(), an_outcome(batched=True)], None))
    for name in (
        "sharing_append_s_embedded_single_10000",
        "sharing_bootstrap_s_embedded_single_10000",
        "sharing_bootstrap_s_embedded_batched_10000",
        "sharing_propagate_ms_median_embedded_single",
        "sharing_rss_mb_above_idle_embedded_single",
        "sharing_newcomers_unfinished_embedded",
    ):
        assert figures[name].goal is not None
        assert figures[name].met is not None


def test_a_figure_is_the_median_and_the_worst_process() -> None:
    """Newcomers are summed up by their median, memory by the largest process."""
    figures = by_name(figures_of([an_outcome()], None))
    assert figures["sharing_bootstrap_s_embedded_single_10000"].value == 5.0
    assert figures["sharing_rss_mb_above_idle_embedded_single"].value == 30.0
    assert figures["sharing_propagate_ms_median_embedded_single"].value == 3.0
    assert figures["sharing_bytes_per_record_embedded_single_10000"].value == 500.0


def test_a_newcomer_that_does_not_finish_is_counted_and_hides_in_no_median() -> None:
    """One of two that never finished leaves no time of a bootstrap."""
    figures = by_name(figures_of([an_outcome(indexed_s=(4.0, None))], None))
    assert figures["sharing_newcomers_unfinished_embedded"].value == 1
    assert figures["sharing_bootstrap_s_embedded_single_10000"].value is None


def test_orbitdb_stands_beside_records_that_are_entries() -> None:
    """What OrbitDB took is the baseline, and how many times longer that is, is a figure of its own."""
    other = orbitdb.read(map(json.dumps, LINES), records=10_000)
    figures = by_name(figures_of([an_outcome(), an_outcome(batched=True)], other))
    append = figures["sharing_append_s_embedded_single_10000"]
    assert (append.baseline, append.baseline_name) == (66.0, "OrbitDB 4.0.0")
    assert figures["sharing_append_s_embedded_batched_10000"].baseline is None
    assert figures["sharing_append_orbitdb_ratio_embedded_10000"].value == pytest.approx(13.2)
    assert figures["sharing_bootstrap_orbitdb_ratio_embedded_10000"].value == pytest.approx(16.0)
    assert figures["sharing_propagate_orbitdb_ratio_embedded_10000"].value == pytest.approx(6.0)


def test_lines_about_another_number_of_records_are_no_measurement() -> None:
    """Nothing is compared with what was measured for another size."""
    with pytest.raises(InvalidValueError, match="1000 records"):
        orbitdb.read(["no JSON", *map(json.dumps, LINES)], records=1_000)


def test_time_per_entry_grows_from_the_smallest_to_the_largest() -> None:
    """The growth is the ratio of both ends."""
    outcomes = [an_outcome(records=1_000), an_outcome(records=100_000)]
    figures = by_name(scaling_figures(outcomes))
    assert figures["sharing_append_ms_per_entry_embedded_1000"].value == 5.0
    assert figures["sharing_append_growth_embedded"].value == pytest.approx(0.01)
    assert figures["sharing_bootstrap_growth_embedded"].met


def test_records_are_the_same_at_every_call_and_each_differs() -> None:
    """Two runs of the benchmark write the same log, in which nothing is a copy."""
    assert observation(7) == observation(7)
    assert len({observation(number).duration_s for number in range(200)}) == 200
    assert len({observation(number).observation_id for number in range(2_000)}) == 2_000
