"""Reads streams over Flink's REST API: what a cluster and a job can do, and what a job did since it was looked at."""

from __future__ import annotations

from collections.abc import Mapping

from adaptor.domain.attachment import StreamTraits
from adaptor.domain.rescale import Order
from adaptor.domain.stream_job import StreamJob
from adaptor.errors import FlinkAnswerError
from adaptor.flink.stream_client import StreamClient

TRIED_VERSIONS = ("2.3.", "1.20.")
"""Versions that the tests run on real clusters."""

_WISH_FIRST_SINCE = (2, 0)
_IN_PLACE_SINCE = (1, 18)
PENDING_RECORDS = "pendingRecords"
BATCH = "BATCH"
"""Flink's word for jobs that are bounded and have no checkpoints."""


def traits_of(client: StreamClient, job_id: str) -> StreamTraits:
    """Find out what can be done with a job. Blocks within the client's bounds.

    Raises:
        UnknownJobError: The cluster does not know it.
        FlinkError: No answer, or not Flink's.
    """
    version = client.overview().flink_version
    job = client.stream_job(job_id)
    order = Order.WISH_FIRST if _parts(version) >= _WISH_FIRST_SINCE else Order.CHECKPOINT_FIRST
    return StreamTraits(
        job_name=job.name,
        flink_version=version,
        order=order,
        cooldown_s=client.cooldown_s(job_id),
        obstacles=tuple(_obstacles(client, job, version)),
        remarks=tuple(_remarks(version)),
        bounded=job.kind == BATCH,
        resubmittable=job.kind != BATCH,
    )


def pending_records(client: StreamClient, job: StreamJob, names: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """Records that wait at the sources that say so, by vertex. Blocks within the client's bounds.

    Args:
        client: Of the job's cluster.
        job: The job as it was just seen.
        names: What is known of each source's metrics that tell of waiting records, by vertex; added to.

    Raises:
        FlinkError: No answer, or not Flink's.
    """
    pending = {}
    for vertex_id in sources_to_ask(job, names):
        if vertex_id not in names:
            _learn_names(client, job.job_id, vertex_id, names)
        if names.get(vertex_id):
            pending[vertex_id] = sum(client.metric_sums(job.job_id, vertex_id, names[vertex_id]).values())
    return pending


def sources_to_ask(job: StreamJob, names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Sources of which it is not known yet that they tell nothing of waiting records."""
    return [one.vertex_id for one in job.vertices if not one.inputs and names.get(one.vertex_id) != ()]


def _learn_names(client: StreamClient, job_id: str, vertex_id: str, names: dict[str, tuple[str, ...]]) -> None:
    found = client.metric_names(job_id, vertex_id)
    # After a quiet time Flink answers with nothing and only then fetches: that says nothing about the source.
    if found:
        names[vertex_id] = tuple(name for name in found if name.rpartition(".")[2] == PENDING_RECORDS)


def _obstacles(client: StreamClient, job: StreamJob, version: str) -> list[str]:
    found = []
    if job.kind == BATCH:
        found.append("it is a batch job, which Flink does not rescale in place")
    if _parts(version) < _IN_PLACE_SINCE:
        found.append(f"Flink {version} cannot rescale in place; 1.18 and later can")
    elif not _takes_wishes(client, job):
        kind = f"its scheduler is {job.scheduler}" if job.scheduler else "its scheduler takes no wishes"
        found.append(f"{kind}; start the cluster with jobmanager.scheduler: adaptive")
    checkpointing = client.checkpointing(job.job_id)
    if checkpointing is None or checkpointing.interval_s is None:
        found.append("it takes no checkpoints, so a rescale would lose its state; set execution.checkpointing.interval")
    return found


def _takes_wishes(client: StreamClient, job: StreamJob) -> bool:
    if job.scheduler is not None:
        return job.scheduler == "Adaptive"
    try:
        client.requirements(job.job_id)
    except FlinkAnswerError:
        return False
    return True


def _remarks(version: str) -> list[str]:
    if version.startswith(TRIED_VERSIONS):
        return []
    tried = " and ".join(one.rstrip(".") for one in TRIED_VERSIONS)
    return [f"adaptor was tried with Flink {tried} and not with {version}"]


def _parts(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
