"""A job that cannot be rescaled in place is stopped and submitted again where that is allowed, and never lost."""

from __future__ import annotations

import asyncio

import pytest
from conftest import JOB

from adaptor.domain.resubmission import ResubmissionPhase as Phase
from adaptor.domain.resubmission import Submission
from adaptor.domain.stream import AttachmentState, RescaleOutcome, StreamReason
from adaptor.experiments.scripted_stream import ScriptedStream
from adaptor.experiments.scripted_stream_server import ScriptedStreamServer
from adaptor.experiments.scripted_submissions import JAR, ScriptedSubmissions

SUBMISSION = Submission(
    jar=JAR, entry_class="Main", arguments=("--rate", "5, 6"), savepoint_folder="file:///savepoints"
)
PLACE = f"file:///savepoints/{JOB}"


@pytest.fixture
def cluster(stream) -> ScriptedSubmissions:
    """Without adaptive scheduler."""
    return ScriptedSubmissions(streams={JOB: stream})


@pytest.fixture
def server(cluster):
    """The cluster, listening."""
    with ScriptedStreamServer(cluster) as listening:
        yield listening


def running(cluster: ScriptedSubmissions) -> list[ScriptedStream]:
    """Jobs that have not ended."""
    return [one for one in cluster.streams.values() if one.state == "RUNNING"]


async def test_without_leave_a_job_is_only_advised_on(shop, server, cluster):
    """The setting that would change it is named."""
    attachment = await shop.attach(server.url, JOB)
    assert "jobmanager.scheduler: adaptive" in attachment.traits.obstacles[0]
    await shop.until(lambda: shop.known().last_plan is not None)
    assert shop.known().last_plan.reason is StreamReason.NOT_RESCALABLE
    assert not cluster.stops


async def test_with_leave_it_runs_on_from_its_savepoint_as_another_job_and_stays_the_same_attachment(
    shop, server, cluster
):
    """Same jar, same arguments, new parallelism; the attachment follows the job."""
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.DONE
    (body,) = cluster.submitted
    assert (body["entryClass"], body["programArgsList"]) == ("Main", ["--rate", "5, 6"])
    assert (body["parallelism"], body["savepointPath"]) == (3, PLACE)
    assert shop.known().spec.job_id == body["jobId"] != JOB
    assert [one.job_id for one in running(cluster)] == [body["jobId"]]
    await shop.until(lambda: shop.known().last_plan.reason is StreamReason.IN_BAND)
    assert shop.known().state is AttachmentState.WATCHING


async def test_a_dry_run_stops_nothing(shop, server, cluster):
    """It only says what it would do."""
    await shop.attach(server.url, JOB, submission=SUBMISSION, dry_run=True)
    await shop.until(lambda: shop.known().last_plan is not None)
    assert not cluster.stops


async def test_a_jar_that_is_not_there_is_found_out_before_the_job_is_stopped(shop, server, cluster):
    """The job goes on."""
    await shop.attach(server.url, JOB, submission=Submission(jar="other.jar"))
    proof = await shop.proof()
    assert (proof.outcome, "uploaded are: job.jar" in proof.text) == (RescaleOutcome.REFUSED, True)
    assert not cluster.stops


async def test_a_savepoint_that_fails_leaves_the_job_running(shop, server, cluster):
    """Flink lets it go on."""
    cluster.savepoint_fails = True
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    proof = await shop.proof()
    assert (proof.outcome, "declined" in proof.text) == (RescaleOutcome.NO_CHECKPOINT, True)
    assert [one.job_id for one in running(cluster)] == [JOB]


@pytest.mark.parametrize("fate", ["refused", "fails", "hangs"])
async def test_a_submission_that_fails_puts_the_old_job_back(shop, server, cluster, fate):
    """From the savepoint at its old parallelism; one job runs in the end."""
    cluster.fates = [fate]
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    proof = await shop.proof()
    assert proof.outcome is RescaleOutcome.PUT_BACK
    (left,) = running(cluster)
    assert set(left.parallelism.values()) == {1}
    assert (shop.known().spec.job_id, shop.known().state) == (left.job_id, AttachmentState.WATCHING)
    assert cluster.submitted[-1]["savepointPath"] == PLACE


async def test_if_even_that_fails_the_savepoint_is_shouted(shop, server, cluster):
    """It is in the news and in the last proof, and the attachment has ended."""
    cluster.fates = ["refused"] * 10
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    proof = await shop.proof()
    assert (proof.outcome, PLACE in proof.text) == (RescaleOutcome.STRANDED, True)
    assert shop.known().state is AttachmentState.LOST
    assert PLACE in (await shop.news())[-1].text


@pytest.mark.parametrize("step", ["stop", "run"])
async def test_what_was_done_and_not_answered_is_not_done_twice(shop, server, cluster, step):
    """One stop, one job."""
    cluster.after(step.upper(), lambda: server.silent_once.add("POST"))
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert (len(cluster.stops), len(running(cluster))) == (1, 1)


@pytest.mark.parametrize("step", ["STOP", "SAVEPOINT", "RUN"])
async def test_a_cluster_that_is_gone_for_a_while_is_waited_for(shop, server, cluster, step):
    """It falls silent in the midst and comes back."""
    cluster.after(step, server.silent.set)
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    await shop.until(server.silent.is_set)
    await asyncio.sleep(0.05)
    server.silent.clear()
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert len(running(cluster)) == 1


@pytest.mark.parametrize("state", ["CANCELED", "FINISHED"])
async def test_a_job_that_somebody_ends_meanwhile_is_not_brought_back(shop, server, stream, cluster, state):
    """It ended for another reason than our savepoint."""
    cluster.after("STOP", lambda: setattr(stream, "state", state))
    server.silent_once.add("POST")
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    await shop.until(lambda: shop.known().state is AttachmentState.JOB_ENDED)
    assert not cluster.submitted


@pytest.mark.parametrize("phase", [Phase.QUIET, Phase.STOP, Phase.SAVEPOINT, Phase.SUBMIT, Phase.PROOF])
async def test_adaptor_that_dies_at_any_step_and_comes_back_ends_as_if_it_had_not(shop, server, cluster, phase):
    """Each step is on disk before it is taken."""
    save, died = shop.store.save, asyncio.Event()

    async def dying(attachment, news=()):
        await save(attachment, news)
        if attachment.resubmission is not None and attachment.resubmission.phase is phase and not died.is_set():
            died.set()
            await asyncio.Event().wait()

    shop.store.save = dying
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    await asyncio.wait_for(died.wait(), 20.0)
    await shop.restart()
    assert (await shop.proof()).outcome is RescaleOutcome.DONE
    assert (len(cluster.stops), len(running(cluster))) == (1, 1)


async def test_nobody_lets_go_of_a_job_that_is_stopped(shop, server, cluster):
    """Detaching waits until one runs again."""
    cluster.savepoint_s = 0.5
    await shop.attach(server.url, JOB, submission=SUBMISSION)
    await shop.until(lambda: bool(cluster.stops))
    await shop.attachments.detach("it")
    assert shop.known().resubmission is None
    assert len(running(cluster)) == 1
    assert shop.known().spec.job_id != JOB
