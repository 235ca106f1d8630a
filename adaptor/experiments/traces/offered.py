"""The production controller where only some parallelisms can be had: those of which a file says how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adaptor.control.run_controller import RunController
from adaptor.control.run_record import RunRecord
from adaptor.models.runtime import RuntimeModel
from adaptor.planner.situation import Situation


class OfferedController(RunController):
    """Plans over the parallelisms that are offered and no others.

    Args:
        offered: Parallelisms, ascending.
    """

    def __init__(self, offered: Sequence[int]) -> None:
        super().__init__()
        self._offered = np.array(offered, dtype=np.int64)

    def situation(self, record: RunRecord, model: RuntimeModel, *, also: int | None = None) -> Situation:
        """The same with the candidates that are offered, and no others."""
        return replace(super().situation(record, model, also=also), joint=model.joint(self._offered))
