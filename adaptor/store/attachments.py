"""Attached streams in one SQLite file beside the runs: each as it is, what happened to it, what rescales cost.

The file is small and written a few times a minute, so its log is folded in by each write's own commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.cluster_watch import ClusterWatch
from adaptor.errors import StateDirectoryError
from adaptor.store import codec
from adaptor.store.schema import open_file

FILE_NAME = "attachments.sqlite"

MOST_NEWS = 1000
"""News kept of each stream, the newest: a stream lives for months, and a plan takes about 1 kB."""

_TABLES = """
create table attachments (
    attachment_id text primary key,
    body text not null
) without rowid;

create table news (
    place integer primary key autoincrement,
    attachment_id text not null references attachments,
    body text not null
);
create index news_by_attachment on news (attachment_id, place);

create table rescale_gaps (
    id integer primary key,
    flink_url text not null,
    mechanism text not null,
    gap_s real not null
);
create index rescale_gaps_by_cluster on rescale_gaps (flink_url, mechanism, id desc);
"""

_LATER_TABLES = """
create table if not exists cluster_watches (
    flink_url text primary key,
    body text not null
) without rowid;
"""
"""Made in files of before, too."""

P = ParamSpec("P")
T = TypeVar("T")


class SqliteAttachmentStore:
    """Attached streams in one file; what was saved survives a power cut.

    Args:
        directory: The state directory, which must exist.

    Raises:
        StateDirectoryError: If the file in it cannot be used.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME
        self._connection = open_file(self._path, tables=_TABLES)
        self._connection.executescript(_LATER_TABLES)
        self._connection.execute("pragma wal_autocheckpoint = 100")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attachments")

    async def save(self, attachment: Attachment, news: Sequence[AttachmentNews] = ()) -> None:
        """Write how a stream stands and what happened to it, at once or not at all.

        Raises:
            StateDirectoryError: If the file cannot be written.
        """
        await self._call(self._save, attachment, news)

    async def all(self) -> list[Attachment]:
        """Every stream that was ever attached, in the order of their ids.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._all)

    async def news_after(self, attachment_id: str, place: int, *, limit: int) -> list[tuple[int, AttachmentNews]]:
        """What happened to a stream after a place, in order, each with its place.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._news_after, attachment_id, place, limit)

    async def cluster_news_after(
        self, flink_url: str, place: int, *, limit: int
    ) -> list[tuple[int, str, AttachmentNews]]:
        """What happened to all streams of a cluster after a place, in order, each with its place and the stream's id.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._cluster_news_after, flink_url, place, limit)

    async def save_watch(self, watch: ClusterWatch) -> None:
        """Write that a whole cluster is looked after, in place of what was asked for it before.

        Raises:
            StateDirectoryError: If the file cannot be written.
        """
        await self._call(
            self._write,
            "insert into cluster_watches values (?, ?) on conflict do update set body = excluded.body",
            (watch.flink_url, codec.dumps(watch, ClusterWatch)),
        )

    async def drop_watch(self, flink_url: str) -> None:
        """Write that it is not any more.

        Raises:
            StateDirectoryError: If the file cannot be written.
        """
        await self._call(self._write, "delete from cluster_watches where flink_url = ?", (flink_url,))

    async def watches(self) -> list[ClusterWatch]:
        """Every cluster that is looked after as a whole, in the order of their addresses.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._watches)

    async def gaps_s(self, flink_url: str, mechanism: str, *, limit: int) -> list[float]:
        """Gaps of the newest rescales on a cluster, in seconds, newest first.

        Raises:
            StateDirectoryError: If the file cannot be read.
        """
        return await self._call(self._gaps_s, flink_url, mechanism, limit)

    def close(self) -> None:
        """Finish what was called and close the file."""
        self._thread.shutdown(wait=True)
        self._connection.close()

    def _save(self, attachment: Attachment, news: Sequence[AttachmentNews]) -> None:
        spec = attachment.spec
        with self._connection:
            self._connection.execute(
                "insert into attachments values (?, ?) on conflict do update set body = excluded.body",
                (spec.attachment_id, codec.dumps(attachment, Attachment)),
            )
            for one in news:
                self._connection.execute(
                    "insert into news (attachment_id, body) values (?, ?)",
                    (spec.attachment_id, codec.dumps(one, AttachmentNews)),
                )
                if one.proof is not None and one.proof.gap_s is not None:
                    self._connection.execute(
                        "insert into rescale_gaps (flink_url, mechanism, gap_s) values (?, ?, ?)",
                        (spec.flink_url, attachment.mechanism, one.proof.gap_s),
                    )
            if news:
                self._connection.execute(
                    "delete from news where attachment_id = ? and place <= (select place from news "
                    "where attachment_id = ? order by place desc limit 1 offset ?)",
                    (spec.attachment_id, spec.attachment_id, MOST_NEWS),
                )

    def _all(self) -> list[Attachment]:
        rows = self._rows("select body from attachments order by attachment_id", ())
        return [codec.loads(body, Attachment) for (body,) in rows]

    def _news_after(self, attachment_id: str, place: int, limit: int) -> list[tuple[int, AttachmentNews]]:
        rows = self._rows(
            "select place, body from news where attachment_id = ? and place > ? order by place limit ?",
            (attachment_id, place, limit),
        )
        return [(found, codec.loads(body, AttachmentNews)) for found, body in rows]

    def _cluster_news_after(self, flink_url: str, place: int, limit: int) -> list[tuple[int, str, AttachmentNews]]:
        rows = self._rows(
            "select place, attachment_id, news.body from news join attachments using (attachment_id) where place > ? "
            "and json_extract(cast(attachments.body as text), '$.spec.flink_url') = ? order by place limit ?",
            (place, flink_url, limit),
        )
        return [(found, name, codec.loads(body, AttachmentNews)) for found, name, body in rows]

    def _watches(self) -> list[ClusterWatch]:
        rows = self._rows("select body from cluster_watches order by flink_url", ())
        return [codec.loads(body, ClusterWatch) for (body,) in rows]

    def _write(self, sql: str, values: Sequence[object]) -> None:
        with self._connection:
            self._connection.execute(sql, values)

    def _gaps_s(self, flink_url: str, mechanism: str, limit: int) -> list[float]:
        rows = self._rows(
            "select gap_s from rescale_gaps where flink_url = ? and mechanism = ? order by id desc limit ?",
            (flink_url, mechanism, limit),
        )
        return [float(gap) for (gap,) in rows]

    def _rows(self, sql: str, values: Sequence[object]) -> list[Any]:
        with closing(self._connection.execute(sql, values)) as cursor:
            return cursor.fetchall()

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, lambda: function(*args, **kwargs))
        except sqlite3.Error as error:
            raise StateDirectoryError(f"state_dir: {self._path} cannot be used ({error})") from error
