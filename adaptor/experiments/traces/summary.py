"""Rows of a report from many runs: violations, overrun, executor-seconds, rescales, each with its interval.

Violations and overrun are the CVC and CVS of the papers. They never stand without the executor-seconds that they cost:
whoever runs everything at the most is never late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from adaptor.experiments.traces.battery import ORACLE, Ended
from adaptor.experiments.traces.interval import mean_interval
from adaptor.experiments.traces.recurring import Judged

Row = dict[str, Any]


def battery_rows(job: str, ended: Iterable[Ended]) -> list[Row]:
    """One row for each target and policy; distances to the oracle are over the same draws."""
    cells: defaultdict[str, defaultdict[str, list[Ended]]] = defaultdict(lambda: defaultdict(list))
    for one in ended:
        cells[one.target][one.policy].append(one)
    return [
        {"job": job, "target": target, "target_s": round(runs[0].target_s, 1), "policy": policy, "runs": len(runs)}
        | _of_runs(runs)
        | _against(runs, policies[ORACLE])
        for target, policies in cells.items()
        for policy, runs in policies.items()
    ]


def _of_runs(runs: Sequence[Ended]) -> Row:
    return {
        **mean_interval("late_percent", [100.0 * one.late for one in runs], digits=2),
        **mean_interval("overrun_s", [one.overrun_s for one in runs], digits=1),
        **mean_interval("executor_s", [one.executor_s for one in runs], digits=0),
        **mean_interval("runtime_s", [one.runtime_s for one in runs], digits=1),
        **mean_interval("rescales", [float(one.rescales) for one in runs], digits=2),
    }


def _against(runs: Sequence[Ended], best: Sequence[Ended]) -> Row:
    """Executor-seconds above the oracle's, of all draws and of those in which both are in time."""
    pairs = [(one.executor_s, other.executor_s, one.late or other.late) for one, other in zip(runs, best, strict=True)]
    return {
        "above_oracle_percent": _above(pairs),
        "above_oracle_in_time_percent": _above([pair for pair in pairs if not pair[2]]),
        "both_in_time": sum(not pair[2] for pair in pairs),
    }


def _above(pairs: Sequence[tuple[float, float, bool]]) -> float | None:
    if not pairs:
        return None
    return round(100 * (sum(one for one, _, _ in pairs) / sum(other for _, other, _ in pairs) - 1), 2)


def recurring_rows(job: str, judged: Iterable[Judged]) -> list[Row]:
    """One row for each policy and number of runs that had taught."""
    found: defaultdict[tuple[str, int], list[Judged]] = defaultdict(list)
    for one in judged:
        found[one.policy, one.after].append(one)
    return [
        {
            "job": job,
            "policy": policy,
            "run": after + 1,
            "chains": len(runs),
            **mean_interval("late_percent", [100.0 * (one.runtime_s > one.target_s) for one in runs], digits=2),
            **mean_interval("overrun_s", [max(0.0, one.runtime_s - one.target_s) for one in runs], digits=1),
            **mean_interval("executor_s", [one.executor_s for one in runs], digits=0),
            "above_oracle_percent": _above([(one.executor_s, one.oracle_executor_s, False) for one in runs]),
        }
        for (policy, after), runs in found.items()
    ]
