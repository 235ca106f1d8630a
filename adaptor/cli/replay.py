"""The command that replays measured curves under every policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import json_option, output, report_option, write_to
from adaptor.cli.traces import usable_cores
from adaptor.errors import InvalidValueError
from adaptor.experiments.replay.cases import Setup
from adaptor.experiments.replay.experiment import Request, experiment_replay
from adaptor.experiments.replay.single import COSTS_S
from adaptor.experiments.simulated.curves import Curve, read_curve

CURVES = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("file", metavar="FILE", type=CURVES)
@click.option("--log", "log", multiple=True, type=CURVES, help="Curves that others shared: files or folders.")
@click.option("--battery", is_flag=True, help="Replay every curve of --log and 20 synthetic ones, too.")
@click.option("--start", type=click.IntRange(1), default=40, show_default=True, help="Slots of the first superstep.")
@click.option("--supersteps", type=click.IntRange(2), default=10, show_default=True, help="Of each run.")
@click.option("--slots-per-node", type=click.IntRange(1), default=8, show_default=True, help="Slots of a TaskManager.")
@click.option(
    "--adaptation-cost",
    "costs",
    default="0..60",
    show_default=True,
    help="Seconds of a change: a list such as 0,15, or a range of those that are usually compared.",
)
@click.option(
    "--battery-cost", type=click.FloatRange(0), default=0.0, show_default=True, help="Of a change in the battery, s."
)
@click.option("--noise", type=click.FloatRange(0), default=0.0, show_default=True, help="Spread of log durations.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of everything random.")
@click.option("--processes", type=click.IntRange(1), help="To spread the work over; by default all cores.")
@report_option
@json_option
def replay(
    file: Path,
    log: Sequence[Path],
    battery: bool,
    start: int,
    supersteps: int,
    slots_per_node: int,
    costs: str,
    battery_cost: float,
    noise: float,
    seed: int,
    processes: int | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Replay the curve in FILE as an iterative run from a poor start, and every policy beside the best schedule.

    FILE holds runtimes over nodes: ``nodes,runtime_ms`` with CPU statistics, or ``Nodes,Runtime`` of repeated runs; or
    it is the JSON of `adaptor experiment local`, whose static runs make a curve (with --slots-per-node 1).
    """
    curve = read_curve(file)
    if start % slots_per_node or not curve.nodes[0] <= start / slots_per_node <= curve.nodes[-1]:
        raise InvalidValueError(
            "--start",
            f"must be whole nodes of {slots_per_node} slots from {curve.nodes[0]:g} to {curve.nodes[-1]:g} nodes",
        )
    shared = [one for path in log for one in _curves_in(path)]
    report = experiment_replay(
        Request(
            curve=curve,
            log=shared,
            battery=shared if battery else (),
            setup=Setup(
                supersteps=supersteps,
                slots_per_node=slots_per_node,
                start_nodes=start // slots_per_node,
                adaptation_cost_s=battery_cost,
                noise=noise,
                seed=seed,
            ),
            costs_s=_costs(costs),
            seed=seed,
            processes=processes or usable_cores(),
        ),
        progress=lambda line: output(stderr=True).print(line),
    )
    write_to(folder, report, name="replay")
    print_report(report, as_json=as_json)


def _curves_in(path: Path) -> list[Curve]:
    """A file, or every file of a folder."""
    if path.is_file():
        return [read_curve(path)]
    found = [read_curve(one) for one in sorted(path.glob("*.csv"))]
    if not found:
        raise InvalidValueError("--log", f"{path} holds no *.csv")
    return found


def _costs(text: str) -> list[float]:
    """Seconds of a list or a range."""
    try:
        if ".." in text:
            least, most = (float(part) for part in text.split(".."))
            chosen = [one for one in COSTS_S if least <= one <= most]
        else:
            chosen = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidValueError("--adaptation-cost", f"must be numbers such as 0,15 or 0..60, got {text!r}") from error
    if not chosen or min(chosen) < 0:
        raise InvalidValueError("--adaptation-cost", f"must be seconds, at least 0, got {text!r}")
    return chosen
