"""The observer against a scripted client: no network, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import FlinkAnswerError, FlinkError, FlinkUnreachableError, InvalidValueError, UnknownJobError
from adaptor.flink.client import FlinkClient
from adaptor.flink.values import (
    IoMetrics,
    JobDetail,
    JobState,
    JobVertex,
    Subtask,
    TaskManagerInfo,
    VertexDetail,
)
from adaptor.observer.superstep import ObserverSettings, SuperstepObserver

JOB_ID = "a" * 32
URL = "http://flink:8081"
UNKNOWN = FlinkStatistics()
METRICS = IoMetrics(records_in=10)
JOB = JobDetail(
    job_id=JOB_ID,
    name="superstep",
    state=JobState.FINISHED,
    started_at_s=1000.0,
    ended_at_s=1010.0,
    duration_s=10.0,
    vertices=tuple(
        JobVertex(
            vertex_id=f"{index:032x}",
            name=f"v{index}",
            parallelism=parallelism,
            max_parallelism=128,
            status="FINISHED",
            duration_s=9.0,
            metrics=METRICS,
        )
        for index, parallelism in enumerate((1, 3, 2))
    ),
)


class Clock:
    """Virtual seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept_s: list[float] = []
        self.on_sleep: list[Callable[[], object]] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds
        if self.on_sleep:
            self.on_sleep.pop(0)()


@dataclass
class FakeFlink:
    """Answers like a `FlinkClient`; every answer can be exchanged for an error."""

    clock: Clock
    states: list[JobState] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=lambda: {"a": 5.0, "b": 5.0})
    stale_cpu_s: float | None = 0.0
    failing: dict[str, FlinkError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unfetched: bool = False
    closed: bool = False
    meeting: dict[str, threading.Barrier] = field(default_factory=dict)
    """Questions that are answered only when so many of them have been asked."""

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if question in self.meeting:
            self.meeting[question].wait()
        if question in self.failing:
            raise self.failing[question]

    def job(self, job_id: str) -> JobDetail:
        self._ask("job")
        assert job_id == JOB_ID
        return replace(JOB, state=self.states.pop(0) if self.states else JobState.FINISHED)

    def vertex(self, job_id: str, vertex_id: str) -> VertexDetail:
        self._ask("vertex")
        subtask = Subtask(index=0, status="FINISHED", attempt=0, duration_s=8.0, task_manager_id="a", metrics=METRICS)
        return VertexDetail(vertex_id=vertex_id, name="v", subtasks=(subtask,))

    def task_managers(self) -> tuple[TaskManagerInfo, ...]:
        self._ask("task_managers")
        return tuple(TaskManagerInfo(resource_id=name, slots=1, free_slots=1) for name in self.cpu_s)

    def total_cpu_ns(self) -> int | None:
        self._ask("total_cpu_ns")
        return None if self.stale_cpu_s is None else round(self.stale_cpu_s * 1e9)

    def task_manager_cpu_ns(self, resource_id: str) -> int | None:
        self._ask("task_manager_cpu_ns")
        return None if self.unfetched else round(self.cpu_s[resource_id] * 1e9)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flink(clock: Clock) -> FakeFlink:
    return FakeFlink(clock)


MakeObserver = Callable[..., SuperstepObserver]


@pytest.fixture
def make_observer(clock: Clock, flink: FakeFlink) -> Iterator[MakeObserver]:
    made: list[SuperstepObserver] = []

    def make(settings: ObserverSettings | None = None) -> SuperstepObserver:
        observer = SuperstepObserver(
            connect=lambda url: cast(FlinkClient, flink),
            timeout_s=2.0,
            max_workers=8,
            clock=clock,
            sleep=clock.sleep,
            settings=settings,
        )
        made.append(observer)
        return observer

    yield make
    for observer in made:
        observer.close()


async def test_a_finished_job_is_told_whole(make_observer: MakeObserver) -> None:
    """Everything is known but CPU use, which needs two observations; that is no problem."""
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == ""
    assert statistics.started_at_s == 1000.0
    assert statistics.duration_s == 10.0
    assert statistics.observed_parallelism == 3
    assert [vertex.name for vertex in statistics.vertices] == ["v0", "v1", "v2"]
    assert all(vertex.subtask_duration_s is not None for vertex in statistics.vertices)
    assert statistics.cpu_utilisation is None


async def test_a_barrier_waits_for_two_round_trips(make_observer: MakeObserver, flink: FakeFlink) -> None:
    """Nobody is answered before all of the same round have asked, so one question after another would never end."""
    first = threading.Barrier(3, timeout=30)
    flink.meeting = {
        **dict.fromkeys(("job", "task_managers", "total_cpu_ns"), first),
        "vertex": threading.Barrier(3, timeout=30),
        "task_manager_cpu_ns": threading.Barrier(2, timeout=30),
    }
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == ""


async def test_cpu_use_is_the_difference_since_the_last_observation_of_the_same_run(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    observer = make_observer()
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    clock.now_s += 10
    flink.cpu_s = {"a": 13.0, "b": 9.0}
    other = await observer.observe(run_id="other", flink_url=URL, job_id=JOB_ID)
    same = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert other.cpu_utilisation is None
    assert same.cpu_utilisation == pytest.approx(0.6)


async def test_a_task_manager_that_came_in_between_does_not_count(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    observer = make_observer()
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    clock.now_s += 10
    flink.cpu_s = {"a": 13.0, "new": 7.0}
    statistics = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.cpu_utilisation == pytest.approx(0.8)


@pytest.mark.parametrize("way", ["forgotten", "pushed out"])
async def test_a_run_that_is_not_remembered_starts_anew(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock, way: str
) -> None:
    observer = make_observer(ObserverSettings(max_runs=1))
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    if way == "forgotten":
        observer.forget("r")
        observer.forget("never seen")
    else:
        await observer.observe(run_id="other", flink_url=URL, job_id=JOB_ID)
    clock.now_s += 10
    flink.cpu_s = {"a": 13.0, "b": 9.0}
    statistics = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.cpu_utilisation is None


async def test_counters_that_are_not_fetched_anew_are_not_believed(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    """They are those of the barrier before: the difference would be the CPU use of the superstep before."""
    observer = make_observer()
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    clock.now_s += 10
    before_s = clock.now_s
    flink.stale_cpu_s = 10.0
    stale = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert stale.cpu_utilisation is None
    assert "has not fetched" in stale.problem
    assert stale.observed_parallelism == 3
    assert clock.now_s - before_s == pytest.approx(ObserverSettings().metrics_settle_s, abs=0.021)
    clock.now_s = before_s + 10
    flink.cpu_s = {"a": 15.0, "b": 15.0}
    fresh = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert fresh.cpu_utilisation == pytest.approx(0.5)


async def test_counters_are_read_again_until_each_was_fetched(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    """One TaskManager answers Flink sooner than another."""
    observer = make_observer()
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    clock.now_s = 10.0
    flink.stale_cpu_s = 10.0
    clock.on_sleep = [
        lambda: None,
        lambda: flink.cpu_s.update(a=13.0),
        lambda: flink.cpu_s.update(b=9.0),
    ]
    statistics = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == ""
    assert len(clock.slept_s) == 3
    assert statistics.cpu_utilisation == pytest.approx(0.6, rel=0.01)


async def test_a_task_manager_that_is_never_fetched_does_not_count(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    observer = make_observer()
    await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    clock.now_s = 10.0
    flink.stale_cpu_s = 10.0
    clock.on_sleep = [lambda: flink.cpu_s.update(a=13.0)]
    statistics = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.cpu_utilisation == pytest.approx(0.8, rel=0.02)


async def test_after_a_quiet_time_the_first_counters_are_waited_for(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    """Flink then holds none at all."""
    flink.stale_cpu_s = None
    flink.unfetched = True
    clock.on_sleep = [lambda: setattr(flink, "unfetched", False)]
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == ""
    assert len(clock.slept_s) == 1


async def test_a_stale_running_job_is_asked_for_again(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    flink.states = [JobState.RUNNING, JobState.RUNNING]
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == ""
    assert statistics.duration_s == 10.0
    assert clock.slept_s == [0.1, 0.1]


async def test_a_job_that_stays_running_is_a_problem_in_the_end(
    make_observer: MakeObserver, flink: FakeFlink, clock: Clock
) -> None:
    """Asking ends within the timeout; half a job's figures are not given as a whole one's."""
    flink.states = [JobState.RUNNING] * 1000
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert "RUNNING" in statistics.problem
    assert replace(statistics, problem="") == UNKNOWN
    assert clock.now_s <= 2.0


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELED])
async def test_a_job_that_failed_is_told_like_any_other(
    make_observer: MakeObserver, flink: FakeFlink, state: JobState
) -> None:
    """Whether the superstep failed is for the driver to say."""
    flink.states = [state]
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.observed_parallelism == 3


@pytest.mark.parametrize(
    "error",
    [FlinkUnreachableError(URL, "refused"), FlinkAnswerError(URL, "an HTML page"), UnknownJobError(JOB_ID)],
)
async def test_flinks_faults_become_problems(make_observer: MakeObserver, flink: FakeFlink, error: FlinkError) -> None:
    """No error reaches the barrier, and nothing is made up."""
    flink.failing = dict.fromkeys(("job", "vertex", "task_managers", "total_cpu_ns"), error)
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics == replace(UNKNOWN, problem=str(error))


@pytest.mark.parametrize("question", ["vertex", "task_managers", "total_cpu_ns", "task_manager_cpu_ns"])
async def test_what_the_job_said_survives_a_fault_beside_it(
    make_observer: MakeObserver, flink: FakeFlink, question: str
) -> None:
    error = FlinkAnswerError(URL, f"no {question}")
    flink.failing = {question: error}
    statistics = await make_observer().observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert statistics.problem == str(error)
    assert statistics.observed_parallelism == 3
    assert all((vertex.subtask_duration_s is None) == (question == "vertex") for vertex in statistics.vertices)


async def test_what_cannot_be_asked_is_not_asked(make_observer: MakeObserver, flink: FakeFlink) -> None:
    observer = make_observer()
    without_url = await observer.observe(run_id="r", flink_url="", job_id=JOB_ID)
    without_job = await observer.observe(run_id="r", flink_url=URL, job_id="")
    assert without_url.problem.startswith("flink_url is empty")
    assert without_job.problem.startswith("job_id is empty")
    assert flink.asked == []


async def test_an_address_that_is_none_is_a_problem(clock: Clock) -> None:
    def connect(url: str) -> FlinkClient:
        raise InvalidValueError("flink_url", "is none")

    observer = SuperstepObserver(connect=connect, timeout_s=2, max_workers=1, clock=clock)
    statistics = await observer.observe(run_id="r", flink_url="nonsense", job_id=JOB_ID)
    assert statistics == FlinkStatistics(problem="flink_url: is none")
    observer.close()


@pytest.mark.parametrize(("cpu_s", "problem"), [({}, "no TaskManager"), ({"a": 1.0, "b": 1.0}, "more than 1 ")])
async def test_no_or_too_many_task_managers_leave_cpu_use_unknown(
    make_observer: MakeObserver, flink: FakeFlink, cpu_s: dict[str, float], problem: str
) -> None:
    flink.cpu_s = cpu_s
    observer = make_observer(ObserverSettings(max_task_managers=1))
    statistics = await observer.observe(run_id="r", flink_url=URL, job_id=JOB_ID)
    assert problem in statistics.problem
    assert "task_manager_cpu_ns" not in flink.asked


async def test_clients_are_kept_and_surplus_ones_closed(clock: Clock) -> None:
    """One client for each cluster, and no more of them idle than the setting says."""
    made: dict[str, FakeFlink] = {}

    def connect(url: str) -> FlinkClient:
        assert url not in made
        made[url] = FakeFlink(clock)
        return cast(FlinkClient, made[url])

    observer = SuperstepObserver(
        connect=connect,
        timeout_s=2,
        max_workers=1,
        clock=clock,
        sleep=clock.sleep,
        settings=ObserverSettings(max_idle_clusters=2),
    )
    for url in ("http://a", "http://b", "http://a", "http://c"):
        await observer.observe(run_id="r", flink_url=url, job_id=JOB_ID)
    assert {url: flink.closed for url, flink in made.items()} == {
        "http://a": False,
        "http://b": True,
        "http://c": False,
    }
    observer.close()
    assert all(flink.closed for flink in made.values())


@pytest.mark.parametrize(
    ("field_name", "value"),
    [("poll_interval_s", 0.0), ("metrics_settle_s", -1.0), ("max_runs", 0), ("max_idle_clusters", 0)],
)
def test_settings_refuse_nonsense(field_name: str, value: float) -> None:
    with pytest.raises(InvalidValueError, match=field_name):
        replace(ObserverSettings(), **{field_name: value})
