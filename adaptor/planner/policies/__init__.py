"""Every policy by name. A new one is one module here, with a `NAME`, a `SUMMARY` and a `choose`; nothing lists it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from adaptor.errors import InvalidValueError
from adaptor.planner.policy import Policy

DEFAULT_POLICY = "adaptor"


class NamedPolicy(NamedTuple):
    """A policy and what it does, in one line."""

    choose: Policy
    summary: str


def _found() -> Mapping[str, NamedPolicy]:
    modules = [importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    return MappingProxyType({one.NAME: NamedPolicy(one.choose, one.SUMMARY) for one in modules})


POLICIES = _found()


def policy_named(name: str) -> Policy:
    """The policy of that name.

    Raises:
        InvalidValueError: If there is none.
    """
    if name not in POLICIES:
        raise InvalidValueError("policy", f"{name!r} is not one of {', '.join(POLICIES)}")
    return POLICIES[name].choose
