"""How adaptor shows itself to a cluster: from files, which are read anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.errors import InvalidValueError
from adaptor.flink.transport import Access


def test_the_authorization_is_the_line_of_its_file_read_anew(tmp_path: Path) -> None:
    """A token may be exchanged while the service runs."""
    file = tmp_path / "token"
    access = Access(authorization_file=file)
    for token in ("Bearer one", "Bearer two"):
        file.write_text(f"{token}\n")
        assert access.headers() == {"Authorization": token}


@pytest.mark.parametrize("text", ["", "Bearer one\nX-Other: two"])
def test_a_file_that_is_no_single_line_is_refused(tmp_path: Path, text: str) -> None:
    """Another line would be another header."""
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(InvalidValueError, match="must hold one line"):
        Access(authorization_file=file).headers()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """And nothing is sent without it."""
    with pytest.raises(InvalidValueError, match="cannot be read"):
        Access(authorization_file=tmp_path / "none").headers()


def test_a_certificate_comes_with_its_key() -> None:
    """In the same file, or in another."""
    assert Access(client_certificate=Path("c.pem")).certificate == "c.pem"
    assert Access(client_certificate=Path("c.pem"), client_key=Path("k.pem")).certificate == ("c.pem", "k.pem")
