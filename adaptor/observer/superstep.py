"""Asks Flink at a barrier what the superstep's job did.

The job waits for the answer to its barrier, so this is on its critical path: only two round trips are made one after
the other (the job, then all its vertices at once; beside them the TaskManagers, then all their CPU counters at once),
everything is bounded by one timeout, and no fault of Flink's comes out. What could not be learnt is ``None``, and
`FlinkStatistics.problem` says why.

Two kinds of stale answers are met. The job's detail may still say RUNNING (Flink keeps it for `web.refresh-interval`,
3 s by default), so it is asked for again within the bound. And Flink answers a metric query with what it fetched at an
earlier query, at the barrier before: the difference would be the CPU use of the superstep before. So the sum of all
counters is asked for first, which makes Flink fetch. Counters that still add up to that sum are the old ones, and they
are read again until each has changed (35 to 90 ms on the embedded Flink) or `metrics_settle_s` is over; what has
not changed by then is not believed. It never will where barriers follow each other faster than Flink's
`metrics.fetcher.update-interval` (10 s by default, 0.5 s on the embedded Flink).
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adaptor.domain.checks import require_not_negative, require_positive
from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import FlinkError, InvalidValueError
from adaptor.flink.client import FlinkClient
from adaptor.flink.values import JobDetail, TaskManagerInfo, VertexDetail
from adaptor.observer.clusters import Cluster, Clusters
from adaptor.observer.cpu import CpuReading, CpuReadings, cpu_utilisation, next_baseline
from adaptor.observer.statistics import superstep_statistics

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSettings:
    """Bounds of an observer that seldom need another value.

    Attributes:
        poll_interval_s: Pause before a job that Flink says is still running is asked for again; the embedded Flink
            refreshes its answers every 0.1 s.
        metrics_poll_interval_s: Pause before CPU counters that Flink has not fetched anew are read again.
        metrics_settle_s: Longest time to go on with that; Flink fetches within 0.1 s on two busy cores.
        max_runs: Runs whose CPU counters are remembered; the one not observed for longest is forgotten.
        max_idle_clusters: Clusters whose connections are kept while nobody asks them.
        max_task_managers: Most TaskManagers whose counters are read, because each takes a request.
    """

    poll_interval_s: float = 0.1
    metrics_poll_interval_s: float = 0.02
    metrics_settle_s: float = 0.15
    max_runs: int = 10_000
    max_idle_clusters: int = 16
    max_task_managers: int = 64

    def __post_init__(self) -> None:
        require_positive("poll_interval_s", self.poll_interval_s, unit="seconds")
        require_positive("metrics_poll_interval_s", self.metrics_poll_interval_s, unit="seconds")
        require_not_negative("metrics_settle_s", self.metrics_settle_s, unit="seconds")
        for name in ("max_runs", "max_idle_clusters", "max_task_managers"):
            require_positive(name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something that Flink did not say.

    Attributes:
        problem: Why, in words.
    """

    problem: str


class SuperstepObserver:
    """Asks Flink about supersteps; all methods belong to one event loop.

    Args:
        connect: Makes a client for the address of a cluster.
        timeout_s: Longest time for one observation.
        max_workers: Requests under way at once, for each cluster.
        clock: Monotonic seconds.
        sleep: Waits so many seconds of that clock.
        settings: Further bounds.
    """

    def __init__(
        self,
        *,
        connect: Callable[[str], FlinkClient],
        timeout_s: float,
        max_workers: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        settings: ObserverSettings | None = None,
    ) -> None:
        require_positive("timeout_s", timeout_s, unit="seconds")
        require_positive("max_workers", max_workers)
        self._settings = settings or ObserverSettings()
        self._clusters = Clusters(connect=connect, max_workers=max_workers, max_idle=self._settings.max_idle_clusters)
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._baselines: collections.OrderedDict[str, CpuReadings] = collections.OrderedDict()

    async def observe(self, *, run_id: str, flink_url: str, job_id: str) -> FlinkStatistics:
        """Return what Flink says about the job of a superstep that has just ended.

        Args:
            run_id: The run; its CPU use is measured from one observation to the next.
            flink_url: Base address of the cluster's REST API.
            job_id: Flink's id of the superstep's job.

        Returns:
            Never later than the timeout, and with a problem instead of an error.
        """
        if not flink_url:
            return FlinkStatistics(problem="flink_url is empty, so Flink could not be asked")
        if not job_id:
            return FlinkStatistics(problem="job_id is empty, so Flink could not be asked about the superstep's job")
        try:
            with self._clusters.use(flink_url) as cluster:
                return await self._statistics(cluster, run_id=run_id, job_id=job_id)
        except InvalidValueError as error:
            return FlinkStatistics(problem=str(error))

    def forget(self, run_id: str) -> None:
        """Drop what is remembered of a run that is over; one that is not known is no error."""
        self._baselines.pop(run_id, None)

    def close(self) -> None:
        """Wait for requests under way, each bounded by its client's timeout, and close all connections."""
        self._clusters.close()

    async def _statistics(self, cluster: Cluster, *, run_id: str, job_id: str) -> FlinkStatistics:
        ends_s = self._clock() + self._timeout_s
        (job, details), readings = await asyncio.gather(
            self._job_with_details(cluster, job_id, ends_s=ends_s),
            self._answer(self._cpu_readings(cluster), ends_s=ends_s),
        )
        utilisation = None if isinstance(readings, Unknown) else self._utilisation(run_id, readings)
        if isinstance(job, Unknown):
            return FlinkStatistics(problem=job.problem)
        problems = [answer.problem for answer in (details, readings) if isinstance(answer, Unknown)]
        return superstep_statistics(
            job,
            {} if isinstance(details, Unknown) else {detail.vertex_id: detail for detail in details},
            cpu_utilisation=utilisation,
            problem="; ".join(dict.fromkeys(problems)),
        )

    async def _job_with_details(
        self, cluster: Cluster, job_id: str, *, ends_s: float
    ) -> tuple[JobDetail | Unknown, list[VertexDetail] | Unknown]:
        job = await self._answer(self._job(cluster, job_id, ends_s=ends_s), ends_s=ends_s)
        if isinstance(job, Unknown):
            return job, job
        if not job.state.ended:
            still = Unknown(
                problem=f"Flink still says after {self._timeout_s:g} s that job {job_id} is {job.state.value}"
            )
            return still, still
        return job, await self._answer(_details(cluster, job), ends_s=ends_s)

    async def _job(self, cluster: Cluster, job_id: str, *, ends_s: float) -> JobDetail:
        while True:
            job = await cluster.ask(cluster.client.job, job_id)
            if job.state.ended or self._clock() + self._settings.poll_interval_s >= ends_s:
                return job
            await self._sleep(self._settings.poll_interval_s)

    async def _cpu_readings(self, cluster: Cluster) -> CpuReadings | Unknown:
        stale_ns, task_managers = await asyncio.gather(
            cluster.ask(cluster.client.total_cpu_ns), cluster.ask(cluster.client.task_managers)
        )
        if not task_managers:
            return Unknown(problem="CPU use is unknown: no TaskManager is registered")
        if len(task_managers) > self._settings.max_task_managers:
            return Unknown(
                problem=f"CPU use is not read from more than {self._settings.max_task_managers} TaskManagers"
            )
        readings = await self._readings(cluster, task_managers)
        if readings and _total_cpu_ns(readings) != stale_ns:
            return readings
        return await self._fresh_readings(cluster, task_managers, stale=readings)

    async def _fresh_readings(
        self, cluster: Cluster, task_managers: Sequence[TaskManagerInfo], *, stale: CpuReadings
    ) -> CpuReadings | Unknown:
        ends_s = self._clock() + self._settings.metrics_settle_s
        fresh: CpuReadings = {}
        while len(fresh) < len(task_managers) and self._clock() < ends_s:
            await self._sleep(self._settings.metrics_poll_interval_s)
            readings = await self._readings(cluster, task_managers)
            fresh = {
                name: now for name, now in readings.items() if name not in stale or now.cpu_ns != stale[name].cpu_ns
            }
        return fresh or Unknown(problem="CPU use is unknown: Flink has not fetched its TaskManagers' metrics anew")

    async def _readings(self, cluster: Cluster, task_managers: Sequence[TaskManagerInfo]) -> CpuReadings:
        taken_at_s = self._clock()
        counters = await asyncio.gather(
            *(cluster.ask(cluster.client.task_manager_cpu_ns, each.resource_id) for each in task_managers)
        )
        return {
            each.resource_id: CpuReading(taken_at_s=taken_at_s, cpu_ns=cpu_ns, slots=each.slots)
            for each, cpu_ns in zip(task_managers, counters, strict=True)
            if cpu_ns is not None
        }

    async def _answer(self, asking: Awaitable[T], *, ends_s: float) -> T | Unknown:
        try:
            return await asyncio.wait_for(asking, ends_s - self._clock())
        except asyncio.TimeoutError:
            return Unknown(problem=f"flink_url: Flink did not answer within {self._timeout_s:g} s")
        except FlinkError as error:
            return Unknown(problem=str(error))

    def _utilisation(self, run_id: str, readings: CpuReadings) -> float | None:
        before = self._baselines.pop(run_id, {})
        self._baselines[run_id] = next_baseline(before, readings)
        if len(self._baselines) > self._settings.max_runs:
            self._baselines.popitem(last=False)
        return cpu_utilisation(before, readings)


async def _details(cluster: Cluster, job: JobDetail) -> list[VertexDetail]:
    return await asyncio.gather(
        *(cluster.ask(cluster.client.vertex, job.job_id, vertex.vertex_id) for vertex in job.vertices)
    )


def _total_cpu_ns(readings: CpuReadings) -> int:
    return sum(reading.cpu_ns for reading in readings.values())
