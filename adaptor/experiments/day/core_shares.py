"""Workers that have a share of a core each, as a container's CPU quota gives it.

Two cores make two workers, and with two there is little to decide. So the TaskManagers of one core take turns: each
runs for a quantum while the others of that core are stopped by a signal, which is what the kernel's bandwidth control
does to a container that used up its quota. A worker then processes just as much whether its neighbours work or idle.
Needs no privileges; quanta are far shorter than any heartbeat.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import psutil

QUANTUM_S = 0.01
"""For which a worker runs: a tenth of the kernel's own period, so that gusts stay small."""


class CoreShares:
    """Lets processes take turns on their cores while it is open.

    Args:
        workers: The processes, by slot.
        cores: Cores there are; slot k runs on core k modulo their number.
    """

    def __init__(self, workers: Mapping[int, psutil.Process], *, cores: Sequence[int]) -> None:
        self._turns = turns_of(sorted(workers), cores=len(cores))
        self._workers = dict(workers)
        self._cores = list(cores)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._take_turns, name="core-shares", daemon=True)

    def __enter__(self) -> CoreShares:
        """Begin."""
        for slot, worker in self._workers.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.cpu_affinity([self._cores[slot % len(self._cores)]])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let all run again."""
        self._ending.set()
        self._thread.join()

    def _take_turns(self) -> None:
        turn = 0
        try:
            while not self._ending.wait(QUANTUM_S):
                turn = (turn + 1) % len(self._turns)
                # Who has had its turn stops before another begins, so a core is never shared.
                for slot in self._workers.keys() - set(self._turns[turn]):
                    self._tell(slot, signal.SIGSTOP)
                for slot in self._turns[turn]:
                    self._tell(slot, signal.SIGCONT)
        finally:
            for slot in self._workers:
                self._tell(slot, signal.SIGCONT)

    def _tell(self, slot: int, what: signal.Signals) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._workers[slot].send_signal(what)


def turns_of(slots: Sequence[int], *, cores: int) -> list[tuple[int, ...]]:
    """Which slots run at the same time: of each core one at a time, in order."""
    rounds = max((slot // cores for slot in slots), default=0) + 1
    return [tuple(slot for slot in slots if slot // cores == turn) for turn in range(rounds)]
