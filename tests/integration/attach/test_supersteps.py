"""Jobs with supersteps of their own on a scripted cluster: followed over HTTP, planned as runs, rescaled in place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adaptor.app.replay import replayed_plans
from adaptor.domain.events import BarrierReached, RescaleSucceeded, RunStarted
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.run import Mechanism, RunState
from adaptor.domain.stream import AttachmentState, RescaleOutcome
from adaptor.domain.stream_supersteps import SourceKind, SuperstepSpec, parse_source
from adaptor.errors import InvalidValueError
from adaptor.experiments.scripted_stream import WORKER_ID
from adaptor.testing.attached import JOB

WANTED = SuperstepSpec(objective=RuntimeTarget(target_s=20.0), max_supersteps=400, policy="adaptor", shareable=True)
"""400 supersteps of 0.1 s at one subtask take 40 s: too slow, and two subtasks need 20 s."""


@pytest.fixture
def stream(stream):
    """As much as can be processed comes, and every 100 records are a superstep."""
    stream.rate, stream.superstep_records = 1e6, 100.0
    return stream


async def history(shop):
    """What was recorded of the job's run."""
    progress = shop.known().progress
    return await shop.runs.history(progress.run_id) if progress else []


async def barriers(shop):
    """The barriers among it."""
    return [one for one in await history(shop) if isinstance(one.event, BarrierReached)]


async def test_a_job_too_slow_for_its_target_is_widened_by_the_plan_of_its_run(shop, server, stream):
    """The same controller as for driver loops decides; the rescale is in place, aligned, and proved."""
    await shop.attach(server.url, JOB, supersteps=WANTED)
    proof = await shop.proof()
    assert (proof.outcome, proof.aligned) == (RescaleOutcome.DONE, True)
    assert stream.parallelism[WORKER_ID] > 1
    assert any("supersteps are told by gauge:superstep" in news.text for news in await shop.news())


async def test_the_measured_gap_is_what_the_run_counts_a_rescale_to_cost(shop, server, stream):
    """And the next run on that cluster begins with it; driver loops there do not."""
    await shop.attach(server.url, JOB, supersteps=WANTED)
    proof = await shop.proof()

    async def costs():
        return [one.event.duration_s for one in await history(shop) if isinstance(one.event, RescaleSucceeded)]

    await shop.until(lambda: _is_there(costs()))
    assert (await costs())[0] == proof.gap_s
    assert await shop.runs.adaptation_costs_s(server.url, limit=10) == []
    await shop.attachments.detach("it")
    await shop.attach(server.url, JOB, supersteps=WANTED, name="again")
    progress = shop.known("again").progress

    async def started():
        return [one.event for one in await shop.runs.history(progress.run_id) if isinstance(one.event, RunStarted)]

    await shop.until(lambda: _is_there(started()))
    assert proof.gap_s in (await started())[0].adaptation_costs_s


async def _is_there(found):
    return bool(await found)


async def test_supersteps_are_observations_that_are_kept_shared_and_replayed(shop, server, stream):
    """Durations are means over what was seen, at the parallelism that Flink had; the record gives the same plans."""
    await shop.attach(server.url, JOB, supersteps=WANTED)
    await shop.until(lambda: _at_least(2, barriers(shop)))
    found = await history(shop)
    observations = [one.observation for one in found if one.observation]
    assert all(one.shareable and one.observed_parallelism for one in observations)
    assert all(0.01 < one.duration_s < 1.0 for one in observations)
    assert observations[0].context.program == "scripted"
    assert not observations[0].cold
    assert {one.observation_id for one in observations} <= {
        one.observation_id for one in await shop.runs.unpublished(limit=100)
    }
    assert all(one.identical for one in replayed_plans(found))


async def _at_least(number, found):
    return len(await found) >= number


async def test_a_run_that_is_attached_in_its_midst_counts_on_the_supersteps_left(shop, server, stream):
    """Those before were never seen, and are none of this run's."""
    stream.emitted_before = 30_000.0
    await shop.attach(server.url, JOB, supersteps=WANTED)
    await shop.until(lambda: _at_least(1, history(shop)))
    first = (await history(shop))[0]
    assert first.event.spec.supersteps_before >= 300
    assert first.plan.evidence.supersteps_left <= 100
    assert first.event.spec.mechanism is Mechanism.IN_PLACE


async def test_an_accumulator_that_begins_again_after_a_rescale_is_counted_on(shop, server, stream):
    """Its number falls with the new execution graph; supersteps go on rising."""
    stream.tells_by, stream.emitted = "accumulator", 100_000.0
    wanted = replace(WANTED, objective=RuntimeTarget(target_s=200.0), max_supersteps=4000)
    await shop.attach(server.url, JOB, supersteps=wanted)
    await shop.proof()
    done = shop.known().progress.done
    await shop.until(lambda: shop.known().progress.done > done and shop.known().progress.offset > 0)
    assert shop.known().progress.source.kind is SourceKind.ACCUMULATOR


async def test_log_lines_of_iterations_are_counted_where_that_is_asked_for(shop, server, stream):
    """DataSet iterations tell nothing else; their scheduler cannot rescale, so plans are advice."""
    stream.tells_by, server.streams.version, server.streams.scheduler = "log", "1.20.5", "AdaptiveBatch"
    await shop.attach(server.url, JOB, supersteps=replace(WANTED, source=parse_source("log")))
    await shop.until(lambda: _at_least(2, barriers(shop)))
    assert (await history(shop))[0].event.spec.mechanism is Mechanism.ADVICE
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]


async def test_a_dry_run_plans_and_asks_flink_for_nothing(shop, server, stream):
    """The plan says more subtasks, the job keeps what it has."""
    await shop.attach(server.url, JOB, supersteps=WANTED, dry_run=True)
    await shop.until(lambda: _at_least(2, barriers(shop)))
    assert any(one.plan.parallelism > 1 for one in await history(shop) if one.plan)
    assert not [one for one in server.streams.requested if one.startswith(("PUT", "POST"))]


async def test_a_bounded_job_is_one_superstep_whose_duration_is_kept(shop, server, stream):
    """A batch job cannot be rescaled: what the next run of it should use is said, from this and earlier ones."""
    stream.kind, stream.superstep_records, stream.lasted_s = "BATCH", 0.0, 42.0
    server.streams.scheduler = "AdaptiveBatch"
    wanted = SuperstepSpec(objective=RuntimeTarget(target_s=20.0), policy="adaptor")
    await shop.attach(server.url, JOB, supersteps=wanted)
    await shop.until(lambda: _at_least(1, history(shop)))
    stream.state = "FINISHED"
    await shop.until(lambda: shop.known().state is AttachmentState.JOB_ENDED)
    (barrier,) = await barriers(shop)
    assert (barrier.observation.duration_s, barrier.observation.superstep) == (42.0, 1)
    assert (await shop.runs.run(barrier.run_id)).state is RunState.FINISHED


async def test_a_stream_must_say_how_many_supersteps_it_has(shop, server, stream):
    """Without a number nothing is left to plan for."""
    with pytest.raises(InvalidValueError, match="--supersteps"):
        await shop.attach(server.url, JOB, supersteps=SuperstepSpec(objective=RuntimeTarget(target_s=9.0), policy="x"))


async def test_a_service_that_dies_in_a_rescale_goes_on_with_run_and_job(shop, server, stream):
    """Both the attachment and the run find their place; the run hears what the rescale cost."""
    server.streams.after("POST", lambda: None)
    await shop.attach(server.url, JOB, supersteps=WANTED)
    await shop.until(lambda: shop.known().rescale is not None)
    await shop.restart()
    assert (await shop.proof()).outcome is RescaleOutcome.DONE

    async def told():
        return [one.event for one in await history(shop) if isinstance(one.event, RescaleSucceeded)]

    await shop.until(lambda: _is_there(told()))
    before = len(await barriers(shop))
    await shop.until(lambda: _at_least(before + 1, barriers(shop)))
    assert all(one.identical for one in replayed_plans(await history(shop)))


async def test_somebody_elses_wish_is_respected_by_a_run_too(shop, server, stream):
    """The plan asks, the rescale is refused with the reason, the job stays as that person wants it."""
    stream.superstep_records = 1000.0
    await shop.attach(server.url, JOB, supersteps=WANTED)
    await shop.until(lambda: shop.known().wish is not None)
    with server.lock:
        stream.wish = dict.fromkeys(stream.parallelism, 4)
        stream.trigger(stream.looked_s)
    await shop.until(lambda: _is_there(_refusals(shop)))
    assert shop.known().rescales == 0


async def _refusals(shop):
    return [
        one
        for one in await history(shop)
        if type(one.event).__name__ == "RescaleFailed" and "nothing is changed for another" in one.event.problem
    ]


async def test_detaching_leaves_the_run_to_whoever_comes_back(shop, server, stream):
    """The job goes on; nobody reports its supersteps any more."""
    await shop.attach(server.url, JOB, supersteps=WANTED)
    await shop.until(lambda: _at_least(1, history(shop)))
    await shop.attachments.detach("it")
    run_id = shop.known().progress.run_id
    assert (await shop.runs.run(run_id)).state is RunState.ABANDONED
