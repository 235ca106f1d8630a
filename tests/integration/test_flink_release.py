"""Another release of Flink, fetched with the real pip from a folder instead of the index."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from adaptor.errors import EmbeddedFlinkError, InvalidValueError
from adaptor.local.release import DRAFT_PREFIX, FetchSettings, Release, distribution_of, fetched

SETUP = b"from setuptools import setup\nsetup(name='apache-flink-libraries', version='9.9.9', packages=[])\n"
SETTINGS = FetchSettings(attempts=2, attempt_timeout_s=120.0)


def a_package(folder: Path, names: list[str]) -> str:
    """A source package of Flink 9.9.9 with these files, and its hash."""
    folder.mkdir()
    path = folder / "apache_flink_libraries-9.9.9.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"setup.py": SETUP, **dict.fromkeys(names, b"jar")}.items():
            member = tarfile.TarInfo(f"apache_flink_libraries-9.9.9/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """The only place where pip looks."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def release(sha256: str) -> Release:
    """Flink 9.9.9."""
    return Release(version="9.9.9", sha256=sha256, more_module_options=())


def test_a_release_is_fetched_once_and_only_its_distribution_is_kept(index, tmp_path):
    """The second time nothing is done; no draft is left."""
    sha256 = a_package(index, ["deps/lib/flink-dist-9.9.9.jar", "deps/opt/flink-python-9.9.9.jar", "more/x.jar"])
    told: list[str] = []
    (tmp_path / f"cache/{DRAFT_PREFIX}killed").mkdir(parents=True)
    folder = fetched(release(sha256), tmp_path / "cache", report=told.append, settings=SETTINGS)
    assert folder.name == f"flink-9.9.9-{sha256[:12]}"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.jar")}
    assert files == {"lib/flink-dist-9.9.9.jar", "opt/flink-python-9.9.9.jar"}
    assert not list((tmp_path / "cache").glob(f"{DRAFT_PREFIX}*"))
    assert fetched(release(sha256), tmp_path / "cache", report=told.append, settings=SETTINGS) == folder
    assert len(told) == 1


def test_what_has_another_hash_is_refused_and_nothing_is_kept(index, tmp_path):
    """After the attempts that are allowed, each told."""
    a_package(index, ["deps/lib/flink-dist-9.9.9.jar"])
    told: list[str] = []
    with pytest.raises(EmbeddedFlinkError, match="could not be fetched"):
        fetched(release("0" * 64), tmp_path / "cache", report=told.append, settings=SETTINGS)
    assert sum(one.startswith("attempt") for one in told) == SETTINGS.attempts
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["flink.lock"]


def test_a_package_without_a_distribution_is_no_release(index, tmp_path):
    """Its folder would be taken for complete ever after."""
    sha256 = a_package(index, ["deps/opt/flink-python-9.9.9.jar"])
    with pytest.raises(EmbeddedFlinkError, match="holds no distribution"):
        fetched(release(sha256), tmp_path / "cache", report=lambda _: None, settings=SETTINGS)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["flink.lock"]


def test_an_unknown_series_is_refused_with_those_there_are():
    """Nothing is looked for on the index."""
    with pytest.raises(InvalidValueError, match=r"none of 2\.3, 1\.20"):
        distribution_of("1.17", report=lambda _: None)
