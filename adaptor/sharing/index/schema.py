"""The index's file: tables, indices, and how it is opened.

Everything that batches of observations have in common stands in one row (`_ix_batches`): a contribution, or what this
machine measured in one run. So a vote or a withdrawal changes one row, whatever the batch holds, and a filter on
author, node type or standing is a seek among batches instead of a look at every observation.

What is documented are the views (`views`). The file holds nothing that could not be made again from the log and the
run store, so one of another version or another log is made anew.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from adaptor.errors import StateDirectoryError
from adaptor.sharing.index.views import create_views

_log = logging.getLogger(__name__)

FILE_NAME = "index.db"

VERSION = 1
"""Of tables and views; kept in SQLite's own `user_version`."""

APPLICATION_ID = 0x61646978
"""``adix``, in the header of the file: tells an index from databases of others."""

READ_CACHE_KIB = 16_384
"""Page cache of a reading connection."""

MAPPED_BYTES = 1_073_741_824
"""Most bytes of the file that are read as memory instead of copied: six times an index of a million observations."""

BUSY_S = 10.0
"""Longest wait for another process that writes: none does while a service runs, so this is a guard."""

_KEPT_TABLES = """
create table _ix_about (name text primary key, value) without rowid;

-- Which contribution an observation of this machine left with.
create table _ix_sent (source text primary key, contribution text not null) without rowid;
create index _ix_sent_by_contribution on _ix_sent (contribution);

create table _ix_peers (
    peer text primary key,
    address text not null,
    heard_at text,
    heads integer not null,
    unknown_heads integer not null,
    bytes_in integer not null,
    bytes_out integer not null,
    refusals integer not null,
    failures integer not null
) without rowid;
"""

_LOG_TABLES = """
create table _ix_authors (
    author_id integer primary key,
    key blob not null unique,
    author text not null unique,
    votes integer not null
);

-- Every applied entry. `counts` is the outcome of the rules in `standing`.
create table _ix_entries (
    sequence integer primary key,
    cid blob not null,
    author_id integer not null,
    number integer not null,
    kind text not null,
    counts integer not null
);
create index _ix_entries_by_number on _ix_entries (author_id, number);

-- Contributions have the sequence of their entry as id, batches of own observations negative ones. `judged` says
-- whether this machine gave a verdict.
create table _ix_batches (
    batch_id integer primary key,
    contribution text,
    author_id integer not null,
    author text not null,
    own integer not null,
    context_key blob not null,
    algorithm text not null,
    parameters text not null,
    data text not null,
    node_type text not null,
    flink_version text not null,
    run text not null,
    schema_version integer not null,
    observations integer not null,
    contributed_at text,
    hidden integer not null,
    standing text not null,
    judged integer not null default 0,
    valid integer not null default 0,
    invalid integer not null default 0,
    abstained integer not null default 0
);

create table _ix_observations (
    observation_id integer primary key,
    batch_id integer not null,
    algorithm text not null,
    superstep integer not null,
    parallelism integer not null,
    scale_out integer,
    duration_s real not null,
    cold integer not null,
    cpu_utilisation real,
    measurement integer not null,
    doubled integer not null default 0,
    source text
);

-- All verdicts ever given, because an earlier one counts again if the entry of a later one does not.
create table _ix_verdicts (
    verdict_id integer primary key,
    target text not null,
    author_id integer not null,
    number integer not null,
    sequence integer not null,
    judgement text not null,
    findings text not null,
    current integer not null default 0
);
create index _ix_verdicts_by_target on _ix_verdicts (target, author_id, number);
create index _ix_verdicts_by_entry on _ix_verdicts (sequence);
create unique index _ix_verdicts_current on _ix_verdicts (target, author_id) where current = 1;

create table _ix_withdrawals (
    target text not null,
    author_id integer not null,
    sequence integer not null,
    primary key (target, author_id, sequence)
) without rowid;
create index _ix_withdrawals_by_entry on _ix_withdrawals (sequence);

create table _ix_rulings (
    sequence integer primary key,
    number integer not null,
    key blob not null,
    through_number integer
);
create table _ix_unreadable (sequence integer primary key, cid text not null, peer text not null, text text not null);
"""

_LOG_TABLE_NAMES = tuple(re.findall(r"create table (\w+)", _LOG_TABLES))

_INDICES = {
    # All that an aggregation by parallelism needs, so that it reads no row of the table.
    "_ix_by_algorithm": (
        "_ix_observations (algorithm, parallelism, duration_s, superstep, cold, doubled, batch_id)",
        "1000000 50000 5000 2 1 1 1 1",
    ),
    "_ix_by_batch": ("_ix_observations (batch_id)", "1000000 10"),
    "_ix_by_source": ("_ix_observations (source) where source is not null", "10000 1"),
    "_ix_batches_by_contribution": ("_ix_batches (contribution)", "100000 1"),
    "_ix_batches_by_author": ("_ix_batches (author)", "100000 1000"),
    "_ix_batches_by_run": ("_ix_batches (run)", "100000 2"),
    "_ix_batches_by_time": ("_ix_batches (contributed_at)", "100000 1"),
    "_ix_batches_by_algorithm": ("_ix_batches (algorithm)", "100000 5000"),
    "_ix_batches_by_node": ("_ix_batches (node_type, algorithm)", "100000 10000 500"),
    "_ix_batches_unjudged": (
        "_ix_batches (batch_id) where own = 0 and hidden = 0 and judged = 0 and standing = 'open'",
        "1000 1",
    ),
    "_ix_batches_of_algorithm": ("_ix_batches (algorithm, author_id, hidden)", "100000 5000 100 100"),
    "_ix_batches_of_context": ("_ix_batches (context_key, author_id, hidden)", "100000 50 5 5"),
}
"""Table and columns of each index, and how many rows the planner is to expect: in all, and for each longer prefix.

The expectations are those of a log with 100,000 contributions of 20 algorithms. They are written down instead of
measured, so that every index file answers a query by the same plan.
"""


def open_index(path: Path, *, log: str, own: str) -> sqlite3.Connection:
    """The file for writing; made anew if it is missing, damaged, or of another version, log or machine.

    Args:
        path: Of the file, in a directory that exists.
        log: Id of the log.
        own: This machine's public key, hex.

    Raises:
        StateDirectoryError: If it cannot be written, or is somebody else's database, which is left as it is.
    """
    with failing_as_ours(path):
        if path.exists() and not _fits(path, log=log, own=own):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        db = _connect(path, mode="rwc")
        db.execute("pragma journal_mode = wal")
        # What a power cut takes of it is applied again: the place in the log is written in the same transaction.
        db.execute("pragma synchronous = normal")
        if db.execute("pragma user_version").fetchone()[0] == 0:
            with transaction(db):
                run_script(db, _KEPT_TABLES)
                run_script(db, _LOG_TABLES)
                create_indices(db)
                create_views(db)
                db.executemany("insert into _ix_about values (?, ?)", (("log", log), ("own", own)))
                db.execute(f"pragma application_id = {APPLICATION_ID}")
                db.execute(f"pragma user_version = {VERSION}")
        return db


def open_reading(path: Path) -> sqlite3.Connection:
    """The file for reading, while somebody may write it.

    Raises:
        StateDirectoryError: If there is none, or none of this version.
    """
    if not path.exists():
        raise StateDirectoryError(
            f"state_dir: {path.parent} holds no {path.name} yet; a service makes it once it takes part in a log"
        )
    with failing_as_ours(path):
        db = _connect(path, mode="ro")
        found = (db.execute("pragma application_id").fetchone()[0], db.execute("pragma user_version").fetchone()[0])
        if found != (APPLICATION_ID, VERSION):
            db.close()
            raise StateDirectoryError(f"state_dir: {path} is no index of this version of adaptor; start the service")
        db.execute("pragma query_only = on")
        db.execute(f"pragma cache_size = -{READ_CACHE_KIB}")
        db.execute(f"pragma mmap_size = {MAPPED_BYTES}")
        return db


@contextlib.contextmanager
def failing_as_ours(path: Path) -> Iterator[None]:
    """Turns SQLite's and the file system's errors into ours."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StateDirectoryError(
            f"state_dir: {path} cannot be used ({error}); if it is damaged, delete it: it is made again from the log"
        ) from error


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    db.execute("begin immediate")
    with db:
        yield


def run_script(db: sqlite3.Connection, script: str) -> None:
    """Statements one by one: SQLite's own way of running scripts would end the transaction first."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


def empty_log_tables(db: sqlite3.Connection) -> None:
    """Forget everything but own observations, which must all be private; without the indices that only reading needs.

    Tables are dropped and made again, which takes no time, whatever they hold.
    """
    for table, condition in (("_ix_batches", "batch_id < 0"), ("_ix_observations", "source is not null")):
        db.execute(f"create temporary table kept{table} as select * from {table} where {condition}")  # noqa: S608 - ours
    for table in _LOG_TABLE_NAMES:
        db.execute(f"drop table {table}")
    run_script(db, _LOG_TABLES)
    # Settling looks every contribution up.
    _create_index(db, "_ix_batches_by_contribution")
    for table in ("_ix_batches", "_ix_observations"):
        db.execute(f"insert into {table} select * from kept{table}")  # noqa: S608 - ours
        db.execute(f"drop table kept{table}")


def create_indices(db: sqlite3.Connection) -> None:
    """The indices that reading needs, and what the planner is to know of them."""
    for name in _INDICES:
        _create_index(db, name)
    db.execute("analyze _ix_about")
    db.execute("delete from sqlite_stat1")
    rows = ((columns.split(" ", 1)[0], name, numbers) for name, (columns, numbers) in _INDICES.items())
    db.executemany("insert into sqlite_stat1 values (?, ?, ?)", rows)


def _create_index(db: sqlite3.Connection, name: str) -> None:
    db.execute(f"create index if not exists {name} on {_INDICES[name][0]}")


def _connect(path: Path, *, mode: str) -> sqlite3.Connection:
    # Cross-thread use is safe: whoever owns the connection lets one thread at a time in.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_S,
    )


def _fits(path: Path, *, log: str, own: str) -> bool:
    """Whether the file is an index of this version, log and machine.

    Raises:
        StateDirectoryError: If it is a database of something else.
    """
    with contextlib.closing(_connect(path, mode="rw")) as db:
        try:
            application_id = db.execute("pragma application_id").fetchone()[0]
            if application_id != APPLICATION_ID:
                if db.execute("select count(*) from sqlite_master").fetchone()[0]:
                    raise StateDirectoryError(
                        f"state_dir: {path} is a database of something else; it was left as it is"
                    )
                return False
            if db.execute("pragma user_version").fetchone()[0] != VERSION:
                return False
            return dict(db.execute("select name, value from _ix_about where name in ('log', 'own')")) == {
                "log": log,
                "own": own,
            }
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            _log.warning("%s is damaged (%s) and is made anew", path, error)
            return False
