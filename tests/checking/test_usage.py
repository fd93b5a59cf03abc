"""What `du` says is what lies on disk, and what TensorStore reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import pytest
import tensorstore as ts

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path


def stored_chunks(path: Path) -> dict[str, int]:
    """The bytes of the chunks of each array, as TensorStore reads them."""
    base = {"driver": "file", "path": f"{path}/"}
    driver = {"driver": "ocdbt", "base": base} if (path / "manifest.ocdbt").exists() else base
    store = ts.KvStore.open(driver).result()
    sizes: dict[str, int] = {}
    for key in store.list().result():
        name, _, rest = key.decode().partition("/")
        if rest[:1].isdigit() or rest[:1] == "c":
            sizes[name] = sizes.get(name, 0) + len(store.read(key).result().value)
    return sizes


@pytest.mark.parametrize(
    "handler", [{}, {"use_zarr3": True}, {"use_ocdbt": False}], ids=["zarr2", "zarr3", "files"]
)
def test_stored_bytes_are_exact(tmp_path: Path, handler: dict[str, bool]) -> None:
    random = np.random.default_rng(3)
    tree = {"a": random.random((50, 70)), "b": np.zeros((9, 9), np.float32), "n": 7}
    ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**handler)).save(tmp_path / "ckpt", tree)
    usage = orbscan.du(tmp_path / "ckpt")
    assert {leaf.param_name: leaf.stored for leaf in usage.leaves} == stored_chunks(
        tmp_path / "ckpt"
    )
    files = [path for path in (tmp_path / "ckpt").rglob("*") if path.is_file()]
    assert usage.total == sum(path.stat().st_size for path in files)
    assert usage.issues == ()
    assert usage.nbytes == 50 * 70 * 8 + 81 * 4 + 8
    (largest,) = [leaf for leaf in usage.leaves if leaf.param_name == "a"]
    assert largest.ratio == pytest.approx(1, abs=0.2)
    assert largest.subtree(0) == "**"
    assert largest.subtree(1) == "a"


def test_what_was_superseded_is_free(tmp_path: Path) -> None:
    ocp.PyTreeCheckpointer().save(tmp_path / "ckpt", {"a": np.arange(3)})
    before = orbscan.du(tmp_path / "ckpt")
    (tmp_path / "ckpt" / "d" / ("0" * 32)).write_bytes(bytes(1_000))
    after = orbscan.du(tmp_path / "ckpt")
    assert (after.free - before.free, after.total - before.total) == (1_000, 1_000)
    assert after.stored == before.stored


def test_nothing_is_called_unused_where_the_index_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ckpt"
    ocp.PyTreeCheckpointer().save(path, {"a": np.arange(3)})
    (path / "manifest.ocdbt").write_bytes(b"")
    usage = orbscan.du(path)
    assert "unknown" in {file.role for file in usage.files}
    assert "unused" not in {file.role for file in usage.files}
    assert usage.free == 0
    assert len(usage.issues) == len(set(usage.issues)) == 1
    assert main(["du", str(path)]) == 5
    capsys.readouterr()
    report = orbscan.verify(path)
    assert "data-file-unused" not in {finding.code for finding in report.findings}


def test_several_paths_give_an_entry_for_each_checkpoint(tmp_path: Path) -> None:
    for name in ("runs/1", "runs/2", "other"):
        ocp.PyTreeCheckpointer().save(tmp_path / name, {"a": np.arange(3)})
    (tmp_path / "runs" / "2" / "_CHECKPOINT_METADATA").write_text('{"item_handlers": 5}')
    found = orbscan.du(path for path in (tmp_path / "runs", tmp_path / "other"))
    paths = [str(tmp_path / name) for name in ("other", "runs/1", "runs/2")]
    assert sorted(row.place for row in found) == paths
    by_path = {row.place: row for row in found}
    whole, broken = by_path[paths[1]], by_path[paths[2]]
    usage = orbscan.du(whole.path)
    assert (whole.state, whole.total, whole.stored) == ("committed", usage.total, usage.stored)
    assert (broken.state, broken.nbytes) == ("broken", None)
    assert isinstance(broken.error, orbscan.OrbscanError)
    assert found.total == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert len(str(found).splitlines()) == 1 + len(found) + 1 + 3
    assert str(usage).splitlines()[0].split()[0] == "LEAF"
    assert not orbscan.du([])


@pytest.mark.parametrize(
    "options", [{"name": "a"}, {"step": 1}, {"allow_uncommitted": True}], ids=str
)
def test_what_is_for_one_checkpoint_is_refused_for_several(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="are for one checkpoint"):
        orbscan.du(["a", "b"], **options)
