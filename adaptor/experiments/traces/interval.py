"""A mean with the interval that its draws give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DRAWS = 1000
"""Draws with replacement behind an interval: its ends then move by a few hundredths of its width."""

LEVEL = 0.95
"""Level of the intervals, the usual one."""


def mean_interval(name: str, values: Sequence[float], *, digits: int = 3) -> dict[str, Any]:
    """The mean of values under a name, with both ends of its interval beside it.

    Args:
        name: Key of the mean; the ends are ``<name>_low`` and ``<name>_high``.
        values: Independent repeats; at least one.
        digits: To round to.
    """
    found = np.asarray(values, dtype=np.float64)
    # The same draws for every row, so that rows of the same repeats can be compared.
    draws = np.random.default_rng(0).integers(0, len(found), (DRAWS, len(found)))
    low, high = np.quantile(found[draws].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    ends = {name: found.mean(), f"{name}_low": low, f"{name}_high": high}
    return {key: round(float(value), digits) + 0.0 for key, value in ends.items()}


def with_interval(row: Mapping[str, Any], name: str) -> str:
    """A mean of a row with its interval as one text."""
    return f"{row[name]:g} ({row[f'{name}_low']:g}..{row[f'{name}_high']:g})"
