"""Every file that a save writes is known by its name or its place, and every other one is not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tensorstore as ts

import orbscan
from orbscan import _core
from orbscan.cli import main
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.checking.dumping import Dump

FOREIGN = "not a file of a checkpoint"
DOCUMENT = "a JSON document"
PAGE = Path(__file__).parents[2] / "docs" / "files.md"

# What the cases hold besides checkpoints, to be passed over.
STRAY = {"notes.txt", "events.out"}


def one(path: Path) -> Dump:
    """The only structure of a file."""
    (found,) = orbscan.dump(path)
    return found


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1.tar.gz", tmp_path)
    return tmp_path / "o0.12.8-v1" / "ckpt"


def of_each_kind(root: Path) -> Iterable[Path]:
    """The files below a directory; of those that differ in a number or a hash only one."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    of_kind = {
        re.sub(r"[0-9a-f]{32}|\d+", "N", str(path.relative_to(root))): path for path in files
    }
    return of_kind.values()


def test_every_file_of_every_release_is_known(tmp_path: Path) -> None:
    seen = set()
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, tmp_path)
        for path in of_each_kind(tmp_path / case.id):
            for found in orbscan.dump(path):
                assert (found.kind == FOREIGN) == (path.name in STRAY), path
                assert found.kind != DOCUMENT, path
                assert found.meaning, path
                if "damaged" not in case.id and path.name not in STRAY:
                    assert found.error is None, (path, found.error)
                seen.add(found.kind)
        shutil.rmtree(tmp_path / case.id)
    # The others are of set-ups that no case has: emergency checkpoints, protocol buffers.
    assert {what for _, what, _ in _core.FILES} - seen <= {
        "draft of a deletion",
        "protocol buffer of a checkpointable",
        "descriptor of a checkpoint",
        "process metadata of Orbax",
        "mesh metadata of Orbax",
        "state of a data set",
        "states of data sets",
        "file of multi-tier checkpointing",
        "safetensors file",
        "index of safetensors files",
        "lock of TensorStore",
    }


def test_the_page_lists_every_file() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
    known = [
        (", ".join(f"`{name}`" for name in names.split(", ")), what, meaning)
        for names, what, meaning in _core.FILES
    ]
    assert [row[:3] for row in told] == known


def test_a_chunk_is_told_with_its_array(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-no-ocdbt.tar.gz", tmp_path)
    path = tmp_path / "o0.12.8-no-ocdbt" / "ckpt" / "params.scale" / "0.0"
    found = one(path)
    assert found.kind == "a chunk of an array"
    assert found.meaning == 'chunk (0, 0) of the array "params.scale": elements [0:2, 0:3]'
    fields = {field.name: field.value for field in found.fields}
    assert fields["shape of the array"] == [2, 3]
    assert fields["bytes as stored"] == path.stat().st_size
    shutil.copy(path, path.with_name("7.0"))
    outside = one(path.with_name("7.0"))
    assert outside.error is not None
    assert outside.error.reason == "is not a chunk of the array, which has 1 of them"
    path.with_name(".zarray").unlink()
    assert "no .zarray or zarr.json lies above it" in one(path).meaning


def test_what_a_chunk_is_does_not_depend_on_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-no-ocdbt.tar.gz", tmp_path)
    array = tmp_path / "o0.12.8-no-ocdbt" / "ckpt" / "params.scale"
    whole = one(array / "0.0")
    monkeypatch.chdir(array)
    for spelled in ("0.0", "./0.0", "../params.scale/0.0"):
        assert one(Path(spelled)) == whole
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.dump("../params.scale/9.9")
    assert caught.value.file == "../params.scale/9.9"


def test_a_data_file_shows_the_keys_of_its_values(tmp_path: Path) -> None:
    spec = {
        "driver": "ocdbt",
        "base": f"file://{tmp_path}/",
        "config": {"max_inline_value_bytes": 1},
        "target_data_file_size": 1,
    }
    store = ts.KvStore.open(spec).result()
    with ts.Transaction(atomic=True) as transaction:
        for key in ("w/c/0/0", "w/c/0/1"):
            store.with_transaction(transaction)[key] = b"x" * 100
    told = [found for path in (tmp_path / "d").iterdir() for found in orbscan.dump(path)]
    values = [found for found in told if found.kind == "an OCDBT data file"]
    fields = [field for found in values for field in found.fields]
    assert {(field.name, field.value) for field in fields} == {
        ("w/c/0/0", "100 bytes"),
        ("w/c/0/1", "100 bytes"),
    }
    assert {found.error for found in told} == {None}
    assert {found.meaning for found in values} == {
        "values of a database, with the keys that refer to them"
    }


def test_a_node_that_is_damaged_beyond_recognition_is_told(checkpoint: Path) -> None:
    data = next(path for path in (checkpoint / "state" / "d").iterdir())
    data.write_bytes(b"\x07" * data.stat().st_size)
    found = one(data)
    assert found.error is not None
    assert found.error.kind == "malformed"


def test_a_data_file_that_no_database_knows_is_not_called_sound(
    checkpoint: Path, tmp_path: Path
) -> None:
    lost = tmp_path / "d" / ("0" * 32)
    lost.parent.mkdir()
    lost.write_bytes(b"\x07" * 100)
    found = one(lost)
    assert found.error is not None
    assert "no manifest.ocdbt above it describes its content" in found.error.reason
    unused = checkpoint / "state" / "d" / ("0" * 32)
    unused.write_bytes(b"\x07" * 100)
    found = one(unused)
    assert found.error is None
    assert found.meaning == "nothing of the newest version of the database refers to it"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2\nsize 12345\n"


@pytest.mark.parametrize("name", ["state/_METADATA", "state/manifest.ocdbt", "orbax.checkpoint"])
def test_a_git_lfs_pointer_is_named(
    checkpoint: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    what = one(checkpoint / name).kind
    (checkpoint / name).write_text(POINTER)
    found = one(checkpoint / name)
    assert found.kind == "a git-lfs pointer"
    assert found.meaning == f"takes the place of a file that is: {what}; git lfs pull fetches it"
    assert [(field.name, field.offset) for field in found.fields] == [
        ("version", 0),
        ("oid", 43),
        ("size", 60),
    ]
    assert main(["dump", str(checkpoint / name)]) == 1
    assert "never fetched" in capsys.readouterr().out


def test_a_file_of_another_program_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("lr was too high")
    found = one(tmp_path / "notes.txt")
    assert (found.kind, found.meaning, found.fields) == (FOREIGN, "a file of another program", [])
    assert main(["dump", str(tmp_path / "notes.txt")]) == 1
    (tmp_path / "config.json").write_text('{"layers": 2}')
    capsys.readouterr()
    assert main(["dump", str(tmp_path / "config.json")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("a JSON document\n  its name is not one that Orbax gives: ")
    assert "layers: 2" in out


def test_a_metadata_file_is_told_by_what_it_lies_in(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metadata" / "metadata"
    path.parent.mkdir(parents=True)
    path.write_text('{"owner": "vision"}')
    assert one(path).kind == "metadata of all steps"
    (tmp_path / "run" / "_CHECKPOINT_METADATA").write_text("{}")
    assert one(path).kind == "JSON of a checkpointable"


def test_a_deletion_record_is_held_against_the_checkpoint(tmp_path: Path) -> None:
    handlers = {"a": "H", "b": "H"}
    record = {
        "operation_id": "0" * 32,
        "checkpointable_name": "a",
        "original_metadata": {"item_handlers": handlers},
        "updated_metadata": {"item_handlers": {"b": "H"}},
    }
    path = tmp_path / "_CHECKPOINT_DELETION"
    path.write_text(json.dumps(record))
    (tmp_path / "_CHECKPOINT_METADATA").write_text(json.dumps({"item_handlers": handlers}))
    assert one(path).error is None
    (tmp_path / "_CHECKPOINT_METADATA").write_text("{}")
    error = one(path).error
    assert isinstance(error, orbscan.DeletionRecoveryError)


def test_the_commands_help_refers_to_the_page() -> None:
    assert re.search(r"\[.*\]\(files\.md\)", (PAGE.parent / "command-line.md").read_text())
