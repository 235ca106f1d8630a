"""Managed clusters in one SQLite file beside the runs: clusters, tenants, grants, reclaims, and what happened.

The file is written a few times a second at most, several changes at once, so its log is folded in by each write's own
commit, on a thread that no barrier waits for.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from adaptor.domain.cluster_news import ClusterBook, ClusterNews, ClusterWrite
from adaptor.domain.managed import ManagedCluster, ManagedTenant, RunGrant
from adaptor.domain.reclaim import Reclaim
from adaptor.errors import StateDirectoryError
from adaptor.store import codec
from adaptor.store.schema import open_file

FILE_NAME = "clusters.sqlite"

MOST_RECLAIMS = 1000
"""Reclaims that have ended and are kept, the newest: a manager that repeats a call does so within minutes."""

TABLES = """
create table clusters (cluster_id text primary key, body text not null) without rowid;

create table tenants (tenant_id text primary key, body text not null) without rowid;

create table grants (run_id text primary key, cluster_id text not null, body text not null) without rowid;
create index grants_by_cluster on grants (cluster_id);

create table reclaims (
    place integer primary key autoincrement,
    reclaim_id text not null unique,
    ended integer not null,
    body text not null
);

create table news (place integer primary key autoincrement, cluster_id text not null, body text not null);
create index news_by_cluster on news (cluster_id, place);
"""

P = ParamSpec("P")
T = TypeVar("T")


class SqliteClusterStore:
    """Managed clusters in one file; what was written survives a power cut.

    Args:
        directory: The state directory, which must exist.
        most_news: News that are kept, the newest.

    Raises:
        StateDirectoryError: If the file in it cannot be used.
    """

    def __init__(self, directory: Path, *, most_news: int) -> None:
        self._path = directory / FILE_NAME
        self._most_news = most_news
        self.connection = open_file(self._path, tables=TABLES)
        self.connection.execute("pragma wal_autocheckpoint = 1000")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clusters")

    async def write(self, changes: ClusterWrite) -> None:
        """Write changes, at once or not at all.

        Raises:
            StateDirectoryError: If the file cannot be written.
        """
        await self._call(self._write, changes)

    async def book(self) -> ClusterBook:
        """All that is kept, but for the news, each in the order of its ids.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._book)

    async def news_after(self, place: int, *, cluster_id: str, limit: int) -> list[tuple[int, ClusterNews]]:
        """What happened after a place, in order, each with its place; an empty id stands for all clusters.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._news_after, place, cluster_id, limit)

    async def kept_news(self) -> tuple[int, int]:
        """Place of the newest news that is no longer kept, and of the newest of all; both 0 if there is none.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._kept_news)

    def close(self) -> None:
        """Finish what was called and close the file."""
        self._thread.shutdown(wait=True)
        self.connection.close()

    # --- statements, on the thread ---------------------------------------------------------------------------

    def _write(self, changes: ClusterWrite) -> None:
        with self.connection:
            self._write_clusters(changes)
            self._write_grants(changes)
            self._write_reclaims(changes.reclaims)
            if changes.news:
                self._write_news(changes.news)

    def _write_clusters(self, changes: ClusterWrite) -> None:
        self._each(
            "insert into clusters values (?, ?) on conflict do update set body = excluded.body",
            [(one.cluster_id, codec.dumps(one, ManagedCluster)) for one in changes.clusters],
        )
        self._each("delete from clusters where cluster_id = ?", [(one,) for one in changes.removed_clusters])
        self._each(
            "insert into tenants values (?, ?) on conflict do update set body = excluded.body",
            [(one.tenant.tenant_id, codec.dumps(one, ManagedTenant)) for one in changes.tenants],
        )
        self._each("delete from tenants where tenant_id = ?", [(one,) for one in changes.removed_tenants])

    def _write_grants(self, changes: ClusterWrite) -> None:
        self._each(
            "insert into grants values (?, ?, ?) "
            "on conflict do update set cluster_id = excluded.cluster_id, body = excluded.body",
            [(one.run_id, one.cluster_id, codec.dumps(one, RunGrant)) for one in changes.grants],
        )
        gone = [("run_id", one) for one in changes.removed_grants]
        gone += [("cluster_id", one) for one in changes.removed_clusters]
        for column, name in gone:
            # One of the two names above; what is compared is bound.
            self.connection.execute(f"delete from grants where {column} = ?", (name,))  # noqa: S608

    def _write_reclaims(self, reclaims: Sequence[Reclaim]) -> None:
        self._each(
            "insert into reclaims (reclaim_id, ended, body) values (?, ?, ?) "
            "on conflict do update set ended = excluded.ended, body = excluded.body",
            [(one.reclaim_id, one.state.ended, codec.dumps(one, Reclaim)) for one in reclaims],
        )
        if reclaims:
            self.connection.execute(
                "delete from reclaims where ended and place <= "
                "(select place from reclaims where ended order by place desc limit 1 offset ?)",
                (MOST_RECLAIMS,),
            )

    def _write_news(self, news: Sequence[ClusterNews]) -> None:
        self._each(
            "insert into news (cluster_id, body) values (?, ?)",
            [(one.cluster_id, codec.dumps(one, ClusterNews)) for one in news],
        )
        self.connection.execute("delete from news where place <= (select max(place) from news) - ?", (self._most_news,))

    def _book(self) -> ClusterBook:
        def bodies(table: str, key: str, kind: type[T]) -> tuple[T, ...]:
            # Names that stand below.
            rows = self._rows(f"select body from {table} order by {key}", ())  # noqa: S608
            return tuple(codec.loads(body, kind) for (body,) in rows)

        return ClusterBook(
            clusters=bodies("clusters", "cluster_id", ManagedCluster),
            tenants=bodies("tenants", "tenant_id", ManagedTenant),
            grants=bodies("grants", "run_id", RunGrant),
            reclaims=bodies("reclaims", "place", Reclaim),
        )

    def _news_after(self, place: int, cluster_id: str, limit: int) -> list[tuple[int, ClusterNews]]:
        which = "cluster_id = ? and " if cluster_id else ""
        rows = self._rows(
            f"select place, body from news where {which}place > ? order by place limit ?",  # noqa: S608 - a constant
            (*([cluster_id] if cluster_id else []), place, limit),
        )
        return [(found, codec.loads(body, ClusterNews)) for found, body in rows]

    def _kept_news(self) -> tuple[int, int]:
        first, last = self._rows("select min(place), max(place) from news", ())[0]
        return (first - 1, last) if last else (0, 0)

    def _each(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        for row in rows:
            self.connection.execute(sql, row)

    def _rows(self, sql: str, values: Sequence[object]) -> list[Any]:
        with closing(self.connection.execute(sql, values)) as cursor:
            return cursor.fetchall()

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {self._path} cannot be used ({error})") from error
