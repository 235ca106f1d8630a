"""SQL of anybody's on the documented views, read-only by SQLite's own means, bounded in time, rows and bytes.

What keeps a query in: the file is opened without the right to write, the connection refuses writing besides, SQLite's
authorizer is asked for every table, column, function and statement before anything runs, a handler ends what takes
too long, and the connection's limits keep single values small.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptor.domain.checks import require_positive
from adaptor.errors import InvalidValueError
from adaptor.sharing.index.schema import open_reading
from adaptor.sharing.index.views import INNER_VIEWS, OWN_PREFIX, VIEWS

MAX_ROWS = 1000
MAX_S = 5.0
"""What is allowed if nothing else is said: a screenful of screenfuls, and longer than anybody likes to wait."""

MAX_RESULT_BYTES = 67_108_864
"""Most bytes of a result: a million rows of durations."""

MAX_VALUE_BYTES = 1_048_576
"""Largest text or row inside SQLite: four times the largest entry, so that no value of the views comes near."""

MAX_SQL_CHARACTERS = 100_000
"""Longest SQL: more than people write, and little to parse."""

STEPS_PER_LOOK = 1000
"""Steps of SQLite's machine between two looks at the clock: some 10 microseconds."""

BYTES_OF_A_VALUE = 64
"""Counted for every value besides its text: what Python takes for a number and its place."""

MAX_HEAP_BYTES = 268_435_456
"""Most memory that SQLite may take in this process where Python cannot limit single values: twice what a sort of a
million observations was seen to take."""

_LIMITS = {
    "SQLITE_LIMIT_LENGTH": MAX_VALUE_BYTES,
    "SQLITE_LIMIT_SQL_LENGTH": 4 * MAX_SQL_CHARACTERS,
    "SQLITE_LIMIT_COLUMN": 100,
    "SQLITE_LIMIT_EXPR_DEPTH": 100,
    "SQLITE_LIMIT_COMPOUND_SELECT": 50,
    "SQLITE_LIMIT_VDBE_OP": 100_000,
    "SQLITE_LIMIT_FUNCTION_ARG": 100,
    "SQLITE_LIMIT_ATTACHED": 0,
    "SQLITE_LIMIT_LIKE_PATTERN_LENGTH": 200,
    "SQLITE_LIMIT_VARIABLE_NUMBER": 1000,
    "SQLITE_LIMIT_TRIGGER_DEPTH": 1,
    "SQLITE_LIMIT_WORKER_THREADS": 0,
}
"""SQLite's own limits: ample for a query that a person can read. A pattern has as many characters as a name or value
of a context, because matching takes time in proportion to its length, within one step."""

_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})

_FUNCTIONS = frozenset(
    name
    for kind in (
        "abs char coalesce concat concat_ws format glob hex ifnull iif instr length like likelihood likely lower ltrim",
        "nullif octet_length printf quote replace round rtrim sign substr substring trim typeof unicode unlikely upper",
        "zeroblob",
        "acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow",
        "power radians sin sinh sqrt tan tanh trunc",
        "avg count group_concat max median min percentile percentile_cont percentile_disc string_agg sum total",
        "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number",
        "date datetime julianday strftime time timediff unixepoch",
        "json json_array json_array_length json_extract json_group_array json_group_object json_object json_quote",
        "json_type json_valid -> ->>",
    )
    for name in kind.split()
)
"""Functions that may be used: those of SQLite that only compute."""

_SQLITES_OWN = ("sqlite_", "pragma_")
"""Start the names of tables that are SQLite's."""

_PARTS_OF_A_SELECT = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})


_FORBIDDEN = ("authoriz", "prohibited", "cannot modify")
"""Words by which SQLite's complaints about what is not allowed are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a query found.

    Attributes:
        columns: Names, each once.
        rows: Their values: numbers, texts, bytes or ``None``.
        truncated: Whether there are more rows than allowed.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def run_query(
    path: Path,
    sql: str,
    *,
    parameters: Sequence[object] | Mapping[str, object] = (),
    max_rows: int = MAX_ROWS,
    max_s: float = MAX_S,
) -> Result:
    """Run one SELECT on the views of an index, whether or not a service is running.

    Args:
        path: Of the index's file.
        sql: One statement; `VIEWS` says what it may read.
        parameters: Values for its placeholders.
        max_rows: Rows after which the result is cut off.
        max_s: Seconds after which it is given up.

    Raises:
        StateDirectoryError: If there is no index.
        InvalidValueError: If the statement is not allowed, wrong, or takes too long; it says which.
    """
    require_positive("max_rows", max_rows)
    require_positive("max_s", max_s, unit="seconds")
    _require_sane(sql)
    with contextlib.closing(open_reading(path)) as db:
        ends_s = time.monotonic() + max_s
        _confine(db, ends_s)
        with _explained(sql, max_s=max_s, ends_s=ends_s):
            cursor = db.execute(sql, parameters)
            if cursor.description is None:
                raise InvalidValueError("sql", "is empty; write one SELECT")
            rows, truncated = _bounded(cursor, max_rows)
        return Result(columns=_distinct([one[0] for one in cursor.description]), rows=rows, truncated=truncated)


def _require_sane(sql: str) -> None:
    if len(sql) > MAX_SQL_CHARACTERS:
        raise InvalidValueError("sql", f"must have at most {MAX_SQL_CHARACTERS} characters, got {len(sql)}")
    if OWN_PREFIX in sql.lower():
        raise InvalidValueError(
            "sql",
            f"names with {OWN_PREFIX} are the index's own and may not occur; give it as a parameter if it is a text",
        )
    if "\0" in sql or any("\ud800" <= one <= "\udfff" for one in sql):
        raise InvalidValueError("sql", "must not hold control characters")


def _confine(db: sqlite3.Connection, ends_s: float) -> None:
    """Take away from a connection everything that a reader of the views does not need."""
    db.text_factory = _text
    # What SQLite sets up for these on first use would be refused afterwards.
    for name in _TABLE_FUNCTIONS:
        db.execute(f"select 1 from {name}('[]')").fetchall()  # noqa: S608 - ours
    if sys.version_info >= (3, 11):
        for name, value in _LIMITS.items():
            db.setlimit(getattr(sqlite3, name), value)
    else:
        db.execute(f"pragma hard_heap_limit = {MAX_HEAP_BYTES}")
    db.set_progress_handler(lambda: time.monotonic() > ends_s, STEPS_PER_LOOK)
    db.set_authorizer(_authorized)


def _authorized(action: int, first: str | None, second: str | None, _: str | None, view: str | None) -> int:
    """Whether SQLite may do a thing; asked when a statement is compiled."""
    allowed = (
        action in _PARTS_OF_A_SELECT
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        or (action == sqlite3.SQLITE_READ and _readable(first or "", second or "", view))
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _readable(table: str, column: str, view: str | None) -> bool:
    if table in VIEWS or table in _TABLE_FUNCTIONS or table in INNER_VIEWS:
        return True
    if not column:
        # Rows are counted, of a view's table or of a common table expression; SQLite does not say for whom.
        return not table.startswith(_SQLITES_OWN)
    return table.startswith(OWN_PREFIX) and view in INNER_VIEWS


@contextlib.contextmanager
def _explained(sql: str, *, max_s: float, ends_s: float) -> Iterator[None]:
    """Turns SQLite's complaints into ones that say what would be right."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError) as error:
        if time.monotonic() > ends_s:
            problem = f"took longer than {max_s:g} s; ask for less, or allow more time"
        else:
            problem = _problem(str(error) or "needs too much memory", sql)
        raise InvalidValueError("sql", problem) from error


def _problem(text: str, sql: str) -> str:
    """SQLite's complaint, with what would be right where that is known."""
    hints: tuple[tuple[str, Callable[[], str]], ...] = (
        ("no such column", lambda: _columns(sql)),
        ("no such table", lambda: f"there are {', '.join(VIEWS)}"),
        ("one statement", lambda: "write one SELECT"),
        ("too big", lambda: f"no value may have more than {MAX_VALUE_BYTES} bytes"),
        *(
            (mark, lambda: f"only SELECT is allowed, on {', '.join(VIEWS)}, with functions that compute")
            for mark in _FORBIDDEN
        ),
    )
    hint = next((hint() for mark, hint in hints if mark in text), "")
    return f"{text}; {hint}" if hint else text


def _columns(sql: str) -> str:
    """Columns of the views that a statement names, of all if it names none."""
    named = [view for view in VIEWS if view in sql.lower()] or list(VIEWS)
    return "; ".join(f"{view} has {', '.join(VIEWS[view])}" for view in named)


def _bounded(cursor: sqlite3.Cursor, max_rows: int) -> tuple[tuple[tuple[Any, ...], ...], bool]:
    rows: list[tuple[Any, ...]] = []
    size_bytes = 0
    for row in cursor:
        size_bytes += sum(BYTES_OF_A_VALUE + (len(one) if isinstance(one, (str, bytes)) else 0) for one in row)
        if len(rows) == max_rows or size_bytes > MAX_RESULT_BYTES:
            return tuple(rows), True
        rows.append(row)
    return tuple(rows), False


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, those that occurred before with a number."""
    taken: dict[str, None] = {}
    for name in names:
        candidates = itertools.chain((name,), (f"{name}_{number}" for number in itertools.count(2)))
        taken[next(one for one in candidates if one not in taken)] = None
    return tuple(taken)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
