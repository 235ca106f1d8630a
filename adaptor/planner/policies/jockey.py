"""The control loop of Jockey over C(p, a), the predicted rest at progress p with allocation a [Ferguson12].

The least allocation whose rest, stretched by the slack, ends before the target less the dead zone; moved to by a fifth
of the way in each step (hysteresis). Jockey learns C(p, a) by simulating earlier runs; here it is the model's upper
quantile, which is what that table is read for.
"""

from __future__ import annotations

import numpy as np

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.outlook import Outlook
from adaptor.planner.policies.static import stay
from adaptor.planner.policy import Choice

NAME = "jockey"
SUMMARY = "the least allocation whose rest with slack 1.2 ends in time, a fifth of the way in each step"

SLACK, HYSTERESIS, DEAD_ZONE = 1.2, 0.2, 0.05
"""Of [Ferguson12]; its dead zone is three minutes of targets around one hour, so a twentieth of the target here."""


def choose(outlook: Outlook) -> Choice:
    """A step towards the least allocation in time."""
    situation = outlook.situation
    objective = situation.objective
    known = situation.selectable
    if not isinstance(objective, RuntimeTarget) or not known.any():
        return stay(outlook, "Jockey, which knows runtime targets and needs earlier runs,")
    left_s = (1 - DEAD_ZONE) * objective.target_s - situation.elapsed_s
    rest_s = SLACK * (outlook.finish_high_s - situation.elapsed_s)
    fitting = known & (rest_s <= left_s)
    best = int(np.argmax(fitting)) if fitting.any() else int(np.argmin(np.where(known, rest_s, np.inf)))
    raw = int(situation.candidates[best])
    current = situation.current_parallelism
    stepped = raw if situation.elapsed_s == 0 else current + HYSTERESIS * (raw - current)
    nearest = int(np.argmin(abs(situation.candidates - stepped)))
    text = f"Jockey: C(p, a) asks for {raw}"
    return Choice(
        parallelism=int(situation.candidates[nearest]), reason=Reason(code=ReasonCode.PUBLISHED_RULE, text=text)
    )
