"""Brings an embedded cluster to a number of slots: the engine's `Provisioner` on this machine.

Every call looks at what is there (processes by their mark, registrations at the JobManager) and does what is missing,
so it may be repeated, interrupted at any point, and called again by another process after a crash.

A surplus TaskManager is stopped only while Flink says that all its slots are free, the highest slot index first:
low indices have cores of their own (`adaptor.local.pinning`). One with tasks stays; the caller sees it in the capacity
returned. Between that look and the end of the process somebody else's job could take the slot; Flink then restarts
that job's tasks, which the cluster's restart strategy allows.

The work blocks, so it runs in one thread of its own. One thread, rather than a lock around any thread: a caller that
stops waiting (a timeout at a barrier) would release the lock while its work goes on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from adaptor.domain.capacity import Capacity
from adaptor.errors import AdaptorError, ProvisionError
from adaptor.flink.client import FlinkClient
from adaptor.local.cluster import EmbeddedFlink
from adaptor.local.processes import TASK_MANAGER, ClusterProcess


class LocalProvisioner:
    """Starts and stops the TaskManagers of one embedded cluster.

    Args:
        cluster: A cluster that was started, here or by another process.
    """

    def __init__(self, cluster: EmbeddedFlink) -> None:
        self._cluster = cluster
        self._settings = cluster.settings
        self._flink = FlinkClient(cluster.rest_url, timeout_s=cluster.settings.rest_timeout_s)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="provisioner")
        self._closed = threading.Event()
        self._provided_slots = 0

    async def capacity(self) -> Capacity:
        """Return the slots registered at the JobManager, and those there could be.

        Raises:
            FlinkError: The JobManager does not answer.
        """
        return await asyncio.to_thread(self._capacity)

    async def provide(self, slots: int) -> Capacity:
        """Bring the cluster to so many slots, or as near as surplus without tasks allows.

        TaskManagers that died are replaced. Returns when Flink has registered what was started and forgotten what
        was stopped.

        Args:
            slots: From 0 to the most TaskManagers that the settings allow.

        Raises:
            ProvisionError: Slots asked for did not come in time; the message says which and why.
        """
        most = self._settings.max_task_managers
        if not 0 <= slots <= most:
            raise ProvisionError(f"slots: the embedded Flink has from 0 to {most} (max_task_managers), not {slots}")
        return await self._in_worker(lambda: self._provide(slots))

    async def restore(self) -> None:
        """Replace TaskManagers that died since the last call of `provide`; takes none away.

        Raises:
            ProvisionError: A replacement did not come in time.
        """
        await self._in_worker(self._restore)

    def close(self) -> None:
        """Give up waiting for TaskManagers and end the thread; the TaskManagers stay."""
        self._closed.set()
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._flink.close()

    async def _in_worker(self, work: Callable[[], Capacity]) -> Capacity:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except ProvisionError:
            raise
        except AdaptorError as error:
            raise ProvisionError(f"the TaskManagers of {self._cluster.home} cannot be changed: {error}") from error

    def _capacity(self) -> Capacity:
        return Capacity(
            existing_slots=self._flink.overview().slots_total,
            obtainable_slots=self._settings.max_task_managers,
        )

    def _provide(self, slots: int) -> Capacity:
        self._provided_slots = slots
        self._remove_surplus(slots)
        self._add_missing(slots)
        self._await(self._nobody_gone_is_registered, timeout_s=self._settings.release_timeout_s)
        return self._capacity()

    def _restore(self) -> Capacity:
        if len(self._cluster.task_managers()) < self._provided_slots:
            self._add_missing(self._provided_slots)
        return self._capacity()

    def _remove_surplus(self, slots: int) -> None:
        running = self._cluster.task_managers()
        surplus = len(running) - slots
        until_s = time.monotonic() + self._settings.release_timeout_s
        for slot in sorted(running, reverse=True):
            if surplus <= 0:
                return
            is_idle = partial(self._is_idle, running[slot].resource_id)
            if self._await(is_idle, timeout_s=until_s - time.monotonic()):
                self._cluster.remove_task_manager(slot)
                surplus -= 1

    def _add_missing(self, slots: int) -> None:
        while len(self._cluster.task_managers()) < slots:
            self._cluster.add_task_manager()
        expected = tuple(self._cluster.task_managers().values())
        self._await(
            lambda: not any(process.is_alive() for process in self._unregistered(expected)),
            timeout_s=self._settings.register_timeout_s,
        )
        missing = self._unregistered(expected)
        if missing:
            self._give_up(missing)

    def _give_up(self, missing: list[ClusterProcess]) -> None:
        """End what never registered, so that the next call starts anew.

        Raises:
            ProvisionError: Always.
        """
        if self._closed.is_set():
            raise ProvisionError("closed before all TaskManagers had registered; they go on starting")
        names = [f"{TASK_MANAGER}-{process.slot}" for process in missing]
        logs = "\n".join(self._cluster.log_tail(name) for name in names)
        for process in missing:
            if process.slot is not None:
                self._cluster.remove_task_manager(process.slot)
        bound_s = self._settings.register_timeout_s
        raise ProvisionError(f"{', '.join(names)} ended or did not register within {bound_s:g} s:\n{logs}")

    def _unregistered(self, expected: tuple[ClusterProcess, ...]) -> list[ClusterProcess]:
        registered = self._registered()
        return [process for process in expected if process.resource_id not in registered]

    def _nobody_gone_is_registered(self) -> bool:
        alive = {process.resource_id for process in self._cluster.task_managers().values()}
        return self._registered() <= alive

    def _registered(self) -> set[str | None]:
        """Return those that offer slots; for a moment after its registration a TaskManager has none."""
        return {info.resource_id for info in self._flink.task_managers() if info.slots > 0}

    def _is_idle(self, resource_id: str | None) -> bool:
        """Say whether no task can be on it; one that has not registered yet has none."""
        return all(
            info.free_slots == info.slots for info in self._flink.task_managers() if info.resource_id == resource_id
        )

    def _await(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        until_s = time.monotonic() + timeout_s
        while not (reached := condition()) and time.monotonic() < until_s:
            if self._closed.wait(self._settings.poll_interval_s):
                break
        return reached
