"""What every report says about itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adaptor.experiments.report import command_line


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["bench", "sharing", "--orbitdb", "/home/someone/orbitdb"], "bench sharing --orbitdb DIR/orbitdb"),
        (["demo", "--picture=/tmp/x/demo.svg", "--seed", "3"], "demo --picture=DIR/demo.svg --seed 3"),
        (["demo", "--picture", "docs/demo.svg"], "demo --picture docs/demo.svg"),
        (["attach", "http://127.0.0.1:8081", "a job"], "attach http://127.0.0.1:8081 'a job'"),
    ],
)
def test_the_command_is_told_without_the_folders_of_this_machine(
    typed: list[str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports are shown to others."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/adaptor", *typed])
    assert command_line() == f"adaptor {shown}"


def test_a_path_below_the_working_folder_is_told_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it could have been typed."""
    monkeypatch.setattr(sys, "argv", ["/x/__main__.py", "demo", "--picture", str(Path.cwd() / "docs" / "demo.svg")])
    assert command_line() == "adaptor demo --picture docs/demo.svg"
