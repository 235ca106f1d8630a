"""Wrong bytes for every decoder: each must take them or refuse them with its own error, whatever they are.

Inputs are made in chunks; a chunk follows from the seed, the decoder and its number alone, so what crashed once is
found again. An input whose refusal was not seen before joins the seeds of its chunk: a cheap stand-in for measuring
coverage, by which later inputs get behind earlier checks.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from adaptor.experiments.decoders import Decoder, decoders
from adaptor.experiments.mutation import mutated
from adaptor.experiments.report import Figure, Report

CHUNK = 10_000
"""Inputs of a chunk: about a second of work."""

MOST_SEEDS = 256
"""Most seeds of a chunk: above the number of different refusals of any decoder."""

FOUND_SHARE = 0.5
"""Inputs made from what was found as well; the others start from good bytes alone, so that many stay nearly good."""

MOST_CRASHES = 10
"""Most crashes of a chunk that are kept with their input; the others are counted."""

WORKERS = 2
"""Processes at work: the machine's goals are set for two cores."""

_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One chunk.

    Attributes:
        decoder: Name.
        seed: Of the whole.
        number: Of the chunk, from 0.
        inputs: How many.
    """

    decoder: str
    seed: int
    number: int
    inputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """An input that a decoder neither took nor refused.

    Attributes:
        decoder: Name.
        error: What it raised.
        input_hex: The input; empty if the whole process died with it.
        chunk: Number of its chunk.
    """

    decoder: str
    error: str
    input_hex: str
    chunk: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of some inputs.

    Attributes:
        inputs: How many.
        accepted: How many the decoder took.
        outcomes: Different refusals.
        crash_count: How many it neither took nor refused.
        crashes: The first of those.
        slowest_ms: Longest time for one input.
        peak_bytes: Most memory of the process so far.
        idle_bytes: Its memory before the first input.
    """

    inputs: int = 0
    accepted: int = 0
    outcomes: set[str] = field(default_factory=set)
    crash_count: int = 0
    crashes: list[Crash] = field(default_factory=list)
    slowest_ms: float = 0.0
    peak_bytes: int = 0
    idle_bytes: int = 0

    def add(self, other: Tally) -> None:
        """Take another tally of the same decoder in."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        self.outcomes |= other.outcomes
        self.crash_count += other.crash_count
        self.crashes += other.crashes
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.idle_bytes = max(self.idle_bytes, other.idle_bytes)


def bench_fuzz(
    *, inputs: int, seed: int, progress: Callable[[str], None], names: Collection[str] = (), workers: int = WORKERS
) -> Report:
    """Give every decoder so many wrong inputs.

    Args:
        inputs: For each decoder.
        seed: Of everything.
        progress: Told of each decoder that is done, and of each crash.
        names: Decoders; none are all of them.
        workers: Processes at work.

    Returns:
        Inputs, crashes and memory.
    """
    tallies = {decoder.name: Tally() for decoder in decoders() if not names or decoder.name in names}
    started_s = time.perf_counter()
    for job, tally in _performed(list(_jobs(tallies, inputs=inputs, seed=seed)), workers=workers):
        whole = tallies[job.decoder]
        whole.add(tally)
        for crash in tally.crashes:
            progress(f"{crash.decoder}, chunk {crash.chunk}: {crash.error}; input {crash.input_hex or 'unknown'}")
        if whole.inputs >= inputs:
            progress(f"{job.decoder}: {whole.inputs} inputs, {whole.crash_count} crashes")
    return _report(tallies, seed=seed, duration_s=time.perf_counter() - started_s)


def tally_of(job: Job, decoder: Decoder) -> Tally:
    """Run one chunk on a decoder, in this process."""
    rng = random.Random(f"{job.seed}/{job.decoder}/{job.number}")  # noqa: S311 - nothing secret
    seeds, tally = list(decoder.seeds), Tally(inputs=job.inputs)
    for _ in range(job.inputs):
        data = mutated(rng, seeds if rng.random() < FOUND_SHARE else decoder.seeds)
        caught = _Caught()
        started_s = time.perf_counter()
        with caught:
            decoder.decode(data)
        tally.slowest_ms = max(tally.slowest_ms, 1000 * (time.perf_counter() - started_s))
        if caught.error is None:
            tally.accepted += 1
        elif isinstance(caught.error, decoder.refusals):
            if (outcome := _outcome(caught.error)) not in tally.outcomes and len(seeds) < MOST_SEEDS:
                tally.outcomes.add(outcome)
                seeds.append(data)
        else:
            tally.crash_count += 1
            if len(tally.crashes) < MOST_CRASHES:
                tally.crashes.append(_crash(job, repr(caught.error), data))
    tally.peak_bytes = _peak_bytes()
    return tally


class _Caught:
    """Holds on to whatever is raised within, panics of native code included, which are no `Exception`."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.error = error
        return not isinstance(error, KeyboardInterrupt | SystemExit)


def _jobs(names: Iterable[str], *, inputs: int, seed: int) -> Iterator[Job]:
    for name in names:
        for number, start in enumerate(range(0, inputs, CHUNK)):
            yield Job(decoder=name, seed=seed, number=number, inputs=min(CHUNK, inputs - start))


def _performed(jobs: Iterable[Job], *, workers: int) -> Iterator[tuple[Job, Tally]]:
    """Every job with its tally, as they end.

    Where a process dies, those whose tally went with it are run again one by one, each in a process of its own; then
    it is known which of them it was.
    """
    lost: list[Job] = []
    with _pool(workers) as pool:
        waiting = {pool.submit(_perform, job): job for job in jobs}
        for future in as_completed(waiting):
            try:
                yield waiting[future], future.result()
            except BrokenProcessPool:
                lost.append(waiting[future])
    for job in lost:
        with _pool(1) as pool:
            try:
                yield job, pool.submit(_perform, job).result()
            except BrokenProcessPool:
                crash = _crash(job, "the process died", b"")
                yield job, Tally(inputs=job.inputs, crash_count=1, crashes=[crash])


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start)


_idle_bytes = 0


def _start() -> None:
    """Note what this process needs before its first input."""
    global _idle_bytes  # noqa: PLW0603 - the process serves nothing else
    decoders()
    _idle_bytes = _peak_bytes()


def _perform(job: Job) -> Tally:
    tally = tally_of(job, next(one for one in decoders() if one.name == job.decoder))
    tally.idle_bytes = _idle_bytes
    return tally


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_MAXRSS


def _outcome(error: BaseException) -> str:
    """A refusal without the numbers in it."""
    return f"{type(error).__name__} {re.sub('[0-9]+', '', str(error))[:80]}"


def _crash(job: Job, error: str, data: bytes) -> Crash:
    return Crash(decoder=job.decoder, error=error[:300], input_hex=data.hex(), chunk=job.number)


def _report(tallies: dict[str, Tally], *, seed: int, duration_s: float) -> Report:
    whole = Tally()
    for tally in tallies.values():
        whole.add(tally)
    mebibyte = 2**20
    return Report(
        title=f"Wrong bytes for {len(tallies)} decoders that peers reach",
        figures=[
            Figure(name="fuzz_crashes", value=whole.crash_count, unit="crashes"),
            Figure(
                name="fuzz_inputs_least", value=min(one.inputs for one in tallies.values()), unit="inputs a decoder"
            ),
            Figure(name="fuzz_inputs", value=whole.inputs, unit="inputs"),
            Figure(
                name="fuzz_peak_memory",
                value=whole.peak_bytes / mebibyte,
                unit="MiB",
                baseline=whole.idle_bytes / mebibyte,
                baseline_name="before the first input",
            ),
            Figure(name="fuzz_slowest_input", value=whole.slowest_ms, unit="ms"),
            Figure(name="fuzz_duration", value=duration_s, unit="s"),
        ],
        seeds={"seed": seed},
        details={"decoders": {name: _details(tally) for name, tally in tallies.items()}},
    )


def _details(tally: Tally) -> dict[str, Any]:
    return {
        "inputs": tally.inputs,
        "accepted": tally.accepted,
        "different_refusals": len(tally.outcomes),
        "crashes": tally.crash_count,
        "slowest_ms": tally.slowest_ms,
        "first_crashes": [
            {"error": one.error, "input_hex": one.input_hex, "chunk": one.chunk} for one in tally.crashes
        ],
    }
