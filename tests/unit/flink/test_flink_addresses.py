"""What may become part of an address, without any network."""

import pytest

from adaptor.errors import InvalidValueError, UnknownJobError
from adaptor.flink.client import FlinkClient


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8081",
        "ftp://127.0.0.1",
        "http://",
        "http://:8081",
        "http://host:99999",
        "http://host:0",
        "http://host:port",
        "http://[::1",
        "http://host/?query",
        "http://host/#fragment",
        "file:///etc/passwd",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """The error names the field as the run's owner knows it."""
    with pytest.raises(InvalidValueError, match=r"flink_url: must be the http or https address"):
        FlinkClient(url, timeout_s=1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081/", "https://flink.example/cluster-1/", "http://[::1]:8081"])
def test_addresses_lose_their_last_slash(url: str) -> None:
    with FlinkClient(url, timeout_s=1) as client:
        assert client.base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "job_id", ["", "abc", "../overview", "G" * 32, "A" * 32, "a" * 33, "a" * 31 + "\n", "a" * 32 + "?"]
)
def test_what_is_no_job_id_is_an_unknown_job(job_id: str) -> None:
    """It is refused before anything is sent: nothing listens at this address."""
    with FlinkClient("http://127.0.0.1:9", timeout_s=1) as client:
        with pytest.raises(UnknownJobError):
            client.job(job_id)
        with pytest.raises(UnknownJobError):
            client.vertex(job_id, "0" * 32)


@pytest.mark.parametrize("bound", ["timeout_s", "max_answer_bytes", "max_connections"])
def test_bounds_are_positive(bound: str) -> None:
    with pytest.raises(InvalidValueError, match=bound):
        FlinkClient("http://127.0.0.1:8081", **{"timeout_s": 1, bound: 0})
