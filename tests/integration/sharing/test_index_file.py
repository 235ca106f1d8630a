"""The file of an index: what it survives."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adaptor.errors import StateDirectoryError
from adaptor.sharing.core.cid import cid_text
from adaptor.sharing.index import Index, IndexReader
from adaptor.testing.indexes import LISTED, a_story, rows, standings
from adaptor.testing.log_entries import ALICE, BOB, OWN, Entries, a_batch, a_manifest


class TestFile:
    """What the file survives."""

    def test_an_index_goes_on_where_it_was(self, path: Path, log: Entries) -> None:
        """Entries given again change nothing; a gap is a mistake of the caller."""
        for _ in range(3):
            log.contribution(ALICE)
        for count in (1, 3, 2):
            with closing(Index(path, LISTED, OWN)) as index:
                index.apply(log.written[:count])
        with closing(Index(path, LISTED, OWN)) as index:
            assert index.position == 3
            log.contribution(ALICE)
            log.contribution(ALICE)
            with pytest.raises(ValueError, match="without gaps"):
                index.apply(log.written[4:])
        assert len(standings(path)) == 3

    @pytest.mark.parametrize("manifest", [a_manifest(), a_manifest(listed=(OWN, ALICE, BOB), quorum=2)])
    def test_an_index_of_another_log_is_made_anew(self, path: Path, log: Entries, manifest: Any) -> None:
        """It says nothing of this one."""
        log.contribution(ALICE)
        with closing(Index(path, LISTED, OWN)) as index:
            index.apply(log.written)
        with closing(Index(path, manifest, OWN)) as index:
            assert index.position == 0
        assert standings(path) == {}

    @pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"\x00" * 200, b""])
    def test_a_damaged_file_is_made_anew(self, path: Path, content: bytes) -> None:
        """Everything in it can be made again."""
        path.write_bytes(content)
        with closing(Index(path, LISTED, OWN)) as index:
            assert index.position == 0

    def test_somebody_elses_database_is_left_alone(self, path: Path) -> None:
        """It may be the only copy of something."""
        with closing(sqlite3.connect(path)) as db:
            db.execute("create table precious (a)")
        with pytest.raises(StateDirectoryError, match="something else"):
            Index(path, LISTED, OWN)
        with pytest.raises(StateDirectoryError, match="no index"):
            IndexReader(path)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("select count(*) from precious").fetchone() == (0,)

    def test_a_full_disk_changes_nothing_and_is_survived(self, index: Index, log: Entries) -> None:
        """Neither in the file nor in memory; what was refused can be given again."""
        cid = log.contribution(ALICE)
        index.apply(log.written)
        log.revoke(ALICE, 0)
        for number in range(200):
            log.contribution(BOB, a_batch(f"r{number}" * 20))
        pages = index._db.execute("pragma page_count").fetchone()[0]
        index._db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StateDirectoryError, match="full"):
            index.apply(log.written)
        assert index.position == 1
        assert set(standings(index.path)) == {cid_text(cid)}
        index._db.execute("pragma max_page_count = 1000000")
        index.apply(log.written)
        assert len(standings(index.path)) == 200

    def test_a_rebuild_that_fails_leaves_what_was(self, index: Index, log: Entries) -> None:
        """A reader never sees half an index."""
        log.contribution(ALICE)
        index.apply(log.written)

        def failing() -> Iterator[Any]:
            yield from log.written
            raise StateDirectoryError("the log cannot be read")

        with pytest.raises(StateDirectoryError):
            index.rebuild(failing())
        assert len(standings(index.path)) == 1
        log.contribution(BOB)
        index.apply(log.written)
        assert len(standings(index.path)) == 2


CRASHING = """
import os, sys
from pathlib import Path
from adaptor.sharing.index import Index
from adaptor.testing.indexes import LISTED, a_story
from adaptor.testing.log_entries import OWN

index = Index(Path(sys.argv[1]), LISTED, OWN)
left = int(sys.argv[2])

def statement(sql):
    global left
    left -= 1
    if left < 0:
        os._exit(9)

index._db.set_trace_callback(statement)
entries = a_story().written
for start in range(0, len(entries), 4):
    index.apply(entries[start : start + 4])
"""


@pytest.mark.parametrize("statements", [8, 25, 45, 60])
def test_a_crash_in_the_middle_of_a_step_is_as_if_the_step_had_not_begun(
    path: Path, tmp_path: Path, statements: int
) -> None:
    """The process dies at a statement; the next one is given the same entries, and nothing is lost or doubled."""
    died = subprocess.run([sys.executable, "-c", CRASHING, str(path), str(statements)], check=False)
    assert died.returncode == 9
    story = a_story().written
    with closing(Index(path, LISTED, OWN)) as index:
        assert index.position % 4 == 0
        index.apply(story)
    with closing(Index(tmp_path / "calm.db", LISTED, OWN)) as index:
        index.apply(story)
    for view in ("observations", "contributions", "verdicts"):
        seen, calm = (sorted(rows(one, f"select * from {view}"), key=repr) for one in (path, tmp_path / "calm.db"))
        assert seen == calm
