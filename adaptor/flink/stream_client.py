"""What attached streams need of Flink's REST API on top of reading: wishes, checkpoints, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from adaptor.domain.duration import parse_duration_s
from adaptor.domain.stream_job import (
    CheckpointingConfiguration,
    Checkpoints,
    ParallelismRange,
    StreamJob,
    TriggeredCheckpoint,
)
from adaptor.errors import FlinkAnswerError, InvalidValueError, UnknownJobError
from adaptor.flink import stream_parsing as parsing
from adaptor.flink.client import FlinkClient, checked_job_id

COOLDOWN_OPTIONS = (
    "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling",
    "jobmanager.adaptive-scheduler.scaling-interval.min",
)
"""Flink's option of the cooldown, newest name first."""

DEFAULT_COOLDOWN_S = 30.0
"""Flink's own default of that option."""


MOST_LOGS = 16
"""TaskManagers whose logs are read for one number: each log may be as long as the longest answer."""


class StreamClient(FlinkClient):
    """Asks one cluster about streams, and tells it wishes. See `FlinkClient`."""

    def stream_job(self, job_id: str) -> StreamJob:
        """Return a job with its graph and counters.

        Raises:
            UnknownJobError: The cluster does not know it.
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id)
        return parsing.parse_stream_job(self._ask(url, job_id), url=url)

    def requirements(self, job_id: str) -> dict[str, ParallelismRange]:
        """Return what was asked for every vertex; this answer is never stale.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkError: No answer, not Flink's, or the job's scheduler knows no wishes.
        """
        url = self._job_url(job_id) + "/resource-requirements"
        return parsing.parse_requirements(self._ask(url, job_id), url=url)

    def require(self, job_id: str, requirements: Mapping[str, ParallelismRange]) -> None:
        """Ask for a parallelism of every vertex; Flink only notes the wish.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkUnreachableError: No answer: whether it was noted is unknown.
            FlinkAnswerError: Refused.
        """
        url = self._job_url(job_id) + "/resource-requirements"
        self._ask(url, job_id, method="PUT", body=parsing.requirements_document(requirements))

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job, without a savepoint; it has not ended yet when this returns.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkUnreachableError: No answer: whether it ends is unknown.
            FlinkAnswerError: Refused.
        """
        self._ask(self._job_url(job_id) + "?mode=cancel", job_id, method="PATCH")

    def trigger_checkpoint(self, job_id: str) -> str:
        """Ask for a checkpoint and return the id of the request.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkUnreachableError: No answer: whether it was triggered is unknown.
            FlinkAnswerError: Refused.
        """
        url = self._job_url(job_id) + "/checkpoints"
        # A full one: what an incremental one refers to may be of another parallelism.
        return parsing.parse_request_id(self._ask(url, job_id, method="POST", body={"checkpointType": "FULL"}), url=url)

    def triggered_checkpoint(self, job_id: str, request_id: str) -> TriggeredCheckpoint:
        """Return how a checkpoint that was asked for stands; this answer is never stale.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = f"{self._job_url(job_id)}/checkpoints/{checked_job_id(request_id)}"
        return parsing.parse_triggered(self._ask(url, job_id), url=url)

    def checkpoints(self, job_id: str) -> Checkpoints:
        """Return the checkpoints of a job.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id) + "/checkpoints"
        return parsing.parse_checkpoints(self._ask(url, job_id), url=url)

    def checkpointing(self, job_id: str) -> CheckpointingConfiguration | None:
        """Return how a job takes checkpoints, or ``None`` if it takes none.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id) + "/checkpoints/config"
        try:
            return parsing.parse_checkpointing(self._ask(url, job_id), url=url)
        except FlinkAnswerError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def metric_names(self, job_id: str, vertex_id: str) -> tuple[str, ...]:
        """Return the names of a vertex' metrics; none after a quiet time, while Flink fetches them.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = f"{self._job_url(job_id)}/vertices/{checked_job_id(vertex_id)}/subtasks/metrics"
        return parsing.parse_metric_names(self._ask(url, job_id), url=url)

    def metric_sums(self, job_id: str, vertex_id: str, names: Sequence[str]) -> dict[str, float]:
        """Return metrics of a vertex, each summed over its subtasks, in one question; unknown ones are left out.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        wanted = quote(",".join(names), safe="")
        url = f"{self._job_url(job_id)}/vertices/{checked_job_id(vertex_id)}/subtasks/metrics?get={wanted}&agg=sum"
        return parsing.parse_metric_sums(self._ask(url, job_id), url=url)

    def metric_maxima(self, job_id: str, vertex_id: str, names: Sequence[str]) -> dict[str, float]:
        """Return metrics of a vertex, of each the largest of its subtasks, in one question; unknown ones are left out.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        wanted = quote(",".join(names), safe="")
        url = f"{self._job_url(job_id)}/vertices/{checked_job_id(vertex_id)}/subtasks/metrics?get={wanted}&agg=max"
        return parsing.parse_metric_maxima(self._ask(url, job_id), url=url)

    def accumulators(self, job_id: str) -> dict[str, float]:
        """Return a job's accumulators that are numbers, by name.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id) + "/accumulators"
        return parsing.parse_accumulators(self._ask(url, job_id), url=url)

    def labels(self, job_id: str) -> dict[str, str]:
        """Return what a job's owner gave it as global job parameters.

        Raises:
            UnknownJobError: The cluster does not know the job.
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id) + "/config"
        return parsing.parse_labels(self._ask(url, job_id), url=url)

    def iterations_logged(self, job_id: str) -> int | None:
        """Return how many supersteps of a DataSet iteration the logs of the TaskManagers say are done.

        Flink gives a log as a whole, so each is read up to the longest answer that is allowed.

        Returns:
            The most that any log says; ``None`` if none knows of iterations of the job.

        Raises:
            FlinkError: No answer, or a log that is longer.
        """
        found = []
        for task_manager in self.task_managers()[:MOST_LOGS]:
            url = self._url(f"/taskmanagers/{quote(task_manager.resource_id, safe='')}/log")
            answer = self._session.get(url)
            if answer.status != _FOUND:
                raise FlinkAnswerError(url, f"HTTP {answer.status} instead of a log", status=answer.status)
            found.append(parsing.iterations_in_log(answer.body, job_id=job_id))
        return max((one for one in found if one is not None), default=None)

    def cluster_options(self) -> dict[str, str]:
        """Return the configuration of the cluster.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url("/jobmanager/config")
        return parsing.parse_cluster_options(self._document(url), url=url)

    def cooldown_s(self, job_id: str) -> float:
        """Return how long after a rescale the job's scheduler does nothing, in seconds.

        2.3 says it for the job; before, the cluster's configuration does.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._job_url(job_id) + "/rescales/config"
        try:
            told = parsing.parse_cooldown_s(self._ask(url, job_id), url=url)
        except FlinkAnswerError:
            told = None
        return _configured_cooldown_s(self.cluster_options()) if told is None else told

    def _job_url(self, job_id: str) -> str:
        return self._url(f"/jobs/{checked_job_id(job_id)}")

    def _ask(self, url: str, job_id: str, *, method: str = "GET", body: Mapping[str, object] | None = None) -> object:
        """As the base class, and a job that is not known is told apart whatever status Flink gives it."""
        try:
            return self._document(url, job_id=job_id, method=method, body=body)
        except FlinkAnswerError as error:
            if "FlinkJobNotFoundException" in error.refusal:
                raise UnknownJobError(job_id) from error
            raise


_FOUND = 200
_NOT_FOUND = 404


def _configured_cooldown_s(options: Mapping[str, str]) -> float:
    for name in COOLDOWN_OPTIONS:
        if name in options:
            try:
                return parse_duration_s(options[name].replace("min", "m").replace("sec", "s"), field=name)
            except InvalidValueError:
                break
    return DEFAULT_COOLDOWN_S
