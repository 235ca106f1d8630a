"""Names of blocks."""

from __future__ import annotations

import pytest

from adaptor.errors import InvalidValueError
from adaptor.sharing.core.cid import LENGTH, PREFIX, cid_of, cid_text, is_cid, parse_cid

HELLO = "bafyreihbw5k3r5nuk76nxdxp5ppyuk7wvhw3mddg2cfd5udbzz3nmjvtuq"


def test_a_name_is_a_cidv1_of_dag_cbor_under_sha_256() -> None:
    """In 36 bytes, and in 59 characters for people."""
    cid = cid_of(b"")
    assert len(cid) == LENGTH and cid.startswith(PREFIX) and is_cid(cid)
    assert cid.hex() == "01711220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert cid_text(cid).startswith("bafyrei") and len(cid_text(cid)) == 59
    assert parse_cid(cid_text(cid), field="id") == cid


@pytest.mark.parametrize("value", [b"", bytes(36), cid_of(b"")[:-1], cid_of(b"") + b"\x00", "text", None, 7])
def test_other_values_are_no_names(value: object) -> None:
    """Nor CIDs of other codecs."""
    assert not is_cid(value)


@pytest.mark.parametrize(
    "text",
    ["", "b", "bafy", HELLO.upper(), HELLO[:-1], HELLO + "a", "z" + HELLO[1:], "b" + "1" * 58, "Qm" + "a" * 44, "bé"],
)
def test_a_text_that_is_no_name_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(InvalidValueError, match="id"):
        parse_cid(text, field="id")
