"""Tables of the state directory's file, and the checks that keep a wrong file from being touched."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from adaptor.errors import StateDirectoryError

VERSION = 1
"""Of the tables; kept in SQLite's own `user_version`."""

_TABLES = """
create table runs (
    run_id text primary key,
    spec text not null,
    context_key text not null,
    flink_url text not null,
    state text not null,
    started_at_s real not null,
    updated_at_s real not null,
    supersteps integer not null,
    parallelism integer not null
) without rowid;
create index runs_by_start on runs (started_at_s desc);
create index runs_by_state on runs (state);

-- One row an event, with the plan that was made on it. superstep and attempt are set for barriers alone.
create table events (
    run_id text not null references runs,
    sequence integer not null,
    kind text not null,
    superstep integer,
    attempt integer,
    body text not null,
    plan text,
    primary key (run_id, sequence)
) without rowid;
create unique index barriers on events (run_id, superstep, attempt) where kind = 'BarrierReached';

create table observations (
    observation_id text primary key,
    run_id text not null references runs,
    context_key text not null,
    superstep integer not null,
    attempt integer not null,
    parallelism integer not null,
    duration_s real not null,
    cold integer not null,
    failed integer not null,
    shareable integer not null,
    body text not null
);
create index observations_by_run on observations (run_id, superstep, attempt);
create index observations_by_context on observations (context_key) where not failed;

create table slot_effects (
    run_id text not null,
    sequence integer not null,
    body text not null,
    primary key (run_id, sequence)
) without rowid;

create table adaptation_costs (
    id integer primary key,
    flink_url text not null,
    duration_s real not null
);
create index adaptation_costs_by_cluster on adaptation_costs (flink_url, id desc);

-- Shareable observations that no peer was given yet.
create table outbox (
    id integer primary key,
    observation_id text not null unique references observations
);
"""


def open_file(path: Path, *, read_only: bool = False, tables: str = _TABLES) -> sqlite3.Connection:
    """A file of the state directory, created if it is missing and writing is allowed.

    Args:
        path: Of the file.
        read_only: Whether to refuse every write; the file must then exist.
        tables: What a new file gets.

    Raises:
        StateDirectoryError: If the file is missing, damaged, or from a newer version. It is never changed then.
    """
    if read_only and not path.exists():
        raise StateDirectoryError(f"state_dir: {path.parent} holds no {path.name}; did a service ever run with it?")
    try:
        # Looked at without the right to write first: even closing a writable connection may change a file.
        if path.exists():
            with contextlib.closing(_connect(path, mode="ro")) as connection:
                _require_sound(connection, path)
        connection = _connect(path, mode="ro" if read_only else "rwc")
        if not read_only:
            _prepare(connection, tables)
    except sqlite3.DatabaseError as error:
        raise StateDirectoryError(
            f"state_dir: {path} cannot be used ({error}); it was left as it is. "
            "Move it away, or give another --state-dir"
        ) from error
    return connection


def checkpoint(path: Path) -> None:
    """Fold the write-ahead log into the file as far as nobody reads it; writers go on meanwhile.

    Raises:
        sqlite3.Error: If that failed; nothing is lost then, the log only stays longer.
    """
    with contextlib.closing(_connect(path, mode="rw")) as connection:
        connection.execute("pragma wal_checkpoint(passive)")


def _connect(path: Path, *, mode: str) -> sqlite3.Connection:
    # Cross-thread use is safe: the store lets one thread at a time in.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False)


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == 0 and connection.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError("it is a database of something else")
    if version > VERSION:
        raise StateDirectoryError(
            f"state_dir: {path} was written by a newer adaptor (version {version}, this one knows {VERSION}); "
            "upgrade adaptor, or give another --state-dir"
        )
    findings = connection.execute("pragma quick_check(1)").fetchone()[0]
    if findings != "ok":
        raise sqlite3.DatabaseError(" ".join(findings.split()))


def _prepare(connection: sqlite3.Connection, tables: str) -> None:
    connection.execute("pragma journal_mode = wal")
    # An answer that was given must survive a power cut, not only a crash of the process.
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    # The log is folded into the file by `checkpoint`, beside the writes: within one it would hold up a barrier.
    connection.execute("pragma wal_autocheckpoint = 0")
    if connection.execute("pragma user_version").fetchone()[0] == 0:
        connection.executescript(f"begin; {tables} pragma user_version = {VERSION}; commit;")
