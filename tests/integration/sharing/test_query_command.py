"""`adaptor query`: the same result as a table, JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adaptor.cli.main import cli
from adaptor.errors import AdaptorError, InvalidValueError, StateDirectoryError
from adaptor.sharing.index import FILE_NAME, VIEWS, Index
from adaptor.sharing.participation import FOLDER_NAME
from adaptor.testing.log_entries import ALICE, OWN, Entries, a_batch, a_manifest

SQL = "select run, superstep, duration_s, scale_out from observations order by superstep"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state directory with an index of two observations."""
    folder, log = tmp_path / "state" / FOLDER_NAME, Entries(a_manifest())
    folder.mkdir(parents=True)
    log.contribution(ALICE, a_batch("[red]run[/red]", durations_s=(2.5, 1.5)))
    with closing(Index(folder / FILE_NAME, a_manifest(), OWN)) as index:
        index.apply(log.written)
    return tmp_path / "state"


def run(state_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["query", "--state-dir", str(state_dir), *arguments], catch_exceptions=True)


def problem(result: Result) -> AdaptorError:
    assert isinstance(result.exception, AdaptorError)
    return result.exception


def test_a_table_shows_what_peers_wrote_as_it_is(state_dir: Path) -> None:
    """Their texts are no markup."""
    result = run(state_dir, SQL)
    assert result.exit_code == 0
    assert "[red]run[/red]" in result.output
    assert "2.5" in result.output


def test_json_is_one_object_with_a_row_by_names(state_dir: Path) -> None:
    """And says whether there is more."""
    document = json.loads(run(state_dir, SQL, "--format", "json", "--max-rows", "5").stdout)
    assert document["columns"] == ["run", "superstep", "duration_s", "scale_out"]
    assert document["rows"][1] == {"run": "[red]run[/red]", "superstep": 2, "duration_s": 1.5, "scale_out": None}
    assert document["truncated"] is False


def test_csv_has_a_header(state_dir: Path) -> None:
    """Unknown values are empty."""
    rows = list(csv.reader(io.StringIO(run(state_dir, SQL, "--format", "csv").stdout)))
    assert rows == [
        ["run", "superstep", "duration_s", "scale_out"],
        *[["[red]run[/red]", n, d, ""] for n, d in (("1", "2.5"), ("2", "1.5"))],
    ]


def test_parquet_goes_to_a_file_with_types(state_dir: Path, tmp_path: Path) -> None:
    """A column of several types becomes text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "out.parquet"
    sql = "select superstep, duration_s, case superstep when 1 then 1 else 'b' end as mixed from observations"
    assert run(state_dir, sql, "--format", "parquet", "--output", str(file)).exit_code == 0
    table = parquet.read_table(file)
    assert table.column_names == ["superstep", "duration_s", "mixed"]
    assert table.to_pydict() == {"superstep": [1, 2], "duration_s": [2.5, 1.5], "mixed": ["1", "b"]}


def test_parquet_without_pyarrow_says_what_to_install(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = problem(run(state_dir, SQL, "--format", "parquet", "--output", "x"))
    assert "pip install" in str(error)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_format_can_go_to_a_file(state_dir: Path, tmp_path: Path, form: str) -> None:
    """Then nothing is printed."""
    file = tmp_path / "out"
    result = run(state_dir, SQL, "--format", form, "--output", str(file))
    assert (result.exit_code, result.output) == (0, "")
    assert "[red]run[/red]" in file.read_text()
    assert isinstance(problem(run(state_dir, SQL, "--format", form, "--output", str(tmp_path))), InvalidValueError)


def test_what_was_cut_off_is_said_beside_the_result(state_dir: Path) -> None:
    """So that JSON stays JSON."""
    result = run(state_dir, SQL, "--format", "json", "--max-rows", "1")
    assert "cut off after 1 rows" in result.stderr
    assert json.loads(result.stdout)["truncated"] is True


def test_views_are_listed_with_what_columns_mean(state_dir: Path) -> None:
    """All of them."""
    output = run(state_dir, "--views").output
    for columns in VIEWS.values():
        assert all(name in output for name in columns)


def test_mistakes_are_named(state_dir: Path, tmp_path: Path) -> None:
    """No SQL, wrong SQL, no index, no time."""
    assert "must be given" in str(problem(run(state_dir)))
    assert "observations has" in str(problem(run(state_dir, "select foo from observations")))
    assert isinstance(problem(run(tmp_path / "elsewhere", SQL)), StateDirectoryError)
    endless = "with recursive r (x) as (select 1 union all select x + 1 from r) select count(*) from r"
    assert "longer than 0.2 s" in str(problem(run(state_dir, endless, "--timeout", "200ms")))
