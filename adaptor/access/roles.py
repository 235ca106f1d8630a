"""Who calls, and in which role."""

from __future__ import annotations

import enum
from contextvars import ContextVar
from dataclasses import dataclass


class Role(enum.Enum):
    """What a caller is there for; `adaptor.access.permissions` says what each may do."""

    JOB = "job"
    MANAGER = "manager"
    OBSERVER = "observer"
    ADMINISTRATOR = "administrator"


MEANING = {
    Role.JOB: "the driver of an iterative program; sees and changes the runs that it started, and no other",
    Role.MANAGER: "a cluster manager: whatever hands out machines, and looks after streams",
    Role.OBSERVER: "a person or a dashboard; reads and changes nothing",
    Role.ADMINISTRATOR: "whoever runs the service; may do everything",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call.

    Attributes:
        name: Of the identity; empty where callers are not asked who they are.
        role: What it is there for.
    """

    name: str
    role: Role

    @property
    def is_job(self) -> bool:
        """Whether it may see its own runs alone."""
        return self.role is Role.JOB


ANYBODY = Caller(name="", role=Role.ADMINISTRATOR)
"""Whoever calls a service on loopback that asks nobody who he is."""

_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """Who makes the call that is being answered.

    Raises:
        LookupError: If none is, or nobody asked: better no answer than one for anybody.
    """
    return _caller.get()


def set_caller(one: Caller) -> None:
    """Say who makes the call that this task answers."""
    _caller.set(one)
