"""The sharing benchmark measures real processes, and leaves none behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e

LONGEST_S = 120.0


def test_a_small_log_is_measured_in_both_ways(tmp_path: Path) -> None:
    """One JSON object with every figure, a newcomer that finished in each way, and no process that stays."""
    command = "bench sharing --records 59 --peers 2 --singles 5 --no-validate --json"
    finished = subprocess.run(
        [sys.executable, "-m", "adaptor.cli", *command.split()],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    figures = {one["name"]: one["value"] for one in report["figures"]}
    assert figures["sharing_newcomers_unfinished_embedded"] == 0
    for way in ("single", "batched"):
        for name in ("append_s", "bootstrap_s", "bytes_on_wire"):
            assert figures[f"sharing_{name}_embedded_{way}_59"] > 0
        assert figures[f"sharing_propagate_lost_embedded_{way}"] == 0
        trial = report["trials"][way]
        assert [one["observations"] for one in trial["newcomers"]] == [59]
        assert len(trial["rss_mb"]) == 2
    assert report["trials"]["single"]["entries"] == 59
    assert report["trials"]["batched"]["entries"] == 1
    assert list(tmp_path.iterdir()) == []
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or ())]
