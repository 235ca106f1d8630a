"""Reports that were written as JSON, read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from adaptor.errors import InvalidValueError
from adaptor.experiments.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The JSON of a report.

    Attributes:
        name: Of the file, or of what stands for it.
        content: Everything in it.
    """

    name: str
    content: Mapping[str, Any]

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """The figures by name, in order."""
        return {figure["name"]: figure for figure in self.content["figures"]}

    @property
    def series(self) -> list[tuple[str, dict[str, Any]]]:
        """Every series with the name of its plot."""
        return [(plot["name"], series) for plot in self.content.get("plots", ()) for series in plot["series"]]

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """The tables by name."""
        return {table["name"]: table for table in self.content.get("tables", ())}


def read_document(path: Path) -> Document:
    """The report in a file.

    Raises:
        InvalidValueError: If it cannot be read, or is no report.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InvalidValueError(str(path), f"is no JSON: {error}") from error
    figures = content.get("figures") if isinstance(content, dict) else None
    if not isinstance(figures, list) or not all(isinstance(one, dict) and "name" in one for one in figures):
        raise InvalidValueError(str(path), "holds no figures; give what a command printed with --json")
    return Document(name=path.name, content=content)


def document_of(report: Report, *, name: str = "report") -> Document:
    """What a report's JSON holds, without a file."""
    return Document(name=name, content=orjson.loads(report.as_json()))


def read_documents(before: Path, after: Path) -> tuple[Document, Document]:
    """The reports in two files, named so that they can be told apart.

    Raises:
        InvalidValueError: If one cannot be read, or is no report.
    """
    first, second = read_document(before), read_document(after)
    if first.name != second.name:
        return first, second
    return replace(first, name=str(before)), replace(second, name=str(after))
