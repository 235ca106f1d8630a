"""Reading fields of a JSON document of which nothing is promised.

A cluster, a proxy or an unrelated server may stand behind the address a user gave. So every field is read through
`JsonObject`, which knows where in the document it is: the error then says ``vertices[2].parallelism: ...``
instead of ``KeyError``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from adaptor.errors import FlinkAnswerError

_MS_PER_S = 1000.0
_LARGEST = 2**63 - 1
"""Largest number that Flink can hold, Java's long; it also keeps infinity out, and NaN compares with nothing."""


def parse_document(body: bytes, *, status: int, url: str) -> object:
    """Return what the JSON text of an answer stands for.

    Args:
        body: The answer as it came.
        status: Its HTTP status, for the error.
        url: Where it came from, for the error.

    Raises:
        FlinkAnswerError: It is no JSON, or nested too deeply to be Flink's.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        what = "an HTML page" if body.lstrip()[:1] == b"<" else "no JSON"
        raise FlinkAnswerError(url, f"HTTP {status} with {what} instead of Flink's JSON") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonObject:
    """A JSON object that knows where it came from.

    Attributes:
        url: Where the document came from.
        path: Where in the document this object is; empty at the top.
        fields: Its members.
    """

    url: str
    path: str
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a text.

        Raises:
            FlinkAnswerError: It is missing or no text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise self._unexpected(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or ``None`` where Flink gives none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    def count(self, name: str) -> int:
        """Return a whole number of zero or more.

        Raises:
            FlinkAnswerError: It is missing or something else.
        """
        value = _number(self.fields.get(name))
        if value is None:
            raise self._unexpected(name, "a whole number of zero or more")
        return int(value)

    def optional_count(self, name: str) -> int | None:
        """Return a whole number, or ``None`` where Flink gives -1, "NaN" or nothing."""
        value = _number(self.fields.get(name))
        return None if value is None else int(value)

    def complete_count(self, name: str) -> int | None:
        """Return a counter, or ``None`` where Flink says that it is not complete."""
        return self.optional_count(name) if self.fields.get(f"{name}-complete") is True else None

    def optional_seconds(self, name: str) -> float | None:
        """Return a number of milliseconds as seconds, or ``None`` where Flink gives -1, "NaN" or nothing."""
        value = _number(self.fields.get(name))
        return None if value is None else value / _MS_PER_S

    def member(self, name: str) -> JsonObject:
        """Return a member that is an object.

        Raises:
            FlinkAnswerError: It is missing or no object.
        """
        return self._member(self.fields.get(name), name)

    def members(self, name: str) -> tuple[JsonObject, ...]:
        """Return the members of a list of objects.

        Raises:
            FlinkAnswerError: The list is missing, or one of its members is no object.
        """
        values = self.fields.get(name)
        if not isinstance(values, list):
            raise self._unexpected(name, "a list")
        return tuple(self._member(value, f"{name}[{index}]") for index, value in enumerate(values))

    def _member(self, value: object, name: str) -> JsonObject:
        if not isinstance(value, dict):
            raise self._unexpected(name, "an object")
        return JsonObject(url=self.url, path=f"{self.path}{name}.", fields=value)

    def _unexpected(self, name: str, expected: str) -> FlinkAnswerError:
        return FlinkAnswerError(self.url, f"{self.path}{name} is not {expected}")


def json_object(document: object, *, url: str) -> JsonObject:
    """Return the document as an object.

    Raises:
        FlinkAnswerError: It is something else.
    """
    if not isinstance(document, dict):
        raise FlinkAnswerError(url, "the document is not an object")
    return JsonObject(url=url, path="", fields=document)


def json_objects(document: object, *, url: str) -> tuple[JsonObject, ...]:
    """Return the document as a list of objects.

    Raises:
        FlinkAnswerError: It is something else.
    """
    return JsonObject(url=url, path="", fields={"document": document}).members("document")


def _number(value: object) -> float | int | None:
    """A number from zero to the largest; Flink also writes numbers as texts, metrics above all."""
    if isinstance(value, str):
        try:
            value = int(value) if value.isdecimal() else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= _LARGEST else None
