"""What an embedded cluster is told about itself."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest

from adaptor.errors import InvalidValueError
from adaptor.local.configuration import (
    Ports,
    cluster_options,
    driver_flags,
    job_manager_flags,
    log_flags,
    rendered_options,
    task_manager_flags,
)
from adaptor.local.distribution import module_options
from adaptor.local.settings import EmbeddedFlinkSettings, TaskManagerMemory

HOME = Path("/tmp/a home")


@pytest.fixture
def options():
    return cluster_options(
        home=HOME,
        ports=Ports(rest=4001, rpc=4002),
        settings=EmbeddedFlinkSettings(),
        module_options=["--add-opens=java.base/java.lang=ALL-UNNAMED"],
    )


def test_everything_listens_on_loopback_only(options):
    """Flink's ports let anyone who reaches them run code."""
    hosts = {key: value for key, value in options.items() if key.endswith(("host", "address"))}
    assert len(hosts) == 6
    assert all(ipaddress.ip_address(value).is_loopback for value in hosts.values())


def test_scale_out_equals_parallelism(options):
    """One slot for each TaskManager, and no parallelism of Flink's own choice."""
    assert options["taskmanager.numberOfTaskSlots"] == 1
    assert options["execution.batch.adaptive.auto-parallelism.enabled"] is False
    assert options["jobmanager.scheduler"] == "adaptive"


def test_rendered_options_are_json_values_on_lines(options):
    """JSON scalars are YAML, so blanks and colons in values do no harm."""
    lines = rendered_options(options).splitlines()
    parsed = {key: json.loads(value) for key, value in (line.split(": ", 1) for line in lines)}
    assert parsed == options


def test_a_cluster_with_four_task_managers_and_a_driver_fits_in_8_gib():
    """The demo's budget."""
    settings = EmbeddedFlinkSettings(max_task_managers=4)
    assert settings.memory_mib + settings.driver_heap_mib <= 8 * 1024


def test_jvm_flags_agree_with_the_memory_options():
    """Heap is task plus framework; direct memory is network plus framework off-heap."""
    memory = TaskManagerMemory(
        task_heap_mib=300, framework_heap_mib=100, framework_off_heap_mib=50, network_mib=60, metaspace_mib=70
    )
    settings = EmbeddedFlinkSettings(task_manager_memory=memory)
    flags = task_manager_flags(settings)
    assert {"-Xmx400m", "-Xms400m", "-XX:MaxDirectMemorySize=110m", "-XX:MaxMetaspaceSize=70m"} <= set(flags)
    assert "-Xmx512m" in job_manager_flags(settings)


@pytest.mark.parametrize("quick", [True, False])
def test_the_quick_compiler_is_a_setting_of_all_processes(quick):
    """A long-lived cluster may prefer faster code later to fast code now."""
    settings = EmbeddedFlinkSettings(quick_compiler=quick)
    for flags in (job_manager_flags(settings), task_manager_flags(settings), driver_flags(settings)):
        assert ("-XX:TieredStopAtLevel=1" in flags) is quick


def test_each_process_logs_to_a_file_of_its_own():
    """Blanks in the folder's name included."""
    flags = log_flags(home=HOME, name="taskmanager-2")
    assert "-Dlog.file=/tmp/a home/log/taskmanager-2.log" in flags
    assert any(flag.startswith("-Dlog4j.configurationFile=file:///tmp/a%20home/conf/") for flag in flags)


def test_module_options_are_read_from_the_distribution():
    """Each release of Flink opens what it needs."""
    text = "env:\n  java:\n    opts:\n      all: --add-exports=a/b=ALL-UNNAMED --add-opens=c/d=ALL-UNNAMED\n"
    assert module_options(text) == ("--add-exports=a/b=ALL-UNNAMED", "--add-opens=c/d=ALL-UNNAMED")


@pytest.mark.parametrize("wrong", [{"max_task_managers": 0}, {"stop_timeout_s": -1.0}])
def test_settings_refuse_bounds_that_bound_nothing(wrong):
    """The error names the field."""
    with pytest.raises(InvalidValueError, match=next(iter(wrong))):
        EmbeddedFlinkSettings(**wrong)
