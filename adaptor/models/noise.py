"""How far durations scatter, estimated from few points with a prior so that one point never looks certain.

All spreads are standard deviations of the logarithm of a duration, which for small ones is a relative error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadPrior:
    """What is believed of a spread before anything is measured (scaled inverse chi-square [Gelman13, ch. 3]).

    Attributes:
        spread: Standard deviation of log durations.
        weight: How many measured points the belief is worth.
    """

    spread: float
    weight: float

    def updated(self, squares: float, count: float) -> SpreadPrior:
        """The belief after `count` free squared deviations that sum to `squares`."""
        weight = self.weight + count
        return SpreadPrior(spread=float(np.sqrt((self.weight * self.spread**2 + squares) / weight)), weight=weight)


SUPERSTEP_NOISE = SpreadPrior(spread=0.05, weight=3.0)
"""Between supersteps of one run at one parallelism. K-Means on the embedded cluster showed 15.6 to 16.1 s, which
is 1 to 2 %; shared machines show more, hence 5 %. Worth three points: from the fourth on, what was measured
counts for more."""

LAW_DISCREPANCY = SpreadPrior(spread=0.10, weight=2.0)
"""Between Ernest's law and the truth at a parallelism nobody measured. [Venkataraman16] reports errors under 20 %
for most jobs, [Thamsen16b] about 10 % in the mean. Worth two points, as few parallelisms are ever measured."""

RUN_LEVEL = SpreadPrior(spread=0.15, weight=1.0)
"""Between runs of one execution context. Public traces of Spark jobs vary by 15 to 38 % between runs; the lower
end, because those include failures."""
