"""`since` never takes over what would be answered otherwise now."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("golden")
    for name in {source.partition("/")[0] for source, *_ in CHANGES.values()}:
        corpus.unpack(corpus.GOLDEN / "corpus" / f"{name}.tar.gz", top)
    return top


def put(file: str, text: str) -> Change:
    def change(path: Path) -> None:
        (path / file).write_text(text)

    return change


def remove(file: str) -> Change:
    def change(path: Path) -> None:
        target = path / file
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return change


def replace(file: str, old: str, new: str) -> Change:
    """Replaces text by text of the same length, in place."""
    assert len(old) == len(new)

    def change(path: Path) -> None:
        target = path / file
        text = target.read_bytes()
        assert old.encode() in text, text
        with target.open("r+b") as opened:
            opened.write(text.replace(old.encode(), new.encode()))

    return change


def begin_deletion(path: Path) -> None:
    document = json.loads((path / "_CHECKPOINT_METADATA").read_text())
    record = {"checkpointable": "alpha", "before": document, "after": document}
    (path / "_CHECKPOINT_DELETION").write_text(json.dumps(record))


V1, FLAT = "o0.12.8-v1-checkpointables/all", "o0.12.8-flat/ckpt"
FILES, ZARR3_FILES = "o0.12.8-no-ocdbt/ckpt", "o0.12.8-zarr3-no-ocdbt/ckpt"

CHANGES: dict[str, tuple[str, Change]] = {
    "a deletion began": (V1, begin_deletion),
    "_sharding is gone": (V1, remove("state/_sharding")),
    "_sharding arrived": (V1, put("config/_sharding", "{}")),
    "_sharding says something else": (FLAT, replace("_sharding", "cpu:0", "cpu:1")),
    "_METADATA says something else": (V1, replace("state/_METADATA", "jax.Array", "jax.Arrax")),
    "key types are gone": (V1, remove("state/array_metadatas")),
    "key types say something else": (
        FLAT,
        replace("array_metadatas/process_0", "write_shape", "write_shaqe"),
    ),
    "the data files are gone": (V1, remove("state/d")),
    "the manifest is gone": (V1, remove("state/manifest.ocdbt")),
    "an array in files is gone": (FILES, remove("params.scale")),
    "an array in files is another": (FILES, replace("params.scale/.zarray", "<i4", "<u4")),
    "an array of zarr 3 in files is another": (
        ZARR3_FILES,
        replace("params.scale/zarr.json", "int32", "uint3"),
    ),
    "an item is new": (V1, lambda path: (path / "more").mkdir()),
    "an item is gone": (V1, remove("config")),
    "the marker is gone": (V1, remove("orbax.checkpoint")),
    "metrics came": (FLAT, lambda path: (path / "metrics").mkdir()),
}


def times(path: Path) -> dict[Path, tuple[int, int]]:
    found = [path, *path.rglob("*")]
    return {each: (each.stat().st_atime_ns, each.stat().st_mtime_ns) for each in found}


def scanned(root: Path, **options: object) -> str:
    (entry,) = orbscan.scan(root, **options)  # type: ignore[arg-type]
    return entry.state


@pytest.mark.parametrize("fixed", [False, True], ids=["new times", "old times"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_has_changed_is_read_again(
    golden: Path, tmp_path: Path, name: str, *, fixed: bool
) -> None:
    source, change = CHANGES[name]
    path = tmp_path / "root" / "ckpt"
    shutil.copytree(golden / source, path)
    before = list(orbscan.scan(path.parent))
    assert scanned(path.parent, since=before) == "unchanged"
    old = times(path)
    change(path)
    if fixed:
        for each in [path, *path.rglob("*")]:
            os.utime(each, ns=old.get(each, old[path]))
    assert scanned(path.parent, since=before) != "unchanged"


def test_metrics_that_were_written_again(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "root" / "ckpt"
    shutil.copytree(golden / FLAT, path)
    metrics = path / "metrics" / "metrics"
    metrics.parent.mkdir()
    metrics.write_text('{"loss": 1.0}')
    before = list(orbscan.scan(path.parent))
    old = times(path)
    with metrics.open("r+") as opened:
        opened.write('{"loss": 2.0}')
    os.utime(metrics, ns=old[metrics])
    (entry,) = orbscan.scan(path.parent, since=before)
    assert (entry.state, entry.metrics) == ("read", {"loss": 2.0})


def test_what_had_issues_is_read_again(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "root" / "ckpt"
    shutil.copytree(golden / V1, path)
    (path / "state" / "_sharding").unlink()
    before = list(orbscan.scan(path.parent))
    assert before[0].fingerprint is None
    assert scanned(path.parent, since=before) == "read"
    table = tmp_path / "table.parquet"
    orbscan.write_table(orbscan.scan(path.parent).leaves(), table)
    assert scanned(path.parent, since=table) == "read"
