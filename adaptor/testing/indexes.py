"""What tests put into an index, and how they look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.statistics import FlinkStatistics
from adaptor.domain.verdict import Judgement
from adaptor.sharing.index import run_query
from adaptor.testing.log_entries import ALICE, BOB, FOUNDER, OWN, Entries, a_batch, a_manifest

LISTED = a_manifest(listed=(OWN, ALICE, BOB))
"""Rules of a log with listed writers, this machine among them."""


def rows(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query gives."""
    return list(run_query(path, sql, parameters=values).rows)


def standings(path: Path) -> dict[str, str]:
    """How every contribution stands."""
    return dict(rows(path, "select contribution, standing from contributions"))


def an_observation(superstep: int, *, run: str = "mine", **fields: Any) -> Observation:
    """One of this machine's own, with what is to be other than usual."""
    defaults: dict[str, Any] = {
        "observation_id": f"{run}/{superstep}/1",
        "run_id": run,
        "superstep": superstep,
        "attempt": 1,
        "context": ExecutionContext(program="kmeans", parameters={"k": "8"}, node_type="laptop"),
        "planned_parallelism": 2,
        "requested_parallelism": 2,
        "observed_parallelism": 4,
        "duration_s": 10.0 + superstep,
        "cold": superstep == 1,
        "failed": False,
        "shareable": True,
        "flink": FlinkStatistics(cpu_utilisation=0.5),
    }
    return Observation(**{**defaults, **fields})


def a_story() -> Entries:
    """A log in which nearly every entry changes what others amount to."""
    log = Entries(LISTED)
    cids = [log.contribution(author, a_batch(f"r{number}")) for number, author in enumerate((ALICE, BOB, OWN, ALICE))]
    log.verdict(FOUNDER, *cids)
    log.verdict(BOB, *cids, says=Judgement.INVALID)
    log.withdrawal(ALICE, cids[0])
    log.revoke(BOB, 1)
    log.contribution(BOB, a_batch("twin"), number=1)
    log.verdict(OWN, *cids)
    log.admit(BOB)
    return log
