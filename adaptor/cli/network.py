"""The command that simulates many replicas of a shared log."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path

import click

from adaptor.cli.bench import print_report
from adaptor.cli.options import json_option, report_option, write_to
from adaptor.experiments.network.campaign import run_mutants, run_seeds
from adaptor.experiments.network.mutants import MUTANTS
from adaptor.experiments.network.plot import scale_plots
from adaptor.experiments.network.scale import PEERS, measure, scale_figures
from adaptor.experiments.network.simulation import simulate
from adaptor.experiments.report import Figure, Report

EXIT_FAILED = 1

QUESTION = "Does every replica of the log come to hold the same, whatever the network and hostile peers do?"


@click.command()
@click.option("--seeds", type=click.IntRange(0), default=300, show_default=True, help="Networks to simulate.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="First seed.")
@click.option("--seed", type=click.IntRange(0), help="Simulate this one alone and tell what happens, line by line.")
@click.option("--scale", is_flag=True, help="Also measure with 10, 100 and 1,000 peers.")
@click.option("--mutants", is_flag=True, help="Instead plant defects one at a time, which the seeds must find.")
@click.option("--mutant", type=click.Choice(sorted(MUTANTS)), help="With --seed or --mutants: plant this one alone.")
@report_option
@json_option
def network(
    seeds: int,
    first: int,
    seed: int | None,
    scale: bool,
    mutants: bool,
    mutant: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Simulate replicas of a shared log on a bad network, among them peers that mean harm.

    Time is virtual, and the same seeds give the same figures. The exit code is 1 if a seed fails or a mutant
    survives. With --seed the folder of --report gets the trace, too.
    """
    if seed is not None:
        report = _one(seed, mutant=mutant, folder=folder)
    elif mutants:
        report = run_mutants(progress=_tell, names=(mutant,) if mutant else tuple(MUTANTS))
    else:
        report = run_seeds(range(first, first + seeds), progress=_tell)
        report = _with_scale(report) if scale else report
    report = dataclasses.replace(report, question=QUESTION)
    write_to(folder, report, name="network")
    print_report(report, as_json=as_json)
    sys.exit(EXIT_FAILED if any(figure.met is False for figure in report.figures if figure.unit in _EXACT) else 0)


_EXACT = ("runs", "mutants")
"""Units of figures that depend on no machine: a goal of theirs that is missed is a defect."""


def _one(seed: int, *, mutant: str | None, folder: Path | None) -> Report:
    with MUTANTS[mutant]() if mutant else contextlib.nullcontext():
        outcome = simulate(seed, tracing=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"network_{seed}.txt").write_text("\n".join(outcome.trace) + "\n")
    else:
        for line in outcome.trace:
            _tell(line)
    for failure in outcome.failures:
        _tell(f"FAILED: {failure}")
    return Report(
        title=f"simulated network of seed {seed}",
        figures=[Figure(name="network_failures", value=int(bool(outcome.failures)), unit="runs")],
        seeds={"seed": seed},
        details={
            "failures": outcome.failures,
            "counts": dict(sorted(outcome.counts.items())),
            "faults": dict(sorted(outcome.faults.items())),
            "refusals": dict(sorted(outcome.refusals.items())),
        },
    )


def _with_scale(report: Report) -> Report:
    scales = [measure(peers, progress=_tell) for peers in PEERS]
    return dataclasses.replace(
        report,
        figures=[*report.figures, *scale_figures(scales)],
        details={**report.details, "scale": [dataclasses.asdict(one) for one in scales]},
        plots=scale_plots(scales),
    )


def _tell(text: str) -> None:
    click.echo(text, err=True)
