"""Errors and coverage of many predictions, by method, job and number of given points.

An error is ``|predicted / true - 1|``. Its mean is taken over the points of a subset, the subsets of a context, the
contexts of a job and then the jobs, so that no job counts more for having more rows. Standard errors come from drawing
contexts again with replacement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.experiments.models.methods import LEVELS
from adaptor.models.arrays import Flags, Floats

BOOTSTRAPS = 1000
"""Draws of contexts behind a standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One prediction.

    Attributes:
        job: Name of the job.
        context: Number of the context in its job.
        given: How many of its points were known.
        subset: Which choice of them.
        method: Who predicted.
        scale_out: Where.
        true_s: What it took.
        predicted_s: What was expected.
        reach: Half the width of the interval in logs, for each of `LEVELS`; empty without intervals.
        naive_reach: Before calibration.
    """

    job: str
    context: int
    given: int
    subset: int
    method: str
    scale_out: int
    true_s: float
    predicted_s: float
    reach: tuple[float, ...] = ()
    naive_reach: tuple[float, ...] = ()

    @property
    def error(self) -> float:
        """Relative error."""
        return abs(self.predicted_s / self.true_s - 1)


class Scores:
    """Many predictions, as columns."""

    def __init__(self, scores: Iterable[Score]) -> None:
        self.rows = [one for one in scores if np.isfinite(one.predicted_s)]
        self.job = np.array([one.job for one in self.rows])
        self.context = np.array([one.context for one in self.rows], dtype=np.int64)
        self.given = np.array([one.given for one in self.rows], dtype=np.int64)
        self.subset = np.array([one.subset for one in self.rows], dtype=np.int64)
        self.method = np.array([one.method for one in self.rows])
        self.scale_out = np.array([one.scale_out for one in self.rows], dtype=np.int64)
        self.error = np.array([one.error for one in self.rows])
        self._log_off = np.array([abs(np.log(one.predicted_s / one.true_s)) for one in self.rows])

    @property
    def methods(self) -> list[str]:
        """All methods, in the order in which they came."""
        return list(dict.fromkeys(self.method.tolist()))

    @property
    def jobs(self) -> list[str]:
        """All jobs."""
        return sorted(set(self.job.tolist()))

    @property
    def numbers_given(self) -> list[int]:
        """All numbers of given points."""
        return sorted(set(self.given.tolist()))

    def chosen(
        self, *, method: str, given: int | None = None, job: str | None = None, above_scale_out: int = 0
    ) -> Flags:
        """Which predictions are meant, shape (rows,)."""
        chosen: Flags = (self.method == method) & (self.scale_out > above_scale_out)
        if given is not None:
            chosen &= self.given == given
        if job is not None:
            chosen &= self.job == job
        return chosen

    def context_errors(self, chosen: Flags) -> dict[tuple[str, int], float]:
        """Mean error of each context, its subsets counting alike."""
        cells: dict[tuple[str, int, int], list[float]] = {}
        for i in np.flatnonzero(chosen):
            key = (str(self.job[i]), int(self.context[i]), int(self.subset[i]))
            cells.setdefault(key, []).append(float(self.error[i]))
        contexts: dict[tuple[str, int], list[float]] = {}
        for (job, context, _), errors in cells.items():
            contexts.setdefault((job, context), []).append(float(np.mean(errors)))
        return {key: float(np.mean(errors)) for key, errors in contexts.items()}

    def mean_error(self, chosen: Flags) -> float:
        """Mean over contexts of each job, then over jobs; NaN where there is nothing."""
        by_job: dict[str, list[float]] = {}
        for (job, _), error in self.context_errors(chosen).items():
            by_job.setdefault(job, []).append(error)
        return float(np.mean([np.mean(errors) for errors in by_job.values()])) if by_job else float("nan")

    def median_error(self, chosen: Flags) -> float:
        """Median over contexts of each job, mean over jobs."""
        by_job: dict[str, list[float]] = {}
        for (job, _), error in self.context_errors(chosen).items():
            by_job.setdefault(job, []).append(error)
        return float(np.mean([np.median(errors) for errors in by_job.values()])) if by_job else float("nan")

    def coverage(self, chosen: Flags, level: float, *, seed: int = 0) -> Coverage:
        """How often the truth lay inside, pooled over jobs with contexts counting alike."""
        place = LEVELS.index(level)
        inside: dict[tuple[str, int], list[bool]] = {}
        widths, naive = [], []
        for i in np.flatnonzero(chosen):
            row = self.rows[i]
            if row.reach:
                inside.setdefault((row.job, row.context), []).append(bool(self._log_off[i] <= row.reach[place]))
                widths.append(_width(row.reach[place]))
                naive.append(_width(row.naive_reach[place]) if row.naive_reach else float("nan"))
        shares = np.array([np.mean(found) for found in inside.values()])
        return Coverage(
            level=level,
            share=float(shares.mean()) if len(shares) else float("nan"),
            standard_error=bootstrap_error(shares, seed=seed),
            median_width=float(np.median(widths)) if widths else float("nan"),
            naive_width=float(np.median(naive)) if naive else float("nan"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Of intervals of one level.

    Attributes:
        level: What they claim.
        share: How often they held.
        standard_error: Of that, from drawing contexts again.
        median_width: Relative to the prediction: upper end less lower end, over the middle.
        naive_width: The same before calibration.
    """

    level: float
    share: float
    standard_error: float
    median_width: float
    naive_width: float

    @property
    def within_two_errors(self) -> bool:
        """Whether the share can be told from the level."""
        return abs(self.share - self.level) <= 2 * self.standard_error


def bootstrap_error(values: Floats, *, seed: int) -> float:
    """Standard error of a mean, from drawing the values again."""
    if len(values) < 2:  # noqa: PLR2004 - nothing to draw from
        return float("nan")
    draws = np.random.default_rng(seed).integers(0, len(values), (BOOTSTRAPS, len(values)))
    return float(values[draws].mean(axis=1).std())


def paired_difference(left: dict[tuple[str, int], float], right: dict[tuple[str, int], float]) -> tuple[float, float]:
    """Mean of left less right over what both have, and its standard error."""
    keys = sorted(left.keys() & right.keys())
    differences = np.array([left[key] - right[key] for key in keys])
    if not len(differences):
        return float("nan"), float("nan")
    return float(differences.mean()), bootstrap_error(differences, seed=0)


def _width(reach: float) -> float:
    return float(np.exp(reach) - np.exp(-reach))


def worst(scores: Scores, *, method: str, against: str, given: int, count: int) -> Sequence[dict[str, object]]:
    """Contexts with the largest error of a method, beside another's."""
    own = scores.context_errors(scores.chosen(method=method, given=given))
    other = scores.context_errors(scores.chosen(method=against, given=given))
    ranked = sorted(own, key=lambda key: -own[key])[:count]
    return [
        {"job": job, "context": context, "error": own[job, context], against: other.get((job, context))}
        for job, context in ranked
    ]
