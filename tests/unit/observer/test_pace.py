"""At most so many requests a second, spread evenly; turns that nobody took are not saved up."""

from __future__ import annotations

from adaptor.observer.pace import Pace


async def test_turns_are_spread_over_time() -> None:
    """Four turns at two a second: the first at once, the others half a second apart."""
    now, waits = [100.0], []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(2.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        await pace.turn()
    assert waits == [0.5, 1.0, 1.5]
    now[0] = 200.0
    await pace.turn()
    await pace.turn()
    assert waits[3:] == [0.5]
