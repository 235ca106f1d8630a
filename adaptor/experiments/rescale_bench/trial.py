"""One rescale of a real stream, by adaptor's steps or by the bare wish, timed by the same looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from adaptor.control.in_place_rescale import after_step, next_step
from adaptor.domain.rescale import Phase, Rescale, RescaleLimits, SlotsSeen, Step, wish_for
from adaptor.domain.stream import RescaleOutcome, RescaleProof
from adaptor.domain.stream_job import slots_of_job
from adaptor.errors import FlinkError, TrialError
from adaptor.flink.stream_client import StreamClient
from adaptor.local.release import INSTALLED
from adaptor.observer.stream import traits_of
from adaptor.rescaler.in_place import step_taken

ADAPTOR, BARE = "adaptor", "bare"
"""The two ways."""

LOOK_S = 0.02
"""Between two looks of the watcher: what times are told to."""

STEP_S = 0.05
"""Between two looks of a rescale under way."""

LIMITS = RescaleLimits(quiet_s=120.0, checkpoint_s=120.0, proof_s=30.0, max_checkpoints=3)
"""Far beyond what a small stream takes even on starved cores."""

BARE_S = 240.0
"""Longest wait for a bare wish to come true: four of the longest checkpoint intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What the watcher saw of one rescale, by Flink's clock.

    Attributes:
        asked_s: When Flink was told the first thing, the wish or the checkpoint.
        restarted_s: When the new execution graph was made.
        gap_s: From the last look at which the old tasks ran to the first at which all new ones did.
    """

    asked_s: float
    restarted_s: float
    gap_s: float

    @property
    def ask_to_restart_s(self) -> float:
        """Seconds from the first thing that Flink was told to the restart."""
        return self.restarted_s - self.asked_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One rescale.

    Attributes:
        way: ``adaptor`` or ``bare``.
        parallelism: What was wanted of every vertex.
        timing: What the watcher saw.
        proof: Adaptor's own proof; ``None`` for the bare wish.
        reprocessed: Records that came out again at the sink without transactions.
    """

    way: str
    parallelism: int
    timing: Timing
    proof: RescaleProof | None
    reprocessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Under which rescales are measured.

    Attributes:
        flink: Series of Flink.
        interval_s: Between two periodic checkpoints.
        max_delay: How long a wish waits for a checkpoint; empty: as delivered, three intervals.
    """

    flink: str
    interval_s: int
    max_delay: str = ""

    @property
    def name(self) -> str:
        """What the names of its figures end with."""
        delay = f"_delay_{self.max_delay.replace(' ', '')}" if self.max_delay else ""
        flink = "" if self.flink == INSTALLED else f"_flink_{self.flink}"
        return f"{self.interval_s}s{delay}{flink}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured under one condition.

    Attributes:
        condition: The condition.
        trials: All rescales.
        exact: Of each stream, whether every record stood once in the transactional sink at its end.
        failures: Rescales that came to nothing, in words, the way first.
    """

    condition: Condition
    trials: Sequence[Trial]
    exact: tuple[bool, ...]
    failures: tuple[str, ...] = ()


class Watcher:
    """Looks at a job all the time, in a thread of its own, while it is rescaled."""

    def __init__(self, client: StreamClient, job_id: str) -> None:
        self._client = client
        self._job_id = job_id
        self._graph_s = client.stream_job(job_id).created_s
        self._last_old_s = 0.0
        self.first_new_s: float | None = None
        self.restarted_s = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watcher")

    def __enter__(self) -> Watcher:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop looking."""
        self._ending.set()
        self._thread.join()

    @property
    def looks(self) -> bool:
        """Whether there is anything left to see: not once the job has ended."""
        return self._thread.is_alive()

    def timing(self, asked_s: float) -> Timing:
        """What was seen.

        Raises:
            TrialError: If the job was not seen restarted.
        """
        if self.first_new_s is None or not self._last_old_s:
            raise TrialError("the stream was not seen running before and after")
        return Timing(asked_s=asked_s, restarted_s=self.restarted_s, gap_s=self.first_new_s - self._last_old_s)

    def _look(self) -> None:
        while not self._ending.wait(LOOK_S) and self.first_new_s is None:
            try:
                job = self._client.stream_job(self._job_id)
            except FlinkError:
                continue
            if job.ended:
                return
            if job.created_s == self._graph_s:
                if job.all_running:
                    self._last_old_s = job.at_s
            elif job.all_running:
                self.first_new_s, self.restarted_s = job.at_s, job.created_s


def aligned_rescale(client: StreamClient, job_id: str, parallelism: int) -> tuple[Timing, RescaleProof]:
    """Rescale as adaptor does.

    Raises:
        TrialError: If it did not succeed; a job that has ended is told so.
        FlinkError: If the cluster cannot be asked.
    """
    job = client.stream_job(job_id)
    traits = traits_of(client, job_id)
    now_s = time.time()
    rescale = Rescale(
        wanted=dict.fromkeys(job.parallelisms, parallelism),
        before={vertex: found or 0 for vertex, found in job.parallelisms.items()},
        slots=parallelism,
        slots_before=slots_of_job(job),
        order=traits.order,
        cooldown_s=traits.cooldown_s,
        source_records_per_s=0.0,
        phase=Phase.SLOTS,
        began_s=now_s,
        phase_s=now_s,
    )
    with Watcher(client, job_id) as watcher:
        asked_s, proof = _carried_out(client, job_id, rescale)
        if proof.outcome is not RescaleOutcome.DONE:
            raise TrialError(f"the rescale is {proof.outcome.value}: {proof.text}")
        _await_sight(watcher)
    return watcher.timing(asked_s), proof


def bare_rescale(client: StreamClient, job_id: str, parallelism: int) -> Timing:
    """Put the wish and wait, as the Autoscaler does.

    Raises:
        TrialError: If it does not come true.
        FlinkError: If the cluster cannot be asked.
    """
    with Watcher(client, job_id) as watcher:
        asked_s = time.time()
        client.require(job_id, wish_for(dict.fromkeys(client.stream_job(job_id).parallelisms, parallelism)))
        _await_sight(watcher)
    return watcher.timing(asked_s)


def _carried_out(client: StreamClient, job_id: str, rescale: Rescale) -> tuple[float, RescaleProof]:
    asked_s = 0.0
    after: Rescale | RescaleProof = rescale
    while isinstance(after, Rescale):
        step = next_step(after)
        if step in (Step.PUT_WISH, Step.TRIGGER_CHECKPOINT):
            asked_s = asked_s or time.time()
        free = SlotsSeen(slots=after.slots)
        result = free if step is Step.PROVIDE_SLOTS else step_taken(client, job_id, after, step)
        after = after_step(after, result, now_s=time.time(), limits=LIMITS)
        if step in (Step.LOOK_AT_JOB, Step.LOOK_AT_CHECKPOINT):
            time.sleep(STEP_S)
    return asked_s, after


def _await_sight(watcher: Watcher) -> None:
    until_s = time.monotonic() + BARE_S
    while watcher.looks and watcher.first_new_s is None and time.monotonic() < until_s:
        time.sleep(LOOK_S)
