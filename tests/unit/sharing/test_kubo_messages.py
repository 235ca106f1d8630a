"""Messages are found in any stream of bytes, and nothing in it does harm."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptor.sharing.kubo.api import multibase, parse_multibase
from adaptor.sharing.kubo.messages import MessageReader

MAX_PAYLOAD_BYTES = 2_000


def line(payload: bytes, sender: str = "12D3KooWPeer") -> bytes:
    said = {"from": sender, "data": multibase(payload), "seqno": "uAA", "topicIDs": ["uAA"]}
    return json.dumps(said).encode() + b"\n"


def read(reader: MessageReader, stream: bytes, *cuts: int) -> list[bytes]:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parts = [stream[one:other] for one, other in pairwise(ends)]
    return [payload for part in parts for _, payload in reader.read(part)]


@given(st.lists(st.binary(max_size=200), max_size=5), st.lists(st.integers(0, 2_000), max_size=8))
def test_messages_are_the_same_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    """TCP cuts where it likes."""
    reader = MessageReader(MAX_PAYLOAD_BYTES)
    assert read(reader, b"".join(map(line, payloads)), *cuts) == payloads
    assert reader.unreadable == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        b"not json\n",
        b"[]\n",
        b"1\n",
        b"null\n",
        b"{}\n",
        b'{"from": "p", "data": "zQm"}\n',
        b'{"from": "p", "data": "u%%%"}\n',
        b'{"from": "p", "data": "u\xc3\xa4"}\n',
        b'{"from": 7, "data": "uAA"}\n',
        b'{"from": "", "data": "uAA"}\n',
        b'{"from": "p", "data": null}\n',
        b"\xff\xfe\n",
        b"[" * 3_000 + b"\n",
        line(b"x" * (MAX_PAYLOAD_BYTES + 1)),
        b"y" * 100_000 + b"\n",
    ],
)
def test_an_unreadable_message_costs_nothing_but_itself(nonsense: bytes) -> None:
    """Those before and after it are read, and it is counted."""
    reader = MessageReader(MAX_PAYLOAD_BYTES)
    assert read(reader, line(b"before") + nonsense + line(b"after"), 5, 200) == [b"before", b"after"]
    assert reader.unreadable == 1


def test_a_line_without_an_end_is_not_kept() -> None:
    """A node that never ends its line must not fill the memory."""
    reader = MessageReader(MAX_PAYLOAD_BYTES)
    for _ in range(100):
        assert list(reader.read(b"z" * 10_000)) == []
        assert len(reader._line) <= reader.longest_line
    assert read(reader, b"\n" + line(b"after")) == [b"after"]


def test_half_a_line_of_an_ended_stream_is_not_put_before_the_next() -> None:
    """A subscription that broke in the middle of a message."""
    reader = MessageReader(MAX_PAYLOAD_BYTES)
    assert read(reader, line(b"cut")[:-5]) == []
    reader.restart()
    assert read(reader, line(b"whole")) == [b"whole"]


@given(st.binary(max_size=2_000))
def test_no_bytes_make_the_reader_fail(stream: bytes) -> None:
    """Whatever Kubo, or who poses as it, may send."""
    read(MessageReader(MAX_PAYLOAD_BYTES), stream + b"\n")


@given(st.binary(max_size=100))
def test_bytes_survive_the_way_through_text(data: bytes) -> None:
    """Without padding, as Kubo does it."""
    assert parse_multibase(multibase(data)) == data
    assert "=" not in multibase(data)
