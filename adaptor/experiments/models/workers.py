"""Work spread over processes, each with one thread, so that results do not depend on how many there are."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

A = TypeVar("A")
B = TypeVar("B")


def spread(work: Callable[[A], B], items: Sequence[A], *, processes: int) -> Iterator[B]:
    """Results in the order of the items.

    Args:
        work: A function of a module, so that other processes find it.
        items: What to call it with.
        processes: How many to use; one means this one.
    """
    if processes == 1:
        with threadpool_limits(limits=1):
            yield from map(work, items)
        return
    # Fork would copy threads of numerical libraries in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_one_thread) as pool:
        yield from pool.imap(work, items, chunksize=1)


def _one_thread() -> None:
    threadpool_limits(limits=1)
