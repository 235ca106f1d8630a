"""The one table of who may call what. A call that is not in it is refused to everybody.

`docs/security.md` is made from it, and a test calls everything in every role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adaptor.access.roles import MEANING, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may make one call.

    Attributes:
        roles: Those that may.
        own: Whether a job may make it for runs of its own alone, which the request names in `run_id`.
        public: Whether it is answered without asking who calls.
    """

    roles: frozenset[Role]
    own: bool = False
    public: bool = False


_ADMINISTRATORS = Rule(roles=frozenset({Role.ADMINISTRATOR}))
_MANAGERS = Rule(roles=frozenset({Role.MANAGER, Role.ADMINISTRATOR}))
_READERS = Rule(roles=frozenset({Role.OBSERVER, Role.ADMINISTRATOR}))
_CLUSTER_READERS = Rule(roles=frozenset({Role.MANAGER, Role.OBSERVER, Role.ADMINISTRATOR}))
_DRIVERS = Rule(roles=frozenset({Role.JOB, Role.ADMINISTRATOR}), own=True)
_RUN_READERS = Rule(roles=frozenset(Role), own=True)
_KNOWN = Rule(roles=frozenset(Role))
_PUBLIC = Rule(roles=frozenset(Role), public=True)

_TABLE: dict[str, dict[str, Rule]] = {
    "adaptor.v1.RunService": {
        "StartRun": _DRIVERS,
        "ReportBarrier": _DRIVERS,
        "AwaitSlots": _DRIVERS,
        "FinishRun": _DRIVERS,
        "WatchRun": _RUN_READERS,
        # Lists a job its own runs: there is no run_id in the request.
        "ListRuns": _KNOWN,
        "GetRun": _RUN_READERS,
    },
    "adaptor.v1.AttachmentService": {
        "Attach": _MANAGERS,
        "Detach": _MANAGERS,
        "PauseAttachment": _MANAGERS,
        "ResumeAttachment": _MANAGERS,
        "ListAttachments": _CLUSTER_READERS,
        "WatchAttachment": _CLUSTER_READERS,
        "AttachAll": _MANAGERS,
        "DetachAll": _MANAGERS,
        "ListWatchedClusters": _CLUSTER_READERS,
        "WatchCluster": _CLUSTER_READERS,
    },
    "adaptor.v1.ClusterService": {
        "RegisterCluster": _MANAGERS,
        "ListClusters": _CLUSTER_READERS,
        "GetCluster": _CLUSTER_READERS,
        "RemoveCluster": _MANAGERS,
        "SetCapacity": _MANAGERS,
        "AnnounceCapacity": _MANAGERS,
        "RenewLease": _MANAGERS,
        "GetDemand": _CLUSTER_READERS,
        "ListGrants": _CLUSTER_READERS,
        "SetGrant": _MANAGERS,
        "PreviewReclaim": _CLUSTER_READERS,
        "Reclaim": _MANAGERS,
        "GetReclaim": _CLUSTER_READERS,
        "SetTenant": _MANAGERS,
        "ListTenants": _CLUSTER_READERS,
        "RemoveTenant": _MANAGERS,
        "WatchClusters": _CLUSTER_READERS,
    },
    "adaptor.v1.SharingService": {
        "CreateLog": _ADMINISTRATORS,
        "JoinLog": _ADMINISTRATORS,
        "LeaveLog": _ADMINISTRATORS,
        # An invitation lets whoever holds it into the log.
        "Invite": _ADMINISTRATORS,
        "GetSharingStatus": _READERS,
        "ListSent": _READERS,
        "Withdraw": _ADMINISTRATORS,
        "Why": _READERS,
        "SetMember": _ADMINISTRATORS,
        "QueryObservations": _READERS,
        "StreamObservations": _READERS,
    },
    # Load balancers ask without credentials, and learn nothing but that the service is there.
    "grpc.health.v1.Health": {"Check": _PUBLIC, "Watch": _PUBLIC},
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": _KNOWN},
}

RULES: Mapping[str, Rule] = {
    f"/{service}/{method}": rule for service, methods in _TABLE.items() for method, rule in methods.items()
}
"""By the name of the call as gRPC gives it."""

_NOBODY = Rule(roles=frozenset())


def rule_of(method: str) -> Rule:
    """Who may make a call, for example ``/adaptor.v1.RunService/StartRun``."""
    return RULES.get(method, _NOBODY)


def permissions_table() -> str:
    """The documentation's tables, as Markdown."""
    roles = ["| role | what it is |", "| --- | --- |", *(f"| `{one.value}` | {MEANING[one]} |" for one in Role)]
    head = ["| call |" + "".join(f" {one.value} |" for one in Role), "| --- |" + " --- |" * len(Role)]
    rows = [
        f"| `{service.rpartition('.')[2]}.{method}` |" + "".join(f" {_cell(one, rule, method)} |" for one in Role)
        for service, methods in _TABLE.items()
        for method, rule in methods.items()
    ]
    return "\n".join([*roles, "", *head, *rows]) + "\n"


def _cell(role: Role, rule: Rule, method: str) -> str:
    if rule.public:
        return "anybody"
    if role not in rule.roles:
        return ""
    return "own runs" if role is Role.JOB and (rule.own or method == "ListRuns") else "yes"
