"""What the battery says: mean and worst regret of each policy, by what is known and by objective."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from adaptor.experiments.plots import DataTable, Plot, Series, Shape
from adaptor.experiments.replay.battery import STARTS, Case, Job
from adaptor.experiments.replay.cases import LEAST, MOST, TUNED, Setup, Wanted
from adaptor.experiments.replay.knowledge import Setting
from adaptor.experiments.report import Figure
from adaptor.experiments.simulated.curves import Curve
from adaptor.planner.policies import DEFAULT_POLICY, POLICIES

BLIND = (LEAST, MOST)
"""Rows beside the policies that anybody could choose without knowing the curve."""

ROWS = (*POLICIES, *BLIND, TUNED)


def jobs_of(curves: Sequence[Curve], log: Sequence[Curve], setup: Setup, seed: int) -> list[Job]:
    """Every curve in every setting, from every start that it covers."""
    jobs = []
    for number, curve in enumerate(curves):
        starts = [one for one in STARTS if curve.nodes[0] <= one <= curve.nodes[-1]]
        setups = tuple(
            Setup(
                supersteps=setup.supersteps,
                slots_per_node=setup.slots_per_node,
                start_nodes=start,
                adaptation_cost_s=setup.adaptation_cost_s,
                noise=setup.noise,
                seed=setup.seed,
            )
            for start in starts
        )
        if setups:
            jobs.append(
                Job(
                    curve=curve,
                    log=tuple(log),
                    settings=tuple(Setting),
                    setups=setups,
                    wanted=tuple(Wanted),
                    policies=tuple(POLICIES),
                    seed=seed + number,
                )
            )
    return jobs


def regrets_of(cases: Sequence[Case]) -> dict[tuple[str, Setting, Wanted], list[float]]:
    """Per cent of what staying at the start comes to, by policy, setting and objective."""
    found: defaultdict[tuple[str, Setting, Wanted], list[float]] = defaultdict(list)
    for case in cases:
        if case.replayed.best is not None:
            found[case.replayed.policy, case.setting, case.replayed.wanted].append(100 * case.replayed.regret)
    return dict(found)


def figures_of(cases: Sequence[Case]) -> list[Figure]:
    """Adaptor's regret in each setting, the best other policy's beside it."""
    regrets, figures = regrets_of(cases), []
    for setting in Setting:
        means = {policy: _mean(_all(regrets, policy, setting)) for policy in (*POLICIES, *BLIND)}
        others = {policy: mean for policy, mean in means.items() if policy != DEFAULT_POLICY}
        best = min(others, key=lambda policy: others[policy])
        figures.append(
            Figure(
                name=f"battery_{setting.value}_regret_mean",
                value=means[DEFAULT_POLICY],
                unit="%",
                baseline=others[best],
                baseline_name=best,
            )
        )
        worst = max(_all(regrets, DEFAULT_POLICY, setting))
        figures.append(Figure(name=f"battery_{setting.value}_regret_worst", value=worst, unit="%"))
    return [*figures, _beaten(regrets)]


def _beaten(regrets: dict[tuple[str, Setting, Wanted], list[float]]) -> Figure:
    """Settings and objectives in which some other policy is better in the mean."""
    beaten = 0
    for setting in Setting:
        for wanted in Wanted:
            means = {policy: _mean(regrets.get((policy, setting, wanted), [])) for policy in (*POLICIES, *BLIND)}
            beaten += any(mean < means[DEFAULT_POLICY] for mean in means.values())
    return Figure(name="battery_beaten", value=beaten, unit="of 12 settings and objectives")


def table_of(cases: Sequence[Case]) -> DataTable:
    """A row for each policy and setting, columns by objective."""
    regrets = regrets_of(cases)
    return DataTable(
        name="regret",
        columns=["policy", "known", *[f"{one.value}: {what}, %" for one in Wanted for what in ("mean", "worst")]],
        rows=[
            [
                policy,
                setting.value,
                *[
                    value
                    for wanted in Wanted
                    for found in [regrets.get((policy, setting, wanted), [0.0])]
                    for value in (_mean(found), max(found))
                ],
            ]
            for setting in Setting
            for policy in ROWS
        ],
    )


def worst_of(cases: Sequence[Case], count: int = 20) -> DataTable:
    """The replays in which adaptor lost most."""
    own = [case for case in cases if case.replayed.policy == DEFAULT_POLICY and case.replayed.best is not None]
    own.sort(key=lambda case: -case.replayed.regret)
    return DataTable(
        name="worst",
        columns=["curve", "known", "objective", "start, nodes", "regret, %", "nodes over supersteps", "best schedule"],
        rows=[
            [
                case.curve,
                case.setting.value,
                case.replayed.wanted.value,
                case.setup.start_nodes,
                100 * case.replayed.regret,
                _nodes([step.parallelism for step in case.replayed.played.steps], case.setup),
                _nodes(case.replayed.best.parallelisms if case.replayed.best else (), case.setup),
            ]
            for case in own[:count]
        ],
    )


def plot_of(cases: Sequence[Case]) -> Plot:
    """Mean regret of each policy in each setting."""
    regrets, settings = regrets_of(cases), list(Setting)
    return Plot(
        name="regret",
        title="Mean regret over curves, starts and objectives",
        x_label="what is known beforehand",
        y_label="regret, % of staying at the start",
        x_names=[one.value for one in settings],
        series=[
            Series(
                name=policy,
                x=list(range(len(settings))),
                y=[_mean(_all(regrets, policy, setting)) for setting in settings],
                shape=Shape.BARS,
                baseline=policy == "static",
            )
            for policy in POLICIES
        ],
    )


def _nodes(parallelisms: Sequence[int], setup: Setup) -> str:
    return " ".join(f"{one / setup.slots_per_node:g}" for one in parallelisms)


def _all(regrets: dict[tuple[str, Setting, Wanted], list[float]], policy: str, setting: Setting) -> list[float]:
    return [one for wanted in Wanted for one in regrets.get((policy, setting, wanted), [])]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
