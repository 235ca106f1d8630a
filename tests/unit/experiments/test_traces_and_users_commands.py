"""The two commands on files of the two shapes, made up here: no measured data belong to the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from adaptor.cli.main import cli
from adaptor.errors import InvalidValueError

HEADER = "ID|APP_ID|STARTED_AT|FINISHED_AT|APP_EVENT_ID|JOB_ID|STARTED_AT|FINISHED_AT|DURATION_MS|SCALE_OUT"


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    """K-Means of four supersteps: three runs at 2 workers, two at 4, one at 8, and one that changes."""
    rng = np.random.default_rng(5)
    lines = [HEADER]
    for run, workers in enumerate((2, 2, 2, 4, 4, 8, 0), start=1):
        for index in range(4):
            at = workers or 2 + 2 * index
            milliseconds = 1e5 / at * np.exp(0.02 * rng.normal())
            lines.append(f"{run}|app|a|b|{index + 1}|{index}|a|b|{milliseconds:.0f}|{at}")
    (tmp_path / "some-kmeans.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Eight contexts at three scale-outs."""
    lines = ["instance_count\tmachine_type\tslots\tmemory\tdata_size_MB\tgross_runtime"]
    for megabytes in range(1000, 9000, 1000):
        lines += [f"{n}\tm\t{4 * n}\t{9000 * n}\t{megabytes}\t{20 + megabytes / n:.1f}" for n in (2, 4, 8)]
    (tmp_path / "grep.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def printed(*arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["experiment", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_traces_reports_every_policy_for_every_target(traced: Path, tmp_path: Path) -> None:
    """Violations, overrun and executor-seconds of all policies, beside the statics and both oracles, with intervals."""
    arguments = ("--repeats", 2, "--chains", 1, "--runs", 2, "--processes", 1, "--report", tmp_path / "report")
    document = printed("traces", traced, *arguments)
    rows = document["rows"]
    assert {row["target"] for row in rows} == {"published", "published with failures", "0.8", "1.0", "1.2"}
    assert {row["policy"] for row in rows} >= {
        *("adaptor", "ellis", "jockey", "initial-choice"),
        *("static least", "static most", "static tuned", "oracle", "oracle by medians"),
    }
    assert all(row["late_percent_low"] <= row["late_percent"] <= row["late_percent_high"] for row in rows)
    assert {row["run"] for row in document["recurring"]} == {1, 2}
    assert next(row for row in rows if row["target"] == "published")["target_s"] == 840.0
    thin = next(table for table in document["tables"] if table["name"] == "scale_outs")
    assert [row[thin["columns"].index("single")] for row in thin["rows"]] == [False, False, True]
    assert "late_some_kmeans_published" in (tmp_path / "report" / "traces.html").read_text()


def test_traces_takes_another_target_and_leaves_out_thin_scale_outs(traced: Path) -> None:
    """The target that is given takes the place of the published one."""
    document = printed(
        "traces", traced, "--target", "3m", "--least-runs", 2, "--repeats", 1, "--chains", 0, "--processes", 1
    )
    assert {row["target_s"] for row in document["rows"] if row["target"] == "given"} == {180.0}
    table = next(table for table in document["tables"] if table["name"] == "scale_outs")
    assert [row[1] for row in table["rows"]] == [2, 4]


def test_progress_is_told_on_stderr(measured: Path) -> None:
    """Each order that is done is a line; stdout holds the report alone."""
    result = CliRunner().invoke(
        cli, ["experiment", "users", str(measured), "--orders", "2", "--processes", "1", "--json"]
    )
    assert result.stderr.splitlines() == ["users: 1 of 2, 50 %", "users: 2 of 2, 100 %"]


@pytest.mark.parametrize("experiment", ["traces", "users"])
def test_figures_do_not_depend_on_the_number_of_processes(experiment: str, request: pytest.FixtureRequest) -> None:
    """The same seed gives the same figures on one core and on two."""
    folder = request.getfixturevalue("traced" if experiment == "traces" else "measured")
    size = ("--repeats", 2, "--chains", 1, "--runs", 2) if experiment == "traces" else ("--orders", 2)
    one, two = (printed(experiment, folder, *size, "--processes", count)["figures"] for count in (1, 2))
    assert one == two


def test_users_reports_regret_with_sharing_without_and_with_liars(measured: Path, tmp_path: Path) -> None:
    """Eight contexts make four users, so those after two others are judged and those after five are not there."""
    document = printed("users", measured, "--orders", 2, "--processes", 1, "--report", tmp_path / "report")
    names = {one["name"] for one in document["figures"]}
    assert {"users_regret_after_2", "users_sharing_ratio_after_2", "users_liars_ratio_after_2"} <= names
    assert "users_regret_after_5" not in names
    assert len(document["regrets"]) == 2 * 3 * 4
    assert (tmp_path / "report" / "users.html").exists()


@pytest.mark.parametrize(
    ("experiment", "name", "content", "said"),
    [
        ("traces", "thin.csv", f"{HEADER}\n1|app|a|b|1|0|a|b|100|4\n", "fewer than 2 scale-outs"),
        ("traces", "other.csv", "a,b\n1,2\n", "is not a trace"),
        ("users", "few.tsv", "instance_count\tmachine_type\tslots\tmemory\tgross_runtime\n2\tm\t4\t9\t5\n", "contexts"),
        ("users", "other.tsv", "a\tb\n1\t2\n", "has no column"),
    ],
)
def test_a_folder_with_nothing_to_choose_is_refused(
    experiment: str, name: str, content: str, said: str, tmp_path: Path
) -> None:
    """One line names what is missing."""
    (tmp_path / name).write_text(content)
    result = CliRunner().invoke(cli, ["experiment", experiment, str(tmp_path)])
    assert isinstance(result.exception, InvalidValueError)
    assert said in str(result.exception)
