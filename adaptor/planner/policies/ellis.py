"""The rule of Ellis: react when the predicted rest leaves the band around what is left [Thamsen17].

With the remaining time B and the predicted rest R: wider if R > 1.05 B, narrower if R < 0.85 B, to the smallest
parallelism with R < 0.9 B. It trusts the most probable duration and pays no heed to what a change costs. Here it takes
effect in the next superstep; the paper's takes effect one later.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.outlook import Outlook
from adaptor.planner.policies.static import stay
from adaptor.planner.policy import Choice

NAME = "ellis"
SUMMARY = "wider above 1.05, narrower below 0.85 of the time left, to the smallest below 0.9 of it"

TOO_SLOW, TOO_FAST, WANTED = 1.05, 0.85, 0.9
"""The band and the aim of [Thamsen17]."""


def choose(outlook: Outlook) -> Choice:
    """The smallest parallelism that ends within 0.9 of the time left, once the present one leaves the band."""
    situation = outlook.situation
    objective = situation.objective
    known = situation.selectable
    if not isinstance(objective, RuntimeTarget) or not known.any():
        return stay(outlook, "Ellis, which knows runtime targets and needs earlier runs,")
    left_s = max(objective.target_s - situation.elapsed_s, 0.0)
    rest_s = situation.prediction.expected_s * situation.work_s + situation.gap_s * situation.supersteps_left
    here = situation.index(situation.nearest_candidate)
    if TOO_FAST * left_s <= rest_s[here] <= TOO_SLOW * left_s:
        return stay(outlook, f"{rest_s[here]:.0f} s predicted, {left_s:.0f} s left: Ellis")
    fitting = known & (rest_s < WANTED * left_s)
    best = int(np.argmax(fitting)) if fitting.any() else int(np.argmin(np.where(known, rest_s, np.inf)))
    text = f"Ellis: {rest_s[best]:.0f} s predicted, {left_s:.0f} s left"
    return Choice(parallelism=int(situation.candidates[best]), reason=Reason(code=ReasonCode.PUBLISHED_RULE, text=text))
