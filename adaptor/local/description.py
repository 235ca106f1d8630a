"""What another process must know to manage a cluster it did not start: `cluster.json` in the cluster's home."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from adaptor.errors import EmbeddedFlinkError

FILE_NAME = "cluster.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDescription:
    """How the processes of a cluster are started and reached.

    Attributes:
        rest_port: Where the JobManager's REST API listens on loopback.
        java: Program that runs Flink.
        class_path: What it gets as `-cp`.
        module_options: The `--add-opens` and `--add-exports` it gets.
        cores: Cores to pin TaskManagers to; empty: no pinning.
        driver_environment: What a PyFlink driver needs for its JVM to be of the same Flink.
    """

    rest_port: int
    java: str
    class_path: str
    module_options: tuple[str, ...]
    cores: tuple[int, ...]
    driver_environment: Mapping[str, str] = field(default_factory=dict)


def write_description(home: Path, description: ClusterDescription) -> None:
    """Write the file so that a reader sees the old or the new one, never a part."""
    draft = home / f"{FILE_NAME}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(description), indent=2) + "\n", encoding="utf-8")
    draft.replace(home / FILE_NAME)


def read_description(home: Path) -> ClusterDescription:
    """Return what was written.

    Raises:
        EmbeddedFlinkError: The file is missing or not ours.
    """
    path = home / FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return ClusterDescription(
            rest_port=int(values["rest_port"]),
            java=str(values["java"]),
            class_path=str(values["class_path"]),
            module_options=tuple(values["module_options"]),
            cores=tuple(int(core) for core in values["cores"]),
            driver_environment=dict(values.get("driver_environment", {})),
        )
    except FileNotFoundError as error:
        raise EmbeddedFlinkError(f"no embedded Flink was started at {home} ({path} is missing)") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedFlinkError(f"{path} is damaged ({error!r}); start the cluster again") from error
