"""Each kind of damage to a checkpoint that Orbax wrote is found, with what it costs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.damage import damages
from tests.damage.damages import (
    CM,
    MANIFEST,
    SHARDING,
    TREE,
    append,
    cut,
    edit,
    flip,
    remove,
    write,
)
from tests.support.processes import elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orbscan.aliases import Level
    from tests.checking.conftest import Unpacked

ALL = {"joint", "replicated", "second", "short", "single", "submesh", "x_y"}


def codes(report: orbscan.VerifyReport) -> dict[str, str]:
    """The severity of each code that was found."""
    return {finding.code: finding.severity for finding in report.findings}


def orbax_refuses(checkpoint: Path) -> bool:
    """Whether Orbax restores no pytree."""
    import orbax.checkpoint.experimental.v1 as ocp

    try:
        ocp.load(checkpoint)
    except (OSError, KeyError, ValueError):
        return True
    return False


def lost(report: orbscan.VerifyReport) -> set[str]:
    return {leaf.param_name for leaf in report.lost_leaves}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (write(CM, b"{"), "checkpoint-metadata"),
        (write(CM, b"[1]"), "layout"),
        (remove(CM), "layout"),
        (remove("orbax.checkpoint"), None),
        (write("_CHECKPOINT_DELETION", b"{}"), "deletion-record"),
        (
            edit(CM, lambda found: found["item_handlers"].update(gone="a.Handler")),
            "checkpointable-missing",
        ),
        (lambda root: shutil.rmtree(root / "state"), "checkpointable-missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_to_the_whole_is_found(
    v1: Path, damage: Callable[[Path], object], code: str | None
) -> None:
    damage(v1)
    found = codes(orbscan.verify(v1))
    assert set(found) == ({code} if code else set())


def test_a_commit_marker_that_is_gone_is_a_note(unpacked: Unpacked) -> None:
    checkpoint = unpacked("o0.12.8-composite", "ckpt")
    (checkpoint / "commit_success.txt").unlink()
    assert codes(orbscan.verify(checkpoint)) == {"commit-marker": "note"}


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"tree_metadata": {}}', "\x00"])
def test_a_tree_that_cannot_be_read_is_an_error(v1: Path, content: str) -> None:
    (v1 / "state" / TREE).write_text(content)
    report = orbscan.verify(v1)
    assert codes(report) == {"tree-unreadable": "error"}
    (finding,) = report.findings
    assert finding.checkpointable == "state"
    assert finding.file is not None
    assert finding.file.endswith(TREE)


def test_a_tree_that_is_gone_is_an_error(v1: Path) -> None:
    (v1 / "state" / TREE).unlink()
    assert "tree-unreadable" in codes(orbscan.verify(v1))


@pytest.mark.parametrize(
    "damage",
    [
        write(MANIFEST, b""),
        cut(MANIFEST),
        append(MANIFEST, b"\0"),
        lambda item: flip(item / MANIFEST, -1),
        remove("d"),
        lambda item: damages.node_file(item).write_bytes(b""),
        lambda item: flip(damages.node_file(item), -9),
        lambda item: damages.node_file(item).write_bytes(damages.node_file(item).read_bytes()[:-9]),
    ],
)
def test_a_store_that_cannot_be_read_costs_every_array(v1: Path, damage: damages.Damage) -> None:
    damage(v1 / "state")
    report = orbscan.verify(v1)
    assert codes(report) == {"database-unreadable": "error"}
    assert lost(report) == ALL


def test_a_manifest_that_is_gone_leaves_what_processes_wrote(v1: Path) -> None:
    (v1 / "state" / MANIFEST).unlink()
    report = orbscan.verify(v1)
    assert codes(report)["not-merged"] == "error"
    assert lost(report) == set()


@pytest.mark.parametrize(
    "damage",
    [
        edit(TREE, lambda found: found.update(use_zarr3=not found["use_zarr3"])),
        edit(TREE, lambda found: found.update(use_ocdbt=False)),
    ],
)
def test_a_tree_that_sends_orbax_elsewhere_is_an_error(v1: Path, damage: damages.Damage) -> None:
    assert not elsewhere(orbax_refuses, v1)
    damage(v1 / "state")
    assert elsewhere(orbax_refuses, v1)
    report = orbscan.verify(v1)
    assert codes(report)["arrays-elsewhere"] == "error"
    assert not report.ok


def test_a_file_in_the_place_of_a_checkpointable_is_an_error(v1: Path) -> None:
    shutil.rmtree(v1 / "state")
    (v1 / "state").write_text("")
    assert codes(orbscan.verify(v1)) == {"checkpointable-missing": "error"}


def test_a_json_document_that_is_gone_is_an_error(unpacked: Unpacked) -> None:
    checkpoint = unpacked("o0.12.8-manager-json", "run/0")
    (checkpoint / "config" / "metadata").unlink()
    (finding,) = orbscan.verify(checkpoint).findings
    assert (finding.code, finding.checkpointable) == ("document-unreadable", "config")


def test_an_entry_that_is_gone_leaves_an_array_without_a_leaf(v1: Path) -> None:
    edit(TREE, lambda document: document["tree_metadata"].pop("('joint',)"))(v1 / "state")
    report = orbscan.verify(v1)
    assert report.ok
    found = codes(report)
    assert found == {
        "array-without-leaf": "warning",
        "array-metadatas": "warning",
        "sharding-surplus": "note",
    }
    (array,) = [finding for finding in report.findings if finding.code == "array-without-leaf"]
    assert '"joint", 9 keys' in array.reason


@pytest.mark.parametrize("case", ["o0.12.8-flat", "o0.12.8-no-ocdbt", "o0.12.8-zarr3-no-ocdbt"])
def test_an_entry_of_another_name_is_a_leaf_without_an_array_and_an_array_without_a_leaf(
    unpacked: Unpacked, case: str
) -> None:
    checkpoint = unpacked(case, "ckpt")
    name = min(leaf.param_name for leaf in orbscan.du(checkpoint).leaves if leaf.chunks)

    def rename(document: dict[str, dict[str, dict[str, list[dict[str, object]]]]]) -> None:
        for entry in document["tree_metadata"].values():
            keys = entry["key_metadata"]
            if ".".join(str(key["key"]) for key in keys) == name:
                keys[:] = [{"key": "renamed", "key_type": 2}]

    edit(TREE, rename)(checkpoint)
    report = orbscan.verify(checkpoint)
    assert lost(report) == {"renamed"}
    found = codes(report)
    assert (found["leaf-unreadable"], found["array-without-leaf"]) == ("error", "warning")


def test_an_entry_too_many_is_a_leaf_without_an_array(v1: Path) -> None:
    def add(document: dict[str, dict[str, dict[str, list[dict[str, object]]]]]) -> None:
        entry = document["tree_metadata"]["('joint',)"]
        more = {**entry, "key_metadata": [{"key": "more", "key_type": 2}]}
        document["tree_metadata"]["('more',)"] = more

    edit(TREE, add)(v1 / "state")
    report = orbscan.verify(v1)
    assert codes(report)["leaf-unreadable"] == "error"
    assert lost(report) == {"more"}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (remove(SHARDING), "sharding"),
        (write(SHARDING, b"{"), "sharding"),
        (edit(SHARDING, lambda found: found.pop(next(iter(found)))), "sharding"),
        (edit(SHARDING, lambda found: found.update({"AAAA": ""})), "sharding-surplus"),
        (
            edit("array_metadatas/process_0", lambda found: found["array_metadatas"].pop()),
            "array-metadatas",
        ),
        (damages.value("('joint',)", write_shape=[3, 3]), "write-shape"),
        (damages.value("('joint',)", write_shape=[3]), "write-shape"),
    ],
)
def test_documents_that_disagree_are_warnings(v1: Path, damage: damages.Damage, code: str) -> None:
    damage(v1 / "state")
    report = orbscan.verify(v1, level="structure")
    assert report.ok
    assert code in codes(report)


def test_a_sharding_that_does_not_divide_its_array_is_a_warning(v1: Path) -> None:
    path = v1 / "state" / SHARDING
    path.write_text(
        path.read_text().replace("[4, 2]", "[3, 2]").replace('\\"shape\\": [8', '\\"shape\\": [7')
    )
    report = orbscan.verify(v1, level="structure")
    assert codes(report)["sharding-mismatch"] == "warning"


def test_a_text_that_is_gone_is_a_lost_leaf(unpacked: Unpacked) -> None:
    checkpoint = unpacked("o0.12.8-scalars", "ckpt")
    texts = checkpoint / "_strings.json"
    names = set(json.loads(texts.read_text()))
    assert names
    texts.unlink()
    report = orbscan.verify(checkpoint)
    assert codes(report)["string-missing"] == "error"
    assert lost(report) == names


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_text_without_a_leaf_is_a_warning(unpacked: Unpacked, *, all_of_them: bool) -> None:
    checkpoint = unpacked("o0.12.8-scalars", "ckpt")
    texts = json.loads((checkpoint / "_strings.json").read_text())
    gone = set(texts) if all_of_them else {min(texts)}

    def forget(document: Any) -> None:
        for name in gone:
            del document["tree_metadata"][str(tuple(name.split(".")))]

    edit(TREE, forget)(checkpoint)
    report = orbscan.verify(checkpoint)
    assert report.ok
    assert report.restores == ("fails", "fails", "fails")
    found = [finding for finding in report.findings if finding.code == "string-without-leaf"]
    assert {finding.reason for finding in found} == {
        f'a text "{name}" that no leaf of the tree names' for name in gone
    }


class TestChunkFiles:
    """Without a database every chunk is a file."""

    @pytest.fixture
    def files(self, unpacked: Unpacked) -> Path:
        return unpacked("o0.12.8-no-ocdbt", "sharded")

    def test_a_chunk_that_is_gone_is_named_with_its_elements(self, files: Path) -> None:
        (files / "short" / "3.0").unlink()
        (files / "short" / "4.0").unlink()
        report = orbscan.verify(files)
        (finding,) = report.findings
        assert (finding.code, finding.param_name) == ("chunk-missing", "short")
        assert finding.chunks is not None
        assert finding.chunks.runs == (((3, 0), (4, 0)),)
        assert str(finding.chunks).startswith("2 of 8 chunks: (3,0)..(4,0), in elements [")
        assert lost(report) == {"short"}

    def test_an_emptied_chunk_has_an_impossible_length(self, files: Path) -> None:
        (files / "short" / "3.0").write_bytes(b"")
        report = orbscan.verify(files)
        assert codes(report) == {"chunk-length": "error"}

    def test_a_cut_chunk_is_found_where_chunks_are_read(self, files: Path) -> None:
        cut("short/3.0")(files)
        assert orbscan.verify(files).ok
        report = orbscan.verify(files, level="data")
        assert codes(report) == {"chunk-damaged": "error"}
        assert report.findings[0].file == str(files / "short" / "3.0")

    def test_a_surplus_chunk_is_a_warning(self, files: Path) -> None:
        shutil.copy(files / "short" / "3.0", files / "short" / "9.9")
        assert codes(orbscan.verify(files)) == {"chunk-outside": "warning"}

    def test_a_document_that_is_gone_is_a_lost_leaf(self, files: Path) -> None:
        (files / "short" / ".zarray").unlink()
        report = orbscan.verify(files)
        assert codes(report)["leaf-unreadable"] == "error"
        assert lost(report) == {"short"}


class TestDataFiles:
    """In a database large chunks lie together in data files."""

    @pytest.fixture
    def item(self, tmp_path: Path) -> Path:
        import numpy as np
        import orbax.checkpoint as ocp

        tree = {name: np.random.default_rng(7).random((64, 64)) for name in ("a", "b", "c")}
        ocp.PyTreeCheckpointer().save(tmp_path / "ckpt", tree)
        return tmp_path / "ckpt"

    @pytest.fixture
    def files(self, item: Path) -> list[Path]:
        """The data files of the process; how the chunks are spread over them is up to chance."""
        return [*(item / "ocdbt.process_0" / "d").iterdir()]

    @pytest.mark.parametrize("level", ["index", "data"])
    def test_it_is_intact_before(self, item: Path, level: Level) -> None:
        assert orbscan.verify(item, level=level).findings == ()

    def test_files_that_are_gone_cost_every_leaf_in_them(
        self, item: Path, files: list[Path]
    ) -> None:
        for file in files:
            file.unlink()
        report = orbscan.verify(item)
        assert codes(report) == {"chunk-lost": "error", "data-file-missing": "error"}
        assert lost(report) == {"a", "b", "c"}

    def test_files_that_are_cut_cost_what_lay_behind_the_cut(
        self, item: Path, files: list[Path]
    ) -> None:
        for file in files:
            file.write_bytes(file.read_bytes()[:-1_000])
        report = orbscan.verify(item)
        assert codes(report) == {"chunk-lost": "error", "data-file-short": "error"}
        assert lost(report)

    def test_files_that_are_emptied_cost_every_leaf_in_them(
        self, item: Path, files: list[Path]
    ) -> None:
        for file in files:
            file.write_bytes(b"")
        assert lost(orbscan.verify(item)) == {"a", "b", "c"}

    def test_files_with_other_bytes_are_found_where_chunks_are_read(
        self, item: Path, files: list[Path]
    ) -> None:
        for file in files:
            file.write_bytes(file.read_bytes()[::-1])
        assert orbscan.verify(item).ok
        report = orbscan.verify(item, level="data")
        assert codes(report) == {"chunk-damaged": "error"}
        assert lost(report) == {"a", "b", "c"}

    def test_all_of_them_gone_is_what_the_metadata_survives(self, item: Path) -> None:
        shutil.rmtree(item / "ocdbt.process_0")
        assert orbscan.metadata(item).issues == ()
        assert lost(orbscan.verify(item)) == {"a", "b", "c"}


class TestSurplus:
    """Bytes that nothing refers to."""

    @pytest.fixture
    def shards(self, tmp_path: Path) -> Path:
        import numpy as np
        import orbax.checkpoint as ocp

        handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_zarr3=True)
        with ocp.Checkpointer(handler) as checkpointer:
            checkpointer.save(tmp_path / "ckpt", {"a": np.arange(6.0)})
        return tmp_path / "ckpt"

    @pytest.mark.parametrize("at", [0, 9, 30, 60, -20])
    def test_bytes_in_a_shard_are_found_where_shards_are_read(self, shards: Path, at: int) -> None:
        shard = shards / "a" / "c" / "0"
        content = shard.read_bytes()
        assert content[:4] == b"\x28\xb5\x2f\xfd"
        shard.write_bytes(content[:at] + b"more" + content[at:])
        found = codes(orbscan.verify(shards, level="data"))
        assert found in ({"chunk-damaged": "error"}, {"bytes-surplus": "warning"})
        assert codes(orbscan.verify(shards)) == {}

    def test_bytes_in_a_shard_are_counted(self, shards: Path) -> None:
        shard = shards / "a" / "c" / "0"
        content = shard.read_bytes()
        shard.write_bytes(content[:-20] + b"more" + content[-20:])
        (finding,) = orbscan.verify(shards, level="data").findings
        assert (finding.param_name, finding.found) == ("a", "4 bytes more")
        assert finding.restores == ("may fail", "may fail", "may fail")

    @pytest.mark.parametrize("more", [b"m", b"more than the head of a node is long"])
    def test_a_data_file_that_is_longer_is_found_by_its_size(self, v1: Path, more: bytes) -> None:
        file = damages.node_file(v1 / "state")
        size = file.stat().st_size
        file.write_bytes(file.read_bytes() + more)
        report = orbscan.verify(v1)
        (finding,) = report.findings
        assert report.ok
        assert (finding.code, finding.file, finding.offset) == ("bytes-surplus", str(file), size)
        assert finding.found == f"{size + len(more)} bytes"

    def test_nodes_of_superseded_versions_are_no_surplus(self, v1: Path) -> None:
        file = damages.node_file(v1 / "state")
        file.write_bytes(file.read_bytes() * 2)
        assert codes(orbscan.verify(v1)) == {}


@pytest.mark.parametrize("shape", [[0, 4], [8, 0], [0, 0]])
def test_a_shape_of_no_elements_loses_what_chunks_hold(
    unpacked: Unpacked, shape: list[int]
) -> None:
    files = unpacked("o0.12.8-no-ocdbt", "sharded")
    edit("short/.zarray", lambda document: document.update(shape=shape))(files)
    report = orbscan.verify(files)
    assert codes(report)["shape-empty"] == "error"
    assert "chunk-outside" not in codes(report)
    assert lost(report) == {"short"}
