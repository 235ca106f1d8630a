"""Which jobs of a watched cluster are taken up next, by which rule. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from adaptor.domain.cluster_watch import AttachRule, ClusterWatch
from adaptor.domain.stream import AttachmentSpec
from adaptor.domain.stream_job import RUNNING, JobListed

MOST_AT_ONCE = 5
"""Jobs taken up in one look: each takes about six questions, and those attached already are to be asked about, too."""


def newcomers(listed: Mapping[str, JobListed], known: Collection[str]) -> list[JobListed]:
    """Jobs that run and were never seen, a few at a time.

    Args:
        listed: Every job of the cluster.
        known: Ids of those that are looked after, were let go of, or were held against the rules before.
    """
    found = [one for one in listed.values() if one.state == RUNNING and one.job_id not in known]
    return sorted(found, key=lambda one: one.job_id)[:MOST_AT_ONCE]


def rule_for(rules: Sequence[AttachRule], name: str, labels: Mapping[str, str]) -> AttachRule | None:
    """The rule that decides about a job; ``None`` if it is left alone.

    Args:
        rules: In order.
        name: Of the job.
        labels: Its global job parameters; needed only where a rule of its name asks for some.
    """
    for rule in rules:
        if fnmatchcase(name, rule.select) and all(labels.get(key) == value for key, value in rule.labels.items()):
            return None if rule.ignore else rule
    return None


def needs_labels(rules: Sequence[AttachRule], name: str) -> bool:
    """Whether a rule about jobs of this name asks for labels."""
    return any(rule.labels and fnmatchcase(name, rule.select) for rule in rules)


def spec_of(watch: ClusterWatch, rule: AttachRule, job: JobListed) -> AttachmentSpec:
    """What is asked for a job that a rule selected."""
    return AttachmentSpec(
        attachment_id=f"{job.name[:_NAME]}-{job.job_id[:8]}",
        flink_url=watch.flink_url,
        job_id=job.job_id,
        target=rule.target,
        bounds=rule.bounds,
        dry_run=rule.dry_run,
        supersteps=rule.supersteps,
        taken_up=True,
    )


_NAME = 150
"""Characters of a job's name in the id of its attachment, which has room for 200."""
