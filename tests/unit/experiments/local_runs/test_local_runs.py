"""Local runs: their order, which static parallelism was best, and what is reported."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.experiments.demo.act import ActPlan, ActStory
from adaptor.experiments.local_runs.experiment import objective_arguments
from adaptor.experiments.local_runs.outcome import LocalRun, Question, best_static, runtime_s, slot_seconds, spread
from adaptor.experiments.local_runs.programs import PROGRAMS
from adaptor.experiments.local_runs.rendering import report_of, variants_of
from adaptor.experiments.local_runs.variants import Aim, Variant, interleaved, variants

FASTEST, TARGET = Variant(start=1, aim=Aim.FASTEST), Variant(start=3, aim=Aim.TARGET)
STATIC = {parallelism: Variant(start=parallelism) for parallelism in (1, 2, 3)}


def a_run(variant: Variant, repeat: int, *supersteps: tuple[int, float], target_s: float = math.inf) -> LocalRun:
    """A run of supersteps, each with its parallelism and seconds."""
    plan = ActPlan(
        name=variant.code, question="", start=variant.start, target_s=target_s, points=Path("input"), supersteps=9
    )
    story = ActStory(plan, f"run-{variant.code}-{repeat}", started_at_s=1000.0)
    at_s = 1000.0
    for number, (parallelism, duration_s) in enumerate(supersteps, start=1):
        at_s += duration_s
        told = pb.Observation(superstep=number, requested_parallelism=parallelism, duration_s=duration_s)
        story.observations.append((at_s, told))
    story.ended_at_s = at_s
    return LocalRun(repeat=repeat, variant=variant, story=story, check={"agree": True})


def the_runs() -> list[LocalRun]:
    """Two repeats: 2 is the fastest, 1 the cheapest, and within 15 s only 2 and 3 end."""
    runs = []
    for repeat, slower_s in ((1, 0.0), (2, 1.0)):
        runs += [
            a_run(STATIC[1], repeat, (1, 10.0), (1, 10.0 + slower_s)),
            a_run(STATIC[2], repeat, (2, 6.0), (2, 6.0 + slower_s)),
            a_run(STATIC[3], repeat, (3, 7.0), (3, 7.0 + slower_s)),
            a_run(FASTEST, repeat, (1, 10.0), (2, 6.0 + slower_s)),
            a_run(TARGET, repeat, (3, 7.0), (1, 7.5 + slower_s), target_s=15.0),
        ]
    return runs


QUESTION = Question(program=PROGRAMS["pagerank"], size=2, repeats=2, supersteps=2, target_s=15.0, target_share=0.75)


def test_every_variant_runs_once_in_every_repeat_and_each_repeat_begins_with_another() -> None:
    """The very first run is at parallelism 1: its time makes the target."""
    ways = variants(most=4)
    order = interleaved(ways, repeats=len(ways))
    assert order[0] == (1, Variant(start=1))
    by_repeat = [[variant for number, variant in order if number == repeat] for repeat in range(1, len(ways) + 1)]
    assert all(set(turn) == set(ways) and len(turn) == len(ways) for turn in by_repeat)
    assert {turn[0] for turn in by_repeat} == set(ways)


@pytest.mark.parametrize("most", [2, 3, 4, 8])
def test_adaptor_starts_poorly_beside_every_static_parallelism(most: int) -> None:
    """Too narrow where it is to be fast, too wide where it is to be cheap."""
    ways = variants(most=most)
    assert sorted(one.start for one in ways if one.aim is None) == list(range(1, most + 1))
    assert {(one.aim, one.start) for one in ways if one.aim} == {(Aim.FASTEST, 1), (Aim.TARGET, most)}
    assert len({one.code for one in ways}) == len({one.name for one in ways}) == len(ways)


def test_the_best_static_parallelism_depends_on_what_is_wanted() -> None:
    """And is none where no static run ends in time."""
    runs = the_runs()
    assert best_static(runs, runtime_s) == STATIC[2]
    assert best_static(runs, slot_seconds) == STATIC[1]
    assert best_static(runs, slot_seconds, within_s=15.0) == STATIC[2]
    assert best_static(runs, slot_seconds, within_s=5.0) is None


def test_medians_stand_beside_those_of_the_best_static_parallelism() -> None:
    """Seconds for the fastest, slot-seconds for the target, and how often it was met."""
    report = report_of(QUESTION, the_runs(), seed=1, duration_s=100.0)
    figures = {figure.name: figure for figure in report.figures}
    fastest = figures["local_pagerank_fastest_runtime"]
    assert (fastest.value, fastest.baseline, fastest.baseline_name) == (16.5, 12.5, "static 2, the best")
    assert figures["local_pagerank_fastest_runtime_ratio"].value == pytest.approx(16.5 / 12.5)
    cheapest = figures["local_pagerank_target_slot_seconds"]
    assert (cheapest.value, cheapest.baseline) == (21.0 + 8.0, 25.0)
    assert figures["local_pagerank_target_met"].value == 0.5
    assert figures["local_pagerank_results_agreeing"].value == 1.0
    assert all(figure.goal is not None for name, figure in figures.items() if name.endswith("_ratio"))


def test_where_no_static_run_meets_the_target_there_is_nothing_to_compare_with() -> None:
    """The ratio is not measured, and its goal neither met nor missed."""
    question = Question(program=PROGRAMS["kmeans"], size=1, repeats=2, supersteps=2, target_s=5.0, target_share=0.2)
    figures = {figure.name: figure for figure in report_of(question, the_runs(), seed=1, duration_s=1.0).figures}
    assert figures["local_kmeans_target_slot_seconds"].baseline is None
    assert figures["local_kmeans_target_slot_seconds_ratio"].value is None
    assert figures["local_kmeans_target_slot_seconds_ratio"].met is None


def test_the_report_shows_every_variant_and_every_run() -> None:
    """In the table by variant, in the plots by superstep and by cost."""
    runs = the_runs()
    report = report_of(QUESTION, runs, seed=1, duration_s=1.0)
    table = {row[0]: row for row in report.tables[0].rows}
    assert list(table) == [variant.name for variant in variants_of(runs)]
    assert table[TARGET.name][3] == "1 of 2" and table[TARGET.name][5] == "3 x1, 1 x1"
    plots = {plot.name: plot for plot in report.plots}
    assert [list(one.y) for one in plots["parallelism-fastest"].series] == [[1, 2], [1, 2]]
    assert [list(one.y) for one in plots["parallelism-target"].series] == [[3, 1], [3, 1]]
    assert sum(len(one.x) for one in plots["cost"].series) == len(runs)
    static = {one.name: one for one in plots["supersteps"].series}
    assert (static["static 1"].y, static["static 1"].low, static["static 1"].high) == ([10, 10.5], [10, 10], [10, 11])
    assert len(report.details["runs"]) == len(runs)


def test_a_run_without_a_target_is_asked_to_be_as_fast_as_possible() -> None:
    """No parallelism that is faster than 1 falls below the efficiency asked for."""
    plan = a_run(FASTEST, 1, (1, 1.0)).story.plan
    option, text = objective_arguments(plan, most=4)
    assert option == "--efficiency-target"
    assert float(text) < 1 / 4
    option, text = objective_arguments(a_run(TARGET, 1, (1, 1.0), target_s=12.5).story.plan, most=4)
    assert (option, float(text)) == ("--runtime-target-s", 12.5)


def test_the_spread_of_one_run_is_the_run() -> None:
    """Median and range."""
    assert spread(the_runs(), STATIC[1], runtime_s).text == "20.5 (20.0 .. 21.0)"
    assert spread(the_runs()[:1], STATIC[1], runtime_s).text == "20.0 (20.0 .. 20.0)"
