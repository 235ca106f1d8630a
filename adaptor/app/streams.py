"""The clusters of attached streams, put together from client, observer and rescaler, each with a pace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from adaptor.domain.attachment import StreamTraits
from adaptor.domain.rescale import Rescale, Step, StepResult
from adaptor.domain.resubmission import Resubmission, ResubmissionResult, ResubmissionStep
from adaptor.domain.stream_job import JobListed, ParallelismRange, StreamJob
from adaptor.domain.stream_supersteps import SourceKind, SuperstepSource
from adaptor.flink.submission_client import SubmissionClient
from adaptor.observer.pace import Pace
from adaptor.observer.stream import pending_records, sources_to_ask, traits_of
from adaptor.observer.supersteps import found_source, supersteps_done
from adaptor.rescaler.in_place import step_taken
from adaptor.rescaler.resubmission import resubmission_step_taken

T = TypeVar("T")

MOST_REMEMBERED = 10_000
"""Jobs whose metric names are remembered; about 100 bytes each."""

TRAITS_REQUESTS = 5
"""Requests that it takes to find out what can be done with a job: of cluster, job, cooldown (two), checkpoints."""

LOOK_REQUESTS = 3
"""Requests of a look at a rescale under way: the wish, the job, its checkpoints."""

LOG_REQUESTS = 3
"""Requests that reading the logs of a small cluster takes: its TaskManagers, and each one's log."""


class FlinkStreams:
    """One cluster whose streams are attached.

    Args:
        client: Of its REST API.
        pace: Of questions to it.
        max_workers: Questions under way at once.
    """

    def __init__(self, client: SubmissionClient, *, pace: Pace, max_workers: int) -> None:
        self._client = client
        self._pace = pace
        self._pool = ThreadPoolExecutor(max_workers, thread_name_prefix="streams")
        self._metric_names: dict[str, dict[str, tuple[str, ...]]] = {}

    async def traits(self, job_id: str) -> StreamTraits:
        """What can be done with a job.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know it.
        """
        return await self._ask(partial(traits_of, self._client, job_id), requests=TRAITS_REQUESTS)

    async def jobs(self) -> dict[str, JobListed]:
        """Every job that the cluster knows, by id.

        Raises:
            FlinkError: If the cluster cannot be asked.
        """
        jobs = await self._ask(self._client.jobs, urgent=True)
        return {
            job.job_id: JobListed(
                job_id=job.job_id,
                name=job.name,
                state=job.state.value,
                ended=job.state.ended,
                duration_s=job.duration_s,
            )
            for job in jobs
        }

    async def look(self, job_id: str) -> tuple[StreamJob, dict[str, float]]:
        """A job, and the records that wait at its sources, by vertex, where they say so.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know it.
        """
        job = await self._ask(partial(self._client.stream_job, job_id))
        if len(self._metric_names) > MOST_REMEMBERED:
            self._metric_names.clear()
        names = self._metric_names.setdefault(job_id, {})
        asked = len(sources_to_ask(job, names))
        if not asked:
            return job, {}
        return job, await self._ask(partial(pending_records, self._client, job, names), requests=asked)

    async def find_supersteps(
        self, job: StreamJob, wanted: SuperstepSource | None, *, usual_name: str, turn: int
    ) -> SuperstepSource | None:
        """Where a job tells its supersteps, looked for in one place at a time.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know the job.
        """
        return await self._ask(partial(found_source, self._client, job, wanted, usual_name=usual_name, turn=turn))

    async def supersteps(self, job_id: str, source: SuperstepSource) -> int | None:
        """How many supersteps of a job are done; ``None`` if that is not told now.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know the job.
        """
        requests = LOG_REQUESTS if source.kind is SourceKind.LOG else 1
        return await self._ask(partial(supersteps_done, self._client, job_id, source), requests=requests)

    async def labels(self, job_id: str) -> dict[str, str]:
        """What a job's owner gave it as global job parameters.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know the job.
        """
        return await self._ask(partial(self._client.labels, job_id))

    async def wish(self, job_id: str) -> dict[str, ParallelismRange]:
        """What was asked for every vertex.

        Raises:
            FlinkError: If the cluster cannot be asked, or does not know the job.
        """
        return await self._ask(partial(self._client.requirements, job_id))

    async def put_wish(self, job_id: str, wish: Mapping[str, ParallelismRange]) -> None:
        """Ask for a parallelism of every vertex.

        Raises:
            FlinkError: If the cluster cannot be asked, refuses, or does not know the job.
        """
        await self._ask(partial(self._client.require, job_id, wish), urgent=True)

    async def free_slots(self) -> int:
        """Slots without tasks.

        Raises:
            FlinkError: If the cluster cannot be asked.
        """
        return (await self._ask(self._client.overview, urgent=True)).slots_available

    async def take_step(self, job_id: str, rescale: Rescale, step: Step) -> StepResult:
        """Take a step of a rescale; what goes wrong is a result."""
        requests = LOOK_REQUESTS if step is Step.LOOK_AT_JOB else 1
        question = partial(step_taken, self._client, job_id, rescale, step)
        return await self._ask(question, requests=requests, urgent=True)

    async def take_resubmission_step(self, one: Resubmission, step: ResubmissionStep) -> ResubmissionResult:
        """Take a step of a resubmission; what goes wrong is a result."""
        looks = (ResubmissionStep.LOOK_AT_STOPPED, ResubmissionStep.LOOK_AT_SUBMITTED)
        question = partial(resubmission_step_taken, self._client, one, step)
        return await self._ask(question, requests=LOOK_REQUESTS if step in looks else 1, urgent=True)

    def close(self) -> None:
        """Let go of threads and connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    async def _ask(self, question: Callable[[], T], *, requests: int = 1, urgent: bool = False) -> T:
        """The answer to a question that takes so many requests, in its turn."""
        await self._pace.turn(requests=requests, urgent=urgent)
        return await asyncio.get_running_loop().run_in_executor(self._pool, question)


class FlinkStreamClusters:
    """The clusters by address, each made when it is first asked for.

    Args:
        connect: Makes a client for an address.
        pace: Makes the pace of one cluster.
        max_workers: Questions under way at once, for each cluster.
    """

    def __init__(
        self, *, connect: Callable[[str], SubmissionClient], pace: Callable[[], Pace], max_workers: int
    ) -> None:
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
