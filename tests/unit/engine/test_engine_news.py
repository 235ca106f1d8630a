"""Who watches a run, and what peers are given."""

from __future__ import annotations

import asyncio

from adaptor.domain.run import RunState
from adaptor.store.history import Recorded
from adaptor.testing.publisher import RecordingPublisher
from adaptor.testing.values import a_report, a_spec
from adaptor.testing.workshop import Workshop, until


async def watched(shop: Workshop, *, after: int = 0, seen: list[int] | None = None) -> list[Recorded]:
    """Everything that a watcher is told until the stream ends."""
    story = []
    async for recorded in shop.engine.watch("run-1", after=after):
        story.append(recorded)
        if seen is not None:
            seen.append(recorded.sequence)
    return story


async def test_a_watcher_is_told_everything_as_it_comes_and_let_go_after_the_end() -> None:
    """What was before it came as well."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(policy="static"))
    await shop.settled()
    seen: list[int] = []
    watcher = asyncio.create_task(watched(shop, seen=seen))
    await until(lambda: seen == [1, 2])
    await shop.engine.report_barrier("run-1", a_report(1))
    await until(lambda: seen == [1, 2, 3])
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    story = await asyncio.wait_for(watcher, 30.0)
    assert [type(one.event).__name__ for one in story] == await shop.kinds()
    assert [one.sequence for one in story] == [1, 2, 3, 4]
    await shop.engine.stop()


async def test_a_watcher_resumes_where_it_was() -> None:
    """Neither a gap nor a repetition, also after the end and after a restart."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(policy="static"))
    await shop.settled()
    await shop.engine.report_barrier("run-1", a_report(1))
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    await shop.settled()
    assert [one.sequence for one in await watched(shop, after=2)] == [3, 4]
    await shop.restarted()
    assert [one.sequence for one in await watched(shop, after=3)] == [4]
    assert await watched(shop, after=99) == []
    await shop.engine.stop()


async def test_a_watcher_waits_through_an_abandonment() -> None:
    """The run may come back."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(policy="static"))
    await shop.settled()
    seen: list[int] = []
    watcher = asyncio.create_task(watched(shop, seen=seen))
    await shop.engine.finish_run("run-1", RunState.ABANDONED)
    await until(lambda: len(seen) == 3)
    await shop.engine.report_barrier("run-1", a_report(1))
    await shop.engine.finish_run("run-1", RunState.FINISHED)
    story = await asyncio.wait_for(watcher, 30.0)
    assert [one.sequence for one in story] == list(range(1, len(story) + 1))
    await shop.engine.stop()


async def test_peers_are_given_each_shareable_observation_exactly_once() -> None:
    """Although they refuse at first, batches are small, and the engine is restarted in between."""
    shop = Workshop(publisher=RecordingPublisher(refusals=3))
    shop.engine.start()
    await shop.engine.start_run(a_spec(policy="static", shareable=True))
    await shop.engine.start_run(a_spec("private", policy="static"))
    for number in range(1, 6):
        await shop.engine.report_barrier("run-1", a_report(number))
        await shop.engine.report_barrier("private", a_report(number))
    await shop.engine.report_barrier("run-1", a_report(6, failed=True))
    await until(lambda: len(shop.publisher.given) == 5)
    await shop.restarted()
    shop.engine.start()
    await shop.engine.report_barrier("run-1", a_report(6, attempt=2))
    await until(lambda: len(shop.publisher.given) == 6)
    assert shop.publisher.given == [*(f"run-1/{number}/1" for number in range(1, 6)), "run-1/6/2"]
    assert await shop.store.unpublished(limit=9) == []
    await shop.engine.stop()


async def test_a_fault_in_background_work_does_not_end_it() -> None:
    """It is logged and tried again, whatever it was."""
    shop = Workshop()
    faults = []

    async def publish(observations: object) -> None:
        faults.append(observations)
        if len(faults) < 3:
            raise RuntimeError("a bug")

    shop.publisher.publish = publish  # type: ignore[method-assign]
    shop.engine.start()
    await shop.engine.start_run(a_spec(policy="static", shareable=True))
    await shop.engine.report_barrier("run-1", a_report(1))
    await until(lambda: len(faults) == 3)
    await until(lambda: shop.store.unpublished(limit=1), lambda left: not left)
    await shop.engine.stop()
