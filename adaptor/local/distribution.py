"""A distribution of Flink on this machine; by default the one inside the ``apache-flink`` wheel.

Found without importing ``pyflink``, which costs seconds and memory that a service has no use for.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adaptor.errors import EmbeddedFlinkError


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A folder with Flink's `lib/`.

    Attributes:
        folder: The folder.
        module_options: The `--add-exports` and `--add-opens` that this version of Flink wants from the JVM.
        driver_environment: What a PyFlink driver needs in its environment for its JVM to be of this distribution.
    """

    folder: Path
    module_options: tuple[str, ...]
    driver_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def class_path(self) -> str:
        """What every Flink process gets as `-cp`."""
        return str(self.folder / "lib" / "*")


def find_distribution() -> Distribution:
    """Return the installed distribution.

    Raises:
        EmbeddedFlinkError: The wheels are not installed, or not complete.
    """
    package = importlib.util.find_spec("pyflink")
    for folder in map(Path, (package.submodule_search_locations or []) if package else []):
        configuration = folder / "conf" / "config.yaml"
        if any((folder / "lib").glob("flink-dist-*.jar")) and configuration.is_file():
            return Distribution(folder=folder, module_options=module_options(configuration.read_text(encoding="utf-8")))
    raise EmbeddedFlinkError(
        "no Flink distribution found: `pip install 'adaptor[flink]'` brings the wheels of apache-flink"
    )


def module_options(configuration: str) -> tuple[str, ...]:
    """Return the module options written in a distribution's `config.yaml`."""
    return tuple(re.findall(r"--add-(?:exports|opens)=\S+", configuration))
