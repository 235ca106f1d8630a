"""The starts as plots: parallelism, time and weight of shared data by superstep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adaptor.experiments.plots import Plot, Series, Shape

if TYPE_CHECKING:
    from adaptor.experiments.newcomer.experiment import Start


def plots(starts: Sequence[Start]) -> list[Plot]:
    """Every plot of the starts.

    Args:
        starts: All of them.
    """
    return [
        Plot(
            name="parallelism",
            title="Parallelism over supersteps",
            x_label="superstep",
            y_label="parallelism",
            series=_series(starts, lambda one: one.parallelisms, Shape.STEPS),
        ),
        Plot(
            name="durations",
            title="Time of each superstep",
            x_label="superstep",
            y_label="superstep, s",
            series=_series(starts, lambda one: [told.duration_s for _, told in one.story.observations], Shape.LINE),
        ),
        Plot(
            name="weight",
            title="Weight of shared data",
            note="How much the predictions that peers' observations are part of count in the plan for a superstep.",
            x_label="superstep",
            y_label="weight, 0 to 1",
            series=_series(starts, _weights, Shape.LINE),
        ),
    ]


def label(start: Start) -> str:
    """A start in one line: which log, and what it came to."""
    story = start.story
    return (
        f"{start.name}: {story.elapsed_s:.0f} s of {story.plan.target_s:.0f} s, "
        f"{story.slot_seconds:.0f} slot-seconds, {story.rescales} rescales"
    )


def _series(starts: Sequence[Start], numbers: Callable[[Start], Sequence[float]], shape: Shape) -> list[Series]:
    found = [(label(one), numbers(one)) for one in starts]
    return [Series(name=name, x=range(1, len(y) + 1), y=y, shape=shape) for name, y in found]


def _weights(start: Start) -> list[float]:
    """Of each superstep; NaN, which is not drawn, where nothing shared was part of the plan."""
    return [math.nan if weight is None else weight for weight in start.weights]
