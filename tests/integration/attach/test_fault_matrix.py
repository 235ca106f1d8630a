"""Whatever goes wrong in a rescale, the job is unharmed and what came of it is told as it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adaptor.domain.rescale import Phase
from adaptor.domain.stream import AttachmentState, RescaleOutcome, StreamReason
from adaptor.experiments.scripted_stream import VERTEX_IDS, WORKER_ID
from adaptor.testing.attached import JOB, SETTINGS, AttachShop


async def test_a_checkpoint_that_fails_leaves_the_job_as_it_was(shop, server, stream):
    """After the tries that are allowed the wish is taken back, or Flink would fulfil it some day."""
    stream.checkpoints_fail = True
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.NO_CHECKPOINT
    assert "declined" in proof.text
    assert len(stream.requests) == 2
    await shop.until(lambda: stream.wish == stream.parallelism)
    assert stream.parallelism[WORKER_ID] == 1


async def test_a_checkpoint_that_takes_too_long_is_given_up(shop, server, stream):
    """The job goes on; nothing is tried again before the time set."""
    stream.checkpoint_s = 3600.0
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.NO_CHECKPOINT
    assert stream.parallelism[WORKER_ID] == 1


async def test_a_wish_answered_and_ignored_is_found_out(shop, server, stream):
    """200 says nothing: the vertices do. What stands as the wish is another's, so it is called superseded."""
    stream.ignores_wishes = True
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.SUPERSEDED
    assert stream.parallelism[WORKER_ID] == 1


async def test_a_wish_noted_and_not_fulfilled_is_called_ignored_and_taken_back(shop, server, stream):
    """A scheduler within a cooldown it did not tell of lets checkpoints pass."""
    real = stream._complete

    def without_rescale(one, now_s, *, slots):
        wish, stream.wish = stream.wish, {}
        real(one, now_s, slots=slots)
        stream.wish = wish

    stream._complete = without_rescale
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.IGNORED
    assert len(stream.requests) == 2
    await shop.until(lambda: stream.wish == stream.parallelism)


async def test_a_wish_that_was_noted_but_not_answered_is_looked_for_before_it_is_put_again(shop, server, stream):
    """One PUT in all: the look shows that it was noted."""
    server.silent_once.add("PUT")
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert sum(one.startswith("PUT") for one in server.streams.requested) == 1


async def test_a_checkpoint_that_was_triggered_but_not_answered_is_no_second_rescale(shop, server, stream):
    """The job is looked at first; it ends as wanted, by that checkpoint or by another."""
    server.silent_once.add("POST")
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.DONE
    assert stream.parallelism[WORKER_ID] == 3
    assert shop.known().rescales == 1


@pytest.mark.parametrize("action", ["PUT", "POST", "TRIGGERED"])
@pytest.mark.parametrize("state", ["CANCELED", "FINISHED", "FAILED"])
async def test_a_job_that_ends_in_mid_rescale_ends_the_attachment(shop, server, stream, action, state):
    """Nothing more is asked of a job that is over."""
    server.streams.after(action, lambda: setattr(stream, "state", state))
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().state is AttachmentState.JOB_ENDED)
    assert shop.known().rescale is None


@pytest.mark.parametrize("action", ["PUT", "POST", "TRIGGERED"])
async def test_a_job_that_restarts_in_mid_rescale_is_seen_through(shop, server, stream, action):
    """A TaskManager dies: our checkpoint fails, the job comes back as it was or as wanted, and ends as wanted."""
    server.streams.after(action, lambda: stream.restart(stream.looked_s, stream.parallelism))
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.DONE
    assert stream.parallelism[WORKER_ID] == 3


@pytest.mark.parametrize("action", ["PUT", "POST", "TRIGGERED"])
async def test_a_cluster_that_is_gone_for_a_while_is_waited_for(shop, server, stream, action):
    """It falls silent in mid-rescale and comes back; the rescale ends as it would have."""
    server.streams.after(action, server.silent.set)
    await shop.attach(server.url, JOB)
    await shop.until(server.silent.is_set)
    await shop.until(lambda: shop.known().rescale is not None and shop.known().rescale.doubtful)
    server.silent.clear()
    assert (await shop.proof()).outcome is RescaleOutcome.DONE


async def test_a_cluster_that_stays_away_is_called_unknown_and_nothing_is_tried_again(shop, server, stream):
    """The time to wait is bounded."""
    server.streams.after("PUT", server.silent.set)
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.UNKNOWN
    assert sum(one.startswith("PUT") for one in server.streams.requested) == 1


@pytest.mark.parametrize("action", ["PUT", "POST"])
async def test_another_writer_wins(shop, server, stream, action):
    """Somebody asks for two in mid-rescale: that stands, and is left alone afterwards."""
    server.streams.after(action, lambda: setattr(stream, "wish", dict.fromkeys(VERTEX_IDS, 2)))
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.SUPERSEDED
    await shop.until(lambda: stream.parallelism[WORKER_ID] == 2)
    await shop.until(lambda: shop.known().last_plan.reason is StreamReason.OTHER_WRITER)
    assert sum(one.startswith("PUT") for one in server.streams.requested) == 1


async def test_a_wish_of_somebody_else_between_rescales_is_respected(shop, server, stream):
    """A person narrows the stream in Flink's own page while it is watched."""
    stream.rate, stream.parallelism = 2000.0, dict.fromkeys(VERTEX_IDS, 3)
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().wish is not None)
    with server.lock:
        stream.wish = dict.fromkeys(VERTEX_IDS, 1)
        stream.restart(stream.looked_s, dict.fromkeys(VERTEX_IDS, 1))
    await shop.until(lambda: (plan := shop.known().last_plan) is not None and plan.reason is StreamReason.OTHER_WRITER)
    assert not [one for one in server.streams.requested if one.startswith("PUT")]


async def test_slots_that_vanish_give_a_partial_rescale_that_is_told(shop, server, stream):
    """Two of three slots are there when Flink rescales; what came is kept and wished for."""
    server.streams.after("PUT", lambda: setattr(server.streams, "slots", 2))
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.PARTIAL
    assert proof.observed[WORKER_ID] == 2
    await shop.until(lambda: stream.wish == stream.parallelism)


async def test_a_wish_that_is_refused_is_told_in_flinks_words(shop, server, stream):
    """A scheduler that takes no wishes after all."""
    await shop.attach(server.url, JOB)
    server.streams.scheduler = "Default"
    await shop.until(lambda: shop.known().last_proof is not None or bool(shop.known().problem))
    assert stream.parallelism[WORKER_ID] == 1


async def test_counters_that_say_nothing_lead_to_no_plan(shop, server, stream):
    """Incomplete counters and "NaN" are unknown, never zero."""
    server.streams.unmeasured = True
    await shop.attach(server.url, JOB)
    await shop.until(lambda: sum(one == f"GET /jobs/{JOB}" for one in server.streams.requested) > 5)
    assert shop.known().last_plan is None
    server.streams.unmeasured = False
    assert (await shop.proof()).outcome is RescaleOutcome.DONE


async def test_a_job_that_the_cluster_forgot_is_lost(shop, server, stream):
    """A JobManager without high availability came back empty."""
    stream.rate = 700.0
    await shop.attach(server.url, JOB)
    with server.lock:
        server.streams.streams.clear()
    await shop.until(lambda: shop.known().state is AttachmentState.LOST)


async def test_a_cluster_that_never_answers_again_ends_the_attachment_as_lost(tmp_path, server, stream):
    """Its JobManager was killed and nobody started another; that is told first, and then the attachment ends."""
    stream.rate = 700.0
    shop = AttachShop(tmp_path, settings=replace(SETTINGS, lost_after_s=0.3))
    await shop.attach(server.url, JOB)
    server.silent.set()
    await shop.until(lambda: shop.known().state is AttachmentState.LOST)
    texts = [news.text for news in await shop.news()]
    assert ("left alone" in texts[-2], "taken for lost" in texts[-1]) == (True, True)
    await shop.close()


async def test_a_savepoint_of_somebody_else_is_never_broken_off(shop, server, stream):
    """The rescale waits until it is over."""
    stream.checkpoints.append(
        {"id": 1, "status": "IN_PROGRESS", "is_savepoint": True, "triggered_s": stream.created_s, "done_s": 1e12}
    )
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().rescale is not None and shop.known().rescale.phase is Phase.QUIET)
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]
    with server.lock:
        stream.checkpoints[0]["status"] = "COMPLETED"
    assert (await shop.proof()).outcome is RescaleOutcome.DONE


@pytest.mark.parametrize("phase", [Phase.QUIET, Phase.WISH, Phase.CHECKPOINT, Phase.COMPLETION, Phase.PROOF])
async def test_adaptor_that_dies_at_any_step_and_comes_back_ends_as_if_it_had_not(shop, server, stream, phase):
    """The store says what was about to be done; it is looked at before it is done again."""
    await shop.attach(server.url, JOB)
    save, died = shop.store.save, asyncio.Event()

    async def dying(attachment, news=()):
        await save(attachment, news)
        if attachment.rescale is not None and attachment.rescale.phase is phase:
            died.set()
            raise asyncio.CancelledError

    shop.store.save = dying
    await shop.until(died.is_set)
    await shop.restart()
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.DONE
    assert stream.parallelism[WORKER_ID] == 3
    assert shop.known().rescales == 1
