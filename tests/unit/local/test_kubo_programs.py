"""Which Kubo is taken, what is pinned, and where it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.errors import KuboMissingError
from adaptor.local.cache import cache_folder
from adaptor.local.kubo.binary import built_program, chosen_kubo
from adaptor.local.kubo.pin import FILES, pinned_module
from adaptor.local.kubo.versions import OLDEST_KUBO, parsed_version

CANDIDATES = [("PATH", Path("/usr/bin/ipfs")), ("built here", Path("/cache/ipfs"))]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("0.39.0\n", (0, 39, 0)),
        ("0.40.0-rc1", (0, 40, 0)),
        ("1.2", (1, 2, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 darwin/arm64", (1, 27, 0)),
        ("Usage: another program of this name", None),
        ("", None),
    ],
)
def test_versions_are_read_as_programs_say_them(said: str, version: tuple[int, int, int] | None) -> None:
    """Releases, candidates and two-part versions."""
    assert parsed_version(said) == version


@pytest.mark.parametrize(
    ("versions", "origin"),
    [([(0, 39, 0), (0, 39, 0)], "PATH"), ([(0, 41, 2), None], "PATH"), ([(0, 38, 9), (0, 39, 0)], "built here")],
)
def test_the_machines_own_kubo_goes_first_if_it_is_new_enough(
    versions: list[tuple[int, int, int] | None], origin: str
) -> None:
    """An old one would ignore a part of our configuration in silence."""
    said = dict(zip((path for _, path in CANDIDATES), versions, strict=True))
    assert chosen_kubo(CANDIDATES, version_of=said.get).origin == origin


def test_what_was_seen_and_what_to_do_is_said_if_none_fits() -> None:
    """Both in one line."""
    with pytest.raises(KuboMissingError, match=r"/usr/bin/ipfs is version 0\.4\.2; /cache/ipfs does not run.*install"):
        chosen_kubo(CANDIDATES, version_of={Path("/usr/bin/ipfs"): (0, 4, 2)}.get)


def test_the_pin_is_new_enough_to_be_chosen() -> None:
    """Otherwise a built one would be built again and again."""
    version = parsed_version(pinned_module().kubo)
    assert version is not None
    assert version >= OLDEST_KUBO


def test_another_pin_is_kept_in_another_folder(tmp_path: Path) -> None:
    """A changed hash alone is another pin."""
    for name in FILES:
        (tmp_path / name).write_text("go 1.25\nrequire (\n\tgithub.com/ipfs/kubo v0.50.1 // indirect\n)\n")
    first = pinned_module(tmp_path).folder_name
    pinned_module.cache_clear()
    (tmp_path / "go.sum").write_text("another hash")
    assert first.startswith("kubo-0.50.1-")
    assert pinned_module(tmp_path).folder_name != first


def test_a_module_that_pins_nothing_is_refused(tmp_path: Path) -> None:
    """Such as a half installed package."""
    with pytest.raises(KuboMissingError, match="install adaptor again"):
        pinned_module(tmp_path)
    for name in FILES:
        (tmp_path / name).write_text("module empty\n")
    with pytest.raises(KuboMissingError, match="names no Kubo"):
        pinned_module(tmp_path)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "/big/cache", "HOME": "/home/a"}, "/big/cache/adaptor"),
        ({"HOME": "/home/a"}, "/home/a/.cache/adaptor"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/a"}, "/home/a/.cache/adaptor"),
    ],
)
def test_the_cache_is_where_the_xdg_convention_says(environment: dict[str, str], folder: str) -> None:
    """A relative path is to be ignored, by that convention."""
    assert cache_folder(environment) == Path(folder)
    assert built_program(cache_folder(environment)).parent.parent == Path(folder)
