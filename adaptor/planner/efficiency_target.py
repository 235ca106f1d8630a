"""As fast as possible while parallel efficiency stays at or above a limit.

Parallel efficiency of p is ``T(p0) p0 / (T(p) p)`` against the narrowest candidate p0: the share of the slots' time
that p0 would also have needed. Of the candidates that are efficient enough, by the most probable durations, the one
from which the run ends first is taken, as far ahead as `adaptor.planner.lookahead` looks; a change pays its own cost.
Where p0 was never measured its duration is told from the others'.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import EfficiencyTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.models.arrays import Floats
from adaptor.planner.comparison import code_of, least, nothing_known, verdicts, what_follows
from adaptor.planner.lookahead import lookahead
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice


def choose(outlook: Outlook, target: EfficiencyTarget) -> Choice:
    """The fastest parallelism that is efficient enough."""
    situation = outlook.situation
    if not situation.prediction.known.any():
        return nothing_known(outlook)
    efficiency = parallel_efficiency(outlook)
    efficient = situation.reachable & (efficiency >= target.min_efficiency)
    if not efficient.any():
        efficient[np.argmax(situation.reachable)] = True
    ahead = lookahead(situation)
    best = least(ahead.finish_s - situation.elapsed_s, efficient, situation, ahead)
    text = (
        f"{situation.candidates[best]} is the fastest with a parallel efficiency of at least "
        f"{target.min_efficiency:.2f}: {efficiency[best]:.2f}, expected finish {ahead.finish_s[best]:.0f} s"
        f"{what_follows(situation, ahead, best)}"
    )

    def why_not(index: int) -> str:
        if not efficient[index]:
            return f"parallel efficiency {efficiency[index]:.2f} only"
        return f"finishes {ahead.finish_s[index] - ahead.finish_s[best]:.0f} s later"

    return Choice(
        parallelism=int(situation.candidates[best]),
        reason=Reason(code=code_of(situation, best, ReasonCode.FASTEST_EFFICIENT), text=text),
        verdicts=verdicts(outlook, best, why_not),
        ahead=ahead,
    )


def parallel_efficiency(outlook: Outlook) -> Floats:
    """``T(p0) p0 / (T(p) p)`` of each candidate against the first, shape (candidates,)."""
    work = outlook.situation.prediction.expected_s * outlook.situation.candidates
    efficiency: Floats = work[0] / work
    return efficiency
