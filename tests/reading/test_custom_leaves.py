"""Leaves that a handler of the writer's own saved: sound, and for that handler to restore."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import orbax.checkpoint as v0
import pytest

import orbscan
import orbscan.orbax
from orbscan.cli import main
from orbscan.model.leaves import UnsupportedLeaf
from tests.support.custom_leaf import WORD, Config, registered, saved

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = len('{"layers": 3}')
LEAF = UnsupportedLeaf(WORD, ("net.config/config.json",), CONTENT)


@pytest.fixture(name="path", scope="module")
def fixture_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = {"net": {"config": Config(3), "w": jax.numpy.arange(4.0)}, "n": np.ones(3), "step": 7}
    return saved(tmp_path_factory.mktemp("custom") / "1", tree)


def test_it_has_the_word_and_the_files(path: Path) -> None:
    read = orbscan.metadata(path)
    assert read.metadata["net"]["config"] == LEAF
    assert read.metadata["net"]["w"].shape == (4,)
    (issue,) = read.issues
    assert (issue.kind, issue.file) == ("unsupported", str(path / "_METADATA"))
    assert f'("{WORD}")' in issue.reason
    assert issue.reason.endswith("net/config")


def test_the_checkpoint_is_sound(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = orbscan.verify(path)
    assert report.ok
    assert report.lost_leaves == ()
    assert {found.severity for found in report.findings} == {"note"}
    (told,) = [found for found in report.findings if found.code == "leaf-unsupported"]
    assert (told.keypath, told.severity) == (("net", "config"), "note")
    assert WORD in told.reason
    assert main(["ls", str(path.parent), "-o", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["checkpoints"]
    assert (row["state"], row["error"]) == ("read", None)
    assert main(["verify", str(path)]) == 0


def test_its_files_are_counted_under_the_leaf(path: Path) -> None:
    usage = orbscan.du(path)
    (of_leaf,) = [leaf for leaf in usage.leaves if leaf.keypath == ("net", "config")]
    assert (of_leaf.stored, of_leaf.dtype, of_leaf.readable) == (CONTENT, f"custom {WORD}", True)
    assert of_leaf.ratio is None
    (file,) = [file for file in usage.files if file.path == "net.config/config.json"]
    assert (file.role, file.data_bytes) == ("chunk", CONTENT)
    assert [file.path for file in usage.files if file.role in {"other", "unknown"}] == []
    assert usage.strays == 0


def test_every_form_shows_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = orbscan.metadata(path)
    assert f"net/config: custom {WORD}  {CONTENT} B in 1 file" in repr(read)
    assert f"custom {WORD}" in read._repr_html_()
    assert orbscan.CheckpointMetadata.from_bytes(read.to_bytes()) == read
    assert main(["show", str(path)]) == 0
    assert f"custom {WORD}" in capsys.readouterr().out
    assert main(["show", str(path), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (leaf,) = [leaf for leaf in document["leaves"] if leaf["keypath"] == ["net", "config"]]
    assert (leaf["value_type"], leaf["error"]) == (WORD, None)
    assert leaf["custom"] == {"files": ["net.config/config.json"], "stored_bytes": CONTENT}


def test_a_table_has_the_word_and_no_size(path: Path) -> None:
    import pyarrow as pa

    rows = pa.table(orbscan.leaf_table(path)).to_pylist()
    (row,) = [row for row in rows if row["keypath"] == "net/config"]
    assert (row["value_type"], row["nbytes"], row["error"]) == (WORD, None, None)


def test_a_diff_knows_its_kind(path: Path) -> None:
    assert orbscan.diff(path, path).same
    other = {"net": {"config": 1, "w": orbscan.metadata(path).metadata["net"]["w"]}}
    (change,) = orbscan.diff(path, other).changed
    assert (change.before.kind, change.after.kind) == (f"custom {WORD}", "scalar")


def test_a_plan_does_not_count_it(path: Path) -> None:
    plan = orbscan.restore_plan(orbscan.metadata(path), "x=1")
    assert "not counted: 1 leaf without readable metadata" in plan.notes


def test_it_is_not_an_array(path: Path) -> None:
    with pytest.raises(TypeError, match=r"net/config is one of a custom handler, not an array"):
        orbscan.open_array(path, "net/config")


def _same(restored: Any) -> None:
    assert restored["net"]["config"] == Config(3)
    assert restored["net"]["w"].tolist() == [0, 1, 2, 3]
    assert isinstance(restored["net"]["w"], jax.Array)
    assert isinstance(restored["n"], np.ndarray)
    assert restored["step"] == 7


# Of Orbax, which then reads it.
NO_SHARDING = pytest.mark.filterwarnings("ignore:Sharding info not provided")


@NO_SHARDING
@pytest.mark.parametrize("form", ["all", "metadata", "abstract state", "on a mesh"])
def test_a_registered_handler_restores_it(path: Path, form: str) -> None:
    read = orbscan.metadata(path)
    mesh = jax.make_mesh((1,), ("x",))
    wanted = {
        "all": None,
        "metadata": read,
        "abstract state": orbscan.abstract_state(read),
        "on a mesh": orbscan.abstract_state(read, mesh=mesh),
    }[form]
    with registered():
        _same(orbscan.load(path, wanted))
        _same(orbscan.orbax.load(path, wanted))


@NO_SHARDING
def test_the_older_interface_restores_what_is_made_for_it(path: Path) -> None:
    read = orbscan.metadata(path)
    abstract = orbscan.abstract_state(read)
    with registered():
        theirs = v0.PyTreeCheckpointer().metadata(path).item_metadata
        assert orbscan.to_orbax(read, api="v0").item_metadata.tree == theirs.tree
        _same(v0.PyTreeCheckpointer().restore(path, args=v0.args.PyTreeRestore(item=abstract)))


@pytest.mark.parametrize("form", ["all", "metadata"])
def test_without_the_handler_a_load_says_what_to_register(path: Path, form: str) -> None:
    wanted = None if form == "all" else orbscan.metadata(path)
    with pytest.raises(orbscan.FormatError, match=r"'Config' need that handler: register it"):
        orbscan.load(path, wanted)


def test_a_variant_of_orbaxs_own_handler_stores_in_the_database(tmp_path: Path) -> None:
    class Named(v0.type_handlers.NumpyHandler):  # type: ignore[misc]
        def typestr(self) -> str:
            return "named"

    class Array(np.ndarray[Any, Any]):
        pass

    registry = v0.type_handlers.create_type_handler_registry(
        (Array, Named()), (np.ndarray, v0.type_handlers.NumpyHandler())
    )
    handler = v0.PyTreeCheckpointHandler(type_handler_registry=registry)
    tree = {"a": np.arange(1000.0).view(Array), "b": np.arange(2000.0)}
    v0.Checkpointer(handler).save(tmp_path / "1", tree)
    assert orbscan.metadata(tmp_path / "1").metadata["a"] == UnsupportedLeaf("named")
    report = orbscan.verify(tmp_path / "1", level="data")
    assert report.ok
    assert {found.code for found in report.findings if found.severity != "note"} == set()
    usage = orbscan.du(tmp_path / "1")
    (leaf,) = [leaf for leaf in usage.leaves if leaf.keypath == ("a",)]
    assert leaf.stored > 1000
    assert usage.strays == 0


def test_files_of_another_step_are_not_those_of_this_one(tmp_path: Path) -> None:
    for step in (1, 2):
        saved(tmp_path / str(step), {"c": Config(step), "w": np.ones(2)})
    (tmp_path / "2" / "c" / "more").write_text("12")
    found = {str(entry.path): entry.metadata for entry in orbscan.scan(tmp_path)}
    trees = [found[str(tmp_path / name)] for name in ("1", "2")]
    files = [tree.metadata["c"].files for tree in trees if tree is not None]
    assert files == [("c/config.json",), ("c/config.json", "c/more")]
