"""The rule of the 2016 paper, a baseline: ``P' = floor(u / 0.70 P)`` [Thamsen16].

It looks at CPU utilisation alone: a superstep that uses its slots fully gets more of them, one that does not gets
fewer, until the utilisation is about 0.70. It knows no target and no model.
"""

from __future__ import annotations

import math

from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice

UTILISATION_GOAL = 0.70
"""The utilisation that [Thamsen16] steers to."""


def choose(outlook: Outlook) -> Choice:
    """The parallelism at which the measured CPU time would fill 70 % of the slots."""
    situation = outlook.situation
    current = situation.nearest_candidate
    utilisation = situation.cpu_utilisation
    if utilisation is None:
        text = f"CPU utilisation of the last superstep is unknown; stays at {current}"
        return Choice(parallelism=current, reason=Reason(code=ReasonCode.UTILISATION_UNKNOWN, text=text))
    # Rounded first: 0.63 of 10 slots is nine at 0.70, whatever binary fractions make of it.
    wanted = math.floor(round(utilisation / UTILISATION_GOAL * situation.current_parallelism, 9))
    parallelism = min(max(wanted, int(situation.candidates[0])), int(situation.candidates[-1]))
    text = f"utilisation {utilisation:.2f} at {situation.current_parallelism} asks for {wanted}"
    if parallelism != wanted:
        text += f", the bounds and slots allow {parallelism}"
    return Choice(parallelism=parallelism, reason=Reason(code=ReasonCode.UTILISATION_RULE, text=text))
