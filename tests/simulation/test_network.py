"""Many replicas on a bad network: the seeds of every test run, and that they see what is planted."""

from __future__ import annotations

import pytest

from adaptor.experiments.network import links, simulation
from adaptor.experiments.network.campaign import MUTANT_SEEDS, hunt, run_seeds
from adaptor.experiments.network.machine import Crash
from adaptor.experiments.network.mutants import MUTANTS
from adaptor.experiments.network.outcome import Outcome
from adaptor.experiments.network.scale import measure
from adaptor.experiments.network.simulation import simulate
from adaptor.experiments.report import Report

LEAST_ENTRIES = 200


def values(report: Report) -> dict[str, float | None]:
    """Figures by name."""
    return {figure.name: figure.value for figure in report.figures}


def ignored(_text: str) -> None:
    """Progress that nobody reads."""


def test_all_honest_replicas_agree_in_every_simulated_network() -> None:
    """With every kind of fault, and a fifth of the peers meaning harm; a failing seed can be replayed by its number."""
    report = run_seeds(range(MUTANT_SEEDS), progress=ignored)
    assert report.details["failed"] == []
    figures = values(report)
    assert figures["network_failures"] == figures["network_forged_entries_applied"] == 0
    assert (figures["network_entries"] or 0) >= LEAST_ENTRIES * MUTANT_SEEDS


@pytest.mark.parametrize("seed", [0, 1])
def test_every_kind_of_fault_takes_place_even_if_chance_leaves_it_out(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is drawn to crash or leave, and no message to be lost, doubled or slow: each happens all the same."""
    for name in ("CRASHES", "LEAVES", "LOSS", "DOUBLED"):
        monkeypatch.setattr(simulation, name, 0)
    monkeypatch.setattr(links, "SLOW_SHARE", 0)
    outcome = simulate(seed)
    assert outcome.failures == []
    assert [outcome.faults[f"messages_{kind}"] for kind in ("lost", "doubled", "slow")] == [1, 1, 1]
    assert outcome.faults["leaves"] == 1 and all(outcome.faults[kind.value] for kind in Crash)


def test_the_same_seed_gives_the_same_run() -> None:
    """Down to every count, so that a failure found anywhere can be looked at here."""
    one, other = simulate(3), simulate(3, tracing=True)
    assert isinstance(one, Outcome) and one.trace == [] and other.trace
    assert (one.counts, one.faults, one.refusals) == (other.counts, other.faults, other.refusals)


@pytest.mark.parametrize("name", ["signature_not_verified", "waiting_dropped_on_restart", "vote_counted_twice"])
def test_a_planted_defect_is_found(name: str) -> None:
    """A few of those that `make simulate-mutants` plants."""
    assert name in MUTANTS
    assert hunt(name, seeds=5).seed is not None


def test_news_reach_everybody_and_a_newcomer_gets_everything() -> None:
    """With a few peers; the sizes that show how it grows take longer than a test should."""
    scale = measure(10, progress=ignored)
    assert 0 < scale.entry_worst_s < 5 and 0 < scale.newcomer_worst_s < 5
    assert scale.newcomer_bytes < 2 * scale.log_bytes
