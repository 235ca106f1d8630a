"""Curves are replayed with the production controller, and what files say wrong is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from adaptor.cli.main import cli
from adaptor.errors import InvalidValueError
from adaptor.experiments.replay.battery import Job, run_jobs
from adaptor.experiments.replay.cases import Setup, Wanted, best_schedule, objective_of, replayed, stayed
from adaptor.experiments.replay.knowledge import Setting, context_of, prior_of
from adaptor.experiments.replay.surplus import has_flat_part, releasable, released, replay_surplus
from adaptor.experiments.simulated.curves import Curve, read_curve, synthetic_curves
from adaptor.experiments.simulated.run import Known
from adaptor.planner.policies import POLICIES

NODES = np.arange(4.0, 21.0, 4.0)
HALVES = Curve(name="halves.test", nodes=NODES, runtime_s=4000.0 / NODES, utilisation=np.full(5, 0.9))
"""Perfect division: every scale-out costs the same."""

FLAT = Curve(name="flat.test", nodes=NODES, runtime_s=np.full(5, 600.0), utilisation=np.full(5, 0.4))
SETUP = Setup(supersteps=10, slots_per_node=2, start_nodes=8, adaptation_cost_s=5.0)


def csv_of(curve: Curve, folder: Path) -> Path:
    """The curve as a file of means with CPU statistics."""
    file = folder / f"{curve.name}.csv"
    busy = curve.utilisation if curve.utilisation is not None else np.full(len(curve.nodes), 0.5)
    lines = [f"{n:g},{1000 * s},{100 * u},0" for n, s, u in zip(curve.nodes, curve.runtime_s, busy, strict=True)]
    file.write_text("\n".join(["nodes,runtime_ms,cpu_usr_pct,cpu_sys_pct", *lines]) + "\n")
    return file


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("wanted", list(Wanted))
def test_every_policy_plays_every_objective_to_its_end(policy: str, wanted: Wanted) -> None:
    """Inside the bounds, and its sums are those of its supersteps."""
    objective = objective_of(wanted, HALVES, SETUP)
    one = replayed(
        HALVES,
        SETUP,
        policy=policy,
        wanted=wanted,
        objective=objective,
        context=context_of(HALVES),
        known=Known(),
        best=best_schedule(HALVES, SETUP, objective),
    )
    played = one.played
    assert len(played.steps) == len(played.plans) == 10
    assert played.steps[0].parallelism == 16
    assert all(8 <= step.parallelism <= 40 for step in played.steps)
    assert played.runtime_s == pytest.approx(sum(s.duration_s for s in played.steps) + 5.0 * played.rescales)
    assert one.violation >= 0


def test_the_same_request_gives_the_same_run() -> None:
    """Noise comes from its seed alone."""
    noisy = Setup(supersteps=10, slots_per_node=2, start_nodes=8, adaptation_cost_s=5.0, noise=0.1, seed=3)
    objective = objective_of(Wanted.BUDGET, HALVES, noisy)
    runs = [
        replayed(
            HALVES, noisy, policy="adaptor", wanted=Wanted.BUDGET, objective=objective,
            context=context_of(HALVES), known=Known(), best=None,
        ).played.steps
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0] == runs[1]


def test_a_peer_tells_more_than_others_and_nobody_tells_the_factor() -> None:
    """With a peer's curve the interval at an unmeasured scale-out is narrower than with other programs' alone."""
    log = [HALVES, FLAT]
    others = prior_of(Setting.OTHERS, HALVES, log, supersteps=10, slots_per_node=2, seed=1)
    peer = prior_of(Setting.PEER, HALVES, log, supersteps=10, slots_per_node=2, seed=1)
    assert others is not None
    assert peer is not None
    assert (others.level_known, peer.level_known) == (False, True)
    assert prior_of(Setting.COLD, HALVES, log, supersteps=10, slots_per_node=2, seed=1) is None


@pytest.mark.parametrize("wanted", list(Wanted))
def test_rows_that_need_no_policy_go_somewhere_at_once_and_stay(wanted: Wanted) -> None:
    """Narrowest, widest, and what hindsight picks: of these the best, and no better than the best schedule."""
    objective = objective_of(wanted, HALVES, SETUP)
    best = best_schedule(HALVES, SETUP, objective)
    least, most, tuned = stayed(HALVES, SETUP, wanted=wanted, objective=objective, best=best)
    assert [step.parallelism for step in least.played.steps] == [16, *[8] * 9]
    assert [step.parallelism for step in most.played.steps] == [16, *[40] * 9]
    assert tuned.violation <= min(least.violation, most.violation) + 1e-9
    assert 0 <= tuned.regret <= min(least.regret, most.regret) + 1e-9


def test_missing_the_objective_makes_up_for_nothing() -> None:
    """The widest is faster than the best schedule that is efficient, and regrets its inefficiency in full."""
    objective = objective_of(Wanted.EFFICIENCY, FLAT, SETUP)
    best = best_schedule(FLAT, SETUP, objective)
    assert best is not None
    widest = stayed(FLAT, SETUP, wanted=Wanted.EFFICIENCY, objective=objective, best=best)[1]
    assert widest.regret == pytest.approx(max(0.0, widest.played.runtime_s / 600.0 - best.runtime_s / 600.0) + 2.5)


def test_figures_do_not_depend_on_the_number_of_processes() -> None:
    """Nor do single replays."""
    jobs = [
        Job(
            curve=curve,
            log=(HALVES, FLAT),
            settings=(Setting.COLD, Setting.PEER),
            setups=(Setup(supersteps=3, slots_per_node=2, start_nodes=8, adaptation_cost_s=5.0, noise=0.1, seed=2),),
            wanted=(Wanted.BUDGET,),
            policies=("adaptor", "static", "ellis"),
            seed=7,
        )
        for curve in (HALVES, FLAT)
    ]
    told: list[str] = []
    one, two = (run_jobs(jobs, processes=processes, progress=told.append) for processes in (1, 2))
    assert [case.replayed.played for case in one] == [case.replayed.played for case in two]
    assert len(one) == 2 * 2 * (3 + 3)
    assert told[0] == "1 of 2 replayed: halves.test, cold, peer"


def test_static_runs_of_a_local_report_are_a_curve(tmp_path: Path) -> None:
    """Measured by one experiment, replayed by the other; runs under adaptor are none."""
    runs = [
        {"variant": f"static {at}", "start_parallelism": at, "runtime_s": seconds}
        for at, seconds in ((1, 30.0), (2, 20.0), (1, 34.0), (2, 22.0), (1, 31.0), (2, 21.0))
    ]
    runs.append({"variant": "adaptor, fastest, from 1", "start_parallelism": 1, "runtime_s": 1.0})
    file = tmp_path / "local-kmeans.json"
    file.write_text(json.dumps({"figures": [], "runs": runs}))
    curve = read_curve(file)
    assert (curve.name, curve.nodes.tolist(), curve.runtime_s.tolist()) == ("local-kmeans", [1.0, 2.0], [31.0, 21.0])
    file.write_text(json.dumps({"figures": []}))
    with pytest.raises(InvalidValueError, match="FILE"):
        read_curve(file)


def test_a_surplus_is_released_where_the_curve_is_flat() -> None:
    """And only there is it looked for."""
    assert has_flat_part(FLAT)
    assert not has_flat_part(HALVES)
    found = replay_surplus([FLAT, HALVES], [], SETUP, seed=1)
    assert [name for name, _ in found] == ["flat.test, cold", "flat.test, peer"]
    for _, one in found:
        assert 0 < released(one) <= releasable(one) + 1e-9


def test_files_of_both_shapes_are_read(tmp_path: Path) -> None:
    """Means with statistics, and repeated runs whose median counts."""
    assert read_curve(csv_of(HALVES, tmp_path)).utilisation == pytest.approx([0.9] * 5)
    file = tmp_path / "job.spark.csv"
    file.write_text("Nodes,Runtime\n4,1000\n4,3000\n4,1200\n8,500\n")
    curve = read_curve(file)
    assert curve.runtime_s.tolist() == [1.2, 0.5]
    assert [len(one) for one in curve.repeated_s] == [3, 1]


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "Nodes,Runtime\n4,nan\n", "Nodes,Runtime\n-4,10\n", "Nodes,Runtime\n4\n"]
)
def test_a_file_that_holds_something_else_is_refused(text: str, tmp_path: Path) -> None:
    """With what it should hold."""
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(InvalidValueError, match="FILE"):
        read_curve(file)


def test_synthetic_curves_are_of_four_kinds_and_positive() -> None:
    """The same for the same seed."""
    curves = synthetic_curves(1)
    assert {one.name.split("-")[0] for one in curves} == {"linear", "peaked", "flat", "cliff"}
    assert all((one.runtime_s > 0).all() for one in curves)
    assert [one.runtime_s.tolist() for one in curves] == [one.runtime_s.tolist() for one in synthetic_curves(1)]


def test_the_command_reports_and_writes_a_page(tmp_path: Path) -> None:
    """One JSON object; figures have the stable names that goals are set for."""
    file = csv_of(HALVES, tmp_path)
    arguments = ["experiment", "replay", str(file), "--start", "16", "--slots-per-node", "2", "--supersteps", "3"]
    arguments += ["--processes", "1"]
    result = CliRunner().invoke(
        cli, [*arguments, "--adaptation-cost", "0", "--json", "--report", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    names = {one["name"] for one in document["figures"]}
    assert {"replay_cold_runtime_change", "replay_misled_above_cold"} <= names
    rows = {row[0] for table in document["tables"] if table["name"] == "policies" for row in table["rows"]}
    assert rows == {*POLICIES, "static least", "static most", "static tuned", "best schedule"}
    assert (tmp_path / "out" / "replay.html").exists()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--start", "17"], "--start"),
        (["--start", "400"], "--start"),
        (["--adaptation-cost", "soon"], "--adaptation-cost"),
        (["--adaptation-cost", "-1,5"], "--adaptation-cost"),
        (["--log", "."], "--log"),
    ],
)
def test_options_that_make_no_sense_are_named(options: list[str], field: str, tmp_path: Path) -> None:
    """Which the command line says in one line, with exit code 2."""
    file = csv_of(HALVES, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    options = [str(empty) if one == "." else one for one in options]
    with pytest.raises(InvalidValueError, match=field):
        CliRunner().invoke(
            cli,
            ["experiment", "replay", str(file), "--slots-per-node", "2", "--start", "16", *options],
            catch_exceptions=False,
        )
