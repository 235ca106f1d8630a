"""Everything that is kept comes back from JSON as it was, and JSON is what a person would expect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.control.run_controller import observation_of
from adaptor.control.run_record import RunRecord
from adaptor.domain.capacity import Capacity
from adaptor.domain.context import ExecutionContext
from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import (
    BarrierReached,
    Event,
    RescaleFailed,
    RescaleOutcomeUnknown,
    RescaleSucceeded,
    RunFinished,
    RunStarted,
)
from adaptor.domain.objective import Bounds, CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.domain.observation import Observation, ObservedDuration, Origin
from adaptor.domain.plan import Alternative, Evidence, Interval, Plan, Reason, ReasonCode
from adaptor.domain.run import PlanningSettings, RunSpec, RunState
from adaptor.domain.statistics import FlinkStatistics, Spread, SuperstepReport, VertexStatistics
from adaptor.store import codec
from adaptor.testing.values import a_report, barrier, started

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)
SECONDS = st.floats(min_value=1e-6, max_value=1e9)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
COUNT = st.integers(1, 32768)
PAIRS = st.dictionaries(TEXT, TEXT, max_size=2)
CAPACITY = st.builds(Capacity, existing_slots=COUNT, obtainable_slots=COUNT)
SPEC = st.builds(
    RunSpec,
    run_id=st.just("run-1"),
    context=st.builds(ExecutionContext, program=TEXT, parameters=PAIRS, data=PAIRS, node_type=TEXT),
    objective=st.builds(RuntimeTarget, target_s=SECONDS, confidence=st.floats(0.01, 0.99))
    | st.builds(EfficiencyTarget, min_efficiency=st.floats(0.01, 0.99))
    | st.builds(CostBudget, budget_slot_s=SECONDS, confidence=st.floats(0.01, 0.99)),
    policy=TEXT,
    bounds=st.just(Bounds()),
    start_parallelism=COUNT,
    max_supersteps=COUNT,
    shareable=st.booleans(),
)
OBSERVED = st.builds(
    ObservedDuration, parallelism=COUNT, duration_s=SECONDS, cold=st.booleans(), origin=st.sampled_from(Origin)
)
REPORT = st.builds(
    SuperstepReport,
    superstep=COUNT,
    attempt=COUNT,
    job_id=TEXT,
    requested_parallelism=COUNT,
    duration_s=SECONDS,
    failed=st.booleans(),
    missed_supersteps=COUNT,
)
SPREAD = st.builds(Spread, minimum=NUMBER, median=NUMBER, maximum=NUMBER)
VERTEX = st.builds(
    VertexStatistics,
    name=TEXT,
    parallelism=COUNT,
    records_in=st.none() | st.integers(0, 2**63 - 1),
    busy_s=st.none() | NUMBER,
    subtask_duration_s=st.none() | SPREAD,
)
FLINK = st.builds(
    FlinkStatistics,
    duration_s=st.none() | SECONDS,
    vertices=st.lists(VERTEX, max_size=2).map(tuple),
    observed_parallelism=st.none() | COUNT,
    problem=TEXT,
)
STARTED = st.builds(
    RunStarted,
    spec=SPEC,
    earlier=st.lists(OBSERVED, max_size=2).map(tuple),
    capacity=CAPACITY,
    planning=st.builds(PlanningSettings, initial_adaptation_cost_s=SECONDS),
    adaptation_costs_s=st.lists(SECONDS, max_size=2).map(tuple),
    at_s=NUMBER,
)
REACHED = st.builds(BarrierReached, report=REPORT, flink=FLINK, capacity=CAPACITY, at_s=NUMBER)
OUTCOME = {"superstep": COUNT, "parallelism": COUNT, "at_s": NUMBER}
EVENT = st.one_of(
    STARTED,
    REACHED,
    st.builds(RescaleSucceeded, **OUTCOME, capacity=CAPACITY, duration_s=SECONDS),
    st.builds(RescaleFailed, **OUTCOME, capacity=CAPACITY, problem=TEXT),
    st.builds(RescaleOutcomeUnknown, **OUTCOME),
    st.builds(RunFinished, state=st.sampled_from(RunState), at_s=NUMBER),
)
INTERVAL = st.none() | st.builds(Interval, low=NUMBER, expected=NUMBER, high=NUMBER, level=NUMBER)
ALTERNATIVE = st.builds(
    Alternative,
    parallelism=COUNT,
    superstep_s=INTERVAL,
    finish_s=INTERVAL,
    cost_slot_s=st.none() | NUMBER,
    on_time_probability=st.none() | NUMBER,
    outside_observed_range=st.booleans(),
    verdict=TEXT,
)
EVIDENCE = dict.fromkeys(Evidence.__dataclass_fields__, COUNT)
PLAN = st.builds(
    Plan,
    run_id=TEXT,
    superstep=COUNT,
    parallelism=COUNT,
    previous_parallelism=COUNT,
    policy=TEXT,
    reason=st.builds(Reason, code=st.sampled_from(ReasonCode), text=TEXT),
    predicted_s=INTERVAL,
    alternatives=st.lists(ALTERNATIVE, max_size=2).map(tuple),
    evidence=st.builds(
        Evidence,
        **{
            **EVIDENCE,
            "model": TEXT,
            "supersteps_basis": TEXT,
            "elapsed_s": SECONDS,
            "adaptation_cost_s": SECONDS,
            "contributors": st.lists(TEXT, max_size=3).map(tuple),
            "shared_weight": st.none() | st.floats(0, 1),
        },
    ),
)


@given(EVENT)
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    """To the last bit of every number: a replay depends on it."""
    assert codec.event_of(codec.event_json(event)) == event


@given(PLAN)
def test_every_plan_comes_back_as_it_was(plan: Plan) -> None:
    """With its alternatives and evidence."""
    assert codec.loads(codec.dumps(plan, Plan), Plan) == plan


@given(STARTED, REACHED)
def test_every_observation_comes_back_as_it_was(start: RunStarted, reached: BarrierReached) -> None:
    """With everything that Flink said."""
    observation = observation_of(RunRecord.started(start), reached)
    assert codec.loads(codec.dumps(observation, Observation), Observation) == observation


@pytest.mark.parametrize("effect", [ReleaseSlots(), RequestRescale(superstep=3, parallelism=4, previous_parallelism=1)])
def test_every_slot_effect_comes_back_as_it_was(effect: RequestRescale | ReleaseSlots) -> None:
    """Told apart by its name."""
    assert codec.slot_effect_of(codec.slot_effect_json(effect)) == effect


def test_json_names_the_kind_of_event_and_of_objective() -> None:
    """So that the file can be read with any SQLite browser."""
    document = json.loads(codec.event_json(started()))
    assert (document["type"], document["spec"]["objective"]["type"]) == ("RunStarted", "RuntimeTarget")
    assert document["spec"]["context"]["parameters"] == {}


def test_a_field_that_is_not_known_is_ignored() -> None:
    """A later version may have written it."""
    document: dict[str, Any] = json.loads(codec.event_json(barrier(a_report(1), at_s=1.0)))
    document["from_the_future"] = document["report"]["also"] = 1
    assert codec.event_of(json.dumps(document)) == barrier(a_report(1), at_s=1.0)


def test_a_field_that_is_missing_takes_its_default() -> None:
    """An earlier version did not know it."""
    document: dict[str, Any] = json.loads(codec.event_json(barrier(a_report(1), at_s=1.0)))
    del document["report"]["missed_supersteps"], document["flink"]["problem"]
    assert codec.event_of(json.dumps(document)) == barrier(a_report(1), at_s=1.0)


def test_what_flink_did_not_say_stays_unknown() -> None:
    """None is null, never zero."""
    vertex = VertexStatistics(name="Map", parallelism=2, subtask_duration_s=Spread(minimum=1, median=2, maximum=3))
    event = barrier(a_report(1), at_s=1.0, flink=FlinkStatistics(vertices=(vertex,)))
    assert json.loads(codec.event_json(event))["flink"]["vertices"][0]["records_in"] is None
    assert codec.event_of(codec.event_json(event)) == event


@pytest.mark.parametrize("text", ["", "null", "{}", '{"type": "Nonsense"}', '{"type": "RunFinished"}', "[1"])
def test_anything_else_is_refused(text: str) -> None:
    """The caller knows which file is damaged."""
    with pytest.raises(Exception):  # noqa: B017 - cattrs' and orjson's own
        codec.event_of(text)
