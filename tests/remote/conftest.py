from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest

import orbscan
from tests.remote import buckets, proxy, servers
from tests.remote.buckets import BUCKET
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class GcsData(NamedTuple):
    """Directories that become buckets.

    Attributes:
        root: where they lie.
        held: the bucket in which a golden case lies, by its name.
    """

    root: Path
    held: dict[str, str]


# The golden checkpoints that lie in `gs://bucket`, as they do on `disk`.
NAMED = [
    "o0.12.8-composite",
    "o0.12.8-flat",
    "o0.12.8-manager",
    "o0.12.8-no-ocdbt",
    "o0.12.8-v1-checkpointables",
    "o0.12.8-v1-sharded",
    "o0.12.8-v1-typed-keys",
]
_VARIABLES = (
    "AWS_",
    "GOOGLE_",
    "AZURE_",
    "HF_",
    "SSL_CERT_",
    "STORAGE_EMULATOR_HOST",
    "ORBSCAN_STORE",
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what this machine says of stores out of the tests."""
    for name in [*os.environ]:
        if name.startswith(_VARIABLES) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried a second time."""
    monkeypatch.setenv("ORBSCAN_MAX_RETRIES", "0")


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden checkpoints on a disk, below the name of a bucket."""
    root = tmp_path_factory.mktemp("buckets")
    target = root / BUCKET
    target.mkdir()
    for archive in sorted((corpus.GOLDEN / "corpus").glob("*.tar.gz")):
        corpus.unpack(archive, target)
    return target


@pytest.fixture(scope="session")
def gcs_data(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> GcsData:
    """What the fake Google Cloud Storage is filled with."""
    root = tmp_path_factory.mktemp("gcs")
    for case in NAMED:
        shutil.copytree(disk / case, root / BUCKET / case, copy_function=os.link)
    return GcsData(root, buckets.spread(sorted(disk.iterdir()), root, "golden"))


@pytest.fixture(scope="session")
def wire(gcs_data: GcsData) -> Iterator[proxy.Proxy]:
    """A fake Google Cloud Storage, behind a counting proxy."""
    with ExitStack() as stack:
        before, stop = proxy.start(0)
        stack.callback(stop)
        before.to = stack.enter_context(servers.fake_gcs(gcs_data.root, before.port))
        yield before


@pytest.fixture(scope="session")
def web_server(disk: Path) -> Iterator[proxy.Proxy]:
    """A plain web server over the golden checkpoints, behind a counting proxy."""
    with ExitStack() as stack:
        before, stop = proxy.start(stack.enter_context(servers.web(disk)))
        stack.callback(stop)
        yield before


@pytest.fixture
def web(web_server: proxy.Proxy) -> proxy.Proxy:
    """The same, for one test."""
    web_server.spoil = lambda *_: None
    web_server.reset()
    return web_server


@pytest.fixture(scope="session")
def pages(disk: Path) -> Iterator[str]:
    """A web server that answers for a directory with a page of its files; gives its URL."""
    with servers.web(disk, pages=True) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def gcs(wire: proxy.Proxy, monkeypatch: pytest.MonkeyPatch) -> proxy.Proxy:
    """The same, for one test, which reads `gs://bucket/...`."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{wire.port}")
    wire.spoil = lambda *_: None
    wire.reset()
    return wire


@pytest.fixture
def warm(gcs: proxy.Proxy) -> proxy.Proxy:
    """The same, to which this process has connections: budgets are those of further reads."""
    orbscan.metadata(f"gs://{BUCKET}/o0.12.8-v1-sharded/chunked", atomicity="atomic_rename")
    gcs.reset()
    return gcs
