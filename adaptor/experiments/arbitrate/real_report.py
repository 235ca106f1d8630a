"""What came of the real runs, as a report."""

from __future__ import annotations

from adaptor.experiments.arbitrate.real import Played, RealChoices, Shared
from adaptor.experiments.demo.act import ActStory
from adaptor.experiments.plots import Cell, DataTable, Plot, Series, Shape
from adaptor.experiments.report import Figure, Report

QUESTION = (
    "Runs with different targets and priorities share the slots of a real Flink, half of which are taken back in the "
    "middle: who meets its target, and do runs give slots back at their next barrier?"
)


def report_of(choices: RealChoices, played: Played) -> Report:
    """The report of all ways to share."""
    return Report(
        title=f"{choices.runs} K-Means runs share {played.slots} slots of a real Flink",
        question=QUESTION,
        figures=_figures(played),
        seeds={"seed": choices.seed},
        details={
            "alone_s": played.alone_s,
            "ways": {one.name: [story.as_json() for story in one.stories] for one in played.ways},
        },
        tables=[_table(played)],
        plots=[_plot(one, played.slots) for one in played.ways],
    )


def _met(one: Shared) -> int:
    return sum(story.elapsed_s <= story.plan.target_s for story in one.stories)


def _slot_s(one: Shared) -> float:
    return sum(story.slot_seconds for story in one.stories)


def _figures(played: Played) -> list[Figure]:
    ours, *others = played.ways
    best = max(others, key=lambda one: (_met(one), -_slot_s(one)))
    late = [supersteps_late(ours, story) for story in ours.stories]
    given = ours.taken.status
    return [
        Figure(
            name="arbitrate_real_targets_met",
            value=_met(ours),
            unit=f"of {len(ours.stories)} targets",
            baseline=_met(best),
            baseline_name=best.name,
        ),
        Figure(
            name="arbitrate_real_slot_seconds",
            value=_slot_s(ours),
            unit="slot-seconds",
            baseline=_slot_s(best),
            baseline_name=best.name,
        ),
        Figure(
            name="arbitrate_real_supersteps_late",
            value=max(late, default=0),
            unit="supersteps after the next barrier",
        ),
        Figure(name="arbitrate_real_reclaimed", value=given.freed_slots if given else None, unit="slots"),
        Figure(
            name="arbitrate_real_results_agreeing",
            value=sum(one.agree for one in played.ways) / len(played.ways),
            unit="share of ways",
        ),
        Figure(name="arbitrate_real_alone", value=played.alone_s, unit="s"),
    ]


def supersteps_late(one: Shared, story: ActStory) -> int:
    """Supersteps that a run did with what it had to give back, after the barrier at which it had to."""
    status = one.taken.status
    given = [share for share in status.shares if share.run_id == story.run_id] if status else []
    late = 0
    for share in given:
        for at_s, observation in story.observations:
            due = observation.superstep >= share.before_superstep and at_s <= one.taken.given_again_s
            late += due and observation.requested_parallelism > share.to_slots
    return late


def _table(played: Played) -> DataTable:
    rows: list[list[Cell]] = []
    for one in played.ways:
        for role, story in zip(one.roles, one.stories, strict=True):
            rows.append(
                [
                    one.name,
                    role.name,
                    role.priority,
                    story.plan.target_s,
                    story.elapsed_s,
                    story.elapsed_s <= story.plan.target_s,
                    story.slot_seconds,
                    ", ".join(str(observation.requested_parallelism) for _, observation in story.observations),
                ]
            )
    return DataTable(
        name="runs",
        title="Every run",
        columns=[
            "way to share",
            "run",
            "priority",
            "target, s",
            "runtime, s",
            "on time",
            "slot-seconds",
            "parallelism of each superstep",
        ],
        rows=rows,
    )


def _plot(one: Shared, slots: int) -> Plot:
    """Slots over time by run."""
    fallen, risen = one.taken.at_s - one.began_s, one.taken.given_again_s - one.began_s
    end_s = max(story.ended_at_s or 0.0 for story in one.stories) - one.began_s
    capacity = Series(
        name="capacity",
        x=[0.0, fallen, risen, max(end_s, risen)],
        y=[slots, slots - slots // 2, slots, slots],
        shape=Shape.STEPS,
        baseline=True,
    )
    series = [_steps(role.name, story, one.began_s) for role, story in zip(one.roles, one.stories, strict=True)]
    return Plot(
        name=f"slots-{one.name.replace(' ', '-')}",
        title=f"Slots over time by run: {one.name}",
        x_label="seconds since the first run came",
        y_label="slots",
        series=[capacity, *series],
        note="A superstep that has begun keeps its slots to its end.",
    )


def _steps(name: str, story: ActStory, began_s: float) -> Series:
    times: list[float] = []
    used: list[float] = []
    for at_s, observation in story.observations:
        _add(times, used, at_s - observation.duration_s - began_s, observation.requested_parallelism)
        _add(times, used, at_s - began_s, 0)
    return Series(name=name, x=times, y=used, shape=Shape.STEPS)


def _add(times: list[float], used: list[float], at_s: float, slots: int) -> None:
    times.append(at_s)
    used.append(float(slots))
