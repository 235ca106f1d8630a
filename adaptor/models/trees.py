"""Boosted trees beside the Gaussian process, and how far to follow them [Friedman01].

Trees see thresholds and plateaus that smooth laws miss, and know nothing beyond what they saw. Their share of the
prediction is the one by which contexts that both had not seen would have been predicted best [Wolpert92].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptor.models.arrays import Counts, Floats
from adaptor.models.covariance import Inputs

FOLDS = 5
"""Parts that contexts are divided into to see how trees predict new ones: the usual number."""

FEWEST_CONTEXTS = 8
"""Contexts below which trees are not tried: with fewer, each fold would leave hardly more than a handful."""

SHARES = np.linspace(0.0, 1.0, 11)
"""Shares of the trees that are compared."""

TREES: dict[str, Any] = {"n_estimators": 400, "max_depth": 4, "learning_rate": 0.05}
"""Many small steps over interactions of up to four properties: the size that public comparisons use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Fitted trees.

    Attributes:
        regressor: scikit-learn's.
        share: Of the prediction that they make, from 0 to 1.
    """

    regressor: Any
    share: float

    def log_s(self, inputs: Inputs) -> Floats:
        """Expected log seconds, shape (N,)."""
        return np.asarray(self.regressor.predict(_features(inputs)), dtype=np.float64)


def fitted_trees(
    inputs: Inputs, log_s: Floats, *, weights: Floats, without_context: Floats, seed: int
) -> tuple[Trees | None, Floats]:
    """Trees with the share that suits contexts that were left out.

    Args:
        inputs: N points.
        log_s: What was measured there, shape (N,).
        weights: How much each counts, from 0 to 1, shape (N,).
        without_context: What the Gaussian process says of each point without its context, shape (N,).
        seed: Of the order in which trees try equal splits.

    Returns:
        The trees, or ``None`` where they are of no use, and what both together say of each point without its context.
    """
    folds = _folds(inputs.context)
    if len(np.unique(inputs.context)) < FEWEST_CONTEXTS:
        return None, without_context
    features, apart = _features(inputs), np.empty(len(log_s))
    for fold in range(FOLDS):
        held = folds == fold
        apart[held] = _regressor(features[~held], log_s[~held], weights[~held], seed).predict(features[held])
    errors = [
        _error(log_s, without_context + share * (apart - without_context), inputs.context, weights) for share in SHARES
    ]
    share = float(SHARES[int(np.argmin(errors))])
    if share == 0.0:
        return None, without_context
    trees = Trees(regressor=_regressor(features, log_s, weights, seed), share=share)
    return trees, without_context + share * (apart - without_context)


def _regressor(features: Floats, log_s: Floats, weights: Floats, seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(**TREES, random_state=seed).fit(features, log_s, sample_weight=weights)


def _folds(context: Counts) -> Counts:
    _, places = np.unique(context, return_inverse=True)
    return places % FOLDS


def _error(log_s: Floats, predicted: Floats, context: Counts, weights: Floats) -> float:
    """Mean over contexts of the mean relative error; what carries no weight is not counted."""
    errors = np.abs(np.expm1(np.minimum(predicted - log_s, 50.0))) * weights
    _, places = np.unique(context, return_inverse=True)
    sums, counts = np.bincount(places, weights=errors), np.bincount(places, weights=weights)
    return float(np.mean(sums / np.maximum(counts, 1e-9)))


def _features(inputs: Inputs) -> Floats:
    u = inputs.log_parallelism[:, np.newaxis]
    per_subtask = (inputs.natural - u)[:, inputs.data > 0]
    total = (inputs.natural + u)[:, inputs.data == 0]
    columns = (u, np.exp(-u), inputs.crowding[:, np.newaxis], inputs.natural, per_subtask, total, inputs.categories)
    return np.hstack(columns).astype(np.float64)
