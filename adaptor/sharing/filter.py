"""What a user lets peers see of each field, and the text in which he says so.

``data.customer=hash, data.*=coarsen, node_type=hash, duration_s=noise:0.02``: a field, ``=``, a rule, and for some
rules an amount after a colon. A field that is not named follows `DEFAULT_FILTER`; a pair that is named follows its own
rule, whatever ``.*`` says. A pair whose key holds a comma can only be reached by ``.*``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.errors import InvalidValueError
from adaptor.models.noise import SUPERSTEP_NOISE


class Action(enum.Enum):
    """What becomes of a field's value."""

    KEEP = "keep"
    DROP = "drop"
    COARSEN = "coarsen"
    HASH = "hash"
    NOISE = "noise"


COARSE_DIGITS = 2
"""Significant digits that `Action.COARSEN` leaves: they change a number by at most 5 %, which is what supersteps of one
run scatter by (`SUPERSTEP_NOISE`), so a model loses nothing that it could have used."""

MOST_DIGITS = 15
"""Most significant digits to coarsen to: double precision has no more."""

NOISE_SHARE = SUPERSTEP_NOISE.spread
"""Standard deviation of the logarithm of the factor that `Action.NOISE` multiplies by: as supersteps scatter anyway."""

MOST_NOISE_SHARE = 0.5
"""Most noise: beyond it one duration in six is off by more than 1.6 times, and peers learn nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of one field.

    Attributes:
        action: What is done.
        amount: Significant digits of `Action.COARSEN`, spread of `Action.NOISE`, else nothing.
    """

    action: Action
    amount: float | None = None

    def __str__(self) -> str:
        return self.action.value if self.amount is None else f"{self.action.value}:{self.amount:g}"


KEEP = Rule(action=Action.KEEP)
DROP = Rule(action=Action.DROP)
HASH = Rule(action=Action.HASH)
COARSEN = Rule(action=Action.COARSEN, amount=COARSE_DIGITS)
NOISE = Rule(action=Action.NOISE, amount=NOISE_SHARE)

_BY_NAME = {str(rule.action.value): rule for rule in (KEEP, DROP, HASH, COARSEN, NOISE)}

_PAIRS = ("parameters", "data")

ALLOWED: Mapping[str, tuple[Action, ...]] = {
    "algorithm": (Action.KEEP, Action.HASH),
    "parameters.*": (Action.KEEP, Action.DROP, Action.COARSEN, Action.HASH),
    "data.*": (Action.KEEP, Action.DROP, Action.COARSEN, Action.HASH),
    "node_type": (Action.KEEP, Action.DROP, Action.HASH),
    "flink_version": (Action.KEEP, Action.DROP, Action.HASH),
    "run": (Action.KEEP, Action.DROP, Action.HASH),
    "duration_s": (Action.KEEP, Action.COARSEN, Action.NOISE),
    "cpu_utilisation": (Action.KEEP, Action.DROP, Action.COARSEN, Action.NOISE),
}
"""Rules that make sense, by field. An observation without algorithm or duration is none; noise on a context would make
equal contexts look different, so contexts are coarsened instead."""

_DEFAULTS: Mapping[str, Rule] = {
    "algorithm": KEEP,
    "parameters.*": KEEP,
    "data.*": COARSEN,
    "node_type": KEEP,
    "flink_version": KEEP,
    "run": HASH,
    "duration_s": KEEP,
    "cpu_utilisation": COARSEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A rule for every field.

    Attributes:
        rules: Those that differ from the default, by field.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, name: str) -> Rule:
        """The rule of a field such as ``run`` or ``data.rows``."""
        group = f"{name.partition('.')[0]}.*" if "." in name else name
        return self.rules.get(name) or self.rules.get(group) or _DEFAULTS[group]

    def __str__(self) -> str:
        return ", ".join(f"{name}={rule}" for name, rule in {**_DEFAULTS, **self.rules}.items())


DEFAULT_FILTER = Filter()
"""What peers see if nothing was said: the algorithm, its parameters, the node type and Flink's version as they are, so
contexts can be joined on them; of the data numbers with two digits, joinable where sizes are alike, and other values
as hashes, joinable where equal; durations as measured; the run's id as a hash."""


def parse_filter(text: str, *, field: str) -> Filter:
    """The filter that a settings text stands for; an empty text is the default.

    Args:
        text: For example ``data.customer=hash, duration_s=noise:0.02``.
        field: Name of the setting, for errors.

    Raises:
        InvalidValueError: If a field or rule is unknown, does not fit, or is given twice.
    """
    rules: dict[str, Rule] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, rule = (piece.strip() for piece in part.rpartition("="))
        if not equals:
            raise InvalidValueError(field, f"{part!r} is no rule; write for example data.customer=hash")
        if name in rules:
            raise InvalidValueError(field, f"{name} has two rules; give it one")
        rules[name] = _rule_of(rule, allowed=_allowed(name, field=field), what=name, field=field)
    return Filter(rules=rules)


def _allowed(name: str, *, field: str) -> tuple[Action, ...]:
    group, dot, key = name.partition(".")
    found = ALLOWED.get(f"{group}.*" if dot and key and group in _PAIRS else name)
    if found is None:
        raise InvalidValueError(
            field, f"{name!r} is no field; fields are {', '.join(ALLOWED)}, and single pairs such as data.rows"
        )
    return found


def _rule_of(text: str, *, allowed: tuple[Action, ...], what: str, field: str) -> Rule:
    name, colon, amount = text.partition(":")
    default = _BY_NAME.get(name)
    if default is None or default.action not in allowed:
        choices = ", ".join(action.value for action in allowed)
        raise InvalidValueError(field, f"{what} cannot have the rule {text!r}; it may have one of {choices}")
    if not colon:
        return default
    if default.action is Action.COARSEN and amount.isdecimal() and 1 <= int(amount) <= MOST_DIGITS:
        return Rule(action=Action.COARSEN, amount=int(amount))
    if default.action is Action.NOISE and 0 < (share := _number(amount)) <= MOST_NOISE_SHARE:
        return Rule(action=Action.NOISE, amount=share)
    raise InvalidValueError(
        field,
        f"{what} cannot have the rule {text!r}; coarsen takes 1 to {MOST_DIGITS} digits, noise a share up to "
        f"{MOST_NOISE_SHARE}, others take nothing",
    )


def _number(text: str) -> float:
    """The number of a text, or NaN, which no comparison lets pass."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
