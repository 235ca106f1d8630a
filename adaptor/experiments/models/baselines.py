"""What adaptor is compared with on whole jobs; each answers from the same training part and the same given points.

All but Ernest and Bell on a context's own points work alike: they predict from other contexts, and are then multiplied
by the geometric mean of what they were off at the given points, which is how such models are used in a new context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from adaptor.experiments.models.c3o import MeasuredContext
from adaptor.models.arrays import Floats
from adaptor.models.bell import bell_log_s
from adaptor.models.ernest import ErnestLaw
from adaptor.models.scale_out_laws import Terms, coefficients, law_s

LogCurve = Callable[[MeasuredContext, Floats], Floats]
"""Log seconds of a context at scale-outs of shape (n,), shape (n,)."""

GBM_LOG: dict[str, Any] = {"n_estimators": 400, "max_depth": 4, "learning_rate": 0.05, "random_state": 0}
"""The strongest published kind of baseline; its sizes are part of the comparison."""


def leveled(curve: LogCurve, context: MeasuredContext, given: Sequence[int]) -> Floats:
    """A curve moved by the geometric mean of what it is off at the given points, shape (n,)."""
    log_s = curve(context, context.scale_outs.astype(np.float64))
    places = list(given)
    moved: Floats = log_s + (float(np.mean(context.log_s[places] - log_s[places])) if places else 0.0)
    return moved


def gbm_log(training: Sequence[MeasuredContext]) -> LogCurve:
    """Boosted trees on log seconds, over features of scale-out, size, memory, cores and parameters."""
    from sklearn.ensemble import GradientBoostingRegressor

    names = _names(training)
    features = np.vstack([_features(one, one.scale_outs.astype(np.float64), names) for one in training])
    fitted = GradientBoostingRegressor(**GBM_LOG).fit(features, _log_s(training))
    return lambda context, scale_outs: np.asarray(fitted.predict(_features(context, scale_outs, names)))


def gbm_c3o(training: Sequence[MeasuredContext]) -> LogCurve:
    """C3O's boosted trees [Will21]: scikit-learn's usual ones on seconds, over scale-out, size and parameters."""
    from sklearn.ensemble import GradientBoostingRegressor

    names = _names(training)
    features = np.vstack([_plain(one, one.scale_outs.astype(np.float64), names) for one in training])
    fitted = GradientBoostingRegressor(random_state=0).fit(features, np.exp(_log_s(training)))

    def curve(context: MeasuredContext, scale_outs: Floats) -> Floats:
        predicted = np.asarray(fitted.predict(_plain(context, scale_outs, names)))
        log_s: Floats = np.log(np.maximum(predicted, float(np.exp(_log_s(training)).min()) / 2))
        return log_s

    return curve


def ernest_pooled(training: Sequence[MeasuredContext]) -> LogCurve:
    """Ernest's law with the size of the data [Venkataraman16], fitted by relative errors to all contexts."""
    features = np.vstack([_ernest(one, one.scale_outs.astype(np.float64)) for one in training])
    seconds = np.exp(_log_s(training))
    coefficients, _ = nnls(features / seconds[:, np.newaxis], np.ones(len(seconds)))
    least = float(seconds.min()) / 10
    return lambda context, scale_outs: np.log(np.maximum(_ernest(context, scale_outs) @ coefficients, least))


def law_pooled(law: Terms) -> Callable[[Sequence[MeasuredContext]], LogCurve]:
    """A law whose every part is proportional to the size of the data, fitted by relative errors to all contexts."""

    def fitted(training: Sequence[MeasuredContext]) -> LogCurve:
        terms = np.vstack([one.size * law(one.scale_outs.astype(np.float64)) for one in training])
        seconds = np.exp(_log_s(training))
        found, least = coefficients(terms, seconds), float(seconds.min()) / 10
        return lambda context, scale_outs: np.log(np.maximum(context.size * law(scale_outs) @ found, least))

    return fitted


def law_own(law: Terms) -> Callable[[Floats, Floats, Floats], Floats]:
    """A law through a context's own points."""

    def own(scale_outs: Floats, log_s: Floats, wanted: Floats) -> Floats:
        found: Floats = np.log(np.maximum(law_s(law, scale_outs, np.exp(log_s), wanted), 1e-9))
        return found

    return own


def bell_pooled(training: Sequence[MeasuredContext]) -> LogCurve:
    """Bell [Thamsen16b] over the scale-outs of all contexts together; it knows of nothing else."""
    scale_outs = np.concatenate([one.scale_outs for one in training]).astype(np.float64)
    seconds = np.exp(_log_s(training))
    return lambda _, wanted: bell_log_s(scale_outs, seconds, wanted)


def ernest_own(scale_outs: Floats, log_s: Floats, wanted: Floats) -> Floats:
    """Ernest's law through a context's own points, shape of `wanted`."""
    law = ErnestLaw.fit(scale_outs, np.exp(log_s), np.ones(len(scale_outs)))
    found: Floats = np.log(np.maximum(law.durations_s(wanted), 1e-9))
    return found


def _ernest(context: MeasuredContext, scale_outs: Floats) -> Floats:
    ones = np.ones(len(scale_outs))
    return np.column_stack((ones, context.size / scale_outs, np.log(scale_outs), scale_outs))


def _features(context: MeasuredContext, scale_outs: Floats, names: Sequence[str]) -> Floats:
    cores, memory = context.place.cores or 1.0, context.place.memory_mb or 1.0
    columns = [
        scale_outs,
        1 / scale_outs,
        np.log(scale_outs),
        context.size / scale_outs,
        cores * scale_outs,
        memory * cores * scale_outs,
        np.full(len(scale_outs), cores),
        np.full(len(scale_outs), memory * cores),
    ]
    return np.column_stack([*columns, *_parameters(context, len(scale_outs), names)])


def _plain(context: MeasuredContext, scale_outs: Floats, names: Sequence[str]) -> Floats:
    cores, memory = context.place.cores or 1.0, context.place.memory_mb or 1.0
    columns = [scale_outs, cores * scale_outs, memory * cores * scale_outs]
    return np.column_stack([*columns, *_parameters(context, len(scale_outs), names)])


def _parameters(context: MeasuredContext, count: int, names: Sequence[str]) -> list[Floats]:
    return [np.full(count, context.numbers.get(name, 0.0)) for name in names]


def _names(training: Sequence[MeasuredContext]) -> list[str]:
    return sorted({name for one in training for name in one.numbers})


def _log_s(training: Sequence[MeasuredContext]) -> Floats:
    return np.concatenate([one.log_s for one in training])
