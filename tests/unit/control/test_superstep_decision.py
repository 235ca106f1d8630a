"""A run has one parallelism, its job one for each vertex."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.control.superstep_decision import (
    capacity_of,
    end_of_run,
    kept_vertices,
    parallelisms_for,
    slots_for,
    width_of,
)
from adaptor.domain.run import RunState
from adaptor.domain.stream_job import StreamJob
from adaptor.domain.stream_supersteps import SourceKind, SuperstepSource, parse_source, run_id_of
from adaptor.errors import InvalidValueError
from adaptor.testing.streams import a_stream_job

GAUGE = SuperstepSource(kind=SourceKind.GAUGE, name="superstep", vertex_id="gauge", metric="op.superstep")


def a_job(**parallelisms: int) -> StreamJob:
    """A job with these vertices, those whose names begin with `gauge` in a group of their own."""
    (pattern, *_) = a_stream_job(at_s=10.0).vertices
    return replace(
        a_stream_job(at_s=10.0),
        vertices=tuple(
            replace(pattern, vertex_id=name, parallelism=p, sharing_group="own" if name == "gauge" else "all")
            for name, p in parallelisms.items()
        ),
    )


@pytest.mark.parametrize(
    ("job", "kept"),
    [
        (a_job(source=1, worker=1), {}),
        (a_job(source=2, worker=4), {"source": 2}),
        (a_job(source=1, worker=1, gauge=1), {"gauge": 1}),
        (a_job(source=2, worker=2, gauge=1), {"gauge": 1}),
        (a_job(gauge=1), {}),
    ],
)
def test_what_the_owner_kept_narrow_and_what_only_publishes_keep_their_parallelism(job, kept):
    """Everything else follows the plan."""
    assert kept_vertices(job, GAUGE) == kept


def test_a_plan_is_the_parallelism_of_all_other_vertices_within_their_key_groups():
    """And costs the slots of every group's widest vertex."""
    job = a_job(source=1, worker=1, gauge=1)
    wanted = parallelisms_for(job, {"gauge": 1}, 3)
    assert wanted == {"source": 3, "worker": 3, "gauge": 1}
    assert (slots_for(job, wanted), width_of(job, {"gauge": 1})) == (4, 1)
    narrow = replace(job, vertices=tuple(replace(one, max_parallelism=2) for one in job.vertices))
    assert parallelisms_for(narrow, {}, 3) == {"source": 2, "worker": 2, "gauge": 2}


@pytest.mark.parametrize(("free", "more", "existing", "obtainable"), [(0, 0, 1, 1), (1, 0, 2, 2), (0, 3, 1, 4)])
def test_what_can_be_counted_on_leaves_room_for_what_is_kept(free, more, existing, obtainable):
    """One slot is the publisher's."""
    job = a_job(source=1, worker=1, gauge=1)
    found = capacity_of(job, {"gauge": 1}, free_slots=free, more_slots=more, slots_per_task_manager=1)
    assert (found.existing_slots, found.obtainable_slots) == (existing, obtainable)


def test_a_kept_vertex_in_the_same_group_takes_no_slot_of_its_own():
    """A narrow source shares the slots of the wide worker."""
    job = a_job(source=2, worker=3)
    assert capacity_of(job, {"source": 2}, free_slots=1, more_slots=0, slots_per_task_manager=1).existing_slots == 4


@pytest.mark.parametrize(
    ("state", "end"),
    [("FINISHED", RunState.FINISHED), ("CANCELED", RunState.CANCELLED), ("SUSPENDED", RunState.ABANDONED)],
)
def test_a_run_ends_as_its_job(state, end):
    """And is left to whoever comes back where nothing is known."""
    assert end_of_run(state) is end


@pytest.mark.parametrize("text", ["", "gauge", "gauge:", "log:x", "speed:3"])
def test_a_source_that_makes_no_sense_is_refused(text):
    """The message names the field."""
    with pytest.raises(InvalidValueError, match="superstep_source"):
        parse_source(text)


@pytest.mark.parametrize("text", ["gauge:superstep", "counter:rounds", "accumulator:done", "log", "job"])
def test_a_source_is_written_as_it_is_read(text):
    """So that what is shown can be given."""
    assert str(parse_source(text)) == text


@pytest.mark.parametrize("name", ["orders", "insert-into_default.catalog", "日本", "a b/c" * 50])
def test_a_runs_id_is_made_of_any_jobs_name(name):
    """Letters that an id cannot hold are replaced, and it is never too long."""
    made = run_id_of(name, "8e3e464e838a903d9d9e919244075f7d", attached_at_s=1.0)
    assert made.endswith("-8e3e464e-3e8")
    assert len(made) <= 100
