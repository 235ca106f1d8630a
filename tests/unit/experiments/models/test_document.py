"""Tables of the documentation come from the JSON of the protocols, and from nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptor.errors import InvalidValueError
from adaptor.experiments.models.document import TITLES, about_models, section, update_models
from adaptor.experiments.models.evaluate import PROTOCOLS

TYPED = "adaptor models evaluate /some/where --protocol {} --format {} --k 0,1 --processes 2 --json"

COVERAGE = {"level": 0.8, "share": 0.81, "standard_error": 0.02}

POISONING = {
    "command": TYPED.format("poisoning", "c3o"),
    "protocol": "poisoning",
    "format": "c3o",
    "tables": {
        "poisoning": [
            {"method": method, "way": "random", "share": 0.3, "k": k, "error": 5.0, "relative": relative}
            for method, k, relative in (("adaptor", 0, 1.05), ("adaptor", 1, 1.1), ("without", 0, 7.5))
        ]
    },
}

SUPERSTEPS = {
    "command": TYPED.format("supersteps", "ellis"),
    "protocol": "supersteps",
    "format": "ellis",
    "tables": {
        "errors": [
            {
                "job": "job",
                "s": 1,
                "at": "own scale-out",
                "method": method,
                "mean error": error,
                "difference": 5.0 - error,
                "standard error": 0.5,
            }
            for method, error in (("adaptor", 5.0), ("ellis", 7.25))
        ],
        "floor": [{"job": "job", "floor": 3.3}],
        "coverage": [COVERAGE],
    },
}

CONTEXTS = {
    "command": TYPED.format("leave-one-context-out", "c3o"),
    "protocol": "leave-one-context-out",
    "format": "c3o",
    "tables": {
        "errors": [
            {"job": job, "method": "adaptor", "mean k=0": 4.5, "median k=0": 3.0, "mean k=0 without 2": 4.0}
            for job in ("all", "grep")
        ],
        "coverage": [{"k": k, "method": "adaptor", **COVERAGE} for k in (0, None)],
        "worst": [{"job": "grep", "context": 3, "error": 0.36, "gbm-log": 0.5}],
    },
}


def test_every_protocol_has_a_title() -> None:
    """A new one cannot be forgotten."""
    assert set(TITLES) == set(PROTOCOLS)


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (POISONING, "| random | 30% | 1.05 | 1.1 | 7.5 |"),
        (SUPERSTEPS, "| job | 1 | own scale-out | 5.0 | 7.2 (-2.2 ± 0.5) |"),
        (CONTEXTS, "| adaptor | 4.5 | 4 |"),
        (CONTEXTS, "| grep | 36 | 50 |"),
    ],
)
def test_a_protocol_is_shown_in_its_own_form(document: dict[str, Any], shown: str) -> None:
    """With the command that makes it, and without the folder it was made from."""
    text = section(document)
    assert shown in text
    assert (
        f"`adaptor models evaluate DIR --protocol {document['protocol']} --format {document['format']} --k 0,1`" in text
    )


def test_a_protocol_over_contexts_shows_all_jobs_together_once() -> None:
    """One line for each method, and one of coverage for each level."""
    text = section(CONTEXTS)
    assert text.count("\n| adaptor |") == 1
    assert text.count("| 0.8 | 0.81 |") == 1


def test_the_tables_of_a_page_are_replaced_by_those_of_the_reports(tmp_path: Path) -> None:
    """In the order of the titles; the text around them stays."""
    page = tmp_path / "models.md"
    page.write_text("before\n<!-- models: made by `adaptor docs` -->\nold\n<!-- end of models -->\nafter\n")
    reports = []
    for document in (POISONING, CONTEXTS):
        reports.append(tmp_path / f"{document['protocol']}.json")
        reports[-1].write_text(json.dumps(document))
    update_models(page, reports)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert text.index(TITLES["leave-one-context-out"]) < text.index(TITLES["poisoning"])
    assert about_models(reports[0])


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    """Rather than overwritten."""
    page, report = tmp_path / "models.md", tmp_path / "report.json"
    page.write_text("nothing\n")
    report.write_text(json.dumps(POISONING))
    with pytest.raises(InvalidValueError, match="marks of models"):
        update_models(page, [report])
