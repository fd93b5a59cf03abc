"""Safetensors, beside what Orbax gives inside a context that names the layout."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from safetensors.numpy import save_file

import orbscan
from tests.support.answers import answer
from tests.support.verdicts import judge

if TYPE_CHECKING:
    from pathlib import Path

TENSORS: dict[str, np.ndarray[Any, Any]] = {
    "b.weight": np.zeros((2, 3), np.float32),
    "a": np.zeros((), np.int64),
    "empty": np.zeros((0, 4), np.uint8),
    "flags": np.zeros(5, np.bool_),
    "half": np.zeros(7, np.float16),
}


def orbaxs_answer(path: Path) -> object:
    layout = ocp.options.CheckpointLayout.SAFETENSORS
    with ocp.Context(checkpoint_layout=layout):
        return answer(lambda: ocp.metadata(path), str(path.parent))


def orbscans_answer(path: Path) -> object:
    return answer(lambda: orbscan.metadata(path), str(path.parent))


def test_a_file_reads_as_in_orbax(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path, metadata={"format": "np", 'quo"te': "ünï\n"})
    assert judge(orbaxs_answer(path), orbscans_answer(path)).word == "equal"
    assert orbscan.metadata(path).custom_metadata == {"format": "np", 'quo"te': "ünï\n"}


def test_a_folder_with_an_index_reads_as_in_orbax(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    for number, (name, tensor) in enumerate(TENSORS.items()):
        file = path / f"model-{number:05}-of-00005.safetensors"
        save_file({name: tensor}, file, metadata={"part": str(number)})
    (path / "model.safetensors.index.json").write_text("garbage: nobody reads the index")
    assert judge(orbaxs_answer(path), orbscans_answer(path)).word == "equal"
    assert list(orbscan.metadata(path).metadata) == list(TENSORS)


def test_leaves_are_arrays_without_a_sharding(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    leaf = orbscan.metadata(path).metadata["b.weight"]
    assert isinstance(leaf, orbscan.ArrayMetadata)
    assert (leaf.shape, str(leaf.dtype)) == ((2, 3), "float32")
    assert leaf.sharding_metadata is None
    assert leaf.nbytes == 24


def test_there_are_no_checkpointables(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    with pytest.raises(orbscan.InvalidLayoutError, match="safetensors"):
        orbscan.checkpointables_metadata(path)


def test_a_tensor_in_two_files_names_the_second(tmp_path: Path) -> None:
    for name in ("1.safetensors", "2.safetensors"):
        save_file({"a": np.zeros(1)}, tmp_path / name)
    with pytest.raises(orbscan.FormatError, match='tensor "a"') as caught:
        orbscan.metadata(tmp_path)
    assert caught.value.file == str(tmp_path / "2.safetensors")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected 8 more bytes, found 0"),
        (b"\x01", "expected 8 more bytes, found 1"),
        (struct.pack("<Q", 1 << 40) + b"{}", "a header of 1099511627776 bytes"),
        (struct.pack("<Q", 2) + b"[]", "expected an object"),
        (struct.pack("<Q", 7) + b'{"a": 1', "expected an object"),
        (struct.pack("<Q", 9) + b'{"a": {}}', "dtype"),
    ],
)
def test_a_damaged_header_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(orbscan.FormatError) as caught:
        orbscan.metadata(path)
    assert reason in caught.value.reason
    assert caught.value.file == str(path)
    assert caught.value.offset is not None


def test_a_file_shorter_than_its_header_says_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(orbscan.FormatError):
        orbscan.metadata(path)
