"""Servers are asked over TLS, and trusted only if somebody trusted says who they are."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING

import obstore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

import orbscan
from tests.remote import web
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASE = "o0.12.8-v1-sharded/chunked"
HOST = "127.0.0.1"
PEM = serialization.Encoding.PEM
BADGE = {"default_headers": "X-Badge: in"}


class Handler(web.Handler):
    """Answers only those who send a header."""

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        if self.headers.get("X-Badge") == "in":
            super().do_GET()
        else:
            self.answer(HTTPStatus.UNAUTHORIZED)

    do_HEAD = do_GET  # noqa: N815 - named by http.server


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey
) -> bytes:
    """A certificate for a key; that of the signer is one of an authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    host = x509.IPAddress(ip_address(HOST))
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=key is signer, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the authority, beside which `server.pem` is that of the server."""
    folder = tmp_path_factory.mktemp("tls")
    signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "authority.pem").write_bytes(_certificate("authority", signer, signer))
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(secret + _certificate(HOST, key, signer))
    return folder / "authority.pem"


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"])
def base(request: pytest.FixtureRequest, disk: Path, authority: Path) -> Iterator[str]:
    """A server over the golden checkpoints that speaks one version of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = request.param
    context.load_cert_chain(authority.with_name("server.pem"))
    Handler.root = disk
    with web.Server((HOST, 0), Handler) as server:
        # Each thread shakes hands for itself, when it first reads.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"https://{HOST}:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_server_of_a_trusted_authority_is_read(
    disk: Path, authority: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    there = answer(f"{base}/{CASE}", base, store_options=BADGE)
    assert there == answer(disk / CASE, str(disk))


def test_an_authority_may_be_an_option(disk: Path, authority: Path, base: str) -> None:
    trusted = {**BADGE, "root_certificate": authority.read_text()}
    there = answer(f"{base}/{CASE}", base, store_options=trusted)
    assert there == answer(disk / CASE, str(disk))


def test_an_authority_may_be_that_of_a_store_of_obstore(
    disk: Path, authority: Path, base: str
) -> None:
    badge = {"default_headers": {"X-Badge": "in"}}
    trusted = {**badge, "root_certificate": authority.read_text()}
    store = obstore.store.HTTPStore(base, client_options=trusted)  # type: ignore[arg-type]
    assert answer(f"{base}/{CASE}", base, store=store) == answer(disk / CASE, str(disk))


def test_a_server_of_nobody_known_is_not_trusted(base: str) -> None:
    with pytest.raises(orbscan.StoreError, match="the certificate of the server is not trusted"):
        orbscan.metadata(f"{base}/{CASE}", store_options={"max_retries": 0})


def test_headers_that_are_none_are_not_shown(base: str) -> None:
    with pytest.raises(
        orbscan.OrbscanError, match=r'default_headers is not "NAME: VALUE"'
    ) as raised:
        orbscan.metadata(f"{base}/{CASE}", store_options={"default_headers": "secret"})
    assert "secret" not in str(raised.value)
