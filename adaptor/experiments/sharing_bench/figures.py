"""What came out of trials, as figures. Where the number of records decides, it stands in the name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from adaptor.experiments.report import Figure, percentile
from adaptor.experiments.sharing_bench import orbitdb
from adaptor.experiments.sharing_bench.orbitdb import Measured
from adaptor.experiments.sharing_bench.trial import Outcome

BYTES_PER_MB = 1_000_000
MS_PER_S = 1000


def figures_of(outcomes: Sequence[Outcome], other: Measured | None) -> list[Figure]:
    """All figures of the trials of one back end.

    Args:
        outcomes: One for each way of giving records.
        other: OrbitDB, if it was measured beside them; what is compared with it are records that are entries.
    """
    figures = [figure for one in outcomes for figure in _figures(one, _compared(one, other))]
    backend = outcomes[0].trial.backend
    unfinished = sum(one.unfinished for one in outcomes)
    figures.append(Figure(name=f"sharing_newcomers_unfinished_{backend}", value=unfinished, unit="newcomers"))
    for one in outcomes:
        if (compared := _compared(one, other)) is not None:
            figures += _ratios(one, compared)
    return figures


def scaling_figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Milliseconds per entry at each size of log, and how they grew from the smallest to the largest."""
    figures = []
    for what, of in (("append", _append_ms), ("bootstrap", _bootstrap_ms)):
        times = {one.trial.records: of(one) for one in outcomes}
        backend = outcomes[0].trial.backend
        figures += [
            Figure(name=f"sharing_{what}_ms_per_entry_{backend}_{records}", value=time_ms, unit="ms")
            for records, time_ms in times.items()
        ]
        first, last = times[min(times)], times[max(times)]
        growth = None if first is None or last is None else last / first
        figures.append(Figure(name=f"sharing_{what}_growth_{backend}", value=growth, unit="ratio"))
    return figures


def details_of(outcome: Outcome) -> dict[str, Any]:
    """Everything that a trial has to say."""
    return {
        "append_s": outcome.append_s,
        "append_cpu_s": outcome.append_cpu_s,
        "entries": outcome.entries,
        "newcomers": [asdict(one) for one in outcome.newcomers],
        "bootstrap_s": _bootstrap_s(outcome),
        "validation": None if outcome.judging is None else asdict(outcome.judging),
        "propagate_ms": {**_propagate_ms(outcome), "of": len(outcome.singles_s), "lost": outcome.lost},
        "rss_mb": [{name: _mb(value) for name, value in asdict(one).items()} for one in outcome.memories],
        "bytes_on_wire": outcome.bytes_in,
        "kubo_nodes": [{"rss_mb": _mb(one["rss_bytes"]), "bytes_in": one["bytes_in"]} for one in outcome.nodes],
    }


def _figures(outcome: Outcome, other: Measured | None) -> Iterator[Figure]:
    trial = outcome.trial
    way, sized = f"{trial.backend}_{trial.mode}", f"{trial.backend}_{trial.mode}_{trial.records}"
    against = {} if other is None else {"baseline_name": orbitdb.NAME}
    yield Figure(
        name=f"sharing_append_s_{sized}",
        value=outcome.append_s,
        unit="s",
        baseline=None if other is None else other.append_s,
        **against,
    )
    yield Figure(
        name=f"sharing_bootstrap_s_{sized}",
        value=_bootstrap_s(outcome),
        unit="s",
        baseline=None if other is None else other.bootstrap_s,
        **against,
    )
    yield Figure(
        name=f"sharing_bootstrap_applied_s_{sized}",
        value=_median_or_none(one.applied_s for one in outcome.newcomers),
        unit="s",
    )
    yield from _propagation_figures(outcome, other)
    yield from _memory_figures(outcome, other)
    yield Figure(name=f"sharing_bytes_on_wire_{sized}", value=sum(outcome.bytes_in), unit="bytes")
    yield Figure(
        name=f"sharing_bytes_per_record_{sized}",
        value=_share(sum(outcome.bytes_in), trial.records * len(outcome.bytes_in)),
        unit="bytes",
    )
    if outcome.judging is not None:
        yield Figure(
            name=f"sharing_validation_ms_per_contribution_{way}",
            value=_share(MS_PER_S * outcome.judging.took_s, outcome.judging.contributions),
            unit="ms",
        )


def _propagation_figures(outcome: Outcome, other: Measured | None) -> Iterator[Figure]:
    way = f"{outcome.trial.backend}_{outcome.trial.mode}"
    for name, value in _propagate_ms(outcome).items():
        baseline = None if other is None else other.single_ms.get(name)
        yield Figure(
            name=f"sharing_propagate_ms_{name}_{way}",
            value=value,
            unit="ms",
            baseline=baseline,
            baseline_name="" if baseline is None else orbitdb.NAME,
        )
    yield Figure(name=f"sharing_propagate_lost_{way}", value=outcome.lost, unit="records")


def _memory_figures(outcome: Outcome, other: Measured | None) -> Iterator[Figure]:
    """The largest of all processes: of it all, and of what was added since there was no record."""
    way = f"{outcome.trial.backend}_{outcome.trial.mode}"
    yield Figure(
        name=f"sharing_rss_mb_{way}",
        value=max(_mb(one.full) for one in outcome.memories),
        unit="MB",
        baseline=None if other is None or not other.rss_mb else max(other.rss_mb),
        baseline_name="" if other is None else orbitdb.NAME,
    )
    yield Figure(
        name=f"sharing_rss_mb_above_idle_{way}",
        value=max(_mb(one.full - one.idle) for one in outcome.memories),
        unit="MB",
    )


def _ratios(outcome: Outcome, other: Measured) -> Iterator[Figure]:
    """How many times longer OrbitDB took."""
    sized = f"{outcome.trial.backend}_{outcome.trial.records}"
    for name, theirs, ours in (
        ("append", other.append_s, outcome.append_s),
        ("bootstrap", other.bootstrap_s, _bootstrap_s(outcome)),
        ("propagate", other.single_ms.get("median"), _propagate_ms(outcome)["median"]),
    ):
        ratio = None if theirs is None or not ours else theirs / ours
        yield Figure(name=f"sharing_{name}_orbitdb_ratio_{sized}", value=ratio, unit="ratio")


def _compared(outcome: Outcome, other: Measured | None) -> Measured | None:
    return None if outcome.trial.batched else other


def _propagate_ms(outcome: Outcome) -> Mapping[str, float | None]:
    times_ms = [MS_PER_S * one for one in outcome.singles_s]
    if not times_ms:
        return {"median": None, "p99": None, "max": None}
    return {"median": median(times_ms), "p99": percentile(times_ms, 0.99), "max": max(times_ms)}


def _bootstrap_s(outcome: Outcome) -> float | None:
    return _median_or_none(one.indexed_s for one in outcome.newcomers)


def _append_ms(outcome: Outcome) -> float | None:
    return _share(MS_PER_S * outcome.append_s, outcome.entries)


def _bootstrap_ms(outcome: Outcome) -> float | None:
    bootstrap_s = _bootstrap_s(outcome)
    return None if bootstrap_s is None else _share(MS_PER_S * bootstrap_s, outcome.entries)


def _median_or_none(values: Iterable[float | None]) -> float | None:
    """The median, where every newcomer finished."""
    known = list(values)
    finished = [one for one in known if one is not None]
    return median(finished) if finished and len(finished) == len(known) else None


def _share(whole: float, parts: float) -> float | None:
    return whole / parts if parts else None


def _mb(value: int) -> float:
    return value / BYTES_PER_MB
