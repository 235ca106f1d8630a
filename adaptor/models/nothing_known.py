"""The prior of a program that nobody ever ran: the law that any program might follow, at a level nobody knows."""

from __future__ import annotations

from functools import cache

import numpy as np

from adaptor.domain.informed_prior import InformedPrior, PriorCurve
from adaptor.models.curve import ANY_ROUGHNESS, ANY_SLOPE, ANY_SLOPE_SPREAD, any_directions
from adaptor.models.noise import RUN_LEVEL, SUPERSTEP_NOISE

ANY_GRID = tuple(sorted({*range(1, 17), *(round(16 * 2 ** (step / 4)) for step in range(45))}))
"""Parallelisms at which the law is written down: every one up to 16, then four to a doubling up to Flink's limit."""

ANY_TAIL = 5.0
"""Degrees of freedom of Student's t, for the curves and for noise that was hardly measured: a usual choice for robust
regression."""


@cache
def nothing_known() -> InformedPrior:
    """What holds before anything was measured, by this run or by others.

    Its spread covers programs of every kind, so it is not stretched.
    """
    grid = np.log(ANY_GRID)
    middle = float(grid.mean())
    curve = PriorCurve(
        log_s=tuple((ANY_SLOPE * (grid - middle)).tolist()),
        directions=any_directions(ANY_GRID, middle, ANY_SLOPE_SPREAD),
        roughness=ANY_ROUGHNESS,
        level_known=False,
        shared=False,
    )
    return InformedPrior(
        parallelisms=ANY_GRID,
        curves=(curve,),
        noise=SUPERSTEP_NOISE.spread,
        noise_weight=SUPERSTEP_NOISE.weight,
        run_level=RUN_LEVEL.spread,
        least_measured=ANY_GRID[0],
        most_measured=ANY_GRID[-1],
        stretch=(1.0,),
        degrees_of_freedom=(ANY_TAIL,),
        sources=(),
    )
