"""Every file of real checkpoints can be taken apart, and of a damaged one all up to the fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.damage.cases import is_metadata, read_files
from tests.damage.subjects import rewrite_database
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    "o0.12.8-v1",
    "o0.12.8-sharded",
    "o0.12.8-rich-types",
    "o0.12.8-no-ocdbt",
    "o0.12.8-zarr3-no-ocdbt",
    "o0.5.10-flat",
    "o0.4.8-unmerged",
    "o0.3.5-aggregate",
]
SILENT = "orbax.checkpoint"
"""It holds nothing."""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1.tar.gz", tmp_path)
    return tmp_path / "o0.12.8-v1" / "ckpt"


def node_file(checkpoint: Path) -> Path:
    (path,) = (checkpoint / "state" / "d").iterdir()
    return path


@pytest.mark.parametrize("case", CASES)
def test_whole_files_are_taken_apart_without_an_error(case: str, tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", tmp_path)
    looked_at = 0
    for root in (tmp_path / case).iterdir():
        files = read_files(root)
        for path in files:
            if is_metadata(path, files) and (root / path).name != SILENT:
                found = orbscan.dump(root / path)
                assert [(path, structure.error) for structure in found] == [(path, None)]
                assert all(structure.fields for structure in found)
                looked_at += 1
    assert looked_at > 1


def test_a_leaf_shows_keys_and_values(checkpoint: Path) -> None:
    (node,) = orbscan.dump(node_file(checkpoint))
    entries = {field.name: field.value for field in node.fields if isinstance(field.value, bytes)}
    assert json.loads(entries["params.scale/zarr.json"])["shape"] == [2, 3]
    assert node.fields[0].value == "0cdb20de"


def test_every_node_of_a_tall_tree_is_found(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-flat.tar.gz", tmp_path)
    item = tmp_path / "o0.12.8-flat" / "ckpt"
    rewrite_database(item, {"max_decoded_node_bytes": 300, "max_inline_value_bytes": 20})
    nodes = [node for path in sorted((item / "d").iterdir()) for node in orbscan.dump(path)]
    heights = [field.value for node in nodes for field in node.fields if field.name == "height"]
    assert len(nodes) > 3
    assert set(heights) == set(range(max(heights) + 1))
    assert {node.error for node in nodes} == {None}


def test_a_part_is_the_node_that_lies_there(checkpoint: Path) -> None:
    path = node_file(checkpoint)
    (whole,) = orbscan.dump(path)
    (part,) = orbscan.dump(path, (0, path.stat().st_size))
    assert part == whole
    with pytest.raises(orbscan.FormatError, match="bytes in all"):
        orbscan.dump(path, (10, path.stat().st_size))
    with pytest.raises(ValueError, match="no file has"):
        orbscan.dump(path, (-1, 5))


def test_each_flipped_bit_of_a_node_is_told(checkpoint: Path) -> None:
    path = node_file(checkpoint)
    content = path.read_bytes()
    for bit in range(0, len(content) * 8, 7):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        assert any(structure.error for structure in orbscan.dump(path)), bit


def test_a_document_that_was_cut_off_is_shown_up_to_there(checkpoint: Path) -> None:
    path = checkpoint / "state" / "_METADATA"
    content = path.read_bytes()
    (whole,) = orbscan.dump(path)
    for length in range(1, len(content), 13):
        path.write_bytes(content[:length])
        (cut,) = orbscan.dump(path)
        assert cut.error is not None
        assert cut.error.file == str(path)
        # A word that was cut in two is told where it begins.
        assert length - len("false") < (cut.error.offset or 0) <= length
        assert cut.fields == whole.fields[: len(cut.fields)]


@pytest.mark.parametrize("part", [None, (0, 5)])
def test_an_error_names_the_whole_path(checkpoint: Path, part: tuple[int, int] | None) -> None:
    for path in (checkpoint / "state" / "nothing", checkpoint / "state"):
        with pytest.raises(orbscan.OrbscanError) as raised:
            orbscan.dump(path, part)
        assert raised.value.file == str(path)
        assert str(raised.value).startswith(f"{path}: ")
