"""Plots as SVG that follows the reader's colour scheme."""

from __future__ import annotations

import io
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from adaptor.errors import AdaptorError
from adaptor.experiments.html_report.scheme import SERIES_COLOURS, STAND_INS, variables, with_variables
from adaptor.experiments.plots import Plot, Series, Shape, pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (6.6, 3.9)
"""Drawn so large that its 10-point text is read easily in a column of a page."""

PADDING_INCHES = 0.12
"""Around the axes: a picture may stand on another ground than its own."""

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Series differ in their marks too, for whoever cannot tell the colours apart."""

DASHES = ("-", "--", ":", "-.")

MOST_MARKED = 60
"""Lines of more points are drawn without marks, which would hide them."""

MOST_NAMES_ACROSS = 6
"""More names under an axis are written slanted."""

SLANT_DEGREES = 30

BARS_SHARE = 0.8
"""Of the distance between two positions that bars take; the rest parts them."""


def svg_of(plot: Plot) -> str:
    """A plot as an SVG element for a page that sets the colours (`scheme.variables`).

    Raises:
        AdaptorError: If matplotlib is not installed.
    """
    svg = with_variables(_drawn(plot))
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    return _with_own_names(svg, plot.name)


def write_picture(plot: Plot, path: Path) -> None:
    """Write a plot as an SVG file that follows the reader's colour scheme by itself.

    Args:
        plot: What is drawn.
        path: Of the file, whose folder is made if missing.

    Raises:
        AdaptorError: If matplotlib is not installed.
    """
    svg = svg_of(plot)
    end = svg.index(">") + 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{svg[:end]}<title>{_escaped(plot.title)}</title><style>{variables()} "
        f"svg {{ background: var(--surface); }} * {{ stroke-linejoin: round; }}</style>{svg[end:]}",
        encoding="utf-8",
    )


def _drawn(plot: Plot) -> str:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AdaptorError("report: plots need matplotlib: pip install 'adaptor[report]'") from error
    # Texts stay texts, and the file is the same for the same plot.
    look: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": plot.name, **_colours()}
    look |= dict.fromkeys(("figure.constrained_layout.w_pad", "figure.constrained_layout.h_pad"), PADDING_INCHES)
    with mpl.rc_context(look):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        _fill(figure.subplots(), plot)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return text.getvalue()


def _colours() -> dict[str, Any]:
    ink, muted = STAND_INS["ink"], STAND_INS["muted"]
    return {
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": muted,
        "xtick.color": muted,
        "ytick.color": muted,
        "grid.color": STAND_INS["grid"],
        "legend.facecolor": STAND_INS["surface"],
        "legend.edgecolor": STAND_INS["grid"],
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def _fill(axes: Axes, plot: Plot) -> None:
    axes.set_axisbelow(True)
    axes.grid(visible=True, linewidth=0.6)
    bars = [one for one in plot.series if one.shape is Shape.BARS]
    for number, one in enumerate(plot.series):
        look = _look(one, number)
        if one.shape is Shape.BARS:
            _add_bars(axes, one, look["color"], place=bars.index(one), of=len(bars))
        else:
            _add_marks(axes, one, look)
    if plot.front:
        _add_front(axes, plot)
    _set_axes(axes, plot)
    if len(plot.series) > 1 or plot.front:
        axes.legend(fontsize="small", framealpha=0.85)


def _look(one: Series, number: int) -> dict[str, Any]:
    """Colour, mark and dashes of a series by its number."""
    again = number // SERIES_COLOURS
    dashes = "--" if one.baseline else DASHES[again % len(DASHES)]
    line = {Shape.POINTS: "none"}.get(one.shape, dashes)
    many = len(one.x) > MOST_MARKED and one.shape is not Shape.POINTS
    return {
        "color": STAND_INS["muted" if one.baseline else f"series-{number % SERIES_COLOURS}"],
        "marker": "" if many else MARKS[(number + again) % len(MARKS)],
        "markersize": 5,
        "linestyle": line,
        "linewidth": 1.8,
    }


def _add_marks(axes: Axes, one: Series, look: dict[str, Any]) -> None:
    style = "steps-mid" if one.shape is Shape.STEPS else "default"
    axes.plot(one.x, one.y, label=one.name, drawstyle=style, **look)
    if one.low and one.shape is Shape.POINTS:
        axes.errorbar(one.x, one.y, yerr=_reach(one), linestyle="none", color=look["color"], elinewidth=1, capsize=3)
    elif one.low:
        step: Literal["mid"] | None = "mid" if one.shape is Shape.STEPS else None
        axes.fill_between(one.x, one.low, one.high, color=look["color"], alpha=0.18, linewidth=0, step=step)
    for x, y, text in zip(one.x, one.y, one.labels or [""] * len(one.x), strict=True):
        if text:
            axes.annotate(text, (x, y), xytext=(5, 4), textcoords="offset points", fontsize="small")


def _add_bars(axes: Axes, one: Series, colour: str, *, place: int, of: int) -> None:
    width = BARS_SHARE / of
    at = [x + (place - (of - 1) / 2) * width for x in one.x]
    reach = _reach(one) if one.low else None
    axes.bar(at, one.y, width, label=one.name, color=colour, yerr=reach, ecolor=STAND_INS["ink"], capsize=2)


def _reach(one: Series) -> list[list[float]]:
    """How far the interval goes below and above each value."""
    below = [value - low for value, low in zip(one.y, one.low, strict=True)]
    return [below, [high - value for value, high in zip(one.y, one.high, strict=True)]]


def _add_front(axes: Axes, plot: Plot) -> None:
    points = chain.from_iterable(zip(one.x, one.y, strict=True) for one in plot.series)
    front = pareto_front(points)
    x, y = zip(*front, strict=True) if front else ((), ())
    axes.plot(x, y, color=STAND_INS["ink"], linewidth=1, linestyle=":", label="Pareto front", zorder=1)


def _set_axes(axes: Axes, plot: Plot) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel=plot.x_label, ylabel=plot.y_label)
    if plot.x_names:
        axes.set_xticks(range(len(plot.x_names)), list(plot.x_names))
        if len(plot.x_names) > MOST_NAMES_ACROSS:
            axes.tick_params(axis="x", labelrotation=SLANT_DEGREES)
    if plot.x_log:
        axes.set_xscale("log")
    if plot.y_log:
        axes.set_yscale("log")
    elif plot.y_from_zero and all(not value < 0 for one in plot.series for value in (*one.y, *one.low)):
        axes.set_ylim(bottom=0)
    if all(_whole(one.x) for one in plot.series) and not (plot.x_names or plot.x_log):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if all(_whole(one.y) for one in plot.series) and not plot.y_log:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _whole(values: Any) -> bool:
    return all(float(value).is_integer() for value in values)


def _with_own_names(svg: str, name: str) -> str:
    """Identifiers that no other picture of the same page has, and as wide as its place."""
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg).replace("url(#", f"url(#{name}-")
    return re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
