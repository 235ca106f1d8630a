"""A stream on Flink 1.20, whose JVM also plans it: attached to, rescaled up and down, and counted."""

from __future__ import annotations

import time

import pytest

from adaptor.domain.rescale import Order
from adaptor.domain.stream import RescaleOutcome
from adaptor.experiments.rescale_bench.stage import StreamJobOptions, StreamStage
from adaptor.experiments.rescale_bench.trial import aligned_rescale
from adaptor.observer.stream import traits_of

pytestmark = pytest.mark.e2e

ROWS = 8_000
LONGEST_S = 240.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A cluster of two slots; its distribution is fetched where it is not in the cache yet."""
    with StreamStage(tmp_path_factory.mktemp("flink-1.20"), options={}, flink="1.20") as running:
        yield running


def until(reached) -> None:
    """Wait until something is so; a starved machine takes its time."""
    until_s = time.monotonic() + LONGEST_S
    while not reached():
        assert time.monotonic() < until_s
        time.sleep(0.2)


def test_on_1_20_the_checkpoint_comes_first_and_every_record_comes_out_once(stage):
    """Version, scheduler and order are found out; both rescales go on from the checkpoint that was triggered."""
    job_id, folder = stage.submit(
        StreamJobOptions(rate=400, rows=ROWS, work=2000, checkpoint_interval="60 s"),
    )
    until(lambda: stage.client.stream_job(job_id).all_running)
    traits = traits_of(stage.client, job_id)
    assert traits.flink_version.startswith("1.20.")
    assert (traits.order, traits.obstacles, traits.remarks) == (Order.CHECKPOINT_FIRST, (), ())
    for parallelism in (2, 1):
        _, proof = aligned_rescale(stage.client, job_id, parallelism)
        assert proof.outcome is RescaleOutcome.DONE
        assert proof.aligned
        assert set(proof.observed.values()) == {parallelism}
    until(lambda: stage.client.job(job_id).state.ended)
    assert stage.output(folder).exactly_once(ROWS)
