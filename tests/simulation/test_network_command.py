"""The command that simulates networks."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from adaptor.cli.main import cli


def run(*arguments: str) -> Result:
    """The command with these options, for programs."""
    return CliRunner().invoke(cli, ["experiment", "network", "--json", *arguments])


def test_a_seed_is_replayed_with_a_trace_that_people_can_read(tmp_path: Path) -> None:
    """Who applies, misses, refuses and asks what, in the order in which it happened."""
    result = run("--seed", "5", "--report", str(tmp_path))
    report = json.loads(result.stdout)
    assert result.exit_code == 0 and report["failures"] == []
    trace = (tmp_path / "network_5.txt").read_text()
    assert all(word in trace for word in ("applies", "refuses", "pulls from", "dies: crash_torn_write", "joins"))
    assert json.loads((tmp_path / "network.json").read_text()) == report


def test_seeds_are_added_up_and_faults_and_refusals_counted(tmp_path: Path) -> None:
    """By kind and by reason."""
    report = json.loads(run("--seeds", "1", "--first", "7").stdout)
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert figures["network_failures"]["value"] == 0 and figures["network_failures"]["met"]
    assert report["counts"]["entries"] >= 200
    assert report["faults"]["messages_lost"] and report["refusals"]["wrong_signature"]


def test_a_planted_defect_shows_in_the_exit_code() -> None:
    """And in what the seed reports."""
    result = run("--seed", "0", "--mutant", "signature_not_verified")
    assert result.exit_code == 1
    assert "forged" in json.loads(result.stdout)["failures"][0]
