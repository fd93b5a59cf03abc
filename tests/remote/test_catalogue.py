"""A catalogue in a bucket, of checkpoints in a bucket."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest

import orbscan
from orbscan.catalogue.lake import Conflict, Lake
from orbscan.cli import main
from tests.catalogue.conftest import rows
from tests.remote import buckets, servers
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TARGET = "s3://lake/fleet.delta"
ROOT = "s3://lake/fleet"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A run on a disk."""
    case = next(case for case in corpus.golden_cases() if case.id == "o0.12.8-manager")
    corpus.unpack(case.archive, tmp_path)
    return tmp_path / case.id / "run"


@pytest.fixture
def options(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A bucket with two runs, which the environment leads to; gives what deltalake takes."""
    for run in ("a", "b"):
        shutil.copytree(saved, tmp_path / "served" / "lake" / "fleet" / run)
    with servers.moto(tmp_path / "served") as port:
        given = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": buckets.SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ALLOW_HTTP": "true",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield given


def test_a_bucket_holds_a_catalogue(
    options: dict[str, str],
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = orbscan.update_catalogue(TARGET, ROOT, storage_options=options)
    assert done == (0, 4, 0, 0, 0)
    checked(options)
    # The environment says the same.
    assert main(["scan", ROOT, "-o", TARGET]) == 0
    told = f"{TARGET}: version 0 is up to date: 4 checkpoints unchanged\n"
    assert capsys.readouterr().err == told

    # Two writers at once, of which one is on a disk.
    commit = Lake.commit

    def slower(lake: Lake, *arguments: object) -> int:
        monkeypatch.setattr(Lake, "commit", commit)
        orbscan.update_catalogue(TARGET, saved, add_roots=True)
        return commit(lake, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "commit", slower)
    _forget(f"{ROOT}/a/0")
    assert orbscan.update_catalogue(TARGET, ROOT) == (2, 0, 1, 3, 0)
    checked(options, str(saved))
    with pytest.raises(ValueError, match="put the catalogue beside it"):
        orbscan.update_catalogue(f"{ROOT}/x.delta", ROOT)
    old = orbscan.open_catalogue(TARGET, version=0)
    assert old.checkpoints().count_rows() == 4
    assert len(old.vacuum(days=0)) == 3
    with pytest.raises(orbscan.StoreError, match="was cleaned up"):
        orbscan.open_catalogue(TARGET, version=0)
    frame = pl.scan_delta(TARGET, storage_options=options)
    assert frame.filter(pl.col("rows_of") == "checkpoints").collect().height == 5


def _forget(prefix: str) -> None:
    """Deletes everything below a URL."""
    import obstore

    _, _, rest = prefix.partition("://")
    bucket, _, key = rest.partition("/")
    store = obstore.store.S3Store(bucket)
    paths = [meta["path"] for page in obstore.list(store, key) for meta in page]
    obstore.delete(store, paths)


def checked(options: dict[str, str], *others: str) -> None:
    """Holds the catalogue against a scan."""
    catalogue = orbscan.open_catalogue(TARGET, storage_options=options)
    roots = [ROOT, *others]
    assert rows(catalogue.leaves()) == rows(orbscan.leaf_table(roots))
    assert rows(catalogue.checkpoints()) == rows(orbscan.checkpoint_table(roots))


def test_a_bucket_that_is_not_there(options: dict[str, str]) -> None:
    with pytest.raises(orbscan.StoreError, match=r"the catalogue cannot be read"):
        orbscan.update_catalogue("s3://nowhere/fleet.delta", ROOT, storage_options=options)


@pytest.fixture
def azure(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A container of Azure with a run, which the environment leads to; gives its URL."""
    shutil.copytree(saved, tmp_path / "served" / "lake" / "fleet" / "a")
    with servers.azure(tmp_path / "served", 1_000) as port:
        monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"http://127.0.0.1:{port}")
        yield "az://lake"


def a_version_is_made_once(target: str) -> None:
    """The second of two writers that make the same version gets an error."""
    first, second = Lake(target), Lake(target)
    states = [first.opened(), second.opened()]
    first.commit(states[0], [], [])
    with pytest.raises(Conflict):
        second.commit(states[1], [], [])


def test_a_container_of_azure_holds_one_too(azure: str, saved: Path) -> None:
    target, root = f"{azure}/fleet.delta", f"{azure}/fleet"
    assert orbscan.update_catalogue(target, root)[:2] == (0, 2)
    assert orbscan.update_catalogue(target, saved, add_roots=True)[:4] == (1, 2, 0, 0)
    assert orbscan.update_catalogue(target, root) == (1, 0, 0, 2, 0)
    catalogue = orbscan.open_catalogue(target)
    assert rows(catalogue.leaves()) == rows(orbscan.leaf_table([root, saved]))
    assert orbscan.open_catalogue(target, version=0).checkpoints().count_rows() == 2
    a_version_is_made_once(target)


def test_a_catalogue_is_read_from_google(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Made on a disk: fake-gcs-server has the XML API, by which deltalake writes, for reading only.
    (tmp_path / "served" / "lake").mkdir(parents=True)
    orbscan.update_catalogue(tmp_path / "served" / "lake" / "fleet.delta", saved)
    with servers.fake_gcs(tmp_path / "served", 0) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        catalogue = orbscan.open_catalogue("gs://lake/fleet.delta")
        assert rows(catalogue.leaves()) == rows(orbscan.leaf_table(saved))
        assert catalogue.contents().checkpoints == 2


def test_a_bucket_of_google_holds_one_too(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served" / "lake").mkdir(parents=True)
    target = "gs://lake/fleet.delta"
    with servers.google(tmp_path / "served") as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        assert orbscan.update_catalogue(target, saved)[:2] == (0, 2)
        assert orbscan.update_catalogue(target, saved) == (0, 0, 0, 2, 0)
        shutil.rmtree(orbscan.latest(saved))
        assert orbscan.update_catalogue(target, saved) == (1, 0, 1, 1, 0)
        catalogue = orbscan.open_catalogue(target)
        assert rows(catalogue.leaves()) == rows(orbscan.leaf_table(saved))
        assert orbscan.open_catalogue(target, version=0).checkpoints().count_rows() == 2
        a_version_is_made_once(target)
        assert len(orbscan.open_catalogue(target).vacuum(days=0)) > 0
        with pytest.raises(orbscan.StoreError, match="was cleaned up"):
            orbscan.open_catalogue(target, version=0)
    # What lies there is what a disk would hold.
    on_disk = orbscan.open_catalogue(tmp_path / "served" / "lake" / "fleet.delta")
    assert rows(on_disk.leaves()) == rows(orbscan.leaf_table(saved))
