"""The one gate between private and shareable: what of an observation peers see, field by field.

Whatever goes to peers is built here, from nothing but the fields named here; a new field of an observation stays
private until somebody adds it. Superstep, parallelism, scale-out, whether a superstep was cold, and how it was measured
always go out: without them there is no observation.

Contexts stay joinable, because own ones pass through the same gate before they are compared (`Gate.shared_context`):
two peers find each other's observations wherever their rules give the same text. Keys of parameters and data are not
hashed, only their values; to hide a key, drop the pair. A hash hides a value from everybody outside the log. Members
hold its salt, so they can try guesses; where that matters, drop.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context
from statistics import NormalDist

from adaptor.domain.checks import LONGEST_S, SHORTEST_S
from adaptor.domain.context import MAX_TEXT, ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.shared import (
    CONTEXTS_KEPT,
    MAX_RUN_NAME,
    MAX_UTILISATION,
    Measurement,
    SharedContext,
    SharedObservation,
    harmless,
)
from adaptor.sharing.filter import COARSE_DIGITS, DEFAULT_FILTER, NOISE_SHARE, Action, Filter, Rule

HASH_PREFIX = "h:"
"""Marks a hash; a kept value that begins so is hashed as well, so the mark never lies."""

HASH_DIGITS = 16
"""Hex digits of a hash: 64 bits, so that a million different values of one field collide once in 30 million logs."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)

_PLAIN_FROM, _PLAIN_BELOW = -6, 21
"""Powers of ten between which a number is written without an exponent, as ECMAScript does it."""

_UNIFORM_BITS = 52
"""Bits of a number between 0 and 1, both excluded: what double precision can tell apart below 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What peers of one log see.

    Attributes:
        filter: The user's rules.
        salt: The log's, under which its members' hashes match.
        secret: Known to this machine alone; decides the noise, so that giving an observation twice tells no more.
    """

    filter: Filter = DEFAULT_FILTER
    salt: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    _contexts: dict[object, SharedContext] = field(default_factory=dict, init=False, repr=False, compare=False)

    def shared_context(self, context: ExecutionContext, *, flink_version: str = "") -> SharedContext:
        """The context as peers see it.

        Args:
            context: An own one.
            flink_version: Of the cluster; empty if unknown. It plays no part in `SharedContext.key`.
        """
        pairs = tuple(context.parameters.items()), tuple(context.data.items())
        key = (context.program, *pairs, context.node_type, flink_version)
        found = self._contexts.get(key)
        if found is None:
            if len(self._contexts) >= CONTEXTS_KEPT:
                self._contexts.clear()
            found = self._contexts[key] = self._seen(context, flink_version)
        return found

    def _seen(self, context: ExecutionContext, flink_version: str) -> SharedContext:
        return SharedContext(
            algorithm=self._text("algorithm", context.program),
            parameters=self._pairs("parameters", context.parameters),
            data=self._pairs("data", context.data),
            node_type=self._text("node_type", context.node_type),
            flink_version=self._text("flink_version", flink_version.strip()[:MAX_TEXT]),
        )

    def shared_observation(self, observation: Observation) -> SharedObservation:
        """The measured part of an observation as peers see it."""
        utilisation = observation.flink.cpu_utilisation
        return SharedObservation(
            superstep=observation.superstep,
            parallelism=observation.parallelism,
            duration_s=self._duration_s(observation),
            cold=observation.cold,
            cpu_utilisation=None if utilisation is None else self._utilisation(observation, utilisation),
            measurement=Measurement.DRIVER_CLOCK,
        )

    def shared_run(self, run: str) -> str:
        """The name of a run as peers see it; one too long for the log is hashed."""
        return self._hash("run", run) if len(run) > MAX_RUN_NAME else self._text("run", run)

    def _pairs(self, group: str, pairs: Mapping[str, str]) -> dict[str, str]:
        shared = {harmless(key): self._text(f"{group}.{key}", value) for key, value in pairs.items()}
        return {key: value for key, value in shared.items() if value}

    def _text(self, name: str, value: str) -> str:
        """The value as peers see it; empty if they do not."""
        rule = self.filter.rule(name)
        if not value or rule.action is Action.DROP:
            return ""
        if rule.action is Action.COARSEN and (number := coarse_text(value, digits=_digits(rule))):
            return number
        if rule.action is Action.KEEP and not value.startswith(HASH_PREFIX):
            return harmless(value)
        # Hashed by rule; or it is no number to coarsen; or it would pass for a hash.
        return self._hash(name, value)

    def _hash(self, name: str, value: str) -> str:
        message = f"{name}\0{value}".encode(errors="surrogatepass")
        return HASH_PREFIX + hmac.digest(self.salt, message, hashlib.sha256).hex()[:HASH_DIGITS]

    def _duration_s(self, observation: Observation) -> float:
        number = self._number("duration_s", observation.duration_s, observation=observation)
        return min(max(number, SHORTEST_S), LONGEST_S)

    def _utilisation(self, observation: Observation, value: float) -> float | None:
        """As peers see it; ``None`` if they do not, or if it is no utilisation."""
        if self.filter.rule("cpu_utilisation").action is Action.DROP or not 0 <= value <= MAX_UTILISATION:
            return None
        return min(self._number("cpu_utilisation", value, observation=observation), MAX_UTILISATION)

    def _number(self, name: str, value: float, *, observation: Observation) -> float:
        rule = self.filter.rule(name)
        if rule.action is Action.COARSEN:
            return float(f"{value:.{_digits(rule) - 1}e}")
        if rule.action is Action.NOISE:
            share = NOISE_SHARE if rule.amount is None else rule.amount
            return value * math.exp(share * self._deviate(f"{name}\0{observation.observation_id}"))
        return value

    def _deviate(self, what: str) -> float:
        """A standard normal number that this machine always draws for the same thing."""
        digest = hmac.digest(self.secret, f"noise\0{what}".encode(), hashlib.sha256)
        bits = int.from_bytes(digest[:8], "big") >> (64 - _UNIFORM_BITS)
        return NormalDist().inv_cdf((bits + 0.5) / 2**_UNIFORM_BITS)


def coarse_text(text: str, *, digits: int) -> str | None:
    """The number of a text with so many significant digits, in one way of writing; ``None`` if it is no number."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = Context(prec=digits).create_decimal(text.strip()).normalize()
    if not number:
        return "0"
    return f"{number:f}" if _PLAIN_FROM <= number.adjusted() < _PLAIN_BELOW else f"{number:e}"


def _digits(rule: Rule) -> int:
    return COARSE_DIGITS if rule.amount is None else int(rule.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedField:
    """One field before and behind the gate.

    Attributes:
        name: As in a filter.
        rule: What the filter says, or ``always`` where it has no say.
        before: What this machine knows.
        after: What peers see; ``None`` if they see nothing.
    """

    name: str
    rule: str
    before: str
    after: str | None


def preview(observation: Observation, *, gate: Gate, run: str, flink_version: str) -> tuple[PreviewedField, ...]:
    """Every field that an observation has for peers, before and behind the gate."""
    context = observation.context
    shared = gate.shared_context(context, flink_version=flink_version)
    measured = gate.shared_observation(observation)
    utilisation = observation.flink.cpu_utilisation
    texts: list[tuple[str, str, str]] = [("algorithm", context.program, shared.algorithm)]
    for group, pairs, seen in (
        ("parameters", context.parameters, shared.parameters),
        ("data", context.data, shared.data),
    ):
        texts += [(f"{group}.{key}", value, seen.get(harmless(key), "")) for key, value in sorted(pairs.items())]
    texts.append(("node_type", context.node_type, shared.node_type))
    texts.append(("flink_version", flink_version, shared.flink_version))
    texts.append(("run", run, gate.shared_run(run)))
    texts.append(("duration_s", str(observation.duration_s), str(measured.duration_s)))
    texts.append(("cpu_utilisation", _known(utilisation), _known(measured.cpu_utilisation)))
    filtered = tuple(
        PreviewedField(name=name, rule=str(gate.filter.rule(name)), before=before, after=after or None)
        for name, before, after in texts
    )
    return filtered + tuple(
        PreviewedField(name=name, rule="always", before=value, after=value)
        for name, value in (
            ("superstep", str(measured.superstep)),
            ("parallelism", str(measured.parallelism)),
            ("cold", str(measured.cold).lower()),
            ("measurement", measured.measurement.value),
        )
    )


def _known(value: float | None) -> str:
    return "" if value is None else str(value)
