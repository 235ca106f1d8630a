"""The clusters of attached streams, put together from client, observer and rescaler, each with a pace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from adaptor.domain.attachment import StreamTraits
from adaptor.domain.rescale import Rescale, Step, StepResult
from adaptor.domain.stream_job import JobListed, ParallelismRange, StreamJob
from adaptor.flink.stream_client import StreamClient
from adaptor.observer.pace import Pace
from adaptor.observer.stream import pending_records, sources_to_ask, traits_of
from adaptor.rescaler.in_place import step_taken

P = ParamSpec("P")
T = TypeVar("T")

MOST_REMEMBERED = 10_000
"""Jobs whose metric names are remembered; about 100 bytes each."""


class FlinkStreams:
    """One cluster whose streams are attached.

    Args:
        client: Of its REST API.
        pace: Of questions to it.
        max_workers: Questions under way at once.
    """

    def __init__(self, client: StreamClient, *, pace: Pace, max_workers: int) -> None:
        self._client = client
        self._pace = pace
        self._pool = ThreadPoolExecutor(max_workers, thread_name_prefix="streams")
        self._metric_names: dict[str, dict[str, tuple[str, ...]]] = {}

    async def traits(self, job_id: str) -> StreamTraits:
        """What can be done with a job.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know it.
        """
        return await self._ask(traits_of, self._client, job_id)

    async def jobs(self) -> dict[str, JobListed]:
        """Every job that the cluster knows, by id.

        Raises:
            FlinkError: If the cluster cannot be asked.
        """
        jobs = await self._ask(self._client.jobs)
        return {
            job.job_id: JobListed(job_id=job.job_id, name=job.name, state=job.state.value, ended=job.state.ended)
            for job in jobs
        }

    async def look(self, job_id: str) -> tuple[StreamJob, dict[str, float]]:
        """A job, and the records that wait at its sources, by vertex, where they say so.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know it.
        """
        job = await self._ask(self._client.stream_job, job_id)
        if len(self._metric_names) > MOST_REMEMBERED:
            self._metric_names.clear()
        names = self._metric_names.setdefault(job_id, {})
        if not sources_to_ask(job, names):
            return job, {}
        return job, await self._ask(pending_records, self._client, job, names)

    async def wish(self, job_id: str) -> dict[str, ParallelismRange]:
        """What was asked for every vertex.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know the job.
        """
        return await self._ask(self._client.requirements, job_id)

    async def put_wish(self, job_id: str, wish: Mapping[str, ParallelismRange]) -> None:
        """Ask for a parallelism of every vertex.

        Raises:
            FlinkError: If the cluster cannot be asked, refuses, or does not know the job.
        """
        await self._ask(self._client.require, job_id, wish)

    async def free_slots(self) -> int:
        """Slots without tasks.

        Raises:
            FlinkError: If the cluster cannot be asked.
        """
        return (await self._ask(self._client.overview)).slots_available

    async def take_step(self, job_id: str, rescale: Rescale, step: Step) -> StepResult:
        """Take a step of a rescale; what goes wrong is a result."""
        return await self._ask(step_taken, self._client, job_id, rescale, step)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    async def _ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._pace.turn()
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(question, *args, **kwargs))


class FlinkStreamClusters:
    """The clusters by address, each made when it is first asked for.

    Args:
        connect: Makes a client for an address.
        pace: Makes the pace of one cluster.
        max_workers: Questions under way at once, for each cluster.
    """

    def __init__(self, *, connect: Callable[[str], StreamClient], pace: Callable[[], Pace], max_workers: int) -> None:
        self._connect = connect
        self._pace = pace
        self._max_workers = max_workers
        self._clusters: dict[str, FlinkStreams] = {}

    def __call__(self, flink_url: str) -> FlinkStreams:
        """The cluster at this address.

        Raises:
            InvalidValueError: If the address is none, or one that is not allowed.
        """
        if flink_url not in self._clusters:
            self._clusters[flink_url] = FlinkStreams(
                self._connect(flink_url), pace=self._pace(), max_workers=self._max_workers
            )
        return self._clusters[flink_url]

    def close(self) -> None:
        """Let go of all."""
        for cluster in self._clusters.values():
            cluster.close()
