"""`adaptor experiment compare` reads what other commands wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adaptor.cli.main import cli
from adaptor.errors import InvalidValueError
from adaptor.experiments import frames
from adaptor.experiments.html_report.page import write_report
from adaptor.experiments.report import Figure, Report

pytest.importorskip("matplotlib")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    for name, value in (("a", 2.0), ("b", 1.5)):
        figures = [Figure(name="overhead_median", value=value, unit="%")]
        write_report(Report(title="trial", figures=figures, seeds={"seed": ord(name)}), tmp_path, name=name)
    return str(tmp_path / "a.json"), str(tmp_path / "b.json")


def compare(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["experiment", "compare", *arguments])


def test_differences_and_changes_are_shown_as_tables(files: tuple[str, str]) -> None:
    """For people."""
    result = compare(*files)
    assert result.exit_code == 0
    for text in ("overhead_median", "-25", "better", "seeds: seed", "97", "98"):
        assert text in result.stdout


def test_json_and_page_hold_the_same(files: tuple[str, str], tmp_path: Path) -> None:
    """The page stands beside its JSON, and a notebook gets the same table."""
    result = compare(*files, "--json", "--report", str(tmp_path / "out"))
    report = json.loads(result.stdout)
    assert report["figures"][0]["baseline"] == 2.0
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == report
    assert "overhead_median" in (tmp_path / "out" / "compare.html").read_text()
    assert frames.compared(*files).loc["overhead_median", "difference"] == -0.5


def test_files_of_the_same_name_are_told_apart_by_their_folders(files: tuple[str, str], tmp_path: Path) -> None:
    """As reports of the same experiment are called the same."""
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.json").write_text(Path(files[1]).read_text())
    columns = list(frames.compared(files[0], tmp_path / "later" / "a.json").columns)
    assert columns[1:3] == [f"A: {files[0]}", f"B: {tmp_path / 'later' / 'a.json'}"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"figures": 1}', '{"figures": [{}]}'])
def test_a_file_that_is_no_report_is_refused(files: tuple[str, str], tmp_path: Path, content: str) -> None:
    """In one line that names the file; the command line makes exit code 2 of this error."""
    (tmp_path / "wrong.json").write_text(content)
    error = compare(files[0], str(tmp_path / "wrong.json")).exception
    assert isinstance(error, InvalidValueError)
    assert "wrong.json" in str(error) and "\n" not in str(error)
