"""The same where the cluster answers as Flink 1.20: the checkpoint comes first, the wish restarts the job at once."""

from __future__ import annotations

import pytest
from conftest import JOB

from adaptor.domain.rescale import Phase
from adaptor.domain.stream import AttachmentState, RescaleOutcome
from adaptor.experiments.scripted_stream import WORKER_ID


@pytest.fixture(autouse=True)
def old(server):
    """It is 1.20."""
    server.streams.version = "1.20.5"


def changes(server) -> list[str]:
    """What was asked of the cluster that changes something."""
    return [one.partition(" ")[0] for one in server.streams.requested if one.startswith(("PUT", "POST"))]


async def test_the_checkpoint_comes_before_the_wish_and_is_the_one_that_is_restored(shop, server, stream):
    """One of each, in this order."""
    await shop.attach(server.url, JOB)
    proof = await shop.proof()
    assert (proof.outcome, proof.aligned) == (RescaleOutcome.DONE, True)
    assert stream.parallelism[WORKER_ID] == 3
    assert changes(server) == ["POST", "PUT"]


async def test_no_more_is_ever_wished_for_than_there_is(shop, server, stream):
    """It would take the job down."""
    server.streams.slots = 2
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).wanted[WORKER_ID] == 2
    assert max(stream.wish.values()) == 2


async def test_without_a_checkpoint_nothing_is_wished_for(shop, server, stream):
    """The job never stops."""
    stream.checkpoints_fail = True
    created_s = stream.created_s
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.NO_CHECKPOINT
    assert stream.created_s == created_s


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_was_done_and_not_answered_is_looked_for(shop, server, stream, method):
    """A wish is not put a second time; it ends as wanted."""
    server.silent_once.add(method)
    await shop.attach(server.url, JOB)
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert changes(server).count("PUT") == 1


@pytest.mark.parametrize("action", ["POST", "TRIGGERED", "PUT"])
async def test_a_job_that_ends_in_mid_rescale_ends_the_attachment(shop, server, stream, action):
    """Nothing more is asked of it."""
    server.streams.after(action, lambda: setattr(stream, "state", "CANCELED"))
    await shop.attach(server.url, JOB)
    await shop.until(lambda: shop.known().state is AttachmentState.JOB_ENDED)


@pytest.mark.parametrize("phase", [Phase.QUIET, Phase.CHECKPOINT, Phase.COMPLETION, Phase.WISH, Phase.PROOF])
async def test_a_service_killed_at_each_step_goes_on_where_the_store_says(shop, server, stream, phase):
    """Whatever it was about to do is looked for before it is done."""
    save = shop.store.save
    died = []

    async def dying(attachment, news=()):
        await save(attachment, news)
        if attachment.rescale is not None and attachment.rescale.phase is phase and not died:
            died.append(phase)
            server.silent.set()

    shop.store.save = dying
    await shop.attach(server.url, JOB)
    await shop.until(lambda: bool(died))
    server.silent.clear()
    await shop.restart()
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert stream.parallelism[WORKER_ID] == 3
