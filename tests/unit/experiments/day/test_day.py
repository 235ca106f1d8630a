"""A day in fast motion: its load, the Autoscaler's rule, what looks add up to, and who takes turns on a core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adaptor.domain.stream import StreamLoad, VertexLoad
from adaptor.domain.stream_job import Counters, ParallelismRange, StreamJob, StreamVertex
from adaptor.errors import InvalidValueError
from adaptor.experiments.day.autoscaler import AutoscalerOptions, Memory, decided
from adaptor.experiments.day.core_shares import turns_of
from adaptor.experiments.day.experiment import Day, DayChoices, Played, ways_of
from adaptor.experiments.day.load import DayLoad, busy_share
from adaptor.experiments.day.rendering import outcome_of, report_of
from adaptor.experiments.day.tally import (
    Look,
    backpressured_s,
    decisions,
    records_taken,
    rescales,
    slot_seconds,
)
from adaptor.experiments.day.ways import Kind, Way

OPTIONS = AutoscalerOptions(
    utilisation=0.7,
    most_subtasks=6,
    stabilization_s=2.0,
    window_s=6.0,
    scale_down_s=20.0,
    catch_up_s=12.0,
    restart_s=0.0,
)


def load(*, busy: float, rate: float, parallelism: int, span_s: float = 3.0, max_parallelism: int = 120) -> StreamLoad:
    """A source and a worker that reads from it."""
    source = VertexLoad(
        vertex_id="source",
        name="source",
        parallelism=parallelism,
        max_parallelism=max_parallelism,
        inputs=(),
        sharing_group="",
        in_records_per_s=0.0,
        out_records_per_s=rate,
        busy=None,
        backpressured=0.0,
    )
    worker = replace(source, vertex_id="worker", name="worker", inputs=("source",), in_records_per_s=rate, busy=busy)
    return StreamLoad(span_s=span_s, vertices=(source, worker))


def asked(loads: list[StreamLoad], options: AutoscalerOptions = OPTIONS) -> list[int | None]:
    """What the rule asks of the worker after each load."""
    memory, now_s, answers = Memory(), 0.0, []
    for one in loads:
        now_s += one.span_s
        memory, wanted = decided(memory, one, now_s=now_s, options=options)
        answers.append(None if wanted is None else wanted["worker"])
    return answers


# --- load --------------------------------------------------------------------------------------------------------


def test_the_load_is_a_tenth_at_midnight_and_whole_at_noon() -> None:
    """So the day needs every width between the least and the most."""
    assert busy_share(0.0) == pytest.approx(0.1)
    assert busy_share(0.5) == pytest.approx(1.0)


def test_the_surge_is_the_stream_job_s_own() -> None:
    """The experiment knows what is needed only if the stream lets through the same."""
    text = (Path(__file__).parents[4] / "flink-jobs" / "stream.py").read_text()
    assert "BETWEEN 0.85 AND 0.93" in text
    assert "550 - 450 * COS" in text
    assert busy_share(0.84) < 0.4
    assert busy_share(0.86) == 1.0


def test_needed_workers_are_those_that_stay_below_the_utilisation() -> None:
    """Of 700 records a second, workers of 100 at 70 % take ten."""
    day = DayLoad(day_s=100, noon_records_per_s=700)
    assert day.needed(50, worker_records_per_s=100, utilisation=0.7) == 10
    assert day.needed(0, worker_records_per_s=100, utilisation=0.7) == 1


# --- the rule ----------------------------------------------------------------------------------------------------


def test_nothing_is_asked_before_the_window_is_full() -> None:
    """The rule averages over a whole window."""
    assert asked([load(busy=1.0, rate=100, parallelism=1)]) == [None]


def test_a_saturated_vertex_is_widened_by_the_utilisation() -> None:
    """100 records a second at full work need 1/0.7 subtasks at 70 %."""
    full = load(busy=1.0, rate=100, parallelism=1)
    assert asked([full, replace(full, span_s=4.0)])[-1] is None, "at the upper bound the rule still waits"
    lagging = load(busy=1.0, rate=100, parallelism=2)
    options = replace(OPTIONS, utilisation=0.6)
    assert asked([lagging, lagging], options)[-1] == 4


def test_within_the_boundary_nothing_happens() -> None:
    """Between 40 and 100 % of time at work for a target of 70 %."""
    calm = load(busy=0.6, rate=60, parallelism=2)
    assert asked([calm] * 20) == [None] * 20


def test_narrowing_waits_for_its_interval_and_takes_the_widest_called_for() -> None:
    """Of a load that first needs two subtasks and then one, two are kept."""
    two, one = load(busy=0.2, rate=100, parallelism=6), load(busy=0.05, rate=25, parallelism=6)
    answers = asked([two] * 3 + [one] * 8)
    made = [answer for answer in answers if answer is not None]
    assert made == [3], "no step takes away more than three fifths"
    assert answers.index(3) >= 7


def test_keyed_vertices_are_widened_to_a_divisor_of_the_key_groups() -> None:
    """With 128 key groups three subtasks become four."""
    lagging = load(busy=1.0, rate=100, parallelism=2, max_parallelism=128)
    options = replace(OPTIONS, utilisation=0.69)
    assert asked([lagging, lagging], options)[-1] == 4


def test_times_of_the_rule_shrink_with_the_day() -> None:
    """A day of 864 s is a hundred times faster."""
    options = AutoscalerOptions.for_day(864.0, utilisation=0.7, most_subtasks=4)
    assert options.window_s == pytest.approx(9.0)
    assert options.scale_down_s == pytest.approx(36.0)


# --- looks -------------------------------------------------------------------------------------------------------


def look(
    at_s: float, *, slots: int, emitted: int, held_s: float = 0.0, graph_s: float = 1.0, wished: int | None = None
) -> Look:
    """A source and a worker of so many subtasks."""
    source = StreamVertex(
        vertex_id="source",
        name="source",
        parallelism=slots,
        max_parallelism=120,
        running=slots,
        inputs=(),
        sharing_group="",
        counters=Counters(records_in=0, records_out=emitted, backpressured_s=held_s),
    )
    worker = replace(source, vertex_id="worker", inputs=("source",), counters=Counters(records_in=emitted))
    job = StreamJob(
        job_id="0" * 32,
        name="stream",
        state="RUNNING",
        ended=False,
        kind="STREAMING",
        scheduler="Adaptive",
        at_s=at_s,
        created_s=graph_s,
        vertices=(source, worker),
    )
    wish = ParallelismRange(lower=1, upper=wished or slots)
    return Look(at_s=at_s, job=job, wish={"source": wish, "worker": wish})


LOOKS = [
    look(0, slots=1, emitted=100),
    look(10, slots=1, emitted=200, held_s=4, wished=2),
    look(12, slots=2, emitted=30, held_s=1, graph_s=11),
    look(20, slots=2, emitted=130, held_s=3, graph_s=11),
]


def test_slots_count_for_as_long_as_they_are_taken() -> None:
    """Twelve seconds at one, eight at two."""
    assert slot_seconds(LOOKS) == 12 + 16


def test_counters_that_begin_anew_are_added_to_what_was() -> None:
    """100 before the restart, 130 after it."""
    assert records_taken(LOOKS) == 230
    assert backpressured_s(LOOKS) == pytest.approx(4 + 0.5 + 1)


def test_a_wish_is_a_decision_and_a_change_of_slots_a_rescale() -> None:
    """One of each here."""
    assert [(one.at_s, one.before, one.parallelism) for one in decisions(LOOKS)] == [(10, 1, 2)]
    assert rescales(LOOKS) == 1


def test_a_report_sets_adaptor_beside_the_cheapest_rival_that_held_nothing_back_longer() -> None:
    """A cheaper rival that held the stream back longer is no better."""
    played = Played(
        days=[
            Day(way=Way(name="adaptor", kind=Kind.ADAPTOR, start=1), looks=LOOKS, reprocessed=3),
            Day(
                way=Way(name="autoscaler 0.7", kind=Kind.AUTOSCALER, start=1),
                looks=[look(0, slots=2, emitted=0), look(20, slots=2, emitted=230)],
                reprocessed=9,
            ),
            Day(
                way=Way(name="autoscaler 0.9", kind=Kind.AUTOSCALER, start=1, utilisation=0.9),
                looks=[look(0, slots=1, emitted=0), look(20, slots=1, emitted=230, held_s=19)],
                reprocessed=0,
            ),
        ],
        load=DayLoad(day_s=20, noon_records_per_s=30),
        worker_records_per_s=20,
        slots=4,
    )
    report = report_of(DayChoices(day_s=60), played)
    cost = next(one for one in report.figures if one.name == "stream_slot_seconds")
    assert (cost.value, cost.baseline, cost.baseline_name) == (28, 40, "autoscaler 0.7, the best")
    assert [row[0] for row in report.tables[0].rows] == ["adaptor", "autoscaler 0.7", "autoscaler 0.9"]
    assert outcome_of(played.days[0], played).off == [1]


# --- the experiment ----------------------------------------------------------------------------------------------


def test_workers_of_one_core_take_turns() -> None:
    """Four on two cores: two at a time, each on a core of its own."""
    assert turns_of([0, 1, 2, 3], cores=2) == [(0, 1), (2, 3)]
    assert turns_of([0, 1, 2], cores=2) == [(0, 1), (2,)]


def test_every_way_is_played_once() -> None:
    """Adaptor, the rule at each utilisation, and both static widths."""
    names = [way.name for way in ways_of(DayChoices(utilisations=(0.7,)), slots=4)]
    assert names == ["adaptor", "autoscaler 0.7", "static least", "static most"]


def test_a_day_too_short_to_measure_is_refused() -> None:
    """The message names the option."""
    with pytest.raises(InvalidValueError, match="--seconds"):
        DayChoices(day_s=10)
