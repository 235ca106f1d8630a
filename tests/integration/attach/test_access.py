"""Clusters behind TLS: their own CA, a client's certificate, a token from a file. And questions asked at once."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adaptor.errors import FlinkUnreachableError
from adaptor.flink.stream_client import StreamClient
from adaptor.flink.transport import Access

OVERVIEW = {"taskmanagers": 1, "slots-total": 1, "slots-available": 1, "flink-version": "2.3.0"}
VERTEX = "a" * 32
JOB = "1" * 32


class Papers:
    """A CA, and a certificate of it for 127.0.0.1 that a server and a client can show."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.own, self.key = folder / "ca.pem", folder / "own.pem", folder / "own.key"
        ca_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = _name("a cluster's own CA")
        self.ca.write_bytes(_certificate(ca_name, ca_name, ca_key, ca_key, is_ca=True))
        self.own.write_bytes(_certificate(_name("127.0.0.1"), ca_name, own_key, ca_key, is_ca=False))
        self.key.write_bytes(
            own_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
) -> bytes:
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Cluster(ThreadingHTTPServer):
    """Answers its overview and metrics, and notes what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were turned away."""


class _Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        document = OVERVIEW if self.path == "/overview" else [{"id": "a", "sum": 1}, {"id": "b", "sum": "NaN"}]
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    """Made anew."""
    return Papers(tmp_path)


@pytest.fixture
def cluster(papers: Papers) -> Iterator[Cluster]:
    """Behind TLS, and asking its clients for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.own, papers.key)
    context.load_verify_locations(papers.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Cluster()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from _serving(server)


@pytest.fixture
def open_cluster() -> Iterator[Cluster]:
    """Without TLS."""
    yield from _serving(Cluster())


def _serving(server: Cluster) -> Iterator[Cluster]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client(server: Cluster, access: Access, *, scheme: str = "https") -> StreamClient:
    """Of this cluster."""
    return StreamClient(f"{scheme}://127.0.0.1:{server.server_address[1]}", timeout_s=10.0, access=access)


def test_a_cluster_with_its_own_ca_is_asked_with_certificate_and_token(cluster, papers, tmp_path):
    """And the token is read anew for every question, so that it can be exchanged."""
    token = tmp_path / "authorization"
    token.write_text("Bearer one\n")
    access = Access(ca_file=papers.ca, client_certificate=papers.own, client_key=papers.key, authorization_file=token)
    with client(cluster, access) as asking:
        assert asking.overview().flink_version == "2.3.0"
        token.write_text("Bearer two\n")
        asking.overview()
    assert [authorization for _, authorization in cluster.asked] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("shown", ["no CA", "no certificate"])
def test_who_cannot_prove_himself_gets_no_answer(cluster, papers, shown):
    """Neither a cluster that the system's CAs do not know, nor a client without a certificate."""
    access = Access(
        ca_file=None if shown == "no CA" else papers.ca,
        client_certificate=papers.own if shown == "no CA" else None,
        client_key=papers.key if shown == "no CA" else None,
    )
    with client(cluster, access) as asking, pytest.raises(FlinkUnreachableError):
        asking.overview()
    assert cluster.asked == []


def test_metrics_of_a_vertex_are_asked_for_in_one_question(open_cluster):
    """However many; what is no number is left out."""
    with client(open_cluster, Access(), scheme="http") as asking:
        assert asking.metric_sums(JOB, VERTEX, ["a", "b"]) == {"a": 1.0}
    ((path, _),) = open_cluster.asked
    assert path == f"/jobs/{JOB}/vertices/{VERTEX}/subtasks/metrics?get=a%2Cb&agg=sum"
