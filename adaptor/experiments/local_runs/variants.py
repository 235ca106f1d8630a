"""In how many ways a program is run, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Aim(str, Enum):
    """What a run under adaptor is to reach."""

    FASTEST = "fastest"
    TARGET = "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of running.

    Attributes:
        start: Parallelism it starts with.
        aim: What adaptor is to reach; ``None`` leaves the parallelism as it is.
    """

    start: int
    aim: Aim | None = None

    @property
    def name(self) -> str:
        """For people."""
        return f"static {self.start}" if self.aim is None else f"adaptor, {self.aim.value}, from {self.start}"

    @property
    def code(self) -> str:
        """For names of files and runs."""
        return f"static-{self.start}" if self.aim is None else f"{self.aim.value}-{self.start}"

    @property
    def policy(self) -> str:
        """The service's policy; empty for its own."""
        return "static" if self.aim is None else ""


def variants(*, most: int) -> list[Variant]:
    """Every static parallelism up to `most`, and adaptor with each aim from a poor start.

    As fast as possible is begun with one slot; a target, which is to be met at least cost, with all there are.
    """
    static = [Variant(start=parallelism) for parallelism in range(1, most + 1)]
    poor = [Variant(start=1, aim=Aim.FASTEST), Variant(start=most, aim=Aim.TARGET)]
    return [static[0], poor[0], *static[1:-1], poor[1], *static[-1:]]


def interleaved(ways: Sequence[Variant], *, repeats: int) -> list[tuple[int, Variant]]:
    """Every variant in every repeat, each repeat beginning with another one: what the machine does besides hits all.

    Returns:
        Repeats from 1, with their variants. The very first is the first of `ways`.
    """
    rounds = ([*ways[shift:], *ways[:shift]] for shift in (repeat % len(ways) for repeat in range(repeats)))
    return [(repeat, variant) for repeat, turn in enumerate(rounds, start=1) for variant in turn]
