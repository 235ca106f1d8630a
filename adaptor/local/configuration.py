"""The configuration of an embedded cluster as text, with the reason of each choice that is not Flink's default.

One folder serves everyone: JobManager, TaskManagers, and a PyFlink driver that is started with `FLINK_CONF_DIR`
pointing here (it then logs beside the cluster and keeps its temporary files there).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adaptor.local.settings import JVM_OVERHEAD_MIB, EmbeddedFlinkSettings, Option, TaskManagerMemory

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The two ports that others must know; every other one is chosen by Flink (0)."""

    rest: int
    rpc: int


def cluster_options(
    *, home: Path, ports: Ports, settings: EmbeddedFlinkSettings, module_options: Sequence[str]
) -> dict[str, Option]:
    """Return all options of `config.yaml`.

    Args:
        home: Folder of the cluster.
        ports: Where the JobManager listens.
        settings: Sizes.
        module_options: What the JVM must export and open for Flink.
    """
    return {
        **_addresses(ports),
        **_scheduling(),
        **_fresh_answers(),
        **_quick_recovery(),
        **_task_manager_resources(settings.task_manager_memory),
        "io.tmp.dirs": str(home / "tmp"),
        "env.log.dir": str(home / "log"),
        "env.java.opts.all": " ".join(module_options),
        **settings.options,
    }


def rendered_options(options: Mapping[str, Option]) -> str:
    """Return options as the YAML that Flink reads; JSON scalars are YAML, and strings are quoted safely."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items())


def job_manager_flags(settings: EmbeddedFlinkSettings) -> tuple[str, ...]:
    """Return the flags of the JobManager's JVM."""
    memory = settings.job_manager_memory
    sizes = _sizes(heap_mib=memory.heap_mib, direct_mib=memory.off_heap_mib, metaspace_mib=memory.metaspace_mib)
    return (*sizes, *_behaviour(settings))


def task_manager_flags(settings: EmbeddedFlinkSettings) -> tuple[str, ...]:
    """Return the flags of a TaskManager's JVM; its memory must agree with the options above."""
    memory = settings.task_manager_memory
    sizes = _sizes(heap_mib=memory.heap_mib, direct_mib=memory.direct_mib, metaspace_mib=memory.metaspace_mib)
    return (*sizes, *_behaviour(settings))


def driver_flags(settings: EmbeddedFlinkSettings) -> tuple[str, ...]:
    """Return the flags of a PyFlink driver's JVM; without a bound it takes a quarter of the machine."""
    return (f"-Xmx{settings.driver_heap_mib}m", *_behaviour(settings))


def log_flags(*, home: Path, name: str) -> tuple[str, ...]:
    """Return the flags that send a process' log to a file of its own."""
    return (
        f"-Dlog.file={home / 'log' / name}.log",
        f"-Dlog4j.configurationFile={(home / 'conf' / LOG4J_FILE).as_uri()}",
        f"-Djava.io.tmpdir={home / 'tmp'}",
    )


# PyFlink's gateway looks for this very name in FLINK_CONF_DIR, so one file serves all processes.
LOG4J_FILE = "log4j-cli.properties"

# Flink's defaults write 10 files of 100 MB per process; a cluster of minutes needs less. Nothing goes to the console.
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = File
appender.file.name = File
appender.file.type = RollingFile
appender.file.append = true
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
"""


def _addresses(ports: Ports) -> dict[str, Option]:
    """Everything is bound to loopback: REST and RPC of Flink let anyone who reaches them run code."""
    return {
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": ports.rpc,
        "jobmanager.bind-host": LOOPBACK,
        "taskmanager.host": LOOPBACK,
        "taskmanager.bind-host": LOOPBACK,
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": ports.rest,
        "rest.bind-port": str(ports.rest),
    }


def _scheduling() -> dict[str, Option]:
    """One slot per TaskManager makes scale-out and parallelism the same number.

    The adaptive scheduler serves streams that are rescaled in place; batch jobs get AdaptiveBatch beside it, whose
    own choice of parallelism is off, because observed must equal planned.
    """
    return {
        "jobmanager.scheduler": "adaptive",
        "execution.batch.adaptive.auto-parallelism.enabled": False,
        # Whoever rescales a stream here paces itself; Flink's 30 s would only make it wait.
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling": "1 s",
        "jobmanager.adaptive-scheduler.scaling-interval.min": "1 s",  # its name before 2.0
        # A narrowed stream keeps its unused slots that long (50 s as delivered), and their TaskManagers with them.
        "slot.idle.timeout": "2 s",
        "taskmanager.numberOfTaskSlots": 1,
        "parallelism.default": 1,
    }


def _fresh_answers() -> dict[str, Option]:
    """Let REST answers be nearly live.

    Flink keeps job details for 3 s and metrics for 10 s to spare a large, shared JobManager. This cluster is ours and
    runs one job at a time, and a superstep's statistics are read right at its end.
    """
    return {"web.refresh-interval": "100 ms", "metrics.fetcher.update-interval": "500 ms"}


def _quick_recovery() -> dict[str, Option]:
    """Notice a dead TaskManager within seconds and go on.

    Loopback connections to a dead process are refused at once, so two failed heartbeats are proof; the timeout itself
    stays long enough for a TaskManager that is merely starved of CPU. Bounded restarts with a short pause: each
    superstep is a job of seconds, and a failure of its own making must surface soon.
    """
    return {
        "heartbeat.interval": "1 s",
        "heartbeat.rpc-failure-threshold": 2,
        "heartbeat.timeout": "20 s",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 5,
        "restart-strategy.fixed-delay.delay": "500 ms",
        # A TaskManager whose JobManager is gone ends by itself (default 5 min).
        "taskmanager.registration.timeout": "60 s",
    }


def _task_manager_resources(memory: TaskManagerMemory) -> dict[str, Option]:
    """All the pieces that Flink's scripts would derive."""
    return {
        "taskmanager.cpu.cores": 1.0,
        "taskmanager.memory.framework.heap.size": f"{memory.framework_heap_mib}m",
        "taskmanager.memory.framework.off-heap.size": f"{memory.framework_off_heap_mib}m",
        "taskmanager.memory.task.heap.size": f"{memory.task_heap_mib}m",
        "taskmanager.memory.task.off-heap.size": "0b",
        "taskmanager.memory.managed.size": f"{memory.managed_mib}m",
        "taskmanager.memory.network.min": f"{memory.network_mib}m",
        "taskmanager.memory.network.max": f"{memory.network_mib}m",
        "taskmanager.memory.jvm-metaspace.size": f"{memory.metaspace_mib}m",
        # Equal bounds, or Flink fails to add up its own total.
        "taskmanager.memory.jvm-overhead.min": f"{JVM_OVERHEAD_MIB}m",
        "taskmanager.memory.jvm-overhead.max": f"{JVM_OVERHEAD_MIB}m",
    }


def _sizes(*, heap_mib: int, direct_mib: int, metaspace_mib: int) -> tuple[str, ...]:
    return (
        f"-Xms{heap_mib}m",
        f"-Xmx{heap_mib}m",
        f"-XX:MaxDirectMemorySize={direct_mib}m",
        f"-XX:MaxMetaspaceSize={metaspace_mib}m",
    )


def _behaviour(settings: EmbeddedFlinkSettings) -> tuple[str, ...]:
    return (
        # A worker is a core: what a collector does in other threads would only be taken from the work.
        "-XX:+UseSerialGC",
        # A process without memory is of no use: let it end, so that it is replaced.
        "-XX:+ExitOnOutOfMemoryError",
        # No /tmp/hsperfdata_* left behind by a killed JVM.
        "-XX:-UsePerfData",
        *(("-XX:TieredStopAtLevel=1",) if settings.quick_compiler else ()),
    )
