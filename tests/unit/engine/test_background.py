"""Work beside the calls goes on through faults, is woken early, and can always be stopped."""

from __future__ import annotations

import asyncio

import pytest

from adaptor.engine.background import Background
from adaptor.errors import AdaptorError
from adaptor.testing.workshop import until


async def test_it_can_be_stopped_in_the_very_moment_it_is_woken() -> None:
    """`asyncio.wait_for` would swallow the cancellation then, and the service would never end."""
    background, wake, rounds = Background(), asyncio.Event(), []

    async def work() -> None:
        rounds.append(1)

    background.repeat(work, interval_s=3600.0, wake=wake)
    await until(lambda: rounds)
    wake.set()
    await asyncio.wait_for(background.stop(), 30.0)


async def test_it_is_woken_before_its_time() -> None:
    """And sleeps again afterwards."""
    background, wake, rounds = Background(), asyncio.Event(), []

    async def work() -> None:
        rounds.append(1)

    background.repeat(work, interval_s=3600.0, wake=wake)
    await until(lambda: len(rounds) == 1)
    wake.set()
    await until(lambda: len(rounds) == 2)
    assert not wake.is_set()
    await background.stop()


async def test_a_fault_is_logged_and_the_work_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """One of ours in a line, any other with its traceback."""
    background, faults = Background(), [AdaptorError("no peer listens"), ZeroDivisionError("a bug")]
    done = []

    async def work() -> None:
        if faults:
            raise faults.pop(0)
        done.append(1)

    background.repeat(work, interval_s=0.001)
    await until(lambda: done)
    await background.stop()
    assert "no peer listens" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_work_that_fails_once_and_for_all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody awaits it."""
    background = Background()

    async def work() -> None:
        raise ZeroDivisionError

    background.spawn(work())
    await until(lambda: "background work failed" in caplog.text)
    await background.stop()
