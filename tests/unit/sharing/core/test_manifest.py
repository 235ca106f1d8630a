"""The rules of a log as a block."""

from __future__ import annotations

from typing import Any

import pytest

from adaptor.errors import InvalidValueError
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.limits import LogLimits, ReplicaLimits
from adaptor.sharing.core.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from adaptor.testing import logs

RULES: dict[str, Any] = {
    "name": "a log",
    "founder": logs.public("founder"),
    "writers": (logs.public("ann"),),
    "quorum": 2,
    "salt": bytes(32),
}
MANIFEST = Manifest(**RULES)


def test_the_log_s_id_is_the_name_of_the_block() -> None:
    """Other rules are another log."""
    assert MANIFEST.log_id == cid_of(MANIFEST.block)
    assert Manifest(**{**RULES, "quorum": 3}).log_id != MANIFEST.log_id


@pytest.mark.parametrize("writers", [None, (), (logs.public("ann"), logs.public("bob"))])
def test_it_reads_back(writers: tuple[bytes, ...] | None) -> None:
    """Anybody, nobody or some may write."""
    manifest = Manifest(**{**RULES, "writers": writers})
    assert read_manifest(manifest.block) == manifest


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"quorum": 0},
        {"salt": b"short"},
        {"founder": b""},
        {"writers": (b"",)},
        {"writers": (bytes(32),) * 10_001},
    ],
)
def test_rules_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    """With the field that is meant."""
    with pytest.raises(InvalidValueError):
        Manifest(**{**RULES, **changes})


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\xa0",
        b"\x81" * 5000,
        bytes(MAX_MANIFEST_BYTES + 1),
        MANIFEST.block + b"\x00",
        MANIFEST.block.replace(dag_cbor.text("quorum") + b"\x02", dag_cbor.text("quorum") + b"\x18\x02"),
        MANIFEST.block.replace(dag_cbor.text("quorum") + b"\x02", dag_cbor.text("quorum") + b"\x00"),
        MANIFEST.block.replace(dag_cbor.text("version") + b"\x01", dag_cbor.text("version") + b"\x02"),
        MANIFEST.block.replace(dag_cbor.text("a log"), dag_cbor.unsigned(1)),
        MANIFEST.block.replace(dag_cbor.text("batch"), dag_cbor.text("catch")),
        MANIFEST.block.replace(dag_cbor.byte_string(bytes(32)), dag_cbor.text("x" * 32)),
    ],
)
def test_a_block_that_is_no_manifest_is_refused(block: bytes) -> None:
    """A peer gives it to newcomers."""
    with pytest.raises(MalformedBlockError):
        read_manifest(block)


@pytest.mark.parametrize("kind", [LogLimits, ReplicaLimits])
def test_no_bound_is_zero(kind: type[LogLimits] | type[ReplicaLimits]) -> None:
    """Nothing would ever be taken."""
    with pytest.raises(InvalidValueError, match=r"limits\."):
        kind(**{next(iter(kind.__dataclass_fields__)): 0})
