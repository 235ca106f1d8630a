"""How fast the index answers: filtered queries over many contributions, beside the same found without an index.

Contributions are synthetic and the same for the same seed: a few algorithms, many contexts, power-of-two parallelisms,
durations by a scale-out law with noise, some measured twice, some withdrawn, most of them judged. Each query draws its
own values, so no two ask for the same rows, and takes what `adaptor query` would: a connection of its own, made for it.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.shared import SharedBatch, SharedContext, SharedObservation
from adaptor.domain.verdict import Assessment, Finding, Judgement, Verdict
from adaptor.experiments.report import Figure, Report, percentile
from adaptor.sharing.contributions import read_contribution, write_contribution
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.entry import Entry, Kind, SignedEntry
from adaptor.sharing.core.manifest import Manifest
from adaptor.sharing.index import Index, IndexReader, ObservationFilter, run_query
from adaptor.sharing.log_file import StoredEntry
from adaptor.sharing.statements import write_validation, write_withdrawal

ALGORITHMS = 20
CONTEXTS = 2000
NODE_TYPES = 12
AUTHORS = 50
MEMBERS = 10
"""As many as a group of laboratories might have: contexts per algorithm as in public traces, a hundred."""

PARALLELISMS = (1, 2, 4, 8, 16, 32, 64)
NOISE = 0.1
"""Spread of log durations."""

VERDICTS_PER_ENTRY = 100
SLICE = 64
"""Entries that the service takes in at once."""

FIRST_MS = 1_750_000_000_000
ENTRY_MS = 10_000

PAGE = 1000
"""Rows of a page and of a result at most, as everywhere."""

QUERIES: dict[str, str] = {
    "range": "select * from observations where algorithm = :algorithm and parallelism between :low and :high",
    "by_parallelism": (
        "select parallelism, count(*), avg(duration_s) from observations "
        "where algorithm = :algorithm and parallelism between :low and :high group by parallelism"
    ),
    "confirmed": (
        "select parallelism, min(duration_s), max(duration_s) from observations where algorithm = :algorithm "
        "and parallelism between :low and :high and standing = 'confirmed' group by parallelism"
    ),
    "node_type": (
        "select * from observations where algorithm = :algorithm and node_type = :node_type and parallelism = :low"
    ),
    "parameter": (
        "select parallelism, avg(duration_s) from observations where algorithm = :algorithm "
        "and node_type = :node_type and parameters ->> 'k' = :k and not cold group by parallelism"
    ),
    "author": "select * from observations where author = :author and algorithm = :algorithm",
    "fastest": (
        "select duration_s, contribution from observations where algorithm = :algorithm and parallelism = :low "
        "order by duration_s limit 10"
    ),
    "newest": "select * from observations where contributed_at > :since and algorithm = :algorithm",
    "run": "select superstep, parallelism, duration_s from observations where run = :run order by superstep",
    "contribution": (
        "select o.superstep, o.duration_s, v.author, v.judgement from observations o "
        "left join verdicts v using (contribution) where o.contribution = :contribution"
    ),
}
"""Filters of all kinds that the columns invite to; each has the same share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Synthetic entries of one log.

    Attributes:
        contributions: How many.
        observations: In each of them.
        seed: Of everything.
    """

    contributions: int
    observations: int
    seed: int

    @property
    def manifest(self) -> Manifest:
        """Rules of the log: a few members vote."""
        return Manifest(
            name="bench", founder=_key(0), writers=tuple(map(_key, range(1, AUTHORS))), quorum=2, salt=b"s" * 32
        )

    def entries(self) -> Iterator[StoredEntry]:
        """Contributions, each hundred followed by two members' verdicts on them, now and then a withdrawal."""
        chance, log_id = random.Random(self.seed), self.manifest.log_id  # noqa: S311 - a seeded corpus
        contexts = [_context(chance, number) for number in range(CONTEXTS)]
        numbers = [0] * AUTHORS
        sequence = 0
        waiting: list[Cid] = []
        authors: dict[Cid, int] = {}

        def entry(kind: Kind, author: int, payload: bytes) -> StoredEntry:
            nonlocal sequence
            sequence += 1
            numbers[author] += 1
            return _stored(log_id, kind, author, payload, number=numbers[author], sequence=sequence)

        for number in range(self.contributions):
            author = chance.randrange(AUTHORS)
            payload = _contribution(chance, contexts[chance.randrange(CONTEXTS)], number, self.observations)
            one = entry(Kind.CONTRIBUTION, author, payload)
            yield one
            waiting.append(one.signed.cid)
            authors[one.signed.cid] = author
            if len(waiting) == VERDICTS_PER_ENTRY:
                for judge in chance.sample(range(MEMBERS), 2):
                    yield entry(Kind.VALIDATION, judge, _verdicts(chance, waiting))
                yield entry(Kind.WITHDRAWAL, authors[waiting[0]], write_withdrawal(waiting[:1]))
                waiting.clear()
                authors.clear()


def bench_query(*, contributions: int, queries: int, seed: int, progress: Callable[[str], None]) -> Report:
    """Measure the index with ten observations in each contribution, and again with one.

    Args:
        contributions: How many.
        queries: How many are measured.
        seed: Of corpus and queries.
        progress: Told what is being done.

    Returns:
        Percentiles of the queries beside a scan, times of building and keeping, sizes.
    """
    figures: list[Figure] = []
    details: dict[str, object] = {"contributions": contributions, "queries": queries}
    for observations, prefix in ((10, "query"), (1, "query_single")):
        corpus = Corpus(contributions=contributions, observations=observations, seed=seed)
        progress(f"{contributions} contributions of {observations} observations each")
        with tempfile.TemporaryDirectory(prefix="adaptor-bench-") as folder:
            measured = _Measured(corpus, Path(folder) / "index.db", progress)
            figures += measured.figures(prefix, queries=queries)
            details[prefix] = measured.details
    return Report(
        title=f"Queries over {contributions} contributions, of ten observations each and of one each (single)",
        figures=figures,
        seeds={"corpus and queries": seed},
        details={**details, "sqlite": sqlite3.sqlite_version, "sql": QUERIES},
    )


class _Measured:
    """One corpus, its index, and what it took."""

    def __init__(self, corpus: Corpus, path: Path, progress: Callable[[str], None]) -> None:
        self._corpus = corpus
        self._path = path
        self._progress = progress
        self.details: dict[str, object] = {}

    def figures(self, prefix: str, *, queries: int) -> list[Figure]:
        build = self._build()
        own = [Figure(name=f"{prefix}_{name}", value=value, unit=unit) for name, value, unit in build]
        drawn = list(self._drawn(queries))
        taken = [self._timed(sql, values) for _, sql, values in drawn]
        times_s, cpu_s = [wall_s for wall_s, _ in taken], [cpu_s for _, cpu_s in taken]
        by_kind = {
            kind: round(
                1000 * percentile([t for t, one in zip(times_s, drawn, strict=True) if one[0] == kind], 0.99), 3
            )
            for kind in QUERIES
        }
        self.details["p99_ms_by_query"] = by_kind
        self.details["plans"] = self._plans()
        pages_s = self._pages(queries // 10 or 1)
        self._progress("the same without indices, and from the log's payloads")
        bare_s, scan_s = self._without_indices(drawn), self._scan()
        return [
            *_percentiles(prefix, times_s, baseline_s=bare_s, baseline_name="the same tables without indices"),
            Figure(name=f"{prefix}_cpu_p99", value=1000 * percentile(cpu_s, 0.99), unit="ms"),
            Figure(name=f"{prefix}_scan_of_payloads", value=scan_s, unit="s"),
            Figure(name=f"{prefix}_page_p99", value=1000 * percentile(pages_s, 0.99), unit="ms"),
            *own,
        ]

    def _build(self) -> list[tuple[str, float, str]]:
        """Keep an index as the service does, then make it again from the log."""
        corpus = self._corpus
        self._progress("keeping the index")
        entries = list(corpus.entries())
        with closing(Index(self._path, corpus.manifest, _key(0))) as index:
            began_s = time.perf_counter()
            for start in range(0, len(entries), SLICE):
                index.apply(entries[start : start + SLICE])
            kept_s = time.perf_counter() - began_s
            self._progress("making it again")
            began_s, began_cpu_s = time.perf_counter(), time.thread_time()
            index.rebuild(entries)
            rebuilt_s, rebuilt_cpu_s = time.perf_counter() - began_s, time.thread_time() - began_cpu_s
        with closing(IndexReader(self._path)) as reader:
            self.details["counts"] = reader.counts()
        payload_bytes = sum(len(one.signed.entry.payload) for one in entries)
        return [
            ("rebuild", rebuilt_s, "s"),
            ("rebuild_cpu", rebuilt_cpu_s, "s"),
            ("kept_rate", len(entries) / kept_s, "entries/s"),
            ("file_size", self._path.stat().st_size / 1e6, "MB"),
            ("payload_size", payload_bytes / 1e6, "MB"),
        ]

    def _drawn(self, queries: int) -> Iterator[tuple[str, str, dict[str, object]]]:
        chance = random.Random(self._corpus.seed + 1)  # noqa: S311 - seeded queries
        last_ms = FIRST_MS + ENTRY_MS * self._corpus.contributions
        ids = [row[0] for row in run_query(self._path, "select contribution from contributions", max_rows=PAGE).rows]
        kinds = tuple(QUERIES.items())
        for number in range(queries):
            kind, sql = kinds[number % len(kinds)]
            low = chance.randrange(len(PARALLELISMS) - 2)
            values: dict[str, object] = {
                "algorithm": f"algorithm-{chance.randrange(ALGORITHMS)}",
                "low": PARALLELISMS[low],
                "high": PARALLELISMS[low + 2],
                "node_type": f"node-{chance.randrange(NODE_TYPES)}",
                "k": str(chance.randrange(2, 9)),
                "author": _key(chance.randrange(AUTHORS)).hex(),
                "since": _time(last_ms - chance.randrange(ENTRY_MS * 1000)),
                "run": f"run-{chance.randrange(self._corpus.contributions)}",
                "contribution": chance.choice(ids),
            }
            yield kind, sql, {name: value for name, value in values.items() if f":{name}" in sql}

    def _timed(self, sql: str, values: dict[str, object]) -> tuple[float, float]:
        """Seconds by the clock, and of this thread's CPU time, which other programs on the machine do not add to."""
        began_s, began_cpu_s = time.perf_counter(), time.thread_time()
        run_query(self._path, sql, parameters=values, max_rows=PAGE)
        return time.perf_counter() - began_s, time.thread_time() - began_cpu_s

    def _plans(self) -> dict[str, list[str]]:
        [*drawn] = self._drawn(len(QUERIES))
        return {
            kind: [row[3] for row in run_query(self._path, f"explain query plan {sql}", parameters=values).rows]
            for kind, sql, values in drawn
        }

    def _pages(self, pages: int) -> list[float]:
        """Times of the service's pages, each of another place in another filter."""
        chance = random.Random(self._corpus.seed + 2)  # noqa: S311 - seeded queries
        times_s = []
        with closing(IndexReader(self._path)) as reader:
            for _ in range(pages):
                wanted = ObservationFilter(algorithm=f"algorithm-{chance.randrange(ALGORITHMS)}", max_parallelism=8)
                token = ""
                for _ in range(3):
                    began_s = time.perf_counter()
                    token = reader.filtered(wanted, page_token=token, page_size=100).next_page_token
                    times_s.append(time.perf_counter() - began_s)
        return times_s

    def _without_indices(self, drawn: Sequence[tuple[str, str, dict[str, object]]]) -> list[float]:
        """Times of a few of the queries on the same tables without the indices of the index."""
        path = self._path.with_name("bare.db")
        shutil.copyfile(self._path, path)
        with closing(sqlite3.connect(path)) as db:
            names = db.execute("select name from sqlite_master where type = 'index' and sql is not null").fetchall()
            for (name,) in names:
                db.execute(f"drop index {name}")
            db.commit()
        times_s = []
        for _, sql, values in drawn[: 2 * len(QUERIES)]:
            began_s = time.perf_counter()
            run_query(path, sql, parameters=values, max_rows=PAGE, max_s=60.0)
            times_s.append(time.perf_counter() - began_s)
        path.unlink()
        return times_s

    def _scan(self) -> float:
        """Seconds to read every contribution of the log for those of one algorithm, as without any index."""
        batch = self._corpus.manifest.limits.batch
        found, took_s = 0, 0.0
        for one in self._corpus.entries():
            entry = one.signed.entry
            if entry.kind is Kind.CONTRIBUTION:
                began_s = time.perf_counter()
                found += read_contribution(entry.payload, batch=batch).context.algorithm == "algorithm-3"
                took_s += time.perf_counter() - began_s
        self.details["scan_found"] = found
        return took_s


def _percentiles(
    prefix: str, times_s: Sequence[float], *, baseline_s: Sequence[float], baseline_name: str
) -> list[Figure]:
    return [
        Figure(
            name=f"{prefix}_{name}",
            value=1000 * percentile(times_s, share),
            unit="ms",
            baseline=1000 * percentile(baseline_s, share),
            baseline_name=baseline_name,
        )
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    ]


# --- the corpus ---------------------------------------------------------------------------------------------


def _key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _time(at_ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms // 1000)) + ".000Z"


def _context(chance: random.Random, number: int) -> SharedContext:
    return SharedContext(
        algorithm=f"algorithm-{number % ALGORITHMS}",
        parameters={"k": str(chance.randrange(2, 9)), "tolerance": "0.01"},
        data={"rows": str(chance.randrange(1, 100) * 100_000), "bytes": str(chance.randrange(1, 100) * 10**7)},
        node_type=f"node-{chance.randrange(NODE_TYPES)}",
        flink_version="2.3.0",
    )


def _contribution(chance: random.Random, context: SharedContext, number: int, observations: int) -> bytes:
    parallelism = chance.choice(PARALLELISMS)
    expected_s = 2.0 + int(context.data["rows"]) / 1e5 / parallelism + 0.05 * parallelism
    batch = SharedBatch(
        context=context,
        run=f"run-{number}",
        observations=tuple(
            SharedObservation(
                superstep=superstep,
                parallelism=parallelism,
                duration_s=expected_s * chance.lognormvariate(0.0, NOISE),
                cold=superstep == 1,
                cpu_utilisation=0.8,
            )
            for superstep in range(1, observations + 1)
        ),
    )
    return write_contribution(batch)


def _verdicts(chance: random.Random, targets: Sequence[Cid]) -> bytes:
    return write_validation(
        [
            Verdict(
                target=target,
                assessment=Assessment(
                    judgement=chance.choices(tuple(Judgement), weights=(8, 1, 2))[0],
                    findings=(Finding(validator="residual", text="0 of 10 comparable durations are off"),),
                ),
            )
            for target in targets
        ]
    )


def _stored(log_id: Cid, kind: Kind, author: int, payload: bytes, *, number: int, sequence: int) -> StoredEntry:
    entry = Entry(
        log=log_id,
        kind=kind,
        author=_key(author),
        number=number,
        previous=None,
        parents=(),
        skips=(),
        height=sequence,
        at_ms=FIRST_MS + ENTRY_MS * sequence,
        payload=payload,
    )
    return StoredEntry(sequence, SignedEntry(cid=cid_of(entry.body), block=b"", entry=entry), "bench")
