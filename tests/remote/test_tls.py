"""Servers are asked over TLS; one that cannot be trusted is not, and the error says what to do."""

from __future__ import annotations

import datetime as dt
import socketserver
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import obstore
import pytest
import trustme

import orbscan
from orbscan.cli import main
from tests.remote import proxy, servers
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.remote.conftest import GcsData
    from tests.remote.proxy import Proxy

V1 = "o0.12.8-v1-sharded/chunked"
ADVICE = "certificate of the server is not trusted: set SSL_CERT_FILE"
URLS = ["gs://bucket/run", "s3://bucket/run", "az://container/run", "hf://org/name/run"]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whoever signs the certificates of the servers; no machine knows it."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the authority's certificate."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@contextmanager
def served(
    to: int, certificate: trustme.LeafCert, version: ssl.TLSVersion | None = None
) -> Iterator[Proxy]:
    """A server with a certificate, before a port of this machine; it may speak one version only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    certificate.configure_cert(context)
    before, stop = proxy.start(to, context)
    try:
        yield before
    finally:
        stop()


@pytest.fixture(scope="session")
def secure(web_server: Proxy, authority: trustme.CA) -> Iterator[str]:
    """A web server over the golden checkpoints that speaks TLS; gives its URL."""
    with served(web_server.to, authority.issue_cert("127.0.0.1")) as before:
        yield f"https://127.0.0.1:{before.port}"


@pytest.mark.usefixtures("once")
def test_a_server_is_read_once_its_certificate_is_trusted(
    disk: Path, secure: str, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(orbscan.StoreError, match=ADVICE) as raised:
        orbscan.metadata(f"{secure}/{V1}")
    assert raised.value.fault == "network"
    # The same process: clients are those of the environment as it is.
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert answer(f"{secure}/{V1}", secure) == answer(disk / V1, str(disk))


@pytest.mark.usefixtures("once")
def test_the_command_line_says_so_in_a_sentence(
    secure: str, trusted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", f"{secure}/{V1}"]) == 4
    assert ADVICE in " ".join(capsys.readouterr().err.split())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert main(["show", f"{secure}/{V1}"]) == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_either_version_is_spoken_with_an_authority_that_is_an_option(
    version: ssl.TLSVersion, disk: Path, web_server: Proxy, authority: trustme.CA
) -> None:
    known = {"root_certificate": authority.cert_pem.bytes().decode()}
    with served(web_server.to, authority.issue_cert("127.0.0.1"), version) as before:
        base = f"https://127.0.0.1:{before.port}"
        there = answer(f"{base}/{V1}", base, store_options=known)
    assert there == answer(disk / V1, str(disk))


def test_an_authority_may_be_that_of_a_store_of_obstore(
    disk: Path, secure: str, authority: trustme.CA
) -> None:
    known: Any = {"root_certificate": authority.cert_pem.bytes().decode()}
    store = obstore.store.HTTPStore(secure, client_options=known)
    assert answer(f"{secure}/{V1}", secure, store=store) == answer(disk / V1, str(disk))


def test_a_line_that_is_not_a_header_is_not_shown() -> None:
    with pytest.raises(orbscan.OrbscanError, match=r'is not "NAME: VALUE"') as raised:
        orbscan.metadata("https://127.0.0.1:9/x", store_options={"default_headers": "secret"})
    assert "secret" not in str(raised.value)


def test_a_certificate_need_not_be_looked_at(disk: Path, secure: str) -> None:
    options = {"allow_invalid_certificates": "true"}
    there = answer(f"{secure}/{V1}", secure, store_options=options)
    assert there == answer(disk / V1, str(disk))


def test_a_bucket_is_read_over_tls(
    disk: Path,
    gcs_data: GcsData,
    authority: trustme.CA,
    trusted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = f"az://{BUCKET}"
    with (
        servers.azure(gcs_data.root, 5_000) as port,
        served(port, authority.issue_cert("127.0.0.1")) as before,
    ):
        monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"https://127.0.0.1:{before.port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert answer(f"{base}/{V1}", base) == answer(disk / V1, str(disk))


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("wrong", ["name", "time"])
def test_a_certificate_of_another_name_or_time_is_not_trusted(
    web_server: Proxy,
    authority: trustme.CA,
    trusted: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    ended = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    certificates = {
        "name": lambda: authority.issue_cert("elsewhere.test"),
        "time": lambda: authority.issue_cert("127.0.0.1", not_after=ended),
    }
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with (
        served(web_server.to, certificates[wrong]()) as before,
        pytest.raises(orbscan.StoreError, match="look at the name in the URL and at the clock"),
    ):
        orbscan.metadata(f"https://127.0.0.1:{before.port}/{V1}")


class _Plain(socketserver.BaseRequestHandler):
    """Answers whatever it is told as a server does that does not speak TLS."""

    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.usefixtures("once")
def test_a_server_without_tls_is_not_called_absent() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Plain) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(orbscan.StoreError, match="does not speak TLS: correct the port"):
                orbscan.metadata(f"https://127.0.0.1:{server.server_address[1]}/{V1}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("url", [*URLS, "https://127.0.0.1:9/run", "http://127.0.0.1:9/run"])
def test_a_machine_without_any_certificate_is_told_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    with pytest.raises(orbscan.StoreError, match="install ca-certificates, or point SSL") as raised:
        orbscan.metadata(url)
    assert raised.value.fault == "network"
