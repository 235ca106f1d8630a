"""Values become protos without losing what is unknown, and a request becomes the run that it describes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.domain.events import RescaleFailed, RescaleOutcomeUnknown, RescaleSucceeded, RunFinished
from adaptor.domain.objective import CostBudget, EfficiencyTarget, RuntimeTarget
from adaptor.domain.run import RunState
from adaptor.domain.statistics import FlinkStatistics, Spread, VertexStatistics
from adaptor.service import answers, requests
from adaptor.store.history import Recorded
from adaptor.testing.values import BEGAN_S, a_report, a_spec, after, barrier, plan_after, slots, started


@given(
    st.builds(RuntimeTarget, target_s=st.floats(0.1, 1e6), confidence=st.floats(0.01, 0.99))
    | st.builds(EfficiencyTarget, min_efficiency=st.floats(0.01, 0.99))
    | st.builds(CostBudget, budget_slot_s=st.floats(1.0, 1e6), confidence=st.floats(0.01, 0.99)),
    st.booleans(),
    st.integers(1, 4),
)
def test_a_run_told_as_a_request_is_the_same_run(
    objective: RuntimeTarget | EfficiencyTarget | CostBudget, shareable: bool, parallelism: int
) -> None:
    """What `GetRun` answers could start it again."""
    spec = a_spec(objective=objective, shareable=shareable, start_parallelism=parallelism)
    assert requests.run_spec(answers.start_request(spec), default_confidence=0.5) == spec


def test_the_slash_at_the_end_of_an_address_makes_no_other_cluster() -> None:
    """Two runs of one cluster must share its slots."""
    request = answers.start_request(a_spec(flink_url="http://flink:8081/"))
    assert requests.run_spec(request, default_confidence=0.5).flink_url == "http://flink:8081"


def test_what_is_unknown_is_unset() -> None:
    """Never zero."""
    handled = after(started(), barrier(a_report(1), at_s=BEGAN_S + 10))
    observation = answers.observation(handled.effects[0].observation)
    for name in ("observed_parallelism", "job_duration_s", "cpu_utilisation"):
        assert not observation.HasField(name)
    assert not answers.plan(plan_after(started())).HasField("predicted_s")


def test_what_flink_said_is_told() -> None:
    """A zero that was measured is a zero that is set."""
    vertex = VertexStatistics(
        name="Map", parallelism=2, records_in=0, subtask_duration_s=Spread(minimum=1, median=2, maximum=3)
    )
    flink = FlinkStatistics(observed_parallelism=2, cpu_utilisation=0.0, vertices=(vertex,), duration_s=9.0)
    handled = after(started(), barrier(a_report(1), at_s=BEGAN_S + 10, flink=flink))
    told = answers.observation(handled.effects[0].observation)
    assert (told.observed_parallelism, told.HasField("cpu_utilisation"), told.job_duration_s) == (2, True, 9.0)
    [shown] = told.vertices
    assert (shown.HasField("records_in"), shown.HasField("records_out")) == (True, False)
    assert shown.subtask_duration_s == pb.Spread(minimum=1, median=2, maximum=3)


def test_every_state_has_a_proto_and_back() -> None:
    """All but ABANDONED may be reported by a job."""
    assert set(answers.STATES) == set(RunState)
    for state in (RunState.FINISHED, RunState.FAILED, RunState.CANCELLED):
        assert requests.end_state(answers.STATES[state]) is state


def test_each_event_becomes_news_and_only_its_last_message_moves_the_place() -> None:
    """Who saw half of an event sees all of it again."""
    handled = after(started(), barrier(a_report(1), at_s=BEGAN_S + 10))
    outcome = {"superstep": 2, "parallelism": 3, "at_s": 5.0}
    table = [
        (started(), ["state", "plan"]),
        (barrier(a_report(1), at_s=5.0), ["observation", "plan"]),
        (RescaleSucceeded(**outcome, capacity=slots(3), duration_s=1.5), ["rescale"]),
        (RescaleFailed(**outcome, capacity=slots(1), problem="no"), ["rescale"]),
        (RescaleOutcomeUnknown(**outcome), ["rescale"]),
        (RunFinished(state=RunState.FAILED, at_s=5.0), ["state"]),
    ]
    for event, kinds in table:
        both = kinds[-1] == "plan"
        observation = handled.effects[0].observation if kinds[0] == "observation" else None
        plan = handled.record.plan if both else None
        messages = list(answers.news(Recorded(run_id="r", sequence=7, event=event, plan=plan, observation=observation)))
        assert [one.WhichOneof("event") for one in messages] == kinds
        assert [one.resume_token for one in messages] == (["6", "7"] if both else ["7"])


def test_the_outcome_of_a_rescale_is_told_with_what_is_known_of_it() -> None:
    """Slots and seconds only where they were seen."""
    outcome = {"superstep": 2, "parallelism": 3, "at_s": 5.0}
    told = [
        next(answers.news(Recorded(run_id="r", sequence=7, event=event))).rescale
        for event in (
            RescaleSucceeded(**outcome, capacity=slots(3), duration_s=1.5),
            RescaleFailed(**outcome, capacity=slots(1), problem="no"),
            RescaleOutcomeUnknown(**outcome),
        )
    ]
    assert told == [
        pb.RescaleOutcome(superstep=2, parallelism=3, outcome="succeeded", duration_s=1.5, existing_slots=3),
        pb.RescaleOutcome(superstep=2, parallelism=3, outcome="failed", existing_slots=1, problem="no"),
        pb.RescaleOutcome(superstep=2, parallelism=3, outcome="unknown"),
    ]
