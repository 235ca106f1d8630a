"""The page of a report: one file without scripts that opens from disk and asks the network for nothing."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adaptor.experiments.html_report.drawing import svg_of, write_picture
from adaptor.experiments.html_report.scheme import variables
from adaptor.experiments.plots import Cell, DataTable, Plot
from adaptor.experiments.report import Figure, Report, cell_text, command_line, digits, machine, versions

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
.question { font-size: 1.1rem; max-width: 60rem; margin: 0; }
.note { color: var(--muted); margin: .25rem 0 .5rem; max-width: 60rem; }
.card { background: var(--surface); border: 1px solid var(--grid); border-radius: .5rem; padding: .75rem 1rem; }
.scroll { overflow-x: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg path, svg line { stroke-linejoin: round; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid var(--grid); vertical-align: top; }
thead th { color: var(--muted); font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
th[scope=row] { font-weight: 400; }
td:first-child { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.met { color: var(--good); } .missed { color: var(--bad); }
code, pre { font: .85rem/1.5 ui-monospace, monospace; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
"""

MET = {None: "", True: '<span class="met">met</span>', False: '<span class="missed">not met</span>'}


def write_report(report: Report, folder: Path, *, name: str) -> list[Path]:
    """Write the JSON and the page of a report, and each of its plots as a picture that stands alone.

    Args:
        report: What was measured.
        folder: Made if missing.
        name: Of the files, without ending; a picture's is followed by that of its plot.

    Returns:
        The files.

    Raises:
        AdaptorError: If the report has plots and matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / f"{name}.json": report.as_json(), folder / f"{name}.html": page_of(report)}
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    pictures = {folder / f"{name}-{plot.name}.svg": plot for plot in report.plots}
    for path, plot in pictures.items():
        write_picture(plot, path)
    return [*written, *pictures]


def page_of(report: Report) -> str:
    """The whole page as HTML.

    Raises:
        AdaptorError: If the report has plots and matplotlib is not installed.
    """
    question = f'<p class="question">{_text(report.question)}</p>' if report.question else ""
    parts = [
        f"<header><h1>{_text(report.title)}</h1>{question}</header>",
        _section("Figures", _figures_table(report.figures)),
        *(_section(table.title or table.name, _data_table(table), note=table.note) for table in report.tables),
        _section("Plots", f'<div class="plots">{"".join(map(_plot, report.plots))}</div>') if report.plots else "",
        _section("How it was measured", _origin(report)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(report.title)}</title>\n<style>\n{variables()}{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(filter(None, parts))}\n</main>\n</body>\n</html>\n"
    )


def _section(title: str, content: str, *, note: str = "") -> str:
    said = f'<p class="note">{_text(note)}</p>' if note else ""
    return f"<section><h2>{_text(title)}</h2>{said}{content}</section>"


def _figures_table(figures: Sequence[Figure]) -> str:
    columns = ("figure", "measured", "unit", "baseline", "difference", "goal", "")
    return _table(columns, map(_figure_row, figures))


def _figure_row(figure: Figure) -> str:
    baseline = "" if figure.baseline is None else f"{digits(figure.baseline)} ({figure.baseline_name})"
    wanted = {"lower": "at most", "higher": "at least"}[figure.better]
    goal = "" if figure.goal is None else f"{wanted} {digits(figure.goal)}"
    return (
        f'<tr><th scope="row"><code>{_text(figure.name)}</code></th>'
        f'<td class="number">{digits(figure.value) or "not measured"}</td><td>{_text(figure.unit)}</td>'
        f'<td>{_text(baseline)}</td><td class="number">{_difference(figure)}</td>'
        f"<td>{goal}</td><td>{MET[figure.met]}</td></tr>"
    )


def _difference(figure: Figure) -> str:
    """Against the baseline in per cent; nothing where that makes no sense."""
    if figure.value is None or not figure.baseline:
        return ""
    return f"{100 * (figure.value / figure.baseline - 1):+.1f} %"


def _data_table(table: DataTable) -> str:
    numeric = [
        any(_is_number(row[place]) for row in table.rows) and not any(isinstance(row[place], str) for row in table.rows)
        for place in range(len(table.columns))
    ]
    return _table(table.columns, (_data_row(row, numeric) for row in table.rows), numeric=numeric)


def _data_row(row: Sequence[Cell], numeric: Sequence[bool]) -> str:
    cells = (f"<td{_kind(number)}>{_text(cell_text(cell))}</td>" for cell, number in zip(row, numeric, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _kind(number: bool) -> str:
    return ' class="number"' if number else ""


def _table(columns: Sequence[str], rows: Iterable[str], *, numeric: Sequence[bool] = ()) -> str:
    kinds = [*numeric, *[False] * (len(columns) - len(numeric))]
    heads = "".join(
        f'<th scope="col"{_kind(number)}>{_text(name)}</th>' for name, number in zip(columns, kinds, strict=True)
    )
    return (
        f'<div class="card scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _plot(plot: Plot) -> str:
    said = f'<p class="note">{_text(plot.note)}</p>' if plot.note else ""
    picture = svg_of(plot).replace("<svg", f'<svg role="img" aria-label="{_text(plot.title)}"', 1)
    return f'<figure class="card"><figcaption>{_text(plot.title)}</figcaption>{said}{picture}</figure>'


def _origin(report: Report) -> str:
    here = machine()
    told = {
        "seeds": _pairs(report.seeds) or "nothing random",
        "versions": _pairs(versions()),
        "machine": f"{here['cores']} cores, {here['memory_bytes'] / 2**30:.0f} GiB, {here['system']}",
    }
    items = "".join(f"<dt>{name}</dt><dd>{_text(text)}</dd>" for name, text in told.items())
    command = f"<dt>command</dt><dd><pre>{_text(command_line())}</pre></dd>"
    return f'<div class="card"><dl>{command}{items}</dl></div>'


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _text(text: str) -> str:
    return html.escape(text, quote=True)
