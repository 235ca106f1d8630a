"""What was asked, what was seen, and which static parallelism was the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from adaptor.domain.duration import format_duration
from adaptor.experiments.demo.act import ActStory
from adaptor.experiments.local_runs.programs import Program
from adaptor.experiments.local_runs.variants import Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked.

    Attributes:
        program: What was run.
        size: Copies that its input was made of.
        repeats: Runs of each variant.
        supersteps: Of every run.
        target_s: Runtime target of the runs that had one.
        target_share: What it is of the first run at parallelism 1.
    """

    program: Program
    size: int
    repeats: int
    supersteps: int
    target_s: float
    target_share: float

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"{self.program.work}. Started badly and knowing nothing, how near does adaptor come to the best static "
            f"parallelism, learning included? In wall clock where it is to be as fast as possible, in slot-seconds "
            f"where it is to end within {format_duration(self.target_s)} ({self.target_share:.0%} of the first at 1). "
            f"{self.supersteps} supersteps; runs of every variant, in turn: {self.repeats}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRun:
    """One run.

    Attributes:
        repeat: From 1.
        variant: How it was run.
        story: What happened.
        check: Its result beside a plain computation's, which agreed.
    """

    repeat: int
    variant: Variant
    story: ActStory
    check: dict[str, Any]

    @property
    def parallelisms(self) -> list[int]:
        """What each superstep was submitted with."""
        return [one.requested_parallelism for _, one in self.story.observations]

    @property
    def durations_s(self) -> list[float]:
        """Of each superstep."""
        return [one.duration_s for _, one in self.story.observations]

    @property
    def parallelisms_text(self) -> str:
        """The parallelisms in short: ``1 x3, 2 x22``."""
        stretches: list[list[int]] = []
        for parallelism in self.parallelisms:
            if stretches and stretches[-1][0] == parallelism:
                stretches[-1][1] += 1
            else:
                stretches.append([parallelism, 1])
        return ", ".join(f"{parallelism} x{count}" for parallelism, count in stretches)

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return {"repeat": self.repeat, "variant": self.variant.name, "check": self.check, **self.story.as_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The same number of several runs."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """Of the values."""
        return median(self.values)

    @property
    def text(self) -> str:
        """Median and range."""
        return f"{self.median:.1f} ({min(self.values):.1f} .. {max(self.values):.1f})"


def runtime_s(run: LocalRun) -> float:
    """Wall-clock seconds of a run."""
    return run.story.elapsed_s


def slot_seconds(run: LocalRun) -> float:
    """Slot-seconds of a run."""
    return run.story.slot_seconds


def spread(runs: Sequence[LocalRun], variant: Variant, number: Callable[[LocalRun], float]) -> Spread:
    """A number of all runs of a variant."""
    return Spread(values=[number(run) for run in runs if run.variant == variant])


def best_static(
    runs: Sequence[LocalRun], number: Callable[[LocalRun], float], *, within_s: float = math.inf
) -> Variant | None:
    """The static variant with the least median of a number.

    Args:
        runs: Of all variants.
        number: To be small.
        within_s: Only variants whose median runtime is no more than this.

    Returns:
        ``None`` if none is within.
    """
    static = {run.variant for run in runs if run.variant.aim is None}
    able = [one for one in static if spread(runs, one, runtime_s).median <= within_s]
    return min(able, key=lambda one: (spread(runs, one, number).median, one.start), default=None)
