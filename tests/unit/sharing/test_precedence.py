"""Barrier calls go first, and nobody waits for them without a bound."""

from __future__ import annotations

import threading

import pytest

from adaptor.sharing import precedence
from adaptor.sharing.precedence import Precedence


@pytest.fixture(autouse=True)
def _long_quantum(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, a test is over within it."""
    monkeypatch.setattr(precedence, "QUANTUM_S", 60.0)


def waited(going: Precedence, monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """How long a thread that pauses twice is ready to wait each time it does."""
    waits: list[float | None] = []
    monkeypatch.setattr(threading.Event, "wait", lambda _, timeout=None: waits.append(timeout))
    going.pause()
    going.pause()
    monkeypatch.undo()
    return waits


def test_a_thread_goes_on_where_nothing_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wait."""
    assert waited(Precedence(), monkeypatch) == []


def test_a_thread_waits_for_a_barrier_once_within_its_quantum(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for a bounded time, so that work goes on under barriers without end."""
    going = Precedence()
    with going.first():
        assert waited(going, monkeypatch) == [precedence.LONGEST_WAIT_S]
    assert waited(going, monkeypatch) == []


def test_threads_wait_for_what_this_machine_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as any of it goes on."""
    going = Precedence()
    with going.before_threads():
        with going.before_threads():
            pass
        assert waited(going, monkeypatch) == [precedence.LONGEST_WAIT_S]


async def test_a_turn_is_not_held_up_by_what_this_machine_writes() -> None:
    """Which takes turns itself."""
    going = Precedence()
    with going.before_threads():
        await going.turn()
