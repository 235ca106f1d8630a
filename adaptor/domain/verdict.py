"""What a member of the log thinks of a contribution, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from adaptor.domain.checks import require_text
from adaptor.domain.shared import harmless
from adaptor.errors import InvalidValueError

MAX_FINDINGS = 8
"""Most findings of a verdict: twice as many as there are validators."""

MAX_VALIDATOR_NAME = 64
"""Longest name of a validator, in characters."""

MAX_FINDING = 200
"""Longest finding, in characters: readable in one line of a terminal."""


class Judgement(enum.Enum):
    """What a verdict says."""

    VALID = "valid"
    INVALID = "invalid"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one validator found.

    Attributes:
        validator: Its name.
        text: For people.
    """

    validator: str
    text: str

    def __post_init__(self) -> None:
        for name, value, most in (
            ("validator", self.validator, MAX_VALIDATOR_NAME),
            ("text", self.text, MAX_FINDING),
        ):
            require_text(name, value, max_length=most)
            if harmless(value) != value:
                raise InvalidValueError(name, "must not hold control characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A judgement with its reasons.

    Attributes:
        judgement: What is thought of a contribution.
        findings: Why: one for each validator that had something to say.
    """

    judgement: Judgement
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if len(self.findings) > MAX_FINDINGS:
            raise InvalidValueError("findings", f"must be at most {MAX_FINDINGS}, got {len(self.findings)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An assessment of one contribution; its author's later one replaces it.

    Attributes:
        target: CID of the contribution's entry.
        assessment: What is thought of it.
    """

    target: bytes
    assessment: Assessment
