"""The experiment from folder to report: mean regret after so many users, with sharing, without it, and with liars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptor.errors import InvalidValueError
from adaptor.experiments.models.c3o import Job, read_jobs
from adaptor.experiments.models.workers import spread
from adaptor.experiments.plots import Plot, Series
from adaptor.experiments.report import Figure, Report
from adaptor.experiments.traces.figures import table_of
from adaptor.experiments.traces.interval import LEVEL, mean_interval, with_interval
from adaptor.experiments.users.arrivals import JUDGED_AFTER, LIARS, LIE, PER_USER, most_users
from adaptor.experiments.users.log import Sharing
from adaptor.experiments.users.regret import Regret, regrets

Progress = Callable[[int, int], None]
Row = dict[str, Any]

FEWEST_USERS = JUDGED_AFTER[0] + 1
"""Users without whom none would be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for.

    Attributes:
        folder: Holds the files.
        orders: Seeded orders of users.
        seed: Of everything random.
        processes: To spread the orders over.
    """

    folder: Path
    orders: int
    seed: int
    processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    jobs: tuple[Job, ...]
    number: int
    seed: int


def experiment_users(request: Request, progress: Progress) -> Report:
    """Play all orders and report.

    Args:
        request: What was asked for.
        progress: Told how many orders of how many are done.

    Raises:
        InvalidValueError: If the folder holds no such files, or too few contexts.
    """
    jobs = tuple(read_jobs(request.folder))
    if most_users(jobs) < FEWEST_USERS:
        problem = f"must hold {PER_USER * FEWEST_USERS} contexts with several scale-outs, or nobody has forerunners"
        raise InvalidValueError("DIR", problem)
    orders = [_Order(jobs=jobs, number=number, seed=request.seed) for number in range(request.orders)]
    found: list[Regret] = []
    for number, one in enumerate(spread(_played, orders, processes=request.processes), start=1):
        found += one
        progress(number, len(orders))
    return report_of(request, jobs, found)


def _played(order: _Order) -> list[Regret]:
    return regrets(order.jobs, order=order.number, seed=order.seed)


def report_of(request: Request, jobs: Sequence[Job], found: Sequence[Regret]) -> Report:
    """Figures and tables of all orders."""
    rows = [_row(found, sharing, after) for sharing in Sharing for after in sorted({one.after for one in found})]
    return Report(
        title=f"users who arrive one after another, {request.orders} orders",
        question=(
            "What does the scale-out that a user chooses cost above the cheapest that meets the target, after so many "
            "others have left their runs in a shared log?"
        ),
        figures=figures(rows, found),
        seeds={"seed": request.seed},
        details={
            "settings": {
                "orders": request.orders,
                "contexts_per_user": PER_USER,
                "liars": LIARS,
                "lie": LIE,
                "interval_level": LEVEL,
            },
            "rows": rows,
            "regrets": [asdict(one) for one in found],
        },
        tables=[
            table_of(
                "regrets",
                [_shown(row) for row in rows],
                title="Mean regret of the user who arrives after so many others",
            ),
            table_of("contexts", [_described(job) for job in jobs], title="What the files hold"),
        ],
        plots=[_plot(rows)],
    )


def _described(job: Job) -> Row:
    """What a file holds, thin support marked."""
    counts = [int(n) for context in job.contexts for n in context.repetitions]
    return {
        "name": job.name,
        "contexts": len(job.contexts),
        "contexts_at_one_scale_out": sum(len(context.scale_outs) == 1 for context in job.contexts),
        "scale_outs_with_a_single_run": sum(count == 1 for count in counts),
    }


def _row(found: Sequence[Regret], sharing: Sharing, after: int) -> Row:
    here = [one for one in found if one.sharing is sharing and one.after == after]
    return {
        "setting": sharing.value,
        "after": after,
        "orders": len(here),
        **mean_interval("regret_percent", [100 * one.regret for one in here], digits=2),
        **mean_interval("late_percent", [100.0 * one.late for one in here], digits=2),
        "median_regret_percent": round(100 * float(np.median([one.regret for one in here])), 2),
    }


def _shown(row: Row) -> Row:
    """A row as people read it."""
    names = ("regret_percent", "late_percent")
    return {
        **{key: row[key] for key in ("setting", "after", "orders")},
        **{name: with_interval(row, name) for name in names},
        "median_regret_percent": row["median_regret_percent"],
    }


def figures(rows: Sequence[Row], found: Sequence[Regret]) -> list[Figure]:
    """Regrets after 2, 5, 10, 20 users and over all users who had forerunners, and how settings compare."""
    mean = {(row["setting"], row["after"]): row["regret_percent"] for row in rows}
    judged = [after for after in JUDGED_AFTER if (Sharing.WITH.value, after) in mean]
    compared = [figure for after in judged for figure in _compared(f"after_{after}", _at(mean, after))]
    every = {
        sharing: 100 * float(np.mean([one.regret for one in found if one.sharing is sharing and one.after]))
        for sharing in Sharing
    }
    return compared + _compared("of_all", every)


def _at(mean: dict[tuple[str, int], float], after: int) -> dict[Sharing, float]:
    return {sharing: mean[sharing.value, after] for sharing in Sharing}


def _compared(name: str, regret: dict[Sharing, float]) -> list[Figure]:
    shared, alone, misled = (regret[one] for one in (Sharing.WITH, Sharing.WITHOUT, Sharing.LIARS))
    return [
        Figure(
            name=f"users_regret_{name}", value=shared, unit="%", baseline=alone, baseline_name=Sharing.WITHOUT.value
        ),
        Figure(name=f"users_regret_with_liars_{name}", value=misled, unit="%", baseline=shared, baseline_name="clean"),
        Figure(name=f"users_sharing_ratio_{name}", value=_ratio(shared, alone), unit="ratio"),
        Figure(name=f"users_liars_ratio_{name}", value=_ratio(misled, shared), unit="ratio"),
    ]


def _ratio(one: float, other: float) -> float | None:
    return one / other if other else None


def _plot(rows: Sequence[Row]) -> Plot:
    """Regret over users."""
    return Plot(
        name="regret",
        title="What a choice costs above the cheapest in time",
        x_label="users who came before",
        y_label="mean regret, %",
        series=[_series(sharing, [row for row in rows if row["setting"] == sharing.value]) for sharing in Sharing],
    )


def _series(sharing: Sharing, rows: Sequence[Row]) -> Series:
    return Series(
        name=sharing.value,
        x=[row["after"] for row in rows],
        y=[row["regret_percent"] for row in rows],
        low=[row["regret_percent_low"] for row in rows],
        high=[row["regret_percent_high"] for row in rows],
        baseline=sharing is Sharing.WITHOUT,
    )
