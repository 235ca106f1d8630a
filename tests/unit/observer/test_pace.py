"""At most so many requests a second, spread evenly; turns that nobody took are not saved up."""

from __future__ import annotations

import asyncio

import pytest

from adaptor.observer.pace import Pace


class Timeline:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        """Seconds."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Let them pass."""
        await asyncio.sleep(0)
        self.now_s += seconds


@pytest.fixture
def timeline() -> Timeline:
    """At its beginning."""
    return Timeline()


def a_pace(timeline: Timeline) -> Pace:
    """Two requests a second."""
    return Pace(2.0, clock=timeline.clock, sleep=timeline.sleep)


async def taken(pace: Pace, timeline: Timeline, log: list[tuple[str, float]], name: str, **fields: object) -> None:
    """Take a turn and write down when."""
    await pace.turn(**fields)
    log.append((name, timeline.now_s))


async def test_turns_are_spread_over_time(timeline: Timeline) -> None:
    """Four turns at two a second: the first at once, the others half a second apart; a pause saves none up."""
    pace, log = a_pace(timeline), []
    await asyncio.gather(*(taken(pace, timeline, log, name) for name in "abcd"))
    assert log == [("a", 100.0), ("b", 100.5), ("c", 101.0), ("d", 101.5)]
    timeline.now_s = 200.0
    await asyncio.gather(*(taken(pace, timeline, log, name) for name in "ef"))
    assert log[4:] == [("e", 200.0), ("f", 200.5)]


async def test_a_turn_of_several_requests_makes_the_next_wait_for_all(timeline: Timeline) -> None:
    """Three requests at two a second take a second and a half."""
    pace, log = a_pace(timeline), []
    await asyncio.gather(taken(pace, timeline, log, "a", requests=3), taken(pace, timeline, log, "b"))
    assert log == [("a", 100.0), ("b", 101.5)]


async def test_what_is_urgent_goes_first(timeline: Timeline) -> None:
    """Before those that came earlier, in order among themselves."""
    pace, log = a_pace(timeline), []
    calm = [taken(pace, timeline, log, name) for name in "abc"]
    urgent = [taken(pace, timeline, log, name, urgent=True) for name in "xy"]
    await asyncio.gather(*calm, *urgent)
    assert [name for name, _ in log] == ["a", "x", "y", "b", "c"]


async def test_who_gave_up_takes_no_turn(timeline: Timeline) -> None:
    """A call that was cancelled does not slow down the rest."""
    pace, log = a_pace(timeline), []
    await pace.turn()
    waiting = [asyncio.create_task(taken(pace, timeline, log, name)) for name in "ab"]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert log == [("b", 100.5)]
