"""What policies that look at CPU utilisation alone have in common; they know no target and no model."""

from __future__ import annotations

import math
from collections.abc import Callable

from adaptor.domain.plan import Reason, ReasonCode
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice


def by_utilisation(outlook: Outlook, factor: Callable[[float], float]) -> Choice:
    """The present parallelism times what a rule makes of the utilisation in the last superstep.

    Args:
        outlook: Of the run.
        factor: From the utilisation, 0 to 1, to the factor on the parallelism.
    """
    situation = outlook.situation
    current = situation.nearest_candidate
    utilisation = situation.cpu_utilisation
    if utilisation is None:
        text = f"CPU utilisation of the last superstep is unknown; stays at {current}"
        return Choice(parallelism=current, reason=Reason(code=ReasonCode.UTILISATION_UNKNOWN, text=text))
    # Rounded first: 0.63 of 10 slots is nine at 0.70, whatever binary fractions make of it.
    wanted = math.floor(round(factor(utilisation) * situation.current_parallelism, 9))
    parallelism = min(max(wanted, int(situation.candidates[0])), int(situation.candidates[-1]))
    text = f"utilisation {utilisation:.2f} at {situation.current_parallelism} asks for {wanted}"
    if parallelism != wanted:
        text += f", the bounds and slots allow {parallelism}"
    return Choice(parallelism=parallelism, reason=Reason(code=ReasonCode.UTILISATION_RULE, text=text))
