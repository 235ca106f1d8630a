"""The Flink clusters that are asked at barriers, each with one client and threads of its own.

Threads are not shared between clusters: one that answers late would hold all of them, and the runs on every
other cluster would lose their observations too. Clusters nobody has asked for long are let go.

Everything here but the questions themselves happens on the event loop's thread, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from adaptor.flink.client import FlinkClient

P = ParamSpec("P")
T = TypeVar("T")


class Cluster:
    """One cluster.

    Args:
        client: Its client; closed with the cluster.
        max_workers: Questions that may be under way at once.
    """

    def __init__(self, client: FlinkClient, *, max_workers: int) -> None:
        self.client = client
        self.users = 0
        self._pool = ThreadPoolExecutor(max_workers, thread_name_prefix="flink")

    def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Start a blocking question in a thread of the cluster's own, and return what can be awaited."""
        return asyncio.get_running_loop().run_in_executor(self._pool, partial(question, *args, **kwargs))

    def close(self, *, wait: bool) -> None:
        """Let go of threads and connections.

        Args:
            wait: Whether to wait for questions under way, each bounded by the client's timeout.
        """
        self._pool.shutdown(wait=wait, cancel_futures=True)
        self.client.close()


class Clusters:
    """The clusters in use, by address.

    Args:
        connect: Makes a client for an address.
        max_workers: Questions under way at once, for each cluster.
        max_idle: Clusters kept while nobody asks them.
    """

    def __init__(self, *, connect: Callable[[str], FlinkClient], max_workers: int, max_idle: int) -> None:
        self._connect = connect
        self._max_workers = max_workers
        self._max_idle = max_idle
        self._clusters: collections.OrderedDict[str, Cluster] = collections.OrderedDict()

    @contextlib.contextmanager
    def use(self, flink_url: str) -> Iterator[Cluster]:
        """Return the cluster at an address; it stays open at least until the end of the block.

        Raises:
            InvalidValueError: The address is no URL.
        """
        cluster = self._clusters.get(flink_url)
        if cluster is None:
            cluster = Cluster(self._connect(flink_url), max_workers=self._max_workers)
            self._clusters[flink_url] = cluster
        self._clusters.move_to_end(flink_url)
        cluster.users += 1
        try:
            yield cluster
        finally:
            cluster.users -= 1
            self._close_surplus()

    def close(self) -> None:
        """Close all, after waiting for questions under way."""
        while self._clusters:
            self._clusters.popitem()[1].close(wait=True)

    def _close_surplus(self) -> None:
        idle = [url for url, cluster in self._clusters.items() if not cluster.users]
        for url in idle[: max(0, len(idle) - self._max_idle)]:
            self._clusters.pop(url).close(wait=False)
