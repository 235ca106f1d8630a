"""Fields of documents of which nothing is promised."""

import pytest

from adaptor.errors import FlinkAnswerError
from adaptor.flink.answer import JsonObject, json_object, json_objects, parse_document

URL = "http://flink:8081/somewhere"


def read(value: object) -> JsonObject:
    return json_object({"field": value}, url=URL)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        ("7", 7),
        ("19930000000", 19_930_000_000),
        (32480000000.0, 32_480_000_000),
        (2**62 + 1, 2**62 + 1),
        (-1, None),
        ("-1", None),
        ("NaN", None),
        (float("nan"), None),
        (float("inf"), None),
        (2**63, None),
        (10**400, None),
        ("1" + "0" * 400, None),
        ("1" * 5000, None),
        ("1e999", None),
        (True, None),
        (None, None),
        ("", None),
        ("abc", None),
        ([], None),
        ({}, None),
    ],
)
def test_every_way_of_saying_unknown_is_none(value: object, count: int | None) -> None:
    """Neither -1, nor "NaN", nor a value of another kind becomes a number."""
    assert read(value).optional_count("field") == count


def test_a_missing_field_is_unknown() -> None:
    """What Flink leaves out is as unknown as what it marks so."""
    assert read(1).optional_count("other") is None
    assert read(1).optional_seconds("other") is None
    assert read(1).optional_text("other") is None


def test_milliseconds_become_seconds() -> None:
    """Flink's times are milliseconds, adaptor's are seconds."""
    assert read(1798.0).optional_seconds("field") == 1.798


@pytest.mark.parametrize(("flag", "count"), [(True, 5), (False, None), ("true", None), (None, None)])
def test_a_counter_without_its_complete_flag_is_unknown(flag: object, count: int | None) -> None:
    """A sum that lacks a subtask is not the sum."""
    document = json_object({"read-records": 5, "read-records-complete": flag}, url=URL)
    assert document.complete_count("read-records") == count


def test_an_error_says_where_in_the_document_it_is() -> None:
    """Somebody who meets a proxy's or another version's answer can find the place."""
    job = json_object({"vertices": [{"name": "a"}, {"name": 3}]}, url=URL)
    with pytest.raises(FlinkAnswerError, match=r"vertices\[1\]\.name is not a text") as raised:
        [vertex.text("name") for vertex in job.members("vertices")]
    assert raised.value.url == URL


@pytest.mark.parametrize("document", [[], "text", 3, None])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(FlinkAnswerError, match="not an object"):
        json_object(document, url=URL)


@pytest.mark.parametrize("document", [{}, "text", [1], None])
def test_a_document_that_is_no_list_of_objects_is_refused(document: object) -> None:
    with pytest.raises(FlinkAnswerError):
        json_objects(document, url=URL)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\n  <html>", "an HTML page"),
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"9" * 10_000, "no JSON"),
    ],
)
def test_a_body_that_is_no_json_is_refused(body: bytes, what: str) -> None:
    """HTML, half an answer, bytes of no encoding, nesting or digits meant to exhaust: all are one clear error."""
    with pytest.raises(FlinkAnswerError, match=f"HTTP 502 with {what}"):
        parse_document(body, status=502, url=URL)
