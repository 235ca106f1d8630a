"""What readers of the index ask for and get."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptor.domain.shared import SharedContext, SharedObservation
from adaptor.domain.verdict import Finding, Judgement
from adaptor.models.arrays import Flags, Floats

Places = NDArray[np.int64]


class View(enum.Enum):
    """Which contributions a reader trusts."""

    ALL = "all"
    NOT_REFUTED = "not_refuted"
    CONFIRMED = "confirmed"

    @property
    def standings(self) -> tuple[str, ...]:
        """Standings of contributions that belong to it."""
        return {
            View.ALL: ("open", "confirmed", "refuted"),
            View.NOT_REFUTED: ("open", "confirmed"),
            View.CONFIRMED: ("confirmed",),
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationFilter:
    """Which observations are wanted; ``None`` does not restrict.

    Attributes:
        algorithm: Name of the algorithm.
        min_parallelism: Least parallelism.
        max_parallelism: Most parallelism.
        node_type: Kind of worker.
        author: Public key of who measured them, hex.
        include_private: Whether own observations that were not shared are wanted, too.
        view: Which contributions count.
    """

    algorithm: str | None = None
    min_parallelism: int | None = None
    max_parallelism: int | None = None
    node_type: str | None = None
    author: str | None = None
    include_private: bool = False
    view: View = View.NOT_REFUTED

    @property
    def standings(self) -> tuple[str, ...]:
        """Standings of what is wanted."""
        return (*self.view.standings, "private") if self.include_private else self.view.standings


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedObservation:
    """One observation with who measured it and how it stands.

    Attributes:
        context: What the duration depends on besides parallelism.
        observation: What was measured.
        run: Name of the run among its author's.
        contribution: Id of the contribution that holds it; empty if it was not shared.
        author: Public key of who measured it, hex.
        own: Whether that is this machine.
        standing: ``private``, ``open``, ``confirmed`` or ``refuted``.
    """

    context: SharedContext
    observation: SharedObservation
    run: str
    contribution: str
    author: str
    own: bool
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the observations that match a filter.

    Attributes:
        observations: In the order of the index: what was applied first comes first.
        next_page_token: For the next page; empty if there is none.
    """

    observations: tuple[IndexedObservation, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingRows:
    """Observations for models, by columns of n rows. Rows of one author stand together.

    Attributes:
        contexts: Execution contexts; those of own rows as this machine knows them, not as peers would see them.
        context: Place of each row's context in `contexts`.
        authors: Public keys, hex.
        author: Place of each row's author in `authors`.
        contributions: Ids of contributions.
        contribution: Place of each row's contribution in `contributions`; -1 for what was not shared.
        superstep: Number in its run.
        parallelism: Subtasks.
        scale_out: Workers; NaN if unknown.
        duration_s: Seconds.
        cold: Whether start-up weighs on the duration.
        own: Whether this machine measured it.
    """

    contexts: tuple[SharedContext, ...]
    context: Places
    authors: tuple[str, ...]
    author: Places
    contributions: tuple[str, ...]
    contribution: Places
    superstep: Places
    parallelism: Places
    scale_out: Floats
    duration_s: Floats
    cold: Flags
    own: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One verdict on a contribution.

    Attributes:
        author: Public key of who gave it, hex.
        judgement: What it says.
        counts: Whether it is a vote: its author is a member and not the contributor.
        findings: Why.
    """

    author: str
    judgement: Judgement
    counts: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """How a contribution stands, and why.

    Attributes:
        author: Public key of who contributed, hex.
        standing: ``open``, ``confirmed`` or ``refuted``.
        votes: Every verdict, votes first.
    """

    author: str
    standing: str
    votes: tuple[Vote, ...]
