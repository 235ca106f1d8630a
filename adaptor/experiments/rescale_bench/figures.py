"""The figures of rescales under one condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from adaptor.experiments.report import Figure, percentile
from adaptor.experiments.rescale_bench.trial import ADAPTOR, BARE, Measured, Trial


def figures(measured: Measured) -> list[Figure]:
    """All of them, named after the condition."""
    own, bare = ([one for one in measured.trials if one.way == way] for way in (ADAPTOR, BARE))
    at = measured.condition.name
    above = [
        one.timing.ask_to_restart_s - (one.proof.checkpoint_s or 0.0) for one in own if one.proof and one.proof.aligned
    ]
    aligned = sum(one.proof is not None and one.proof.aligned for one in own)
    not_done = len([one for one in measured.failures if one.startswith(ADAPTOR)])
    tried = len(own) + not_done
    exact = measured.exact
    return [
        Figure(name=f"rescale_not_aligned_{at}", value=tried - aligned, unit=f"of {tried} rescales"),
        Figure(name=f"rescale_streams_not_exactly_once_{at}", value=exact.count(False), unit=f"of {len(exact)}"),
        Figure(name=f"rescale_ask_above_checkpoint_median_{at}", value=median(above) if above else None, unit="s"),
        Figure(name=f"rescale_ask_above_checkpoint_max_{at}", value=max(above, default=None), unit="s"),
        *(
            Figure(
                name=f"rescale_{what}_{direction}_{kind}_{at}",
                value=summed([pick(one) for one in own if one.parallelism == parallelism]),
                unit=unit,
                baseline=summed([pick(one) for one in bare if one.parallelism == parallelism]),
                baseline_name="bare PUT",
            )
            for what, unit, pick in _PICKS
            for direction, parallelism in _DIRECTIONS
            for kind, summed in _SUMMARIES
            if _any_to(own, parallelism) and _any_to(bare, parallelism)
        ),
        *(
            Figure(
                name=f"rescale_{what}_ratio_{at}",
                value=_ratio([pick(one) for one in own], [pick(one) for one in bare]),
                unit="of the bare PUT's median",
            )
            for what, _, pick in _PICKS
        ),
    ]


def _any_to(trials: Sequence[Trial], parallelism: int) -> bool:
    return any(one.parallelism == parallelism for one in trials)


def _ratio(own: Sequence[float], bare: Sequence[float]) -> float | None:
    """Median by median; ``None`` if the bare way's is nothing."""
    return median(own) / median(bare) if own and bare and median(bare) > 0 else None


_PICKS: Sequence[tuple[str, str, Callable[[Trial], float]]] = (
    ("ask_to_restart", "s", lambda one: one.timing.ask_to_restart_s),
    ("gap", "s", lambda one: one.timing.gap_s),
    ("reprocessed", "records", lambda one: float(one.reprocessed)),
)

_DIRECTIONS = (("up", 2), ("down", 1))

_SUMMARIES: Sequence[tuple[str, Callable[[Sequence[float]], float]]] = (
    ("median", median),
    ("p95", lambda values: percentile(values, 0.95)),
)
