"""Work without end in the background: waiting for something to do, and going on after a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)

Q = TypeVar("Q")
T = TypeVar("T")


async def woken(event: asyncio.Event, *, within_s: float) -> None:
    """Wait for an event or some time; unlike `asyncio.wait_for` before Python 3.12, lose no cancellation."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=within_s)
    finally:
        waiting.cancel()


async def survived(work: Awaitable[object]) -> None:
    """Do something that is tried again later if it goes wrong; the log says so."""
    try:
        await work
    except AdaptorError as error:
        _log.warning("%s", error)
    except Exception:  # noqa: BLE001 - a loop boundary: one fault must not end the sharing of a service
        _log.exception("unexpected fault in background work")


class Unbroken:
    """Work that goes to its end even if whoever waits for it is cancelled.

    Attributes:
        tasks: What is under way.
    """

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it, and wait for what comes of it."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; there may be nobody left


class Together(Generic[Q, T]):
    """Questions that come while others are being answered, and are then answered all at once.

    Args:
        answer: Answers some, each with a value or an error of its own; raises what all of them get.
        most: Questions answered at once.
    """

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[T | AdaptorError]]], *, most: int) -> None:
        self._answer = answer
        self._most = most
        self._waiting: list[tuple[Q, asyncio.Future[T]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> T:
        """The answer to a question; whoever waits for it may give up, it is answered all the same."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._answer_all())
        return await answer

    async def finished(self) -> None:
        """Wait until nothing is being answered."""
        if self._work is not None:
            await self._work

    async def _answer_all(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                answers: Sequence[T | BaseException] = await self._answer([question for question, _ in asked])
            except Exception as error:  # noqa: BLE001 - whoever asked gets it, each of them
                answers = [error] * len(asked)
            for (_, waiting), answer in zip(asked, answers, strict=True):
                if waiting.done():
                    continue
                if isinstance(answer, BaseException):
                    waiting.set_exception(answer)
                else:
                    waiting.set_result(answer)
        self._work = None


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel work and wait until it is over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
