"""Other releases of Flink beside the installed one: fetched once from the package index into the user's cache.

The source package ``apache-flink-libraries`` of a release is a distribution without its scripts: `lib/`, `opt/` and
`plugins/`. It is fetched by pip, which compares it with the hash below, and unpacked, never built or installed: two
releases do not fit into one Python environment. The result appears by one rename, under a lock on a file: two that
fetch at once fetch once, and one that was killed leaves a draft that the next removes.

A PyFlink driver of the installed release submits to such a cluster all the same: its JVM is then the other release's
(`FLINK_HOME`), and all that passes between the two is the Table API, which has not changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptor.domain.checks import require_positive
from adaptor.errors import EmbeddedFlinkError, InvalidValueError
from adaptor.local.cache import cache_folder
from adaptor.local.commands import run_to_its_end
from adaptor.local.distribution import Distribution, find_distribution
from adaptor.local.locking import locked

INSTALLED = "2.3"
"""Release of the wheel that `pyproject.toml` asks for."""

DIGEST_DIGITS = 12
"""Hex digits of the hash in a folder's name: enough to tell apart what one machine ever fetches."""

DRAFT_PREFIX = ".fetching-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that can be fetched.

    Attributes:
        version: Of Flink.
        sha256: Of the source package, hex.
        more_module_options: What its `config.yaml` asks of the JVM on top of what the installed release does.
    """

    version: str
    sha256: str
    more_module_options: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"apache-flink-libraries=={self.version} --hash=sha256:{self.sha256}"

    @property
    def folder_name(self) -> str:
        """Name of the folder in the cache."""
        return f"flink-{self.version}-{self.sha256[:DIGEST_DIGITS]}"


RELEASES: Mapping[str, Release] = {
    "1.20": Release(
        version="1.20.5",
        sha256="e6aee62ea1a1fe7b32e28894ad079f3f1a50a372a4caac3df52405267f4228c8",
        more_module_options=("--add-exports=java.base/sun.net.util=ALL-UNNAMED",),
    ),
}
"""By series: 1.20 is the long-term release before 2.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Bounds of fetching a release.

    Attributes:
        attempts: Downloads that are tried; pip itself repeats refused connections, not broken ones.
        attempt_timeout_s: Longest download: 232 MB take 15 s on a good line, and 40 times that on a slow one.
    """

    attempts: int = 3
    attempt_timeout_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        require_positive("attempts", self.attempts)
        require_positive("attempt_timeout_s", self.attempt_timeout_s, unit="seconds")

    @property
    def lock_timeout_s(self) -> float:
        """Longest wait for another process that fetches."""
        return self.attempts * self.attempt_timeout_s


def distribution_of(
    series: str,
    *,
    report: Callable[[str], None],
    environment: Mapping[str, str] = os.environ,
    settings: FetchSettings | None = None,
) -> Distribution:
    """The distribution of a series of Flink; fetched if it is neither installed nor in the cache.

    Args:
        series: Such as ``1.20``.
        report: Told what is being done.
        environment: Says where the cache is.
        settings: Bounds.

    Raises:
        InvalidValueError: There is no such series here.
        EmbeddedFlinkError: It cannot be fetched; the message says why and what to do.
    """
    installed = find_distribution()
    if series == INSTALLED:
        return installed
    release = RELEASES.get(series)
    if release is None:
        raise InvalidValueError("flink", f"{series!r} is none of {', '.join((INSTALLED, *RELEASES))}")
    folder = fetched(release, cache_folder(environment), report=report, settings=settings or FetchSettings())
    return Distribution(
        folder=folder,
        module_options=(*release.more_module_options, *installed.module_options),
        # The second keeps PyFlink from starting a server for Python functions, which asks the JVM for newer options.
        driver_environment={"FLINK_HOME": str(folder), "_python_worker_execution_mode": "process"},
    )


def fetched(release: Release, cache: Path, *, report: Callable[[str], None], settings: FetchSettings) -> Path:
    """The folder of a release in a cache, once it is complete.

    Args:
        release: Which.
        cache: Made where missing.
        report: Told what is being done.
        settings: Bounds.

    Raises:
        EmbeddedFlinkError: It cannot be fetched; the message says why and what to do.
    """
    folder = cache / release.folder_name
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "flink.lock", timeout_s=settings.lock_timeout_s, error=EmbeddedFlinkError):
            _remove_drafts(cache)
            if not folder.is_dir():
                with _draft(cache) as draft:
                    report(f"fetching Flink {release.version} (230 MB), this once")
                    _fetch(release, draft, report=report, settings=settings)
                    _unpack(release, draft).rename(folder)
    except OSError as error:
        raise EmbeddedFlinkError(f"{folder} cannot be written ({error.strerror or error})") from error
    return folder


def _fetch(release: Release, draft: Path, *, report: Callable[[str], None], settings: FetchSettings) -> None:
    requirements = draft / "requirements.txt"
    requirements.write_text(release.requirement + "\n", encoding="ascii")
    # Without isolation pip asks the package for its name with the setuptools of this environment, and fetches nothing
    # else; its cache would only keep the package twice.
    flags = ("--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--no-build-isolation")
    source = ("--no-binary=:all:", "--require-hashes", "--dest", str(draft / "package"), "-r", str(requirements))
    for attempt in range(1, settings.attempts + 1):
        problem = run_to_its_end(
            [sys.executable, "-m", "pip", "download", *flags, *source],
            environment={},
            folder=draft,
            timeout_s=settings.attempt_timeout_s,
        )
        if problem is None:
            return
        report(f"attempt {attempt} of {settings.attempts}: {problem.splitlines()[-1]}")
    raise EmbeddedFlinkError(
        f"Flink {release.version} could not be fetched: {problem}\n"
        f"Run it again once `pip download --no-deps --no-binary=:all: apache-flink-libraries=={release.version}` works"
    )


def _unpack(release: Release, draft: Path) -> Path:
    """Unpack the jars and return their folder."""
    (package,) = (draft / "package").iterdir()
    result = draft / "result"
    try:
        with tarfile.open(package) as archive:
            for member in archive:
                _, _, inner = member.name.partition("/deps/")
                if inner and member.isfile() and ".." not in Path(inner).parts:
                    _write(archive, member, result / inner)
    except tarfile.TarError as error:
        raise EmbeddedFlinkError(f"the package of Flink {release.version} cannot be unpacked: {error}") from error
    if not (result / "lib" / f"flink-dist-{release.version}.jar").is_file():
        raise EmbeddedFlinkError(f"the package of Flink {release.version} holds no distribution")
    return result


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = archive.extractfile(member)
    if source is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


@contextlib.contextmanager
def _draft(cache: Path) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=cache))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _remove_drafts(cache: Path) -> None:
    """Remove what killed processes left; whoever calls holds the lock, so no other fetches."""
    for draft in cache.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(draft, ignore_errors=True)
