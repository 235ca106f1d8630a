"""A whole scripted cluster: jobs that come are taken up as the rules say, by one poller, through restarts."""

from __future__ import annotations

import time

import pytest

from adaptor.domain.cluster_watch import AttachRule
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.stream import AttachmentState, StreamTarget
from adaptor.domain.stream_supersteps import SuperstepSpec
from adaptor.errors import FlinkError, UnknownAttachmentError
from adaptor.experiments.scripted_stream import ScriptedStream
from adaptor.testing.attached import JOB

OTHER = "2" * 32
DRY = AttachRule(dry_run=True)


@pytest.fixture
def stream(stream):
    """Within its band."""
    stream.rate = 700.0
    return stream


def come(server, job_id: str = OTHER, **fields: object) -> ScriptedStream:
    """Another job on the cluster."""
    now_s = time.time()
    made = ScriptedStream(job_id=job_id, rate=700.0, created_s=now_s, looked_s=now_s, **fields)
    with server.lock:
        server.streams.streams[job_id] = made
    return made


def jobs(shop, *, live: bool = True) -> set[str]:
    """Ids of the jobs that are looked after."""
    return {one.spec.job_id for one in shop.attachments.all() if not (live and one.state.ended)}


async def test_jobs_that_are_there_and_jobs_that_come_are_taken_up(shop, server):
    """And closed when they end."""
    await shop.attachments.attach_all(server.url, (DRY,))
    await shop.until(lambda: jobs(shop) == {JOB})
    other = come(server)
    await shop.until(lambda: jobs(shop) == {JOB, OTHER})
    other.state = "FINISHED"
    await shop.until(lambda: jobs(shop) == {JOB})
    assert jobs(shop, live=False) == {JOB, OTHER}


async def test_names_and_labels_select_and_the_first_rule_decides(shop, server, stream):
    """What no rule selects is left alone, and asked about only once."""
    come(server, "2" * 32, name="orders-eu", labels={"team": "a"})
    come(server, "3" * 32, name="orders-us", labels={"team": "b"})
    come(server, "4" * 32, name="orders-old", labels={"team": "a"})
    rules = (
        AttachRule(select="*-old", ignore=True),
        AttachRule(select="orders-*", labels={"team": "a"}, target=StreamTarget(utilisation=0.5), dry_run=True),
    )
    await shop.attachments.attach_all(server.url, rules)
    await shop.until(lambda: jobs(shop) == {"2" * 32})
    await shop.until(lambda: server.streams.requested.count(f"GET /jobs/{'3' * 32}/config") > 0)
    with server.lock:
        server.streams.requested.clear()
    await shop.until(lambda: server.streams.requested.count("GET /jobs/overview") > 2)
    assert f"GET /jobs/{'3' * 32}/config" not in server.streams.requested
    assert jobs(shop) == {"2" * 32}
    assert shop.attachments.all()[0].spec.target.utilisation == 0.5


async def test_a_watched_cluster_survives_a_restart(shop, server):
    """The rules are in the store, and jobs that came meanwhile are taken up."""
    await shop.attachments.attach_all(server.url, (DRY,))
    await shop.until(lambda: jobs(shop) == {JOB})
    come(server)
    await shop.restart()
    await shop.until(lambda: jobs(shop) == {JOB, OTHER})
    assert [one.watch.rules for one in shop.attachments.watched()] == [(DRY,)]


async def test_one_list_of_jobs_a_look_serves_all(shop, server):
    """And one question for each job: the cluster has one poller, whoever asked for what."""
    for number in range(2, 8):
        come(server, str(number) * 32)
    await shop.attach(server.url, JOB, dry_run=True)
    await shop.attachments.attach_all(server.url, (DRY,))
    await shop.until(lambda: len(jobs(shop)) == 7 and all(one.last_plan for one in shop.attachments.all()))
    with server.lock:
        server.streams.requested.clear()
    await shop.until(lambda: server.streams.requested.count("GET /jobs/overview") >= 4)
    with server.lock:
        asked = list(server.streams.requested)
    looks = asked.count("GET /jobs/overview")
    assert len(asked) <= looks * 8
    assert {one for one in asked if one != "GET /jobs/overview"} <= {f"GET /jobs/{job}" for job in jobs(shop)}


async def test_a_job_that_somebody_let_go_of_is_left_alone(shop, server):
    """By hand beats by rule."""
    await shop.attachments.attach_all(server.url, (DRY,))
    await shop.until(lambda: jobs(shop) == {JOB})
    name = shop.attachments.all()[0].spec.attachment_id
    await shop.attachments.detach(name)
    with server.lock:
        server.streams.requested.clear()
    await shop.until(lambda: server.streams.requested.count("GET /jobs/overview") >= 2)
    assert jobs(shop) == set()


async def test_letting_go_of_the_cluster_lets_go_of_what_was_taken_up_so(shop, server):
    """A job that was attached by itself stays attached."""
    await shop.attach(server.url, JOB, dry_run=True)
    come(server)
    await shop.attachments.attach_all(server.url, (DRY,))
    await shop.until(lambda: jobs(shop) == {JOB, OTHER})
    left = await shop.attachments.detach_all(server.url)
    assert [(one.spec.job_id, one.state) for one in left] == [(OTHER, AttachmentState.DETACHED)]
    assert jobs(shop) == {JOB}
    with pytest.raises(UnknownAttachmentError):
        await shop.attachments.detach_all(server.url)


async def test_a_job_that_cannot_be_taken_up_is_told_and_stops_nobody(shop, server):
    """A stream that should have supersteps and does not say how many."""
    come(server, name="ranks")
    wanted = SuperstepSpec(objective=RuntimeTarget(target_s=9.0), policy="adaptor")
    await shop.attachments.attach_all(server.url, (AttachRule(select="ranks", supersteps=wanted), DRY))
    await shop.until(lambda: jobs(shop) == {JOB})
    (watched,) = shop.attachments.watched()
    await shop.until(lambda: "--supersteps" in watched.problem)


async def test_a_cluster_that_does_not_answer_is_refused(shop):
    """Nothing is kept of it."""
    with pytest.raises(FlinkError):
        await shop.attachments.attach_all("http://127.0.0.1:1", (DRY,))
    assert shop.attachments.watched() == []


async def test_news_of_all_jobs_come_in_one_stream_until_the_cluster_is_let_go_of(shop, server):
    """Each with its job."""
    await shop.attachments.attach_all(server.url, (DRY,))
    come(server)
    told = []

    async def listening():
        async for _, news, attachment in shop.attachments.watch_all(server.url, after=0):
            told.append((attachment.spec.job_id, news.text))
            if len({job for job, _ in told}) == 2 and shop.attachments.watched():
                await shop.attachments.detach_all(server.url)

    await listening()
    assert {job for job, text in told if text == "attached to scripted"} == {JOB, OTHER}
    assert told[-1][1] == "detached; the job goes on as it is"
