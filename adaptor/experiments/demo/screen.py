"""What the demo shows: a live table in a terminal, a line for each thing that happens where output is piped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.domain.duration import format_duration
from adaptor.experiments.demo.act import KEY_DIGITS, ActStory

PICTURE_FORMAT = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's picture without the fonts that it would fetch from elsewhere: any monospace font will do."""


class Screen:
    """Shows acts on a console.

    Args:
        console: Where to.
        record: A recording console that is shown the finished state of everything, for a picture.
    """

    def __init__(self, console: Console, *, record: Console | None = None) -> None:
        self._console = console
        self._record = record
        self._live: Live | None = None
        self._told = 0

    def say(self, text: str) -> None:
        """One line of progress."""
        self._console.print(text, soft_wrap=True)
        if self._record:
            self._record.print(text)

    def show(self, what: RenderableType) -> None:
        """A table or picture."""
        self._console.print(what)
        if self._record:
            self._record.print(what)

    def save(self, path: Path) -> None:
        """Write what was recorded as SVG."""
        if self._record:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._record.export_svg(title="adaptor demo", code_format=PICTURE_FORMAT))

    @contextmanager
    def act(self, story: ActStory) -> Iterator[None]:
        """Show an act while it runs."""
        self._told = 0
        self.say(f"\n[bold]Act {story.plan.name}[/bold]: {story.plan.question}")
        if self._console.is_terminal:
            with Live(act_view(story), console=self._console, refresh_per_second=4) as self._live:
                yield
            self._live = None
        else:
            yield
        if self._record:
            self._record.print(act_view(story))

    def update(self, story: ActStory) -> None:
        """Show what is new."""
        if self._live is not None:
            self._live.update(act_view(story))
            return
        if self._console.is_terminal:
            return
        if story.observations and not self._told and (sources := sources_text(story)):
            self._console.print(sources, soft_wrap=True)
        for at_s, one in story.observations[self._told :]:
            self._console.print(_line(story, at_s, one), soft_wrap=True)
        self._told = len(story.observations)


def act_view(story: ActStory) -> RenderableType:
    """An act as far as it has got."""
    table = Table(expand=False)
    for column in ("superstep", "planned", "observed"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("predicted (80 %)", no_wrap=True)
    table.add_column("reason of the plan", ratio=1, min_width=40)
    for _, one in story.observations:
        plan = story.plans.get(one.superstep)
        table.add_row(
            f"{one.superstep}",
            f"{one.planned_parallelism}",
            _observed(one),
            _duration(one),
            _predicted(plan),
            plan.reason if plan else "",
        )
    running = _running_row(story)
    if running:
        table.add_row(*running, style="dim")
    sources = sources_text(story)
    return Group(table, *([Text(sources, style="cyan")] if sources else []), _status(story))


def sources_text(story: ActStory) -> str:
    """Whose observations the plan for superstep 1 rests on, for people; empty if it rests on no peer's."""
    plan, evidence = story.first_plan, story.first_plan.evidence
    if not evidence.shared_observations:
        return ""
    nothing_own = not (evidence.own_observations or evidence.earlier_observations)
    return (
        f"superstep 1 was planned at {plan.parallelism} from {evidence.shared_observations} shared observations of "
        f"{', '.join(story.contributors)} (first {KEY_DIGITS} digits of the key){' alone' if nothing_own else ''}: "
        f"predicted {_predicted(plan)}, target {format_duration(story.plan.target_s)}"
    )


def _running_row(story: ActStory) -> tuple[str, ...] | None:
    number = len(story.observations) + 1
    plan = story.plans.get(number)
    if plan is None or story.ended_at_s is not None:
        return None
    since_s = story.observations[-1][0] if story.observations else story.started_at_s or 0.0
    elapsed = story.elapsed_s + (story.started_at_s or 0.0) - since_s
    return f"{number}", f"{plan.parallelism}", "...", format_duration(elapsed), _predicted(plan), plan.reason


def _status(story: ActStory) -> Text:
    share = story.elapsed_s / story.plan.target_s
    style = "green" if share <= 1 else "red"
    slots = "" if story.slots is None else f", {story.slots} slots in use"
    return Text(
        f"{format_duration(story.elapsed_s)} of the target {format_duration(story.plan.target_s)}"
        f" ({100 * share:.0f} %){slots}, {story.rescales} rescales",
        style=style,
    )


def _line(story: ActStory, at_s: float, one: pb.Observation) -> str:
    plan = story.plans.get(one.superstep)
    elapsed_s = at_s - (story.started_at_s or at_s)
    slots = "" if story.slots is None else f", slots {story.slots}"
    return (
        f"superstep {one.superstep}: planned {one.planned_parallelism}, observed {_observed(one)}, "
        f"{_duration(one)}, predicted {_predicted(plan)}; {format_duration(elapsed_s)} of "
        f"{format_duration(story.plan.target_s)}{slots}; {plan.reason if plan else ''}"
    )


def _observed(one: pb.Observation) -> str:
    return f"{one.observed_parallelism}" if one.HasField("observed_parallelism") else "unknown"


def _duration(one: pb.Observation) -> str:
    return format_duration(one.duration_s) + (" failed" if one.failed else "")


def _predicted(plan: pb.Plan | None) -> str:
    if plan is None or not plan.HasField("predicted_s"):
        return "unknown"
    return f"{format_duration(plan.predicted_s.low)} .. {format_duration(plan.predicted_s.high)}"


def summary_table(stories: Sequence[ActStory]) -> Table:
    """Acts side by side."""
    table = Table(title="Summary", title_justify="left")
    for column in ("act", "target", "runtime", "met", "slot-seconds", "rescales", "parallelism by superstep"):
        table.add_column(column)
    table.add_column("shared data")
    table.add_column("static start (a prediction)")
    for story in stories:
        static_s = story.static_start_s
        static = "unknown"
        if static_s is not None:
            static = f"{format_duration(static_s)}, {static_s * story.plan.start:.0f} slot-seconds"
        table.add_row(
            story.plan.name,
            format_duration(story.plan.target_s),
            format_duration(story.elapsed_s),
            "yes" if story.elapsed_s <= story.plan.target_s else "no",
            f"{story.slot_seconds:.0f}",
            f"{story.rescales}",
            " ".join(_observed(one) for _, one in story.observations),
            f"{story.first_plan.evidence.shared_observations} observations",
            f"at {story.plan.start}: {static}",
        )
    return table
