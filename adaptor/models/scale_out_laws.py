"""Two laws of scale-out that are linear in what they learn: Amdahl's and the universal scalability law.

Both are fitted by relative errors with coefficients that are not negative, as Ernest's is (`adaptor.models.ernest`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from adaptor.models.arrays import Floats

Terms = Callable[[Floats], Floats]
"""Parts of a law at scale-outs of shape (n,), shape (n, m); seconds are their sum, each times a coefficient."""


def amdahl(scale_outs: Floats) -> Floats:
    """A part that does not divide and one that does [Amdahl67], shape (n, 2)."""
    return np.column_stack((np.ones(len(scale_outs)), 1.0 / scale_outs))


def universal(scale_outs: Floats) -> Floats:
    """What divides, contention ``(n - 1) / n`` and coherency ``n - 1`` [Gunther07], shape (n, 3)."""
    return np.column_stack((1.0 / scale_outs, (scale_outs - 1.0) / scale_outs, scale_outs - 1.0))


def coefficients(terms: Floats, seconds: Floats) -> Floats:
    """Coefficients, none negative, with the least squared relative errors, shape (m,).

    Args:
        terms: Of the law at each point, shape (n, m).
        seconds: Measured there, shape (n,).
    """
    found, _ = nnls(terms / seconds[:, np.newaxis], np.ones(len(seconds)))
    return np.asarray(found, dtype=np.float64)


def law_s(law: Terms, scale_outs: Floats, seconds: Floats, wanted: Floats) -> Floats:
    """Seconds by a law through points of shape (n,), at (m,)."""
    there: Floats = law(wanted) @ coefficients(law(scale_outs), seconds)
    return there
