"""The architecture is tested too: generated files, comments of the API, sizes of files, who waits how long."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import adaptor
from adaptor.app.protos import stale_files

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(adaptor.__file__).parent
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "api" not in path.relative_to(PACKAGE).parts)
PROTOS = sorted((ROOT / "protos").rglob("*.proto"))

LONGEST_FILE = 400
"""Lines; beyond that a file has more than one subject."""

_DECLARATION = re.compile(r"^\s*(message|enum|service|oneof|rpc)\s+\w+|^\s*[\w.<>, ]+\s+\w+\s*=\s*\d+;")


def test_the_generated_api_is_current(tmp_path: Path) -> None:
    """Otherwise `make proto` was forgotten."""
    assert stale_files(tmp_path) == []


@pytest.mark.parametrize("path", PROTOS, ids=lambda path: path.name)
def test_everything_in_the_api_has_a_comment(path: Path) -> None:
    """Every message, field, value and call: it is the documentation of drivers in other languages."""
    lines = path.read_text().splitlines()
    silent = [
        f"{number + 1}: {line.strip()}"
        for number, line in enumerate(lines)
        if _DECLARATION.match(line) and not lines[number - 1].lstrip().startswith("//")
    ]
    assert silent == []


def test_every_number_with_a_unit_says_so_in_its_name_or_comment() -> None:
    """A duration of the API is in seconds and its name ends in _s."""
    for path in PROTOS:
        for line in path.read_text().splitlines():
            if match := re.match(r"^\s*(?:optional )?double (\w+) = ", line):
                name = match.group(1)
                assert name.endswith(
                    ("_s", "utilisation", "efficiency", "probability", "confidence", "level", "weight", "money")
                ) or (
                    # A figure of convergence has the job's own unit.
                    name in ("low", "expected", "high", "minimum", "median", "maximum", "tolerance", "convergence")
                ), f"{path.name}: {name}"


def test_no_file_has_more_lines_than_one_subject_needs() -> None:
    """Generated ones aside."""
    counts = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: count for name, count in counts.items() if count > LONGEST_FILE} == {}


def test_every_module_says_what_it_is_about() -> None:
    """The docstring comes first in the file."""
    silent = [str(path.relative_to(ROOT)) for path in SOURCES if not path.read_text().startswith('"""')]
    assert silent == []


def test_broad_exceptions_are_swallowed_only_at_the_boundaries() -> None:
    """Of background work, the engine's and the log's, and of a call; ruff refuses any other that is not marked."""
    marked = {str(path.relative_to(PACKAGE)) for path in SOURCES if "noqa: BLE001" in path.read_text()}
    assert marked == {
        "engine/background.py",
        "service/boundary.py",
        "sharing/waiting.py",
        # Whatever goes wrong in a trial is reported with it.
        "experiments/network/simulation.py",
        "experiments/sharing_bench/peer.py",
    }
