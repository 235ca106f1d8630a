"""Every policy by name, and how a choice becomes a plan."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.plan import Reason, ReasonCode
from adaptor.errors import InvalidValueError
from adaptor.planner import efficiency_target, runtime_target, utilisation_rule
from adaptor.planner.outlook import Outlook
from adaptor.planner.policy import Choice, Policy


def adaptor_policy(outlook: Outlook) -> Choice:
    """Adaptor's own: model-based, by objective."""
    objective = outlook.situation.objective
    if isinstance(objective, RuntimeTarget):
        return runtime_target.choose(outlook, objective)
    return efficiency_target.choose(outlook, objective)


def static_policy(outlook: Outlook) -> Choice:
    """Never changes anything; a baseline."""
    current = outlook.situation.nearest_candidate
    return Choice(
        parallelism=current,
        reason=Reason(code=ReasonCode.STATIC, text=f"the static policy stays at {current}"),
    )


DEFAULT_POLICY = "adaptor"

POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        DEFAULT_POLICY: adaptor_policy,
        "utilisation-0.70": utilisation_rule.choose,
        "static": static_policy,
    }
)


def policy_named(name: str) -> Policy:
    """The policy of that name.

    Raises:
        InvalidValueError: If there is none.
    """
    if name not in POLICIES:
        raise InvalidValueError("policy", f"{name!r} is not one of {', '.join(POLICIES)}")
    return POLICIES[name]
