"""`du` shows every file of a checkpoint once, says what it is for, and misses no byte."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import orbax.checkpoint as ocp
import pytest
import tensorstore as ts

import orbscan
from orbscan.cli import main
from tests.checking.test_intact import checkpoints
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.checking.conftest import Unpacked

ROUND = 40


def on_disk(checkpoint: Path) -> Counter[str]:
    """The paths of the files of a checkpoint."""
    files = (path for path in checkpoint.rglob("*") if path.is_file())
    return Counter(path.relative_to(checkpoint).as_posix() for path in files)


def shown(usage: orbscan.Usage) -> Counter[str]:
    """The paths of the files that a usage has."""
    return Counter(
        f"{file.checkpointable}/{file.path}" if file.checkpointable else file.path
        for file in usage.files
        if file.size is not None
    )


def roles(checkpoint: Path) -> dict[str, str]:
    """The role of each file, by its path in the checkpoint."""
    usage = orbscan.du(checkpoint)
    assert shown(usage) == on_disk(checkpoint)
    return {
        "/".join(filter(None, (file.checkpointable, file.path))): file.role for file in usage.files
    }


def check_sums(usage: orbscan.Usage) -> None:
    for file in usage.files:
        parts = file.data_bytes + file.index_bytes + file.free_bytes + file.unknown_bytes
        assert parts == (0 if file.role == "other" else file.size or 0), file
    parts = usage.data + usage.index + usage.free + usage.unknown + usage.others
    assert parts == usage.total


@pytest.mark.parametrize("start", range(0, len(corpus.golden_cases()), ROUND))
def test_every_file_is_there_once_and_every_byte_is_told(start: int, tmp_path: Path) -> None:
    measured = 0
    for case in corpus.golden_cases()[start : start + ROUND]:
        corpus.unpack(case.archive, tmp_path)
        for checkpoint in checkpoints(tmp_path / case.id):
            try:
                usage = orbscan.du(checkpoint)
            except orbscan.OrbscanError:
                continue
            measured += 1
            files = [path for path in checkpoint.rglob("*") if path.is_file()]
            assert shown(usage) == on_disk(checkpoint), checkpoint
            assert usage.total == sum(path.stat().st_size for path in files), checkpoint
            check_sums(usage)
    assert measured > ROUND // 8


@pytest.fixture(params=["flat", "flat in files", "items", "items in files", "v1"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A small checkpoint of each layout."""
    tree = {"w": np.arange(600.0), "b": np.arange(3)}
    path = tmp_path / "ckpt"
    kind: str = request.param
    if kind == "v1":
        import orbax.checkpoint.experimental.v1 as ocp_v1

        ocp_v1.save(path, tree)
        return path
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt="files" not in kind)
    if kind.startswith("flat"):
        with ocp.Checkpointer(handler) as checkpointer:
            checkpointer.save(path, args=ocp.args.PyTreeSave(tree))
        return path
    composite = ocp.CompositeCheckpointHandler(params=handler)
    with ocp.Checkpointer(composite) as checkpointer:
        checkpointer.save(path, args=ocp.args.Composite(params=ocp.args.PyTreeSave(tree)))
    return path


FOREIGN = (
    "ppo_network_config.json",
    "descriptor.pbtxt",
    "assets/norm_stats.json",
    "assets/deeper/0",
    "notes/data.json.bak",
    "array_metadatas/README",
    "ocdbt.process_0/README",
)


def test_files_of_other_programs_are_other_and_no_finding(checkpoint: Path) -> None:
    tree = checkpoint
    if not (tree / "_METADATA").exists():
        (tree,) = (path.parent for path in checkpoint.glob("*/_METADATA"))
    before = orbscan.verify(checkpoint)
    foreign = {directory / name for directory in (checkpoint, tree) for name in FOREIGN}
    for path in foreign:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("{}")
    assert orbscan.verify(checkpoint) == before
    found = roles(checkpoint)
    expected = {path.relative_to(checkpoint).as_posix() for path in foreign}
    assert {path for path, role in found.items() if role == "other"} == expected
    usage = orbscan.du(checkpoint)
    assert usage.others == 2 * len(foreign)
    check_sums(usage)


@pytest.mark.parametrize("name", ["w/notes.txt", "w/.DS_Store", "w/sub/0"])
def test_files_of_other_programs_in_the_directory_of_an_array_are_other(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "ckpt"
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False)
    ocp.Checkpointer(handler).save(path, {"w": np.arange(6.0)})
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("x")
    assert orbscan.verify(path).findings == ()
    found = roles(path)
    assert (found[name], found["w/0"], found["w/.zarray"]) == ("other", "chunk", "document")


def test_what_lies_among_data_files_is_unused(checkpoint: Path) -> None:
    tree = checkpoint
    if not (tree / "_METADATA").exists():
        (tree,) = (path.parent for path in checkpoint.glob("*/_METADATA"))
    if not (tree / "manifest.ocdbt").exists():
        return
    stale = tree / "d" / ("0" * 32)
    stale.write_bytes(b"old")
    assert roles(checkpoint)[stale.relative_to(checkpoint).as_posix()] == "unused"
    (finding,) = orbscan.verify(checkpoint).findings
    assert (finding.code, finding.file) == ("data-file-unused", str(stale))


def test_data_files_whose_manifest_is_gone_may_be_in_use(tmp_path: Path) -> None:
    path = tmp_path / "ckpt"
    ocp.PyTreeCheckpointer().save(path, {"w": np.arange(600.0)})
    for manifest in path.rglob("manifest.ocdbt"):
        manifest.unlink()
    found = roles(path)
    data_files = {found[file] for file in found if "d" in file.split("/")[:-1]}
    assert data_files == {"unknown"}
    assert "data-file-unused" not in {finding.code for finding in orbscan.verify(path).findings}
    check_sums(orbscan.du(path))


def test_documents_of_what_is_not_a_pytree_are_documents(unpacked: Unpacked) -> None:
    found = roles(unpacked("o0.12.8-manager-json", "run/0"))
    assert found["config/metadata"] == "document"
    assert {role for path, role in found.items() if path.startswith("config/")} == {"document"}
    assert found["_CHECKPOINT_METADATA"] == found["commit_success.txt"] == "document"


def test_other_content_of_what_is_not_a_pytree_is_other(unpacked: Unpacked) -> None:
    checkpoint = unpacked("o0.12.8-manager-json", "run/0")
    (checkpoint / "config" / "proto.pbtxt").write_text("a: 1")
    assert roles(checkpoint)["config/proto.pbtxt"] == "other"


def test_safetensors_files_are_data_with_a_header(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (tmp_path / "model.safetensors").write_bytes(content)
    (tmp_path / "config.json").write_text("{}")
    found = roles(tmp_path)
    assert found == {"model.safetensors": "data", "config.json": "other"}
    usage = orbscan.du(tmp_path)
    check_sums(usage)
    assert (usage.data, usage.index, usage.stored) == (8, len(header) + 8, 8)
    assert [file.path for file in orbscan.du(tmp_path / "model.safetensors").files] == [
        "model.safetensors"
    ]


def lines(out: str) -> dict[str, list[str]]:
    """The words of each line, by the first of them that is not the name of the checkpointable."""
    words = (line.removeprefix("state/").split() for line in out.splitlines())
    return {first: rest for first, *rest in filter(None, words)}


class TestUnreadableLeaves:
    """What a leaf stores is counted, whether or not its description can be read."""

    @pytest.fixture
    def whole(self, v1: Path) -> dict[str, int]:
        return {leaf.param_name: leaf.stored for leaf in orbscan.du(v1).leaves}

    def test_in_a_database(
        self, v1: Path, whole: dict[str, int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = {"driver": "ocdbt", "base": f"file://{v1 / 'state'}/"}
        store = ts.KvStore.open(base).result()
        (key,) = [key for key in store.list().result() if key.startswith(b"joint/.z")] or [
            b"joint/zarr.json"
        ]
        store.write(key, b"{").result()
        usage = orbscan.du(v1)
        assert {leaf.param_name: leaf.stored for leaf in usage.leaves} == whole
        (leaf,) = [leaf for leaf in usage.leaves if not leaf.readable]
        assert (leaf.param_name, leaf.dtype, leaf.chunks, leaf.ratio) == ("joint", None, 8, None)
        check_sums(usage)
        main(["du", str(v1)])
        out = capsys.readouterr().out
        assert lines(out)["joint"] == ["unreadable", "8", "unknown", "296", "B"]
        assert "unreadable: 1 leaf, 296 B" in out
        assert "ratio" not in lines(out)["chunks"]

    def test_in_files(self, unpacked: Unpacked) -> None:
        checkpoint = unpacked("o0.12.8-no-ocdbt", "sharded")
        whole = {leaf.param_name: leaf.stored for leaf in orbscan.du(checkpoint).leaves}
        (checkpoint / "short" / ".zarray").write_text("{")
        usage = orbscan.du(checkpoint)
        assert {leaf.param_name: leaf.stored for leaf in usage.leaves} == whole
        check_sums(usage)


def test_values_that_belong_to_no_leaf_have_a_line(
    v1: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = orbscan.du(v1)
    metadata = v1 / "state" / "_METADATA"
    document = json.loads(metadata.read_text())
    del document["tree_metadata"]["('joint',)"]
    metadata.write_text(json.dumps(document))
    after = orbscan.du(v1)
    assert after.stored + after.strays > before.stored
    main(["du", str(v1)])
    assert f"\nstray      {after.strays} B of values" in capsys.readouterr().out


def test_surplus_files_of_an_array_in_a_database_are_unused(tmp_path: Path) -> None:
    path = tmp_path / "ckpt"
    ocp.PyTreeCheckpointer().save(path, {"w": np.arange(6.0)})
    ocp.Checkpointer(ocp.PyTreeCheckpointHandler(use_ocdbt=False)).save(
        tmp_path / "files", {"w": np.arange(6.0)}
    )
    shutil.copytree(tmp_path / "files" / "w", path / "w")
    found = roles(path)
    assert (found["w/0"], found["w/.zarray"]) == ("unused", "document")


def test_every_chunk_of_an_array_in_files_beside_a_database_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ckpt"
    ocp.PyTreeCheckpointer().save(path, {"v": np.arange(6.0)})
    document = {
        "chunks": [2],
        "compressor": None,
        "dtype": "<f8",
        "fill_value": None,
        "filters": None,
        "order": "C",
        "shape": [6],
        "zarr_format": 2,
    }
    (path / "w").mkdir()
    (path / "w" / ".zarray").write_text(json.dumps(document))
    for chunk in range(3):
        (path / "w" / str(chunk)).write_bytes(bytes(16))
    metadata = json.loads((path / "_METADATA").read_text())
    entry = metadata["tree_metadata"]["('v',)"]
    more = {**entry, "key_metadata": [{"key": "w", "key_type": 2}]}
    metadata["tree_metadata"]["('w',)"] = more
    (path / "_METADATA").write_text(json.dumps(metadata))
    assert {finding.code for finding in orbscan.verify(path).findings} == {"arrays-elsewhere"}
    assert {leaf.param_name: leaf.chunks for leaf in orbscan.du(path).leaves} == {"v": 1, "w": 3}
