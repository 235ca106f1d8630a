"""The Flink distribution inside the ``apache-flink`` wheel.

Found without importing ``pyflink``, which costs seconds and memory that a service has no use for.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import EmbeddedFlinkError


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A folder with Flink's `lib/` and `conf/`."""

    folder: Path

    @property
    def class_path(self) -> str:
        """What every Flink process gets as `-cp`."""
        return str(self.folder / "lib" / "*")

    def module_options(self) -> tuple[str, ...]:
        """Return the `--add-exports` and `--add-opens` that this version of Flink wants from the JVM."""
        return module_options((self.folder / "conf" / "config.yaml").read_text(encoding="utf-8"))


def find_distribution() -> Distribution:
    """Return the installed distribution.

    Raises:
        EmbeddedFlinkError: The wheels are not installed, or not complete.
    """
    package = importlib.util.find_spec("pyflink")
    for folder in map(Path, (package.submodule_search_locations or []) if package else []):
        if any((folder / "lib").glob("flink-dist-*.jar")) and (folder / "conf" / "config.yaml").is_file():
            return Distribution(folder=folder)
    raise EmbeddedFlinkError(
        "no Flink distribution found: `pip install 'adaptor[flink]'` brings the wheels of apache-flink"
    )


def module_options(configuration: str) -> tuple[str, ...]:
    """Return the module options written in a distribution's `config.yaml`."""
    return tuple(re.findall(r"--add-(?:exports|opens)=\S+", configuration))
