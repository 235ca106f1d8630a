"""Plots of a protocol over contexts: error over given points, coverage over level, best and worst curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from adaptor.experiments.models.methods import LEVELS, OWN
from adaptor.experiments.models.scores import Scores

CURVES = 4
"""Contexts whose curves are drawn: as many of the best as of the worst."""


def plots(scores: Scores, folder: Path) -> list[Path]:
    """Every plot, as PNG files in the folder."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    written = []
    for name, draw in (("error", _error), ("coverage", _coverage), ("curves", _curves)):
        figure = pyplot.figure(figsize=(10, 6), layout="constrained")
        draw(scores, figure)
        written.append(folder / f"{name}.png")
        figure.savefig(written[-1], dpi=110)
        pyplot.close(figure)
    return written


def _error(scores: Scores, figure: Any) -> None:
    axes = figure.subplots()
    for method in scores.methods:
        errors = [100 * scores.mean_error(scores.chosen(method=method, given=k)) for k in scores.numbers_given]
        axes.plot(scores.numbers_given, errors, marker="o", label=method, lw=2.5 if method == OWN else 1.0)
    axes.set(xlabel="points of the context that were given", ylabel="mean relative error in %", yscale="log")
    axes.legend(fontsize="small")


def _coverage(scores: Scores, figure: Any) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8)
    for given in scores.numbers_given:
        chosen = scores.chosen(method=OWN, given=given)
        axes.plot(LEVELS, [scores.coverage(chosen, level).share for level in LEVELS], marker="o", label=f"k={given}")
    axes.set(xlabel="level of the interval", ylabel="share of true durations inside", xlim=(0.4, 1), ylim=(0.4, 1))
    axes.legend()


def _curves(scores: Scores, figure: Any) -> None:
    given = scores.numbers_given[0]
    errors = scores.context_errors(scores.chosen(method=OWN, given=given))
    ranked = sorted(errors, key=lambda key: errors[key])
    shown = [*ranked[:CURVES], *ranked[-CURVES:]]
    for place, (job, context) in enumerate(shown):
        axes = figure.add_subplot(2, CURVES, place + 1)
        mine = (scores.job == job) & (scores.context == context) & scores.chosen(method=OWN, given=given)
        rows = sorted((scores.rows[i] for i in np.flatnonzero(mine)), key=lambda row: (row.subset, row.scale_out))
        rows = [row for row in rows if row.subset == 0]
        at = [row.scale_out for row in rows]
        middle = np.array([row.predicted_s for row in rows])
        reach = np.array([row.reach[LEVELS.index(0.8)] for row in rows])
        axes.fill_between(at, middle * np.exp(-reach), middle * np.exp(reach), alpha=0.3)
        axes.plot(at, middle)
        axes.plot(at, [row.true_s for row in rows], "k.")
        axes.set_title(f"{job} #{context}: {100 * errors[job, context]:.0f} %", fontsize="small")
        axes.set_yscale("log")
