"""Canonical bytes, written here and read by libipld."""

from __future__ import annotations

import libipld
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.dag_cbor import MalformedBlockError


@given(st.integers(0, 2**63 - 1))
def test_numbers_are_as_short_as_they_can_be(value: int) -> None:
    """As the library writes them."""
    assert dag_cbor.unsigned(value) == libipld.encode_dag_cbor(value)
    assert dag_cbor.read(dag_cbor.unsigned(value)) == value


@given(st.binary(max_size=300), st.text(max_size=300))
def test_bytes_and_texts_read_back(data: bytes, text: str) -> None:
    """Whatever they hold."""
    assert dag_cbor.read(dag_cbor.byte_string(data)) == data
    assert dag_cbor.read(dag_cbor.text(text)) == text


def test_bytes_that_look_like_a_link_are_written_as_bytes() -> None:
    """One signature in some hundred thousand does; the library would write a link."""
    cid = cid_of(b"")
    assert dag_cbor.byte_string(cid) == b"\x58\x24" + cid
    assert dag_cbor.link(cid) == libipld.encode_dag_cbor(cid)
    assert dag_cbor.link(None) == b"\xf6"


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 1000), max_size=8))
def test_keys_of_a_map_are_ordered_by_length_then_by_bytes(values: dict[str, int]) -> None:
    """As dag-cbor wants them."""
    mine = dag_cbor.mapping({key: dag_cbor.unsigned(value) for key, value in values.items()})
    assert mine == libipld.encode_dag_cbor(values)


def test_arrays_hold_their_items() -> None:
    """In their order."""
    assert dag_cbor.read(dag_cbor.array(map(dag_cbor.unsigned, range(30)))) == list(range(30))


@pytest.mark.parametrize(
    "block", [b"", b"\xff", b"\x81" * 100_000, b"\x5b" + b"\xff" * 8, b"\x00\x00", b"\x62\xff\xfe"]
)
def test_bytes_that_are_none_end_in_one_error(block: bytes) -> None:
    """However deep or long they claim to be."""
    with pytest.raises(MalformedBlockError):
        dag_cbor.read(block)


@pytest.mark.parametrize("value", [-1, 2**63, 1.0, True, None, "1", float("nan")])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    """No float, no truth value, nothing that a database could not hold."""
    with pytest.raises(MalformedBlockError, match="height"):
        dag_cbor.whole_number(value, "height")


@pytest.mark.parametrize("value", [{}, {"a": 1, "b": 2}, [1], None])
def test_a_map_has_exactly_its_fields(value: object) -> None:
    """No more, no fewer."""
    with pytest.raises(MalformedBlockError):
        dag_cbor.fields(value, frozenset({"a"}))
    assert dag_cbor.fields({"a": 1}, frozenset({"a"})) == {"a": 1}


def test_a_number_beyond_64_bits_cannot_be_written() -> None:
    """A mistake of ours."""
    with pytest.raises(OverflowError):
        dag_cbor.unsigned(2**64)
    assert isinstance(Cid(b""), bytes)
