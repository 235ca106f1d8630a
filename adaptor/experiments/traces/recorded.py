"""Recorded runs of one job, divided into those that policies learn from and those that they are judged on.

A scale-out with several runs is divided at random, anew in every repeat. One with a single run is never learnt from:
policies may use it, and must tell its durations from those of others. The world and the log so never share a run.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from adaptor.experiments.models.ellis import Traced
from adaptor.experiments.traces.draw import Draw
from adaptor.models.arrays import Counts, Floats

PUBLISHED_S: Mapping[str, float] = MappingProxyType({"logistic": 300.0, "kmeans": 840.0, "gbt": 960.0})
"""Runtime targets in seconds that were published for these jobs with the recorded runs: 5, 14 and 16 minutes."""

FACTORS = (0.8, 1.0, 1.2)
"""Targets as multiples of what the tuned static scale-out needs: tighter, just so, looser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """Runs of one job in two parts; each run has shape (supersteps,).

    Attributes:
        learnt: Scale-outs and runs that policies know, in the order in which they came.
        judged: Scale-outs in ascending order, with the runs that durations are drawn from.
    """

    learnt: tuple[tuple[int, Floats], ...]
    judged: tuple[tuple[int, tuple[Floats, ...]], ...]

    @property
    def learnable(self) -> tuple[tuple[int, tuple[Floats, ...]], ...]:
        """What was learnt, by scale-out: the world of runs that come before the one that is judged."""
        sizes = sorted({size for size, _ in self.learnt})
        return tuple((size, tuple(run for other, run in self.learnt if other == size)) for size in sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All runs of one job at constant scale-outs.

    Attributes:
        name: Of the file.
        sizes: Scale-outs, ascending, shape (n,).
        runs: Seconds of each superstep of the runs at each of them, each of shape (runs, supersteps).
    """

    name: str
    sizes: Counts
    runs: tuple[Floats, ...]

    @classmethod
    def of(cls, traced: Traced, *, least_runs: int = 1) -> Recorded:
        """The runs of a file by scale-out; scale-outs with fewer runs are left out."""
        distinct, counts = np.unique(traced.scale_out, return_counts=True)
        sizes = distinct[counts >= least_runs]
        return cls(
            name=traced.name,
            sizes=sizes.astype(np.int64),
            runs=tuple(traced.seconds[traced.scale_out == size] for size in sizes),
        )

    @property
    def supersteps(self) -> int:
        """Of each run."""
        return int(self.runs[0].shape[1])

    @property
    def typical_s(self) -> Floats:
        """Median seconds of a whole run at each scale-out, shape (n,)."""
        return np.array([float(np.median(runs.sum(axis=1))) for runs in self.runs])

    @property
    def single(self) -> list[int]:
        """Scale-outs with one run alone."""
        return [int(size) for size, runs in zip(self.sizes, self.runs, strict=True) if len(runs) == 1]

    @property
    def cheapest_s(self) -> float:
        """What a run at the scale-out that takes the fewest executor-seconds needs."""
        return float(self.typical_s[np.argmin(self.typical_s * self.sizes)])

    def tuned(self, target_s: float) -> int:
        """Index of the scale-out that hindsight picks: the cheapest whose median is in time, else the fastest."""
        typical = self.typical_s
        in_time = typical <= target_s
        if not in_time.any():
            return int(typical.argmin())
        return int(np.argmin(np.where(in_time, typical * self.sizes, np.inf)))

    def targets_s(self, given_s: float | None) -> dict[str, float]:
        """Targets by label: what was given or published for the job, and multiples of what the tuned static needs."""
        published_s = next((seconds for word, seconds in PUBLISHED_S.items() if word in self.name.lower()), None)
        label, seconds = ("given", given_s) if given_s else ("published", published_s)
        first = {label: seconds} if seconds else {}
        return first | {f"{factor}": factor * self.cheapest_s for factor in FACTORS}

    def median_draw(self) -> Draw:
        """The median of each superstep over all runs, at each scale-out."""
        seconds = np.stack([np.median(runs, axis=0) for runs in self.runs], axis=1)
        return Draw(sizes=self.sizes, superstep_s=seconds, lost=np.zeros(self.supersteps))

    def rng(self, *seeds: int) -> np.random.Generator:
        """Random numbers of this job alone, whatever other files there are."""
        return np.random.default_rng((zlib.crc32(self.name.encode()), *seeds))

    def divided(self, rng: np.random.Generator) -> Divided:
        """The runs in two halves, the larger one to learn from; single ones are only judged on."""
        learnt: list[tuple[int, Floats]] = []
        judged = []
        for size, runs in zip(self.sizes.tolist(), self.runs, strict=True):
            order = rng.permutation(len(runs))
            known = (len(runs) + 1) // 2 if len(runs) > 1 else 0
            learnt += [(size, runs[at]) for at in order[:known]]
            judged.append((size, tuple(runs[at] for at in order[known:])))
        came = rng.permutation(len(learnt))
        return Divided(learnt=tuple(learnt[at] for at in came), judged=tuple(judged))


def drawn(
    world: tuple[tuple[int, tuple[Floats, ...]], ...], rng: np.random.Generator, *, failures: float = 0.0
) -> Draw:
    """What one run meets: at each scale-out a run of those that were recorded there.

    A whole run is drawn, as the supersteps of one run are slow or fast together.

    Args:
        world: Scale-outs with their runs.
        rng: Random numbers.
        failures: Probability that a superstep fails once.
    """
    seconds = np.stack([runs[rng.integers(len(runs))] for _, runs in world], axis=1)
    failing = rng.random(len(seconds)) < failures
    return Draw(
        sizes=np.array([size for size, _ in world], dtype=np.int64),
        superstep_s=seconds,
        lost=np.where(failing, rng.random(len(seconds)), 0.0),
    )
