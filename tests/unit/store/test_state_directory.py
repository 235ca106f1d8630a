"""A state directory belongs to one service at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adaptor.errors import StateDirectoryError
from adaptor.store.state_directory import StateDirectory, running_service


def test_it_is_made_where_it_is_missing(tmp_path: Path) -> None:
    """With the folders above it."""
    StateDirectory(tmp_path / "a" / "b").release()
    assert (tmp_path / "a" / "b").is_dir()


def test_a_second_service_is_refused_and_told_whose_it_is(tmp_path: Path) -> None:
    """By process id, so that the user can find it."""
    claimed = StateDirectory(tmp_path)
    with pytest.raises(
        StateDirectoryError, match=rf"^state_dir: .* running service \(process {os.getpid()}\); stop it"
    ):
        StateDirectory(tmp_path)
    assert running_service(tmp_path) == str(os.getpid())
    claimed.release()
    assert running_service(tmp_path) == ""
    StateDirectory(tmp_path).release()


def test_a_process_that_died_holds_nothing(tmp_path: Path) -> None:
    """However it died, and although its id is still written there."""
    script = (
        "import os, sys; from pathlib import Path; from adaptor.store.state_directory import StateDirectory\n"
        "StateDirectory(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert running_service(tmp_path) == ""
    StateDirectory(tmp_path).release()


def test_what_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StateDirectoryError, match="give a writable --state-dir"):
            StateDirectory(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """With the remedy."""
    tmp_path.chmod(0o500)
    with pytest.raises(StateDirectoryError, match="give a writable --state-dir"):
        StateDirectory(tmp_path)


def test_nobody_runs_where_nothing_is(tmp_path: Path) -> None:
    """Looking makes nothing."""
    assert running_service(tmp_path / "nowhere") == ""
    assert not (tmp_path / "nowhere").exists()
