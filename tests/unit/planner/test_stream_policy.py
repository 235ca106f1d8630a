"""Stay inside the band, widen at once, narrow when every look agrees and it pays."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.domain.objective import Bounds
from adaptor.domain.stream import StreamLoad, StreamPlan, StreamReason
from adaptor.planner.stream_policy import StreamRules, StreamSituation, slots_of, stream_plan
from adaptor.testing.streams import a_load, a_stream_spec, a_vertex

RULES = StreamRules(band=0.15, narrowing_window_s=20.0, payback_s=60.0)


def busy(share: float, *, parallelism: int = 1, span_s: float = 10.0, **fields: object) -> StreamLoad:
    """A source and a worker that is so much of its time at work."""
    source = a_vertex("s", parallelism=parallelism, busy=0.05 * parallelism / parallelism)
    worker = a_vertex("v", inputs=("s",), parallelism=parallelism, busy=share, **fields)
    return a_load(source, worker, span_s=span_s)


def plan(*loads: StreamLoad, slots: int = 100, rescale_s: float = 0.1, bounds: Bounds | None = None) -> StreamPlan:
    """The plan on these looks."""
    situation = StreamSituation(loads=loads, most_slots=slots, rescale_s=rescale_s)
    return stream_plan(a_stream_spec(bounds=bounds), situation, RULES)


def told(found: StreamPlan) -> tuple[StreamReason, Sequence[int]]:
    """Reason and parallelisms."""
    return found.reason, [one.parallelism for one in found.vertices]


def test_within_the_band_nothing_is_done() -> None:
    """84 % of the time is above the 70 % wanted and below the 85 % that widens."""
    assert told(plan(busy(0.84))) == (StreamReason.IN_BAND, [1, 1])


def test_above_the_band_the_vertex_is_widened_at_once() -> None:
    """One look suffices, and only the vertex that needs it gets more."""
    assert told(plan(busy(0.9))) == (StreamReason.WIDEN, [1, 2])


def test_what_is_too_wide_is_not_narrowed_while_another_vertex_is_widened() -> None:
    """One rescale, one direction."""
    source = a_vertex("s", parallelism=4, busy=0.01)
    load = a_load(source, a_vertex("v", inputs=("s",), parallelism=4, busy=0.95))
    assert told(plan(load)) == (StreamReason.WIDEN, [4, 6])


def test_narrowing_waits_for_its_window() -> None:
    """Ten seconds of looks are not twenty."""
    assert told(plan(busy(0.2, parallelism=4))) == (StreamReason.NARROW_LATER, [4, 4])


def test_a_stream_is_narrowed_to_what_every_look_of_the_window_would_have_done_with() -> None:
    """The busier look of two decides."""
    assert told(plan(busy(0.3, parallelism=4), busy(0.1, parallelism=4))) == (StreamReason.NARROW, [1, 2])


def test_looks_at_another_parallelism_are_no_part_of_the_window() -> None:
    """A rescale begins it anew."""
    assert plan(busy(0.1, parallelism=3), busy(0.1, parallelism=4)).reason is StreamReason.NARROW_LATER


def test_a_rescale_that_does_not_pay_is_not_made() -> None:
    """Four slots for 50 s against two saved for 60 s."""
    looks = (busy(0.3, parallelism=4), busy(0.3, parallelism=4))
    assert plan(*looks, rescale_s=50.0).reason is StreamReason.NOT_WORTH_IT


def test_no_more_is_planned_than_slots_bounds_and_key_groups_allow() -> None:
    """Each of the three cuts back."""
    assert told(plan(busy(1.0, parallelism=2), slots=2)) == (StreamReason.NO_MORE_SLOTS, [2, 2])
    assert told(plan(busy(1.0, parallelism=2), bounds=Bounds(max_parallelism=2)))[0] is StreamReason.NO_MORE_SLOTS
    assert told(plan(busy(1.0, parallelism=2, max_parallelism=2)))[0] is StreamReason.NO_MORE_SLOTS


def test_vertices_that_share_slots_take_as_many_as_the_widest() -> None:
    """Groups of their own add up."""
    load = a_load(
        a_vertex("s", sharing_group="x"),
        a_vertex("v", inputs=("s",), sharing_group="x", parallelism=3),
        a_vertex("w", inputs=("v",), sharing_group="y", parallelism=2),
    )
    assert slots_of(load, load.parallelisms) == 5


def test_a_stream_without_work_is_left_alone() -> None:
    """Nothing measured is no reason to narrow."""
    idle = a_load(a_vertex("s", out_records_per_s=0.0), a_vertex("v", inputs=("s",), in_records_per_s=0.0, busy=0.0))
    assert plan(idle).reason is StreamReason.IDLE_UNKNOWN


def test_the_reason_names_the_vertex_and_its_numbers() -> None:
    """A person can check them against Flink's page."""
    assert plan(busy(0.9)).text == (
        "v must process 100 records/s, which would keep 1 subtasks busy 90 % of their time (70 % is wanted)"
    )
