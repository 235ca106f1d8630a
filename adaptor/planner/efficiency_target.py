"""As fast as possible while parallel efficiency stays at or above a limit.

Parallel efficiency of p is ``T(p0) p0 / (T(p) p)`` against the narrowest candidate p0: the share of the slots'
time that p0 would also have needed. A change must finish earlier than staying does, its own cost counted, unless
the present parallelism is itself below the limit.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from adaptor.domain.objective import EfficiencyTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Flags, Floats
from adaptor.planner import exploration
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice


def choose(outlook: Outlook, target: EfficiencyTarget) -> Choice:
    """The fastest parallelism that is efficient enough."""
    situation = outlook.situation
    current = situation.nearest_candidate
    if not outlook.known.any():
        text = f"nothing is known of this program yet; the first superstep measures {current}"
        return Choice(parallelism=current, reason=Reason(code=ReasonCode.NOTHING_KNOWN, text=text))
    if int(outlook.known.sum()) == 1:
        return exploration.narrower_to_try(outlook) or exploration.wider_to_try(outlook) or _stay(outlook)
    return _fastest_efficient(outlook, target)


def _fastest_efficient(outlook: Outlook, target: EfficiencyTarget) -> Choice:
    situation = outlook.situation
    efficiency = parallel_efficiency(outlook)
    usable = outlook.selectable & (efficiency >= target.min_efficiency)
    if not exploration.may_explore(outlook):
        usable &= ~situation.prediction.outside_observed_range
    if not usable.any():
        usable[np.argmax(outlook.selectable)] = True
    best = int(np.argmin(np.where(usable, outlook.finish_s, np.inf)))
    parallelism = int(situation.candidates[best])
    text = (
        f"{parallelism} is the fastest with a parallel efficiency of at least {target.min_efficiency:.2f}: "
        f"{efficiency[best]:.2f}, expected finish {outlook.finish_s[best]:.0f} s"
    )
    return Choice(
        parallelism=parallelism,
        reason=Reason(code=ReasonCode.FASTEST_EFFICIENT, text=text),
        verdicts=_verdicts(outlook, efficiency, best, usable),
    )


def parallel_efficiency(outlook: Outlook) -> Floats:
    """``T(p0) p0 / (T(p) p)`` of each candidate against the first, shape (candidates,)."""
    work = outlook.situation.prediction.expected_s * outlook.situation.candidates
    efficiency: Floats = work[0] / work
    return efficiency


def _stay(outlook: Outlook) -> Choice:
    current = outlook.situation.nearest_candidate
    measured = exploration.the_measured_one(outlook)
    text = f"only {measured} was measured and nothing else may be tried; stays at {current}"
    return Choice(parallelism=current, reason=Reason(code=ReasonCode.FASTEST_EFFICIENT, text=text))


def _verdicts(outlook: Outlook, efficiency: Floats, best: int, usable: Flags) -> dict[int, str]:
    target = cast(EfficiencyTarget, outlook.situation.objective)
    selectable, verdicts = outlook.selectable, {}
    for parallelism in outlook.shown(int(outlook.situation.candidates[best])):
        i = outlook.situation.index(parallelism)
        if i == best or not selectable[i]:
            continue
        if efficiency[i] < target.min_efficiency:
            verdicts[parallelism] = f"parallel efficiency {efficiency[i]:.2f} only"
        elif not usable[i]:
            verdicts[parallelism] = exploration.NOT_ALLOWED
        else:
            verdicts[parallelism] = f"finishes {outlook.finish_s[i] - outlook.finish_s[best]:.0f} s later"
    return verdicts
