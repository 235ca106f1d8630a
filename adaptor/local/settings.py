"""What can be set about the embedded Flink, with the origin of every default.

Memory is given in explicit pieces because the processes are started with plain ``java``: Flink's scripts would
call ``BashJavaUtils`` first to derive the pieces and the JVM flags from one total, and a TaskManager started
without them refuses to run. The pieces are chosen so that one JobManager and four TaskManagers fit in 8 GiB
(the budget of the demo): see :meth:`EmbeddedFlinkSettings.memory_mib`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptor.domain.checks import require_positive

Option = str | int | float | bool
"""Value of an option of Flink."""

# Flink's own default for the smallest JVM overhead (`taskmanager.memory.jvm-overhead.min`): thread stacks, code cache.
JVM_OVERHEAD_MIB = 192


def _require_positive_numbers(value: JobManagerMemory | TaskManagerMemory | EmbeddedFlinkSettings) -> None:
    for name in value.__slots__:
        number = getattr(value, name)
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            require_positive(name, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobManagerMemory:
    """Memory of the JobManager process in MiB; it coordinates small jobs only, so Flink's 1.6 GiB is too much."""

    heap_mib: int = 512
    off_heap_mib: int = 128
    metaspace_mib: int = 256

    def __post_init__(self) -> None:
        """Refuse sizes that no JVM accepts."""
        _require_positive_numbers(self)

    @property
    def total_mib(self) -> int:
        """The process as a whole."""
        return self.heap_mib + self.off_heap_mib + self.metaspace_mib + JVM_OVERHEAD_MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerMemory:
    """Memory of one TaskManager (one slot) in MiB, by Flink's own division."""

    task_heap_mib: int = 512
    managed_mib: int = 128
    network_mib: int = 64
    framework_heap_mib: int = 128
    framework_off_heap_mib: int = 128
    metaspace_mib: int = 256

    def __post_init__(self) -> None:
        """Refuse sizes that no JVM accepts."""
        _require_positive_numbers(self)

    @property
    def heap_mib(self) -> int:
        """What `-Xmx` gets."""
        return self.task_heap_mib + self.framework_heap_mib

    @property
    def direct_mib(self) -> int:
        """What `-XX:MaxDirectMemorySize` gets."""
        return self.framework_off_heap_mib + self.network_mib

    @property
    def total_mib(self) -> int:
        """The process as a whole."""
        return self.heap_mib + self.direct_mib + self.managed_mib + self.metaspace_mib + JVM_OVERHEAD_MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedFlinkSettings:
    """Size and bounds of an embedded cluster.

    Attributes:
        max_task_managers: Most TaskManagers (one slot each) that may be started; the demo's plans go up to four.
        start_timeout_s: Longest wait for the JobManager's REST API. About 5 s on two busy cores, so ten-fold.
        register_timeout_s: Longest wait for a started TaskManager to register. About 4 s, so ten-fold.
        release_timeout_s: Longest wait for a surplus TaskManager to be without tasks; a finished job gives its
            slots back within a fraction of a second.
        stop_timeout_s: Longest wait after TERM before KILL, and after KILL. A JVM of Flink ends within about 2 s.
        poll_interval_s: Pause between two looks at REST or at the process table.
        rest_timeout_s: Longest wait for one REST answer; loopback answers within milliseconds.
        driver_heap_mib: Heap of a driver's JVM, which only translates SQL.
        quick_compiler: Whether the JVMs use their quick compiler (C1) alone. It makes code that is half as fast in the
            end, but at once. TaskManagers here come and go every few supersteps, and with both compilers a new one
            spends its first 30 s compiling on the one core it has. K-Means over 3.3 M rows on two cores, successive
            supersteps at parallelism 1: 19, 16, 16, 16 s against 15, 12, 9.6, 9.4 s; then at 2: 11, 11, 9.3, 9.5 s
            against 9.5, 7.5, 7.4, 6.4 s, so that scale-out seems to bring nothing when it is tried. A TaskManager
            registers in 2.5 s against 3.8 s.
        options: Options of Flink that come before all others, by their names.
        job_manager_memory: Memory of the JobManager.
        task_manager_memory: Memory of each TaskManager.
    """

    max_task_managers: int = 4
    start_timeout_s: float = 60.0
    register_timeout_s: float = 45.0
    release_timeout_s: float = 5.0
    stop_timeout_s: float = 10.0
    poll_interval_s: float = 0.1
    rest_timeout_s: float = 5.0
    driver_heap_mib: int = 512
    quick_compiler: bool = True
    options: Mapping[str, Option] = field(default_factory=dict)
    job_manager_memory: JobManagerMemory = field(default_factory=JobManagerMemory)
    task_manager_memory: TaskManagerMemory = field(default_factory=TaskManagerMemory)

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        _require_positive_numbers(self)

    @property
    def memory_mib(self) -> int:
        """The cluster as a whole with all its TaskManagers."""
        return self.job_manager_memory.total_mib + self.max_task_managers * self.task_manager_memory.total_mib
