"""The table of permissions covers every call there is, and means what it should."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import adaptor.api.v1
from adaptor.access.permissions import RULES, permissions_table, rule_of
from adaptor.access.roles import Role
from adaptor.service.server import SERVICE_NAMES

ROOT = Path(__file__).resolve().parents[3]

ON_ANOTHER_PORT = {"adaptor.v1.PeerService"}
"""Answered on `sharing.listen` alone, where peers prove who they are by signatures."""

CHANGES_NOTHING = ("Get", "List", "Watch", "Query", "Stream", "Preview", "Why", "ServerReflection", "Check")


def every_call() -> set[str]:
    """All calls of all descriptors that adaptor brings along or serves."""
    files = [health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]
    for module in pkgutil.iter_modules(adaptor.api.v1.__path__):
        if module.name.endswith("_pb2"):
            files.append(importlib.import_module(f"adaptor.api.v1.{module.name}").DESCRIPTOR)
    services = [service for file in files for service in file.services_by_name.values()]
    return {
        f"/{service.full_name}/{method.name}"
        for service in services
        if service.full_name not in ON_ANOTHER_PORT
        for method in service.methods
    }


def test_every_call_of_every_descriptor_has_a_rule_and_no_rule_is_left_over() -> None:
    """A new call makes this fail until somebody decides who may make it."""
    assert set(RULES) == every_call()


def test_what_is_served_is_in_the_table() -> None:
    """The server adds no service that the table does not know."""
    pool = descriptor_pool.Default()
    for name in SERVICE_NAMES:
        for method in pool.FindServiceByName(name).methods:
            assert rule_of(f"/{name}/{method.name}").roles


def test_nobody_may_make_a_call_that_is_not_in_the_table() -> None:
    """Forgotten means refused."""
    assert rule_of("/adaptor.v1.RunService/DeleteEverything").roles == frozenset()


def test_an_observer_changes_nothing() -> None:
    """Whatever it may call only reads."""
    for method, rule in RULES.items():
        if Role.OBSERVER in rule.roles:
            assert method.rpartition("/")[2].startswith(CHANGES_NOTHING), method


def test_an_administrator_may_do_everything() -> None:
    """Somebody must."""
    assert all(Role.ADMINISTRATOR in rule.roles for rule in RULES.values())


def test_a_job_is_let_at_runs_alone_and_at_its_own() -> None:
    """Besides what says nothing about anybody."""
    calls = {method for method, rule in RULES.items() if Role.JOB in rule.roles and not rule.public}
    assert {one for one in calls if not rule_of(one).own} == {
        "/adaptor.v1.RunService/ListRuns",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
    assert all(one.startswith("/adaptor.v1.RunService/") for one in calls if rule_of(one).own)


def test_only_health_is_public() -> None:
    """For load balancers."""
    assert {method for method, rule in RULES.items() if rule.public} == {
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
    }


def test_the_table_in_the_documentation_is_current() -> None:
    """`adaptor docs` makes it from the same table."""
    assert permissions_table() in (ROOT / "docs" / "security.md").read_text()
