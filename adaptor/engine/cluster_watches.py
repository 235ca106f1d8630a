"""Watched clusters: jobs that come are taken up as the rules say, by the one poller that the cluster has anyway."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from adaptor.control.cluster_rules import needs_labels, newcomers, rule_for, spec_of
from adaptor.domain.attachment import Attachment
from adaptor.domain.cluster_watch import ClusterWatch
from adaptor.domain.stream import AttachmentSpec
from adaptor.domain.stream_job import JobListed
from adaptor.engine.ports import StreamCluster
from adaptor.errors import ConflictError, FlinkError, InvalidValueError

_log = logging.getLogger(__name__)


class WatchedCluster:
    """One cluster of which every job that a rule selects is looked after.

    Args:
        watch: What was asked.
        cluster: The cluster.
        attach: Begins to look after a job.
        known_jobs: Ids of the cluster's jobs that are looked after, or were let go of by somebody.

    Attributes:
        watch: What was asked.
        problem: Why the newest job that a rule selects is not looked after; empty if every one is.
    """

    def __init__(
        self,
        watch: ClusterWatch,
        *,
        cluster: StreamCluster,
        attach: Callable[[AttachmentSpec], Awaitable[Attachment]],
        known_jobs: Callable[[], Collection[str]],
    ) -> None:
        self.watch = watch
        self.problem = ""
        self._cluster = cluster
        self._attach = attach
        self._known_jobs = known_jobs
        self._left_alone: set[str] = set()

    async def turn(self, listed: Mapping[str, JobListed]) -> None:
        """Take up jobs that came since the last look; what goes wrong with one is told, and does not stop the rest."""
        self._left_alone &= listed.keys()
        for job in newcomers(listed, {*self._known_jobs(), *self._left_alone}):
            try:
                await self._take_up(job)
            except (InvalidValueError, ConflictError) as error:
                self._left_alone.add(job.job_id)
                self._tell(job, str(error))
            except FlinkError as error:
                self._tell(job, str(error))  # and the next look tries again

    async def _take_up(self, job: JobListed) -> None:
        rules = self.watch.rules
        labels = await self._cluster.labels(job.job_id) if needs_labels(rules, job.name) else {}
        rule = rule_for(rules, job.name, labels)
        if rule is None:
            self._left_alone.add(job.job_id)
            return
        await self._attach(spec_of(self.watch, rule, job))
        self.problem = ""

    def _tell(self, job: JobListed, problem: str) -> None:
        told = f"{job.name} ({job.job_id}) is not looked after: {problem}"
        if told != self.problem:
            _log.warning("%s", told)
        self.problem = told
