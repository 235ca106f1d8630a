"""A service is not talked into asking where a cloud keeps its credentials."""

from __future__ import annotations

import pytest

from adaptor.errors import InvalidValueError
from adaptor.flink.address import require_no_metadata_address


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://[fe80::1]:8081",
        "http://[fe80::1%25eth0]:8081",
        "http://[::ffff:169.254.169.254]",
        "http://metadata.google.internal.",
        "http://[fd00:ec2::254]",
    ],
)
def test_link_local_and_metadata_addresses_are_refused(url: str) -> None:
    """However they are written."""
    with pytest.raises(InvalidValueError, match=r"attach\.allow_metadata"):
        require_no_metadata_address(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://10.0.0.3:8081", "https://flink.example.org"])
def test_clusters_are_not(url: str) -> None:
    """Private networks are where clusters are."""
    require_no_metadata_address(url)
