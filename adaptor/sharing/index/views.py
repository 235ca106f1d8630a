"""The documented views of the index: their columns, what they mean, and how they are read from the tables.

Each is made of two: the documented one selects from an inner one whose name nothing given from outside can contain.
SQLite's authorizer is told through which view a table is read, but a common table expression of the same name looks
the same to it; an inner view's name cannot be borrowed so.
"""

from __future__ import annotations

import sqlite3

from adaptor.domain.shared import Measurement

OWN_PREFIX = "_ix_"
"""Starts the name of everything that is not documented; SQL given from outside may not contain it."""

MEASUREMENTS = tuple(Measurement)
"""How measurements are written in the table: by their place here."""

_MEASURED = " ".join(f"when {place} then '{one.value}'" for place, one in enumerate(MEASUREMENTS))

_VIEWS = {
    "observations": (
        # Only names of measurements are put in.
        f"""
        select o.algorithm as algorithm, b.parameters as parameters, b.data as data, b.node_type as node_type,
            b.flink_version as flink_version, b.run as run, o.superstep as superstep, o.parallelism as parallelism,
            o.scale_out as scale_out, o.duration_s as duration_s, o.cold as cold,
            o.cpu_utilisation as cpu_utilisation, case o.measurement {_MEASURED} end as measurement,
            b.contribution as contribution, b.author as author, b.own as own,
            b.contribution is not null as shared, b.standing as standing, b.contributed_at as contributed_at
        from _ix_observations o join _ix_batches b on b.batch_id = o.batch_id and b.algorithm = o.algorithm
        where b.hidden = 0 and o.doubled = 0
        """,  # noqa: S608
        {
            "algorithm": "name of the algorithm",
            "parameters": "parameters that change the work, a JSON object of texts",
            "data": "characteristics of the data, a JSON object of texts",
            "node_type": "kind of worker; empty if not told",
            "flink_version": "of the cluster; empty if not told",
            "run": "name of the run among its author's",
            "superstep": "number in its run, from 1",
            "parallelism": "subtasks it ran with",
            "scale_out": "workers it ran on; null if unknown",
            "duration_s": "seconds",
            "cold": "1 if start-up weighs on the duration, else 0",
            "cpu_utilisation": "CPU time over wall-clock time and slots; null if unknown",
            "measurement": "how the duration was measured: unknown, driver_clock, flink",
            "contribution": "id of the contribution that holds it; null if it was not shared",
            "author": "public key of who measured it, hex",
            "own": "1 if this machine measured it, else 0",
            "shared": "1 if it is in the log, else 0",
            "standing": "private, open, confirmed or refuted",
            "contributed_at": "when by the author's clock, UTC, as 2026-01-31T12:00:00.000Z; null if it was not shared",
        },
    ),
    "contributions": (
        """
        select b.contribution as contribution, b.author as author, b.own as own, b.algorithm as algorithm,
            b.parameters as parameters, b.data as data, b.node_type as node_type, b.flink_version as flink_version,
            b.run as run, b.observations as observations, b.schema_version as schema_version,
            b.contributed_at as contributed_at, b.standing as standing, b.valid as valid, b.invalid as invalid,
            b.abstained as abstained
        from _ix_batches b where b.batch_id > 0 and b.hidden = 0
        """,
        {
            "contribution": "id",
            "author": "public key of who contributed, hex",
            "own": "1 if that is this machine, else 0",
            "algorithm": "name of the algorithm",
            "parameters": "parameters that change the work, a JSON object of texts",
            "data": "characteristics of the data, a JSON object of texts",
            "node_type": "kind of worker; empty if not told",
            "flink_version": "of the cluster; empty if not told",
            "run": "name of the run among its author's",
            "observations": "how many it holds",
            "schema_version": "version of the schema it was written with",
            "contributed_at": "when by the author's clock, UTC, as 2026-01-31T12:00:00.000Z",
            "standing": "open, confirmed or refuted",
            "valid": "votes for it",
            "invalid": "votes against it",
            "abstained": "votes for neither",
        },
    ),
    "verdicts": (
        """
        select v.target as contribution, a.author as author, v.judgement as judgement,
            a.votes and a.author_id <> b.author_id as counts, v.findings as findings
        from _ix_verdicts v join _ix_authors a on a.author_id = v.author_id
            join _ix_batches b on b.contribution = v.target and b.batch_id > 0
        where v.current = 1 and b.hidden = 0
        """,
        {
            "contribution": "id of the contribution that is judged",
            "author": "public key of who judged, hex",
            "judgement": "valid, invalid or abstain",
            "counts": "1 if it is a vote: of a member, and not on an own contribution",
            "findings": "why, a JSON list of objects with validator and text",
        },
    ),
    "peers": (
        """
        select p.peer as peer, p.address as address, p.heard_at as heard_at, p.heads as heads,
            p.unknown_heads as unknown_heads, p.bytes_in as bytes_in, p.bytes_out as bytes_out,
            p.refusals as refusals, p.failures as failures, coalesce(a.votes, 0) as member,
            (select count(*) from _ix_batches b where b.author = p.peer and b.batch_id > 0 and b.hidden = 0)
                as contributions
        from _ix_peers p left join _ix_authors a on a.author = p.peer
        """,
        {
            "peer": "public key, hex, or the name of a swarm",
            "address": "where it can be reached; empty if unknown",
            "heard_at": "when it was last heard, UTC; null for never",
            "heads": "heads that it named last",
            "unknown_heads": "those of them that are not part of the log here",
            "bytes_in": "bytes taken from it",
            "bytes_out": "bytes given to it",
            "refusals": "what was refused of it, in number",
            "failures": "calls that failed since the last that did not",
            "member": "1 if its votes count, else 0",
            "contributions": "contributions of its key",
        },
    ),
}

VIEWS: dict[str, dict[str, str]] = {name: columns for name, (_, columns) in _VIEWS.items()}
"""What may be queried: each view with its columns and what they mean."""


def inner_view(name: str) -> str:
    """Name of the view through which a documented one reads the tables; nothing given from outside can name it."""
    return f"{OWN_PREFIX}view_{name}"


INNER_VIEWS = frozenset(map(inner_view, VIEWS))


def create_views(db: sqlite3.Connection) -> None:
    """All views, inner and documented ones."""
    for name, (select, columns) in _VIEWS.items():
        db.execute(f"create view {inner_view(name)} as {select}")
        db.execute(f"create view {name} as select {', '.join(columns)} from {inner_view(name)}")  # noqa: S608 - ours
