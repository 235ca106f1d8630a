"""A stream on the real Flink that knows nothing of adaptor: attached to, rescaled, killed at, and counted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adaptor.domain.stream import AttachmentState, RescaleOutcome
from adaptor.experiments.rescale_bench.stage import StreamJobOptions, StreamStage
from adaptor.experiments.rescale_bench.trial import aligned_rescale
from adaptor.testing.attached import SETTINGS, AttachShop

pytestmark = pytest.mark.e2e

ROWS = 12_000
LONGEST_S = 240.0
LOOK_S = 0.2


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A cluster of two slots."""
    with StreamStage(tmp_path_factory.mktemp("streams"), options={}) as running:
        yield running


async def until(reached) -> None:
    """Wait until something is so; a starved machine takes its time."""
    until_s = time.monotonic() + LONGEST_S
    while not await asyncio.to_thread(reached):
        assert time.monotonic() < until_s
        await asyncio.sleep(LOOK_S)


def submitted(stage: StreamStage) -> tuple[str, Path]:
    """A stream that one subtask cannot keep up with for long."""
    options = StreamJobOptions(rate=400, rows=ROWS, work=2000, checkpoint_interval="10 s")
    return stage.submit(options)


async def test_a_rescaled_stream_gives_every_record_exactly_once(stage):
    """Up and down at checkpoints of adaptor's own; at the end outputs equal inputs at the transactional sink."""
    job_id, folder = submitted(stage)
    await until(lambda: stage.client.stream_job(job_id).all_running)
    for parallelism in (2, 1):
        _, proof = await asyncio.to_thread(aligned_rescale, stage.client, job_id, parallelism)
        assert proof.outcome is RescaleOutcome.DONE
        assert proof.aligned
        assert set(proof.observed.values()) == {parallelism}
    await until(lambda: stage.client.job(job_id).state.ended)
    assert stage.output(folder).exactly_once(ROWS)


async def test_a_task_manager_that_is_killed_harms_nothing(stage, tmp_path):
    """The lower bound of the wish lets the stream run on one slot; it ends with every record once."""
    job_id, folder = submitted(stage)
    await until(lambda: stage.client.stream_job(job_id).all_running)
    await asyncio.to_thread(aligned_rescale, stage.client, job_id, 2)
    victim = stage.flink.task_managers()[1]
    os.kill(victim.pid, signal.SIGKILL)
    await until(lambda: stage.client.job(job_id).state.ended)
    assert stage.output(folder).exactly_once(ROWS)


async def test_a_job_manager_that_is_killed_ends_the_attachment_as_lost(stage, tmp_path):
    """Without high availability the job is gone with it: told at once, lost after the silence that is allowed.

    The last test with this cluster.
    """
    job_id, _ = submitted(stage)
    shop = AttachShop(tmp_path, settings=replace(SETTINGS, lost_after_s=1.0))
    await shop.attach(stage.rest_url, job_id, dry_run=True)
    victim = next(one for one in stage.flink.processes() if one.role == "jobmanager")
    os.kill(victim.pid, signal.SIGKILL)
    await until(lambda: shop.known().state is AttachmentState.LOST)
    assert "cannot be reached" in shop.known().problem
    await shop.close()
