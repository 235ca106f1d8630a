"""Command that queries the index: SQL on its documented views, as a table, JSON, CSV or Parquet.

It reads the index's file itself, so it works while a service runs and after it has ended.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from adaptor.cli.options import Duration, config_option, output, settings_of, state_dir_option
from adaptor.errors import InvalidValueError
from adaptor.sharing.index import FILE_NAME, VIEWS, Result, run_query
from adaptor.sharing.index.query import MAX_ROWS, MAX_S
from adaptor.sharing.participation import FOLDER_NAME

FORMATS = ("table", "json", "csv", "parquet")

MANY_COLUMNS = 8
SHOWN_CHARACTERS = 24
"""Tables of many columns cut longer texts, to fit on a screen: ids and keys are told apart by less."""


@click.command()
@click.argument("sql", required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Of the result.")
@click.option("--output", "file", type=click.Path(path_type=Path), help="File to write instead of the terminal.")
@click.option("--max-rows", type=click.IntRange(1), default=MAX_ROWS, show_default=True, help="Most rows.")
@click.option("--timeout", "max_s", type=Duration(), default=MAX_S, show_default="5s", help="Longest time.")
@click.option("--views", is_flag=True, help="List what may be queried.")
@state_dir_option
@config_option
def query(
    sql: str | None,
    form: str,
    file: Path | None,
    max_rows: int,
    max_s: float,
    views: bool,
    state_dir: str | None,
    config_file: Path | None,
) -> None:
    r"""Run SQL on what this machine and its peers measured.

    SQL is one SELECT of SQLite's, on the views that --views lists; quote it. Nothing can be changed by it.

    \b
    adaptor query "select parallelism, avg(duration_s) from observations
                   where algorithm = 'kmeans' and not cold group by parallelism"
    """
    if views:
        output().print(_views_table())
        return
    if sql is None:
        raise InvalidValueError("sql", "must be given; `adaptor query --views` lists what it may read")
    path = settings_of(config_file, service__state_dir=state_dir)["service.state_dir"] / FOLDER_NAME / FILE_NAME
    _require_file_for(form, file)
    result = run_query(path, sql, max_rows=max_rows, max_s=max_s)
    _write(result, form=form, file=file)
    if result.truncated:
        click.echo(f"adaptor: cut off after {len(result.rows)} rows; --max-rows allows more", err=True)


def _require_file_for(form: str, file: Path | None) -> None:
    if form == "parquet":
        _parquet()
        if file is None and sys.stdout.isatty():
            raise InvalidValueError("output", "must be given for Parquet, which no terminal can show")


def _write(result: Result, *, form: str, file: Path | None) -> None:
    if form == "table" and file is None:
        output().print(_table(result))
        return
    content = WRITERS[form](result)
    if file is None:
        click.echo(content, nl=False)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise InvalidValueError("output", f"{file} cannot be written ({error.strerror})") from error


def _views_table() -> Table:
    table = Table("view", "column", "meaning")
    for view, columns in VIEWS.items():
        for name, meaning in columns.items():
            table.add_row(view, name, meaning, end_section=name == list(columns)[-1])
    return table


def _table(result: Result) -> Table:
    table = Table()
    for place, name in enumerate(result.columns):
        numbers = all(row[place] is None or isinstance(row[place], (int, float)) for row in result.rows)
        table.add_column(Text(name), justify="right" if numbers and result.rows else "left", overflow="fold")
    narrow = len(result.columns) > MANY_COLUMNS
    for row in result.rows:
        # As text: what peers wrote is no markup.
        table.add_row(*(Text(_cell(value, narrow=narrow)) for value in row))
    return table


def _cell(value: Any, *, narrow: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = _printable(value)
    return text[: SHOWN_CHARACTERS - 1] + "…" if narrow and len(text) > SHOWN_CHARACTERS else text


def _printable(value: Any) -> str:
    """A value in one line that moves no cursor."""
    text = value.hex() if isinstance(value, bytes) else str(value)
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _as_text(result: Result) -> bytes:
    console = output()
    with console.capture() as captured:
        console.print(_table(result))
    return captured.get().encode()


def _as_json(result: Result) -> bytes:
    rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
    document = {"columns": result.columns, "rows": rows, "truncated": result.truncated}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _as_csv(result: Result) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(map(_plain, row) for row in result.rows)
    return text.getvalue().encode()


def _plain(value: Any) -> Any:
    """The value as a text format can hold it."""
    return value.hex() if isinstance(value, bytes) else value


def _as_parquet(result: Result) -> bytes:
    arrow, parquet = _parquet()
    columns = {}
    for place, name in enumerate(result.columns):
        values = [row[place] for row in result.rows]
        try:
            columns[name] = arrow.array(values)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError):
            # SQLite lets a column hold values of several types; Parquet does not.
            columns[name] = arrow.array([None if value is None else str(_plain(value)) for value in values])
    content = io.BytesIO()
    parquet.write_table(arrow.table(columns), content)
    return content.getvalue()


def _parquet() -> tuple[Any, Any]:
    """PyArrow, which is optional.

    Raises:
        InvalidValueError: If it is not there.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InvalidValueError("format", "parquet needs PyArrow: pip install 'adaptor[report]'") from error
    return pyarrow, pyarrow.parquet


WRITERS: dict[str, Callable[[Result], bytes]] = {
    "table": _as_text,
    "json": _as_json,
    "csv": _as_csv,
    "parquet": _as_parquet,
}
