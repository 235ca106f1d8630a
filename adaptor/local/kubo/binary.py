"""Which Kubo runs: one that the machine offers, since its owner keeps it patched, else one that was built before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import KuboMissingError
from adaptor.local.cache import cache_folder
from adaptor.local.kubo.build import BuildSettings, build_kubo
from adaptor.local.kubo.pin import pinned_module
from adaptor.local.kubo.versions import OLDEST_KUBO, Version, kubo_version, version_text

PROGRAM = "ipfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class KuboBinary:
    """A Kubo program.

    Attributes:
        executable: Where it is.
        version: What it says of itself.
        origin: Where it was found, for people: `PATH` or `built here`.
    """

    executable: Path
    version: str
    origin: str


def built_program(cache: Path) -> Path:
    """Where the program of the pinned module is once it was built; another module is another folder."""
    return cache / pinned_module().folder_name / PROGRAM


def find_kubo(environment: Mapping[str, str] = os.environ) -> KuboBinary:
    """The Kubo to run: of `PATH` if new enough, else the one that was built.

    Args:
        environment: Variables to look at.

    Raises:
        KuboMissingError: There is none; the message says what was seen and what to do.
    """
    return chosen_kubo(_candidates(environment), version_of=kubo_version)


def chosen_kubo(candidates: Iterable[tuple[str, Path]], *, version_of: Callable[[Path], Version | None]) -> KuboBinary:
    """The first candidate that fits.

    Args:
        candidates: Origin and executable, best first.
        version_of: Version of an executable, ``None`` where it does not run.

    Raises:
        KuboMissingError: None does.
    """
    seen: list[str] = []
    for origin, executable in candidates:
        version = version_of(executable)
        if version is not None and version >= OLDEST_KUBO:
            return KuboBinary(executable=executable, version=version_text(version), origin=origin)
        seen.append(f"{executable} {'does not run' if version is None else f'is version {version_text(version)}'}")
    raise KuboMissingError(
        f"no Kubo {version_text(OLDEST_KUBO)} or newer found ({'; '.join(seen) or 'no `ipfs` on PATH'}): "
        "`adaptor ipfs install` builds one, which takes some minutes, once"
    )


def install_kubo(
    *,
    report: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    settings: BuildSettings | None = None,
) -> KuboBinary:
    """The Kubo to run; it is built if there is none.

    Args:
        report: Told what is being done, a line at a time.
        environment: Variables to look at.
        settings: Bounds of the build.

    Raises:
        KuboMissingError: There is none and none can be built; the message says exactly what to install.
    """
    try:
        return find_kubo(environment)
    except KuboMissingError as missing:
        report(str(missing).split(":", maxsplit=1)[0])
    cache = cache_folder(environment)
    build_kubo(built_program(cache), report=report, environment=environment, settings=settings or BuildSettings())
    return chosen_kubo([("built here", built_program(cache))], version_of=kubo_version)


def _candidates(environment: Mapping[str, str]) -> Iterable[tuple[str, Path]]:
    on_path = shutil.which(PROGRAM, path=environment.get("PATH", os.defpath))
    if on_path is not None:
        yield "PATH", Path(on_path)
    built = built_program(cache_folder(environment))
    if built.exists():
        yield "built here", built
