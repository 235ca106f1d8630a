"""What stopping a job with a savepoint and submitting it again needs of Flink's REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from adaptor.domain.resubmission import SavepointSeen, StoppedSeen, Submission, SubmittedSeen
from adaptor.errors import FlinkAnswerError, InvalidValueError, UnknownJobError
from adaptor.flink import stream_parsing
from adaptor.flink import submission_parsing as parsing
from adaptor.flink.client import checked_job_id
from adaptor.flink.stream_client import StreamClient

SUBMISSION_S = 60.0
"""The JobManager runs a jar's program before it answers: Flink's planner takes 2 s, and 30 s on starved cores."""


class SubmissionClient(StreamClient):
    """Asks one cluster about jobs that are stopped and submitted. See `FlinkClient`.

    Args:
        base_url: Address of the REST API.
        timeout_s: Longest time for one answer, submissions aside.
        submission_timeout_s: Longest time for the answer to a submission.
        options: Others of the base class.
    """

    def __init__(
        self, base_url: str, *, timeout_s: float, submission_timeout_s: float = SUBMISSION_S, **options: Any
    ) -> None:
        super().__init__(base_url, timeout_s=timeout_s, **options)
        self._patient = StreamClient(base_url, timeout_s=max(timeout_s, submission_timeout_s), **options)

    def close(self) -> None:
        """Close the connections."""
        self._patient.close()
        super().close()

    def jar_id(self, jar: str) -> str:
        """Return the id of an uploaded jar, from the id or from its file name.

        Raises:
            InvalidValueError: There is none, or several have this name.
            FlinkError: No answer, or not Flink's.
        """
        url = self._url("/jars")
        jars = parsing.parse_jars(self._document(url), url=url)
        named = [jar] if jar in jars else [jar_id for jar_id, name in jars.items() if name == jar]
        if len(named) != 1:
            there = ", ".join(sorted(set(jars.values()))) or "none"
            problem = "no jar" if not named else f"{len(named)} jars"
            raise InvalidValueError("jar", f"{problem} called {jar!r} on the cluster; uploaded are: {there}")
        return named[0]

    def stop_with_savepoint(self, job_id: str, folder: str) -> str:
        """Ask a job to stop with a savepoint and return the id of the request.

        Args:
            job_id: Flink's id.
            folder: Where the savepoint goes; empty: where the cluster's configuration says.

        Raises:
            UnknownJobError: The cluster does not know it.
            FlinkUnreachableError: No answer: whether it was asked is unknown.
            FlinkAnswerError: Refused.
        """
        url = self._job_url(job_id) + "/stop"
        body: dict[str, Any] = {"drain": False, **({"targetDirectory": folder} if folder else {})}
        return stream_parsing.parse_request_id(self._ask(url, job_id, method="POST", body=body), url=url)

    def savepoint(self, job_id: str, request_id: str) -> SavepointSeen:
        """Return how a savepoint that was asked for stands; this answer is never stale.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        url = f"{self._job_url(job_id)}/savepoints/{checked_job_id(request_id)}"
        return parsing.parse_savepoint(self._ask(url, job_id), url=url)

    def stopped(self, job_id: str) -> StoppedSeen:
        """Return a job that is to be stopped, with the place of its newest savepoint.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        try:
            # Before the job, or a savepoint that ends between the two answers would look like none.
            before = self._checkpoints_document(job_id)
            job = self.stream_job(job_id)
            document = self._checkpoints_document(job_id) if job.ended else before
            return parsing.parse_stopped(document, job, url=self.base_url)
        except UnknownJobError:
            return StoppedSeen(job=None)

    def run(self, submission: Submission, *, job_id: str, parallelism: int, savepoint: str) -> None:
        """Submit a job under an id of the caller's choice, from a savepoint; empty: from nothing.

        Raises:
            InvalidValueError: Its jar is not there.
            FlinkUnreachableError: No answer: whether it was submitted is unknown.
            FlinkAnswerError: Refused, or its program failed.
        """
        url = self._url(f"/jars/{quote(self.jar_id(submission.jar), safe='')}/run")
        body: dict[str, Any] = {
            "jobId": checked_job_id(job_id),
            "parallelism": parallelism,
            **({"savepointPath": savepoint} if savepoint else {}),
            # 2.0 dropped `programArgs`; the list is known to all versions since 1.7.
            "programArgsList": list(submission.arguments),
            **({"flinkConfiguration": dict(submission.configuration)} if submission.configuration else {}),
            **({"entryClass": submission.entry_class} if submission.entry_class else {}),
        }
        self._patient._document(url, method="POST", body=body)

    def submitted(self, job_id: str) -> SubmittedSeen:
        """Return a job that was submitted, with the savepoint that it began from.

        Raises:
            FlinkError: No answer, or not Flink's.
        """
        try:
            job = self.stream_job(job_id)
            # A job that failed while it was made has no checkpoints to ask about.
            return SubmittedSeen(
                job=job,
                restored_from=self._restored_from(job_id) if job.all_running else None,
                problem=self._root_problem(job_id) if job.ended else "",
            )
        except UnknownJobError:
            return SubmittedSeen(job=None)

    def _restored_from(self, job_id: str) -> str | None:
        return parsing.parse_restored_from(self._checkpoints_document(job_id), url=self.base_url)

    def _checkpoints_document(self, job_id: str) -> object:
        return self._ask(self._job_url(job_id) + "/checkpoints", job_id)

    def _root_problem(self, job_id: str) -> str:
        url = self._job_url(job_id) + "/exceptions"
        try:
            return parsing.parse_root_problem(self._ask(url, job_id), url=url)
        except FlinkAnswerError:
            return ""
