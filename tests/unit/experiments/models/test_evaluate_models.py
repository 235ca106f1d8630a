"""Protocols over files of the three shapes, made up here: no measured data belong to the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from adaptor.cli.main import cli
from adaptor.errors import InvalidValueError
from adaptor.experiments.models.bench import bench_models
from adaptor.experiments.models.c3o import read_jobs
from adaptor.experiments.models.contexts import subsets
from adaptor.experiments.models.outcome import Request
from adaptor.experiments.models.poisoning import poisoned, poisoning
from adaptor.experiments.models.random_split import filtered, random_split
from adaptor.experiments.models.scores import Score, Scores, paired_difference


def c3o_folder(
    folder: Path, *, job: str = "job", size: str = "data_size_MB", parameter: str = "k", factor: float = 1.0
) -> Path:
    """One job of six contexts of two machine types, at three scale-outs, twice each."""
    rng = np.random.default_rng(1)
    lines = [f"instance_count\tmachine_type\tslots\tmemory\t{size}\t{parameter}\tgross_runtime"]
    for machine, cores, pace in (("big", 8, 1.0), ("small", 4, 1.1)):
        for megabytes in (1000, 2000, 4000):
            for n in (2, 4, 8):
                for _ in range(2):
                    seconds = factor * pace * (20 + megabytes * 0.8 / (n * cores)) * np.exp(0.01 * rng.normal())
                    lines.append(f"{n}\t{machine}\t{n * cores}\t{n * cores * 2000}\t{megabytes}\t{3}\t{seconds:.6f}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{job}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def bell_folder(folder: Path) -> Path:
    """Two jobs at five scale-outs, five runs each."""
    rng = np.random.default_rng(2)
    folder.mkdir(parents=True, exist_ok=True)
    for job, share in (("one", 0.02), ("two", 0.1)):
        lines = ["Nodes,Runtime"]
        for n in (4, 8, 16, 24, 32):
            lines += [f"{n},{1e6 * (share + 1 / n) * np.exp(0.01 * rng.normal()):.0f}" for _ in range(5)]
        (folder / f"{job}.csv").write_text("\n".join(lines) + "\n")
    return folder


def ellis_folder(folder: Path) -> Path:
    """One job of six supersteps, four runs at constant scale-outs and one that changes."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["ID|APP_ID|STARTED_AT|FINISHED_AT|APP_EVENT_ID|JOB_ID|STARTED_AT|FINISHED_AT|DURATION_MS|SCALE_OUT"]
    for run, workers in enumerate((4, 4, 8, 8, 0), start=1):
        for index in range(6):
            at = workers or 4 + index
            milliseconds = 1e5 / at / (1 + index) * np.exp(0.02 * rng.normal())
            lines.append(f"{run}|App|a|b|1|{index}|c|d|{milliseconds:.0f}|{at}")
    (folder / "app.csv").write_text("\n".join(lines) + "\n")
    return folder


def evaluated(folder: Path, *options: str) -> dict[str, Any]:
    """The JSON of the command."""
    result = CliRunner().invoke(cli, ["models", "evaluate", str(folder), *options, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def left_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Leave-one-context-out over one small job, with files."""
    folder = tmp_path_factory.mktemp("data")
    options = ("--protocol", "leave-one-context-out", "--format", "c3o", "--k", "0,1")
    return evaluated(c3o_folder(folder / "c3o"), *options, "--report", str(folder / "report")) | {"folder": folder}


def test_every_method_is_shown_side_by_side(left_out: dict[str, Any]) -> None:
    """Baselines, adaptor and adaptor without its parts; errors of a lawful job are small."""
    rows = {row["method"]: row for row in left_out["tables"]["errors"] if row["job"] == "all"}
    laws = {"ernest", "amdahl", "universal scalability", "bell"}
    parts = {"adaptor without update", "adaptor without trees and memory", "adaptor without trees and outliers"}
    assert laws | parts | {"gbm-c3o", "gbm-log", "adaptor"} <= rows.keys()
    assert rows["adaptor"]["mean k=1"] < 10 < rows["ernest"]["mean k=0"] + 10
    names = {figure["name"] for figure in left_out["figures"]}
    assert {"leave_one_context_out_k0_ratio", "leave_one_context_out_coverage_80"} <= names


def test_a_report_holds_tables_and_plots(left_out: dict[str, Any]) -> None:
    """As CSV, Markdown and PNG."""
    report = left_out["folder"] / "report"
    assert {"errors.csv", "errors.md", "coverage.csv", "error.png", "coverage.png", "curves.png"} <= {
        file.name for file in report.iterdir()
    }


def test_names_of_files_columns_and_units_of_time_do_not_matter(tmp_path: Path, left_out: dict[str, Any]) -> None:
    """A renamed job with a renamed parameter, seven times slower, has the same relative errors."""
    other = evaluated(
        c3o_folder(tmp_path, job="zz", parameter="renamed", factor=7.0),
        *("--protocol", "leave-one-context-out", "--format", "c3o", "--k", "0,1"),
    )
    own = next(row for row in left_out["tables"]["errors"] if row["method"] == "adaptor")
    same = next(row for row in other["tables"]["errors"] if row["method"] == "adaptor")
    assert same["mean k=0"] == pytest.approx(own["mean k=0"], abs=0.05)
    assert same["mean k=1"] == pytest.approx(own["mean k=1"], abs=0.05)


@pytest.mark.parametrize("protocol", ["leave-one-machine-type-out", "leave-one-data-size-out", "extrapolate-scale-out"])
def test_other_parts_can_be_left_out(protocol: str, tmp_path: Path) -> None:
    """Each gives a figure beside the best baseline."""
    found = evaluated(c3o_folder(tmp_path), "--protocol", protocol, "--format", "c3o", "--k", "0")
    name = protocol.replace("-", "_")
    assert any(figure["name"].startswith(name) and "ratio_to_best" in figure["name"] for figure in found["figures"])


def test_the_learning_curve_reads_repeated_runs(tmp_path: Path) -> None:
    """With its anchors and the floor."""
    options = ("--protocol", "learning-curve", "--format", "bell", "--repeats", "20")
    rows = evaluated(bell_folder(tmp_path), *options)["tables"]["errors"]
    assert [row["n"] for row in rows] == [3, 4, 5]
    assert {"adaptor", "nnls", "bell", "local linear", "linear in logs"} <= rows[0].keys()


def test_supersteps_reads_runs_of_constant_scale_out(tmp_path: Path) -> None:
    """The run that changes is left aside."""
    rows = evaluated(ellis_folder(tmp_path), "--protocol", "supersteps", "--format", "ellis")["tables"]["errors"]
    own = [row for row in rows if row["method"] == "adaptor" and row["at"] == "own scale-out"]
    assert [row["s"] for row in own] == [0, 1, 2, 5]
    assert all(row["predictions"] == 4 for row in own)
    assert own[0]["mean error"] < 20


def test_random_splits_are_paired(tmp_path: Path) -> None:
    """Every method on the same splits, adaptor below the naive law."""
    request = Request(
        folder=c3o_folder(tmp_path),
        protocol="random-split",
        format="c3o",
        numbers_given=(0,),
        repeats=2,
        seed=1,
        processes=1,
    )
    rows = {row["method"]: row for row in random_split(request, lambda _, __: None).tables["errors"]}
    assert rows["adaptor"]["mean error"] < 10
    assert rows["adaptor"]["difference"] == 0


def test_the_filter_keeps_the_usual_machine_type_without_naming_it(tmp_path: Path) -> None:
    """Both types have as many runs here; no scale-out is short of memory."""
    (job,) = read_jobs(c3o_folder(tmp_path))
    kept = filtered(job)
    assert {row.context.node_type for row in kept} == {"big"}
    assert {row.scale_out for row in kept} == {2, 4, 8}


@pytest.mark.parametrize("way", ["random", "one_author", "wrong_unit"])
def test_poison_spoils_the_share_it_is_asked_to(way: str, tmp_path: Path) -> None:
    """And nothing else."""
    (job,) = read_jobs(c3o_folder(tmp_path))
    rng = np.random.default_rng(1)
    rows = job.rows * 20
    found = poisoned(rows, share=0.3, way=way, rng=rng)
    wrong = [a.duration_s != b.duration_s for a, b in zip(rows, found, strict=True)]
    assert np.mean(wrong) == pytest.approx(0.3, abs=0.05)
    if way != "random":
        assert wrong == [row.contributor == "liar" for row in found]


def test_the_poisoning_table_is_relative_to_clean_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One context is enough to see the table."""
    monkeypatch.setattr("adaptor.experiments.models.poisoning.CONTEXTS_PER_JOB", 1)
    monkeypatch.setattr("adaptor.experiments.models.poisoning.SHARES", (0.0, 0.2))
    request = Request(
        folder=c3o_folder(tmp_path),
        protocol="poisoning",
        format="c3o",
        numbers_given=(0,),
        repeats=None,
        seed=1,
        processes=1,
    )
    rows = poisoning(request, lambda _, __: None).tables["poisoning"]
    assert {(row["way"], row["share"]) for row in rows} == {
        (way, share) for way in ("random", "one_author", "wrong_unit") for share in (0.0, 0.2)
    }
    spoilt = {row["method"]: row["relative"] for row in rows if row["way"] == "wrong_unit" and row["share"] > 0}
    assert spoilt["adaptor"] < spoilt["adaptor without trees and outliers"]


@pytest.mark.parametrize("text", ["", "instance_count\tslots\n2\t16\n"])
def test_files_of_another_shape_are_refused_with_their_name(text: str, tmp_path: Path) -> None:
    """The message says which column is missing."""
    (tmp_path / "odd.tsv").write_text(text)
    with pytest.raises(InvalidValueError, match=r"odd.tsv: has no column"):
        read_jobs(tmp_path)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """And the message says where such data can be had."""
    with pytest.raises(InvalidValueError, match=r"docs/models.md"):
        read_jobs(tmp_path)


def test_subsets_are_all_there_are_or_ten_of_them() -> None:
    """None where nothing would be left to predict."""
    assert subsets(6, 0, seed=[1]) == [()]
    assert len(subsets(6, 1, seed=[1])) == 6
    assert len(subsets(6, 3, seed=[1])) == 10
    assert subsets(3, 3, seed=[1]) == []


def test_contexts_count_alike_however_many_predictions_they_have() -> None:
    """And jobs count alike however many contexts."""

    def score(job: str, context: int, predicted_s: float) -> Score:
        return Score(
            job=job, context=context, given=0, subset=0, method="m", scale_out=2, true_s=1.0, predicted_s=predicted_s
        )

    scores = Scores([score("a", 0, 1.2), score("a", 0, 1.2), score("a", 1, 1.0), score("b", 0, 1.3)])
    assert scores.mean_error(scores.chosen(method="m")) == pytest.approx((0.1 + 0.3) / 2)
    assert paired_difference({("a", 0): 0.2}, {("a", 0): 0.1})[0] == pytest.approx(0.1)


def test_the_bench_of_models_names_its_figures() -> None:
    """With few observations it is quick."""
    report = bench_models(observations=200, calls=3, seed=1)
    assert {figure.name for figure in report.figures} >= {"models_fit", "models_barrier_p99", "models_fit_peak_memory"}
