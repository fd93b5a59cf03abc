"""Where the table of a read says that values lie, beside the files of real checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orbscan import _core
from orbscan.reading import codes
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_VALUES = {codes.JAX_ARRAY, codes.NUMPY_ARRAY, codes.SCALAR, codes.STRING}
WITH_VALUES |= {codes.SAFETENSORS_ARRAY}
DOCUMENTS = {2: ".zarray", 3: "zarr.json"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every golden case that nobody has damaged."""
    where = tmp_path_factory.mktemp("archive")
    for case in corpus.golden_cases():
        if "damaged" not in case.id:
            corpus.unpack(case.archive, where)
    return where


def tables(archive: Path) -> Iterator[tuple[Path, _core.LeafTable]]:
    for entry in _core.scan([str(archive)]):
        for name, table in entry.checkpoint.items if entry.checkpoint is not None else ():
            if table is not None:
                yield Path(entry.path) / (name or ""), table


def test_values_lie_where_the_table_says(archive: Path) -> None:
    seen = set()
    for directory, table in tables(archive):
        for node, leaf in enumerate(table.node_leaves):
            if leaf < 0 or table.leaf_places[leaf] < 0:
                assert leaf < 0 or table.leaves[leaf][0] not in WITH_VALUES, directory
                continue
            assert table.leaves[leaf][0] in WITH_VALUES, directory
            kind, where = table.places[table.leaf_places[leaf]]
            seen.add(kind)
            path = directory / where
            if kind == "database":
                assert (path / "manifest.ocdbt").is_file()
            elif kind == "files":
                zarr = table.arrays[table.leaves[leaf][1]][3]
                assert zarr is not None
                # TensorStore takes a backslash in a name for a separator.
                name = (table.stored_name(node) or "").replace("\\", "/")
                assert (path / name / DOCUMENTS[zarr[0]]).is_file()
            else:
                assert path.is_file()
    assert seen == {"database", "files", "aggregate", "strings"}


def _places(checkpoint: Path) -> list[tuple[_core.Place, str]]:
    ((_, table),) = _core.read_pytree(str(checkpoint), "AUTO", False).items  # noqa: FBT003
    assert table is not None
    assert {*table.leaf_places} == {*range(len(table.places))}
    return table.places


def test_a_database_that_was_never_merged_is_that_of_its_process(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1-sharded.tar.gz", tmp_path)
    checkpoint = tmp_path / "o0.12.8-v1-sharded" / "chunked"
    (checkpoint / "state" / "manifest.ocdbt").unlink()
    assert _places(checkpoint) == [("process", "ocdbt.process_0")]
    # Only the first process describes the arrays; any may have values of them.
    (checkpoint / "state" / "ocdbt.process_1").mkdir()
    assert _places(checkpoint) == [("one_of_processes", "ocdbt.process_0")]


def test_each_safetensors_file_is_a_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        header = f'{{"{name}": {{"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}}}'.encode()
        content = len(header).to_bytes(8, "little") + header + b"\1"
        (tmp_path / f"{name}.safetensors").write_bytes(content)
    files = [("safetensors", "a.safetensors"), ("safetensors", "b.safetensors")]
    assert _places(tmp_path) == files
    assert _places(tmp_path / "b.safetensors") == files[1:]


def test_every_place_of_a_table_has_a_leaf(archive: Path) -> None:
    for directory, table in tables(archive):
        used = {number for number in table.leaf_places if number >= 0}
        assert used == {*range(len(table.places))}, directory
