"""How far a contribution lies from what others measured.

Every other author has one vote for each duration: what he measured at that parallelism, else what Ernest's law through
his own points says, at most one doubling outside of them. The median of the votes is what is expected; how far votes
and the authors' own points scatter is the tolerance. So an author with ten thousand observations has one vote as well,
and as long as fewer than half of those who measured a context lie, they move nothing. Work that changes from superstep
to superstep is levelled by doublings of the superstep's number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adaptor.domain.shared import SharedBatch
from adaptor.models.arrays import Flags, Floats
from adaptor.models.ernest import ErnestLaw
from adaptor.models.noise import LAW_DISCREPANCY, RUN_LEVEL, SUPERSTEP_NOISE
from adaptor.models.start_up import without_start_up

MIN_AUTHORS = 2
"""Fewest authors that can speak about a contribution: one alone could refute everybody else. Who judges trusts his own
measurements, so if he is among them he is enough."""

SAME_CONTEXT_SPREAD = float(np.hypot(np.hypot(SUPERSTEP_NOISE.spread, LAW_DISCREPANCY.spread), RUN_LEVEL.spread))
"""Least spread between two runs of one execution context, of log durations: noise, the law's errors and the run's
level, each as the models believe it before anything is measured."""

OTHER_CONTEXT_SPREAD = 1.5
"""Least spread between execution contexts of one algorithm. With `TOLERATED_SPREADS` a factor of 400 passes: inputs of
one algorithm in public traces span about two orders of magnitude; milliseconds sent as seconds are three."""

TOLERATED_SPREADS = 4.0
"""Spreads that a duration may lie off: 1 in 16,000 of a normal distribution; durations have heavier tails, so a
quarter of a batch has to lie beyond (`OUTLYING_SHARE`). Within one context this is a factor of 2.1."""

OUTLYING_SHARE = 0.25
"""Durations of a batch that may lie off: above the share of stragglers and disturbed supersteps in any run worth
learning from."""

COMPARABLE_SHARE = 0.5
"""Durations of a batch that must be comparable before it can be confirmed: the larger part."""

TELLING_FACTOR = 10.0
"""Tolerance, as a factor, beyond which the others contradict each other too much to confirm anything: more than
the parallelism itself usually changes."""

NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

REACH = 2.0
"""Factor by which a law may be asked outside of its points: one doubling, where a model's intervals double as well."""

_UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1 / 60, "minutes"), (1 / 3600, "hours"))


class KnownObservation(NamedTuple):
    """One row of what the index holds besides the contribution in question.

    Attributes:
        author: Public key.
        run: Name of the run among the author's.
        context_key: Of `SharedContext`.
        superstep: Number in its run.
        parallelism: Subtasks.
        duration_s: Seconds.
        cold: Whether start-up weighs on it.
        before: Whether this replica applied its contribution before the one in question.
    """

    author: bytes
    run: str
    context_key: str
    superstep: int
    parallelism: int
    duration_s: float
    cold: bool
    before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A batch of n durations beside what others measured.

    Attributes:
        authors: How many voted.
        log_ratios: Of the duration to the expected one, for those that are comparable.
        tolerances: How large a log ratio may be, same shape.
        share: Comparable durations over all of the batch.
    """

    authors: int
    log_ratios: Floats
    tolerances: Floats
    share: float

    @property
    def outlying(self) -> int:
        """How many durations lie off."""
        return int((np.abs(self.log_ratios) > self.tolerances).sum())

    @property
    def refutes(self) -> bool:
        """Whether too many lie off."""
        return self.share >= OUTLYING_SHARE and self.outlying > OUTLYING_SHARE * len(self.log_ratios)

    @property
    def confirms(self) -> bool:
        """Whether most could be compared, by others who agree, and lie where they should."""
        if self.share < COMPARABLE_SHARE or self.refutes:
            return False
        return float(np.median(self.tolerances)) <= math.log(TELLING_FACTOR)

    def __str__(self) -> str:
        """In words, without the outcome."""
        if not len(self.log_ratios):
            return "nobody who can be compared with measured this"
        factor = float(np.exp(np.median(self.tolerances)))
        return (
            f"{self.outlying} of {len(self.log_ratios)} comparable durations are off by more than a factor of "
            f"{factor:.3g} from what {self.authors} other authors measured{self._unit()}"
        )

    def _unit(self) -> str:
        ratio = float(np.exp(np.median(self.log_ratios)))
        fitting = [name for factor, name in _UNITS if abs(np.log(ratio / factor)) < SAME_CONTEXT_SPREAD]
        hint = f", as if {fitting[0]} were taken for seconds" if fitting and self.refutes else ""
        return f"; the median is {ratio:.3g} times theirs{hint}"


def compared(
    batch: SharedBatch, rows: Sequence[KnownObservation], *, own: bytes | None, least_spread: float
) -> Comparison:
    """The batch beside these rows.

    Args:
        batch: What is in question.
        rows: Of other authors.
        own: Key of who judges; his measurements are enough alone.
        least_spread: Below which the spread of log durations is not believed.
    """
    by_author: defaultdict[bytes, list[KnownObservation]] = defaultdict(list)
    for row in rows:
        by_author[row.author].append(row)
    authors = sorted(by_author)
    votes = [_Vote.of(by_author[author], batch) for author in authors]
    table = np.array([vote.logs for vote in votes]).reshape(len(votes), len(batch.observations))
    voted = np.isfinite(table)
    enough = voted.sum(axis=0) >= MIN_AUTHORS
    if own is not None and own in by_author:
        enough |= voted[authors.index(own)]
    voters = voted[:, enough].any(axis=1)
    found = table[np.ix_(voters, enough)]
    if not found.size:
        return Comparison(authors=0, log_ratios=np.empty(0), tolerances=np.empty(0), share=0.0)
    expected = np.nanmedian(found, axis=0)
    between = NORMAL_MAD * np.nanmedian(np.abs(found - expected), axis=0)
    within = float(np.median([vote.spread for vote, counts in zip(votes, voters, strict=True) if counts]))
    return Comparison(
        authors=int(voters.sum()),
        log_ratios=_batch_logs(batch)[enough] - expected,
        tolerances=TOLERATED_SPREADS * np.maximum(least_spread, np.hypot(between, within)),
        share=float(enough.mean()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vote:
    """What one author expects.

    Attributes:
        logs: Log seconds of every duration of the batch; NaN where he cannot say.
        spread: Of his own log durations around what he expects of them.
    """

    logs: Floats
    spread: float

    @classmethod
    def of(cls, rows: Sequence[KnownObservation], batch: SharedBatch) -> _Vote:
        warm = [row for row in rows if not row.cold] or rows
        at = np.array([row.parallelism for row in warm], dtype=np.float64)
        logs = _warm_logs([row.duration_s for row in warm], [row.cold for row in warm])
        parallelisms, groups, counts = np.unique(at, return_inverse=True, return_counts=True)
        medians = np.array([np.median(logs[groups == group]) for group in range(len(parallelisms))])
        rounds = _doublings([row.superstep for row in warm])
        off = logs - medians[groups]
        profile = {number: float(np.median(off[rounds == number])) for number in np.unique(rounds).tolist()}
        wanted = np.array([one.parallelism for one in batch.observations], dtype=np.float64)
        expected = _expected_logs(parallelisms, medians, counts.astype(np.float64), wanted)
        return cls(
            logs=expected + _levels(profile, _doublings([one.superstep for one in batch.observations])),
            spread=NORMAL_MAD * float(np.median(np.abs(off - _levels(profile, rounds)))),
        )


def _expected_logs(parallelisms: Floats, medians: Floats, counts: Floats, wanted: Floats) -> Floats:
    """Log seconds at each wanted parallelism, as measured there or by the law; NaN beyond its reach."""
    expected = np.full(len(wanted), np.nan)
    law = _law(parallelisms, medians, counts)
    if law is not None:
        near = (wanted >= parallelisms.min() / REACH) & (wanted <= parallelisms.max() * REACH)
        expected[near] = np.log(law.durations_s(wanted[near]))
    places = np.searchsorted(parallelisms, wanted).clip(max=len(parallelisms) - 1)
    measured: Flags = parallelisms[places] == wanted
    expected[measured] = medians[places[measured]]
    return expected


def _law(parallelisms: Floats, medians: Floats, counts: Floats) -> ErnestLaw | None:
    if len(parallelisms) < 2:  # noqa: PLR2004 - one point fits any law
        return None
    try:
        return ErnestLaw.fit(parallelisms, np.exp(medians), counts)
    except RuntimeError:
        # The solver gave up: points no law can be near to.
        return None


def _batch_logs(batch: SharedBatch) -> Floats:
    return _warm_logs([one.duration_s for one in batch.observations], [one.cold for one in batch.observations])


def _warm_logs(durations_s: Sequence[float], cold: Sequence[bool]) -> Floats:
    """Log seconds without the usual start-up."""
    return without_start_up(durations_s, np.array(cold, dtype=np.bool_))[0]


def _doublings(supersteps: Sequence[int]) -> Floats:
    """How often 1 was doubled to reach each superstep's number, rounded down."""
    doublings: Floats = np.floor(np.log2(np.array(supersteps, dtype=np.float64)))
    return doublings


def _levels(profile: dict[float, float], rounds: Floats) -> Floats:
    return np.array([profile.get(number, 0.0) for number in rounds.tolist()])
