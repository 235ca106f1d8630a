"""The three starts as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adaptor.errors import AdaptorError
from adaptor.experiments.newcomer.experiment import Start

SIZE_INCHES = (8.0, 7.0)

COLOURS = {"sharing": "tab:green", "off": "tab:gray", "misleading": "tab:red"}

MARKS = {"sharing": "o", "off": "s", "misleading": "^"}


def draw(starts: Sequence[Start], path: Path) -> None:
    """Write parallelism, duration and weight by superstep as SVG.

    Args:
        starts: All of them.
        path: Of the picture.

    Raises:
        AdaptorError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AdaptorError("report: plots need matplotlib: pip install 'adaptor[report]'") from error
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    planned, took, weight = figure.subplots(3, 1, sharex=True)
    for one in starts:
        style = {"color": COLOURS[one.name], "marker": MARKS[one.name], "label": label(one)}
        numbers = range(1, len(one.parallelisms) + 1)
        planned.plot(numbers, one.parallelisms, drawstyle="steps-mid", **style)
        took.plot(numbers, [observation.duration_s for _, observation in one.story.observations], **style)
        known = [(number, value) for number, value in zip(numbers, one.weights, strict=True) if value is not None]
        if known:
            weight.plot(*zip(*known, strict=True), **style)
    planned.set_ylabel("parallelism")
    planned.yaxis.get_major_locator().set_params(integer=True)
    took.set_ylabel("superstep, s")
    took.set_ylim(bottom=0)
    weight.set_ylabel("weight of shared data")
    weight.set_ylim(-0.05, 1.05)
    weight.set_xlabel("superstep")
    planned.legend(title="newcomer", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def label(start: Start) -> str:
    """A start in one line: which log, and what it came to."""
    story = start.story
    return (
        f"{start.name}: {story.elapsed_s:.0f} s of {story.plan.target_s:.0f} s, "
        f"{story.slot_seconds:.0f} slot-seconds, {story.rescales} rescales"
    )
