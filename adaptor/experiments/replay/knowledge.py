"""What a run may know before it begins, in the four settings that are compared.

``cold``: nothing. ``others``: a log with the curves of other programs. ``peer``: besides, a peer has run this program
once at each of three scale-outs, on half the data and on other nodes, so that its times differ by a factor that nobody
tells. ``misled``: the same with the peer's curve turned round, as if more nodes took longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np

from adaptor.domain.context import ExecutionContext
from adaptor.domain.informed_prior import InformedPrior
from adaptor.experiments.simulated.curves import Curve
from adaptor.models.arrays import Floats
from adaptor.models.prior import Prior
from adaptor.models.training import TrainingRow

PEER_RUNS = 3
"""Scale-outs at which the peer has run the program, once each."""

PEER_FACTOR = (0.3, 1.0)
"""Range of the factor on the peer's times, drawn evenly over its logarithm: half the data, on nodes from somewhat
slower to somewhat faster ones."""

USUAL_NOISE = 0.03
"""Standard deviation of log durations of a peer's run where the file holds no repetitions."""


class Setting(Enum):
    """What is known beforehand."""

    COLD = "cold"
    OTHERS = "others"
    PEER = "peer"
    MISLED = "misled"


def program_of(curve: Curve) -> str:
    """The program that a curve is of: the first word of its name, so that files of one program find each other."""
    return curve.name.split(".")[0]


def context_of(curve: Curve) -> ExecutionContext:
    """The execution context of the run that is replayed."""
    return ExecutionContext(program=program_of(curve), data={"share": "1.0"}, node_type="here")


def prior_of(
    setting: Setting, curve: Curve, log: Sequence[Curve], *, supersteps: int, slots_per_node: int, seed: int
) -> InformedPrior | None:
    """What the run's machine has learnt of the log when it begins.

    Args:
        setting: Which part of the log there is.
        curve: Of the run itself; curves of the same program in the log stand for the peer's, or its own does.
        log: Curves of all programs.
        supersteps: Of each run.
        slots_per_node: Of each node.
        seed: Of everything random.
    """
    if setting is Setting.COLD:
        return None
    program, rows = program_of(curve), []
    for other in log:
        if program_of(other) != program:
            rows += _rows_of(other, supersteps, slots_per_node)
    if setting is not Setting.OTHERS:
        alike = [one for one in log if program_of(one) == program and one is not curve and one.repeated_s]
        source = alike[0] if alike else curve
        rows += _peer_rows(source, program, setting, supersteps, slots_per_node, seed)
    return Prior.fit(rows, seed=seed).informed(context_of(curve))


def _rows_of(curve: Curve, supersteps: int, slots_per_node: int) -> list[TrainingRow]:
    return [
        TrainingRow(
            context=context_of(curve),
            parallelism=int(nodes) * slots_per_node,
            duration_s=float(seconds) / supersteps,
            scale_out=int(nodes),
            contributor="others",
        )
        for nodes, runs in zip(
            curve.nodes, curve.repeated_s or [curve.runtime_s[[i]] for i in range(len(curve.nodes))], strict=True
        )
        for seconds in runs
    ]


def _peer_rows(
    source: Curve, program: str, setting: Setting, supersteps: int, slots_per_node: int, seed: int
) -> list[TrainingRow]:
    rng = np.random.default_rng((seed, 1))
    factor = float(np.exp(rng.uniform(*np.log(PEER_FACTOR))))
    chosen = np.sort(rng.choice(len(source.nodes), PEER_RUNS, replace=False))
    context = ExecutionContext(program=program, data={"share": "0.5"}, node_type="elsewhere")
    measured = source.runtime_s[::-1] if setting is Setting.MISLED else source.runtime_s
    return [
        TrainingRow(
            context=context,
            parallelism=int(source.nodes[at]) * slots_per_node,
            duration_s=_one_run(source, at, float(measured[at]), rng) * factor / supersteps,
            scale_out=int(source.nodes[at]),
            contributor="peer",
        )
        for at in chosen
    ]


def _one_run(source: Curve, at: int, middle_s: float, rng: np.random.Generator) -> float:
    """One of the runs that the file holds, or the curve's value with usual noise."""
    if not source.repeated_s:
        return middle_s * float(np.exp(USUAL_NOISE * rng.standard_normal()))
    runs: Floats = source.repeated_s[at]
    return middle_s * float(rng.choice(runs)) / float(np.median(runs))
