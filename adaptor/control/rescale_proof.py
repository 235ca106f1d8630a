"""What came of a rescale in place, told from what Flink shows and from nothing else."""

from __future__ import annotations

from dataclasses import replace

from adaptor.domain.rescale import JobSeen, Rescale
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import StreamJob


def proof_of_success(rescale: Rescale, seen: JobSeen, *, now_s: float) -> RescaleProof | None:
    """The proof if every vertex runs in full with the parallelism wanted, on another graph than before."""
    job = seen.job
    if job is None or rescale.graph_s is None or job.created_s <= rescale.graph_s:
        return None
    if not job.all_running or dict(job.parallelisms) != dict(rescale.wanted):
        return None
    proof = ended(rescale, RescaleOutcome.DONE, "", now_s=now_s, seen=seen)
    return _with_text(proof, _success_text(proof))


def withdrawn(rescale: Rescale, job: StreamJob) -> bool:
    """Whether the job runs as before, on the graph it had."""
    return job.created_s == rescale.graph_s and job.all_running


def ended_as_seen(rescale: Rescale, seen: JobSeen, job: StreamJob, *, now_s: float) -> RescaleProof:
    """What the job shows when time is up."""
    if withdrawn(rescale, job) or (job.all_running and dict(job.parallelisms) == dict(rescale.before)):
        return ended(rescale, RescaleOutcome.IGNORED, "Flink goes on as before", now_s=now_s, seen=seen)
    if job.all_running:
        text = "fewer slots came than the wish needs: Flink runs what it could"
        return ended(rescale, RescaleOutcome.PARTIAL, text, now_s=now_s, seen=seen)
    text = f"the job is {job.state} and not all of its subtasks run"
    return ended(rescale, RescaleOutcome.UNKNOWN, text, now_s=now_s, seen=seen)


def ended(
    rescale: Rescale, outcome: RescaleOutcome, text: str, *, now_s: float, seen: JobSeen | None = None
) -> RescaleProof:
    """The proof with whatever figures were seen."""
    proof = RescaleProof(
        outcome=outcome,
        text=text,
        wanted=rescale.wanted,
        triggered_id=rescale.checkpoint_id,
        duration_s=now_s - rescale.began_s,
    )
    return proof if seen is None or seen.job is None else _with_figures(proof, rescale, seen, seen.job)


def _with_figures(proof: RescaleProof, rescale: Rescale, seen: JobSeen, job: StreamJob) -> RescaleProof:
    restored_id = seen.checkpoints.restored_id if seen.checkpoints else None
    restored = seen.checkpoints.checkpoint(restored_id) if seen.checkpoints and restored_id is not None else None
    restarted = rescale.graph_s is not None and job.created_s > rescale.graph_s
    emitted_again_s = job.created_s - restored.triggered_s if restored and restarted else None
    return RescaleProof(
        outcome=proof.outcome,
        text=proof.text,
        wanted=proof.wanted,
        observed={vertex: parallelism or 0 for vertex, parallelism in job.parallelisms.items()},
        triggered_id=proof.triggered_id,
        restored_id=restored_id if restarted else None,
        checkpoint_s=restored.duration_s if restored else None,
        # The old tasks worked until the checkpoint was complete; `at_s` is the first look at which all new ones did.
        gap_s=max(0.0, job.at_s - restored.acknowledged_s) if restored and restarted else None,
        reprocessed_bound=None if emitted_again_s is None else max(0.0, emitted_again_s) * rescale.source_records_per_s,
        duration_s=proof.duration_s,
    )


def _success_text(proof: RescaleProof) -> str:
    where = (
        f"from the checkpoint {proof.restored_id} that adaptor triggered"
        if proof.aligned
        else f"from checkpoint {proof.restored_id}, not the one that adaptor triggered ({proof.triggered_id})"
    )
    return f"every vertex runs as wanted, {where}"


def _with_text(proof: RescaleProof, text: str) -> RescaleProof:
    return replace(proof, text=text)
