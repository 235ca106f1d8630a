"""The whole way on a scripted cluster: sensed over HTTP, decided, rescaled at a checkpoint of our own, proved."""

from __future__ import annotations

import pytest

from adaptor.domain.stream import AttachmentState, RescaleOutcome, StreamReason
from adaptor.errors import ConflictError, InvalidValueError, UnknownJobError
from adaptor.experiments.scripted_stream import WORKER_ID
from adaptor.testing.attached import JOB, AttachShop


async def test_a_stream_too_narrow_is_widened_at_a_checkpoint_that_adaptor_triggered(shop, server, stream):
    """2,000 records/s at 1,000 a subtask and 70 % utilisation need three subtasks; the proof names the checkpoint."""
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.DONE
    assert proof.aligned
    assert proof.observed == stream.parallelism
    assert stream.parallelism[WORKER_ID] == 3
    assert proof.gap_s is not None
    assert proof.reprocessed_bound is not None


async def test_a_stream_too_wide_is_narrowed_after_the_window(shop, server, stream):
    """1,390 records/s need two of four subtasks."""
    stream.rate, stream.parallelism = 1390.0, dict.fromkeys(stream.parallelism, 4)
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert (proof.outcome, stream.parallelism[WORKER_ID]) == (RescaleOutcome.DONE, 2)


async def test_a_stream_within_its_band_is_left_alone(shop, server, stream):
    """At 70 % nothing is asked of Flink but answers."""
    stream.rate = 700.0
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().last_plan is not None)
    assert shop.known().last_plan.reason is StreamReason.IN_BAND
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]


async def test_a_dry_run_decides_and_changes_nothing(shop, server, stream):
    """The plan is told, no wish is put, no checkpoint is triggered."""
    await shop.attach(server.url, JOB, dry_run=True)
    await shop.until(lambda: shop.known().last_plan is not None)
    assert shop.known().last_plan.slots == 3
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]
    assert any(news.text.startswith("dry run") for news in await shop.news())


async def test_no_more_slots_are_asked_for_than_there_are(shop, server, stream):
    """Two slots exist: the plan is cut back to them."""
    server.streams.slots = 2
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).wanted[WORKER_ID] == 2


async def test_a_paused_stream_is_watched_and_left_as_it_is(shop, server, stream):
    """The plan says what would be right; after resuming it is done."""
    stream.rate = 700.0
    await shop.attach(server.url, JOB)
    await shop.attachments.pause("it")
    stream.rate = 2000.0
    await shop.until(lambda: (plan := shop.known().last_plan) is not None and plan.reason is StreamReason.PAUSED)
    await shop.attachments.resume("it")
    assert (await shop.proof()).outcome is RescaleOutcome.DONE


async def test_a_detached_stream_is_not_asked_about_any_more(shop, server, stream):
    """It has ended for adaptor, and the id can be used again."""
    stream.rate = 700.0
    await shop.attach(server.url, JOB)
    assert (await shop.attachments.detach("it")).state is AttachmentState.DETACHED
    assert (await shop.attach(server.url, JOB)).state is AttachmentState.WATCHING


async def test_a_job_is_found_by_its_name_if_only_one_runs_of_it(shop, server, stream):
    """Two of a name are refused, none is unknown."""
    assert (await shop.attach(server.url, "scripted", dry_run=True)).spec.job_id == JOB
    with pytest.raises(UnknownJobError):
        await shop.attach(server.url, "other", name="second")
    server.streams.streams["2" * 32] = type(stream)(job_id="2" * 32)
    with pytest.raises(InvalidValueError, match="2 running jobs"):
        await shop.attach(server.url, "scripted", name="third")


async def test_a_job_has_one_attachment_at_a_time(shop, server, stream):
    """Two would undo each other's wishes."""
    await shop.attach(server.url, JOB, dry_run=True)
    with pytest.raises(ConflictError, match="looked after already"):
        await shop.attach(server.url, JOB, name="second")


async def test_a_scheduler_that_cannot_rescale_is_told_with_the_setting_that_would_help(shop: AttachShop, server):
    """The stream is watched all the same, and the plan recommends."""
    server.streams.scheduler = "Default"
    attached = await shop.attach(server.url, JOB)
    assert "jobmanager.scheduler: adaptive" in attached.traits.obstacles[0]
    await shop.until(
        lambda: (plan := shop.known().last_plan) is not None and plan.reason is StreamReason.NOT_RESCALABLE
    )
    assert "3 instead of 1 slots would be right" in shop.known().last_plan.text


async def test_what_a_rescale_cost_is_known_to_the_next_plan_on_that_cluster(shop: AttachShop, server):
    """The measured gap is kept for the cluster and the mechanism."""
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert await shop.store.gaps_s(server.url, "wish_first", limit=10) == [proof.gap_s]


async def test_one_question_a_look_is_asked_of_a_cluster_whose_streams_are_well(shop: AttachShop, server, stream):
    """And one for all streams together; slots are asked about only where more would be right."""
    stream.rate = 700.0
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().last_plan is not None)
    with server.lock:
        server.streams.requested.clear()
    await shop.until(lambda: len(server.streams.requested) >= 10)
    assert set(server.streams.requested) <= {"GET /jobs/overview", f"GET /jobs/{JOB}"}
