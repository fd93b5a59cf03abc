"""What `verify` says of safetensors files: whether all are there, and nothing else in them."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

PARTS = {"a": "model-00001-of-00003", "b": "model-00002-of-00003", "c": "model-00003-of-00003"}


def tensor(name: str) -> bytes:
    """A file of one tensor of eight bytes."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({name: entry}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A model in three files, with their index."""
    for name, stem in PARTS.items():
        (tmp_path / f"{stem}.safetensors").write_bytes(tensor(name))
    index = {"weight_map": {name: f"{stem}.safetensors" for name, stem in PARTS.items()}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    return tmp_path


def found(path: Path) -> list[tuple[str, str]]:
    """Findings, by the file that each is about."""
    findings = orbscan.verify(path, level="data").findings
    return [(finding.code, str(finding.file).rpartition("/")[2]) for finding in findings]


def test_whole_models_are_silent(parts: Path) -> None:
    assert found(parts) == []
    assert found(parts / f"{PARTS['a']}.safetensors") == []
    assert orbscan.metadata(parts).issues == ()


@pytest.mark.parametrize("name", PARTS)
def test_a_file_that_the_index_names_and_that_is_gone_is_an_error(parts: Path, name: str) -> None:
    gone = f"{PARTS[name]}.safetensors"
    (parts / gone).unlink()
    report = orbscan.verify(parts)
    assert found(parts) == [("data-file-missing", gone)]
    assert not report.ok
    assert {leaf.param_name for leaf in report.lost_leaves} == {name}
    (finding,) = report.findings
    assert finding.reason == "does not exist; model.safetensors.index.json has it hold 1 tensor"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_gone_is_told_without_an_index(parts: Path, name: str) -> None:
    (parts / "model.safetensors.index.json").unlink()
    gone = f"{PARTS[name]}.safetensors"
    (parts / gone).unlink()
    assert found(parts) == [("data-file-missing", gone)]
    (issue,) = orbscan.metadata(parts).issues
    assert issue.reason == "does not exist: one of 3 files"
    assert str(issue.file).endswith(gone)


def test_names_that_tell_no_parts_are_names(tmp_path: Path) -> None:
    for number, stem in enumerate(["x-of-2", "a-1-of-0", "b-x-of-2", "c-1-of-1", "d-00001-of-"]):
        (tmp_path / f"{stem}.safetensors").write_bytes(tensor(str(number)))
    assert found(tmp_path) == []


@pytest.mark.parametrize("index", ["{", "[]", '{"weight_map": [1]}', '{"weight_map": {"a": 1}}'])
def test_an_index_that_cannot_be_read_is_no_error(parts: Path, index: str) -> None:
    (parts / "model.safetensors.index.json").write_text(index)
    assert orbscan.verify(parts).ok
    assert [code for code, _ in found(parts)] == ["document"] * (index == "{")


@pytest.mark.parametrize("at", [-8, -3, None])
def test_bytes_that_belong_to_no_tensor_are_a_warning(tmp_path: Path, at: int | None) -> None:
    content = tensor("w")
    head = content[:at] if at else content
    path = tmp_path / "model.safetensors"
    path.write_bytes(head + b"more" + content[len(head) :])
    assert found(tmp_path) == [("bytes-surplus", "model.safetensors")]
    assert orbscan.verify(tmp_path).ok
