"""What only the file must bear: damage, other versions, readers beside the writer, and the end of a process."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adaptor.domain.events import RunFinished
from adaptor.domain.run import RunState
from adaptor.errors import StateDirectoryError
from adaptor.store.history import Recorded
from adaptor.store.run_file import FILE_NAME, RunFile
from adaptor.store.run_store import SqliteRunStore
from adaptor.store.schema import VERSION
from adaptor.testing.values import a_spec, after, started


def begun(run_id: str = "run-1") -> Recorded:
    """The start of a run with its plan."""
    event = started(a_spec(run_id))
    return Recorded(run_id=run_id, sequence=1, event=event, plan=after(event).record.plan)


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A state directory with one run in it."""
    file = RunFile(tmp_path)
    file.record(begun())
    file.close()
    return tmp_path


def changed_to(path: Path, sql: str) -> bytes:
    """The file's bytes after a statement."""
    connection = sqlite3.connect(path / FILE_NAME)
    connection.execute(sql)
    connection.commit()
    connection.close()
    return (path / FILE_NAME).read_bytes()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(used: Path, read_only: bool) -> None:
    """Not one byte changes, and the remedy is said."""
    before = changed_to(used, f"pragma user_version = {VERSION + 1}")
    with pytest.raises(StateDirectoryError, match=r"^state_dir: .* written by a newer adaptor .*upgrade adaptor"):
        RunFile(used, read_only=read_only)
    assert (used / FILE_NAME).read_bytes() == before


def test_a_newer_file_that_was_left_in_the_middle_of_its_work_is_left_as_it_is(used: Path, tmp_path: Path) -> None:
    """Its write-ahead log is not folded into it: that is for who understands it."""
    left = tmp_path / "left"
    left.mkdir()
    connection = sqlite3.connect(used / FILE_NAME)
    connection.execute("pragma journal_mode = wal")
    connection.execute(f"pragma user_version = {VERSION + 1}")
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        shutil.copy(used / name, left / name)
    connection.close()
    before = (left / FILE_NAME).read_bytes(), (left / f"{FILE_NAME}-wal").read_bytes()
    with pytest.raises(StateDirectoryError, match="newer adaptor"):
        RunFile(left)
    assert ((left / FILE_NAME).read_bytes(), (left / f"{FILE_NAME}-wal").read_bytes()) == before


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("damage", ["noise", "torn", "half", "other"])
def test_a_damaged_file_is_refused_and_left_as_it_is(used: Path, damage: str, read_only: bool) -> None:
    """It may hold what somebody can still save."""
    path = used / FILE_NAME
    sound = path.read_bytes()
    if damage == "other":
        before = changed_to(used, "pragma user_version = 0")
    else:
        before = {
            "noise": b"this is no database" * 100,
            "torn": sound[:4096] + b"\xff" * 4096 + sound[8192:],
            "half": sound[: len(sound) // 2 + 100],
        }[damage]
        path.write_bytes(before)
    with pytest.raises(StateDirectoryError, match=r"^state_dir: .*left as it is") as caught:
        RunFile(used, read_only=read_only)
    assert "Traceback" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_value_that_cannot_be_read_is_said_to_be_in_the_file(used: Path) -> None:
    """Rather than an error of the JSON library."""
    changed_to(used, "update events set body = '{}'")
    file = RunFile(used)
    with pytest.raises(StateDirectoryError, match="holds a value that cannot be read"):
        file.history("run-1")
    file.close()


def test_a_table_that_is_gone_is_an_error_of_the_state_directory(used: Path) -> None:
    """Foreign exceptions end at the edge, when reading as when writing."""
    changed_to(used, "drop table outbox")
    file = RunFile(used)
    with pytest.raises(StateDirectoryError, match=r"cannot be read \(no such table"):
        file.unpublished(limit=1)
    with pytest.raises(StateDirectoryError, match=r"cannot be written \(no such table"):
        file.published(["run-1/1/1"])
    file.close()


def test_reading_alone_needs_a_file_and_cannot_write(used: Path, tmp_path: Path) -> None:
    """Nothing is created by looking."""
    with pytest.raises(StateDirectoryError, match="did a service ever run with it"):
        RunFile(tmp_path / "nowhere", read_only=True)
    assert not (tmp_path / "nowhere").exists()
    file = RunFile(used, read_only=True)
    assert len(file.history("run-1")) == 1
    with pytest.raises(StateDirectoryError, match="readonly"):
        file.complete("run-1", 1)
    file.close()


def test_a_reader_beside_the_writer_sees_what_was_written(used: Path) -> None:
    """`adaptor runs` works while the service does."""
    writer, reader = RunFile(used), RunFile(used, read_only=True)
    writer.record(Recorded(run_id="run-1", sequence=2, event=RunFinished(state=RunState.FAILED, at_s=1.0)))
    summary = reader.run("run-1")
    assert summary is not None
    assert summary.state is RunState.FAILED
    reader.close()
    writer.close()


def test_what_was_recorded_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    """Nothing was closed, and the write-ahead log is still there."""
    script = (
        "import os, sys; from pathlib import Path; from adaptor.store.run_file import RunFile\n"
        "from adaptor.store.history import Recorded; from adaptor.testing.values import started\n"
        "file = RunFile(Path(sys.argv[1]))\n"
        "file.record(Recorded(run_id='run-1', sequence=1, event=started())); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9
    assert (tmp_path / f"{FILE_NAME}-wal").stat().st_size > 0
    for read_only in (True, False):
        file = RunFile(tmp_path, read_only=read_only)
        assert [one.event for one in file.history("run-1")] == [started()]
        file.close()


async def test_calls_from_many_tasks_are_written_in_the_order_they_came(tmp_path: Path) -> None:
    """One thread of the store does all of it, whichever thread asks."""
    store = SqliteRunStore(tmp_path)
    await asyncio.gather(*(store.record(begun(f"run-{number:02}")) for number in range(20)))
    threads: list[str] = []
    await asyncio.gather(*(store._call(lambda: threads.append(threading.current_thread().name)) for _ in range(20)))
    assert len(set(threads)) == 1
    assert len(await store.runs(limit=99, before=None)) == 20
    store.close()


def test_a_directory_that_cannot_be_written_is_refused(used: Path) -> None:
    """As far as the file goes; root may write anywhere, so it sees a file in the directory's place instead."""
    blocked = used / "file"
    blocked.write_text("")
    with pytest.raises(StateDirectoryError, match=r"^state_dir: "):
        RunFile(blocked)
    if os.geteuid() != 0:
        (used / FILE_NAME).chmod(0o400)
        with pytest.raises(StateDirectoryError, match="cannot be"):
            RunFile(used).record(begun("run-2"))
