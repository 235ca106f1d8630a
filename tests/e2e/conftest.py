"""One embedded Flink and one service for all end-to-end tests of driver loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from theatre import Theatre, new_run_id

from adaptor.experiments.demo.stage import Stage


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A running stage, with the flights twice each as points."""
    home = tmp_path_factory.mktemp("stage")
    with Stage(home, home / "state") as stage:
        points = home / "points"
        stage.run_job("flights.py", [str(points), "--enlarge", "2", "--seed", "1"], log="flights.log")
        yield Theatre(stage, points)


@pytest.fixture(scope="session")
def superstep_at_1_s(theatre: Theatre) -> float:
    """Seconds of a warm superstep at parallelism 1."""
    run_id = new_run_id("calibration")
    arguments = ["--runtime-target-s", "1000", "--policy", "static", "--program", "calibration"]
    run = theatre.finish(theatre.start(run_id, *arguments, start=1, supersteps=2), run_id)
    return run.observations[-1].duration_s
