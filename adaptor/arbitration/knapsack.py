"""The best choice of one option each from many menus under a limit, and under limits of groups: exactly.

A knapsack with several choices per item, by dynamic programming over the units used [Kellerer04, ch. 11]: for each
menu, the best score for every number of units follows from that without it. Time is menus x options x units, in numpy.
Where all best options fit, which is usual, nothing has to be computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptor.models.arrays import Counts, Floats

MOST_STEPS = 4096
"""Units in which a limit is counted at most; a larger one is counted in steps of several, rounded up, so that time and
memory stay bounded: a run's share is then off by less than 0.03 % of the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """What one item may take.

    Attributes:
        units: Of each option, ascending, the first one 0.
        scores: Of each option, ascending as well: an option that takes more and scores no more is none.
        group: What it counts against besides the common limit.
    """

    units: tuple[int, ...]
    scores: tuple[float, ...]
    group: str


def best_options(menus: Sequence[Menu], *, limit: int, group_limits: Mapping[str, int]) -> list[int]:
    """Index of the option taken from each menu, so that the sum of scores is the greatest; of equals, the fewest units.

    Args:
        menus: In an order that settles what is equal otherwise.
        limit: Units that all may take together.
        group_limits: Units that the menus of a group may take together; groups that are missing have no limit.
    """
    if limit <= 0:
        return [0] * len(menus)
    widest = [len(menu.units) - 1 for menu in menus]
    taken, by_group = 0, dict.fromkeys(group_limits, 0)
    for menu in menus:
        taken += menu.units[-1]
        if menu.group in by_group:
            by_group[menu.group] += menu.units[-1]
    bound = {group for group, units in by_group.items() if units > group_limits[group]}
    if taken <= limit and not bound:
        return widest
    step = -(-limit // MOST_STEPS) or 1
    return _Search(menus, limit // step, step).with_groups({one: group_limits[one] // step for one in bound})


class _Search:
    """One search; units are counted in steps."""

    def __init__(self, menus: Sequence[Menu], limit: int, step: int) -> None:
        self._menus = menus
        self._limit = limit
        self._units = [[-(-units // step) for units in menu.units] for menu in menus]

    def with_groups(self, limits: Mapping[str, int]) -> list[int]:
        """The options taken, where groups with a limit that binds are solved first, each for itself."""
        tables = []
        for group in sorted(limits):
            members = [index for index, menu in enumerate(self._menus) if menu.group == group]
            tables.append(self._table(members, min(self._limit, limits[group])))
        free = [index for index, menu in enumerate(self._menus) if menu.group not in limits]
        tables.append(self._table(free, self._limit))
        options = [0] * len(self._menus)
        for table, units in zip(tables, _split(tables, self._limit), strict=True):
            table.fill(options, units)
        return options

    def _table(self, members: list[int], limit: int) -> _Table:
        best, picks = np.zeros(limit + 1), []
        for member in members:
            best, pick = _with_menu(best, self._units[member], self._menus[member].scores)
            picks.append(pick)
        return _Table(members=members, units=[self._units[one] for one in members], best=best, picks=picks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The best score of some menus for every number of units, and what it takes from each.

    Attributes:
        members: Indices of the menus.
        units: Of their options.
        best: Scores, shape (limit + 1,).
        picks: Options taken from each, shape (limit + 1,).
    """

    members: list[int]
    units: list[list[int]]
    best: Floats
    picks: list[Counts]

    def fill(self, options: list[int], units: int) -> None:
        """Note the options taken with so many units, last menu first."""
        for member, choices, pick in zip(
            reversed(self.members), reversed(self.units), reversed(self.picks), strict=True
        ):
            options[member] = int(pick[units])
            units -= choices[options[member]]


def _with_menu(best: Floats, units: Sequence[int], scores: Sequence[float]) -> tuple[Floats, Counts]:
    """The best scores once a menu is added, and what is taken of it."""
    after, pick = best.copy(), np.zeros(len(best), dtype=np.int64)
    for option in range(1, len(units)):
        taken = units[option]
        if taken >= len(best):
            break
        with_it = best[: len(best) - taken] + scores[option]
        better = with_it > after[taken:]
        np.copyto(after[taken:], with_it, where=better)
        np.copyto(pick[taken:], option, where=better)
    return after, pick


def _split(tables: Sequence[_Table], limit: int) -> list[int]:
    """Units for each table, the sum of best scores being the greatest."""
    best, picks = np.zeros(limit + 1), []
    for table in tables:
        best, pick = _with_menu(best, range(len(table.best)), table.best.tolist())
        picks.append(pick)
    units, split = limit, []
    for pick in reversed(picks):
        split.append(int(pick[units]))
        units -= split[-1]
    return split[::-1]
