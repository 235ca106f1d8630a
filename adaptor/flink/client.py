"""A client of Flink's REST API: one question, one method, one value.

Every fault ends here as a `FlinkError`, so callers need to know neither `requests` nor Flink's JSON. The methods block
and may be called from several threads at once. None of them retries: whoever asks knows how much time is left.

Ids are checked before they become part of an address, because they come from a job's report or from the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from adaptor.domain.checks import require_positive
from adaptor.errors import FlinkAnswerError, InvalidValueError, UnknownJobError
from adaptor.flink import parsing
from adaptor.flink.answer import parse_document
from adaptor.flink.transport import Access, BoundedSession
from adaptor.flink.values import ClusterOverview, JobDetail, JobSummary, TaskManagerInfo, VertexDetail

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Longest answer by default: a vertex of 10,000 subtasks takes about 1 kB for each."""

MAX_CONNECTIONS = 16
"""Idle connections by default: a barrier asks about ten questions at once."""

_CPU_TIME = "Status.JVM.CPU.Time"
_FLINK_ID = re.compile(r"[0-9a-f]{32}")
_DONE = (200, 202)
_NOT_FOUND = 404
_NO_SUCH_ADDRESS = "Unable to load requested file"


class FlinkClient:
    """Asks one cluster.

    Args:
        base_url: Address of the REST API, for example ``http://127.0.0.1:8081``.
        timeout_s: Longest time for one answer, from connecting to its last byte.
        max_answer_bytes: Longest answer.
        max_connections: Connections kept open while idle.
        access: How the caller shows itself.

    Raises:
        InvalidValueError: The address is no http or https URL, or a bound is not positive.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        max_connections: int = MAX_CONNECTIONS,
        access: Access | None = None,
    ) -> None:
        require_positive("timeout_s", timeout_s, unit="seconds")
        require_positive("max_answer_bytes", max_answer_bytes, unit="bytes")
        require_positive("max_connections", max_connections)
        self.base_url = _checked_url(base_url)
        self._session = BoundedSession(
            self.base_url,
            timeout_s=timeout_s,
            max_answer_bytes=max_answer_bytes,
            max_connections=max_connections,
            access=access,
        )

    def __enter__(self) -> FlinkClient:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def overview(self) -> ClusterOverview:
        """Return the cluster in four numbers.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url("/overview")
        return parsing.parse_overview(self._document(url), url=url)

    def task_managers(self) -> tuple[TaskManagerInfo, ...]:
        """Return the TaskManagers that are registered.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url("/taskmanagers")
        return parsing.parse_task_managers(self._document(url), url=url)

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return all jobs the cluster still knows, ended ones too.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url("/jobs/overview")
        return parsing.parse_jobs(self._document(url), url=url)

    def job(self, job_id: str) -> JobDetail:
        """Return one job with its vertices.

        Raises:
            UnknownJobError: The cluster does not know it, or the id is none of a job.
            FlinkError: No answer, or not Flink's.
        """
        url = self._url(f"/jobs/{checked_job_id(job_id)}")
        return parsing.parse_job(self._document(url, job_id=job_id), url=url)

    def vertex(self, job_id: str, vertex_id: str) -> VertexDetail:
        """Return one vertex of a job with its subtasks.

        Raises:
            UnknownJobError: The cluster does not know the job, or the id is none of a job.
            FlinkError: No answer, or not Flink's; an unknown vertex too.
        """
        url = self._url(f"/jobs/{checked_job_id(job_id)}/vertices/{quote(vertex_id, safe='')}")
        return parsing.parse_vertex(self._document(url, job_id=job_id), url=url)

    def task_manager_cpu_ns(self, resource_id: str) -> int | None:
        """Return the CPU time that a TaskManager's process has used since it started, in nanoseconds.

        Flink answers what it fetched last and only then fetches anew (at most every
        `metrics.fetcher.update-interval`): the value is that of the query before. `total_cpu_ns` beforehand starts
        the fetch.

        Returns:
            ``None`` if Flink holds no value, as for a TaskManager that is new, gone, or not asked about for long.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url(f"/taskmanagers/{quote(resource_id, safe='')}/metrics?get={_CPU_TIME}")
        return parsing.parse_metric(self._document(url), url=url, metric=_CPU_TIME)

    def total_cpu_ns(self) -> int | None:
        """Return the CPU time of all TaskManagers' processes as Flink fetched it last, and let Flink fetch anew.

        Returns:
            Nanoseconds, or ``None`` if Flink holds no value yet.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = self._url(f"/taskmanagers/metrics?get={_CPU_TIME}&agg=sum")
        return parsing.parse_metric_sum(self._document(url), url=url, metric=_CPU_TIME)

    def _url(self, path: str) -> str:
        return self.base_url + path

    def _document(
        self, url: str, *, job_id: str | None = None, method: str = "GET", body: Mapping[str, Any] | None = None
    ) -> object:
        answer = self._session.send(method, url, body)
        document = parse_document(answer.body, status=answer.status, url=url)
        if answer.status in _DONE:
            return document
        refusal = parsing.first_error(document)
        if answer.status == _NOT_FOUND and job_id is not None and _names_job(refusal, job_id):
            raise UnknownJobError(job_id)
        raise FlinkAnswerError(
            url,
            f"HTTP {answer.status}: {refusal or 'no reason given'}",
            status=answer.status,
            refusal=parsing.all_errors(document),
        )


def _names_job(refusal: str | None, job_id: str) -> bool:
    """Whether it is the job that was not found, and not an address below it that this version does not know."""
    return refusal is not None and job_id in refusal and not refusal.startswith(_NO_SUCH_ADDRESS)


def _checked_url(base_url: str) -> str:
    problem = f"must be the http or https address of Flink's REST API, got {base_url!r}"
    try:
        parts = urlsplit(base_url)
        port_is_possible = parts.port != 0
    except ValueError as error:
        raise InvalidValueError("flink_url", problem) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_possible:
        raise InvalidValueError("flink_url", problem)
    if parts.query or parts.fragment:
        raise InvalidValueError("flink_url", f"{problem}; leave out what follows the path")
    return base_url.rstrip("/")


def checked_job_id(job_id: str) -> str:
    """Return an id of Flink, which may become part of an address.

    Raises:
        UnknownJobError: It is none.
    """
    if not _FLINK_ID.fullmatch(job_id):
        raise UnknownJobError(job_id)
    return job_id
