"""Five thousand checkpoints, damaged and unfinished ones among them, scanned and asked of Orbax."""

from __future__ import annotations

import os
import random
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from tests.support import ask_orbax, corpus
from tests.support.processes import elsewhere, python

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 5_000
IN_A_RUN = 50
DAMAGED_EACH = 17
UNFINISHED_EACH = 23
SAMPLE = 80


@dataclass(frozen=True)
class Tree:
    """A directory of runs, and what is wrong with which of them."""

    root: Path
    intact: list[Path]
    damaged: list[Path]
    unfinished: list[Path]


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("_METADATA", Path.unlink),
    ("_METADATA", cut),
    ("manifest.ocdbt", Path.unlink),
    ("manifest.ocdbt", cut),
    ("_sharding", cut),
]


def damage(checkpoint: Path, number: int) -> bool:
    """Damages a checkpoint in one way; false if it has nothing that this could be done to."""
    name, harm = DAMAGES[number % len(DAMAGES)]
    files = sorted(checkpoint.rglob(name))
    if not files:
        return False
    for file in files:
        # Not what it is a link to.
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        harm(file)
    return True


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Links to the golden checkpoints, in runs."""
    golden = tmp_path_factory.mktemp("golden")
    for case in corpus.golden_cases():
        if "damaged" not in case.id and "killed" not in case.id:
            corpus.unpack(case.archive, golden)
    sound = [
        Path(entry.path)
        for entry in orbscan.scan(golden, ordered=True)
        if entry.committed and entry.error is None and entry.metadata is not None
        if entry.kind in {"v0", "v1"} and not entry.metadata.issues
    ]
    assert len(sound) > 100
    tree = Tree(tmp_path_factory.mktemp("many"), [], [], [])
    for number in range(COUNT):
        step = tree.root / f"run-{number // IN_A_RUN}" / str(number % IN_A_RUN)
        if number % UNFINISHED_EACH == 1:
            step = step.with_name(f"{step.name}.orbax-checkpoint-tmp-{number}")
        shutil.copytree(sound[number % len(sound)], step, copy_function=os.link)
        if number % UNFINISHED_EACH == 1:
            tree.unfinished.append(step)
        elif number % DAMAGED_EACH == 1 and damage(step, number):
            tree.damaged.append(step)
        else:
            tree.intact.append(step)
    return tree


def sampled(paths: list[Path]) -> list[Path]:
    return random.Random(7).sample(paths, SAMPLE)  # noqa: S311  no secret depends on it


@pytest.fixture(scope="module")
def rows(tree: Tree) -> dict[str, list[dict[str, Any]]]:
    """The table of leaves, by checkpoint."""
    found = defaultdict(list)
    columns = ["path", "checkpointable", "keys", "shape", "dtype", "error_kind", "error"]
    table = pa.RecordBatchReader.from_stream(orbscan.scan(tree.root).leaves())
    for batch in table:
        for row in batch.select(columns).to_pylist():
            found[row["path"]].append(row)
    return dict(found)


def keypath_of(row: dict[str, Any]) -> list[str | int]:
    return [key["key"] if key["index"] is None else key["index"] for key in row["keys"]]


def agree(theirs: list[ask_orbax.Leaf], ours: list[dict[str, Any]]) -> bool:
    """Whether the rows of a pytree are the leaves that Orbax gives."""
    return len(theirs) == len(ours) and all(
        keypath_of(row) == keypath and leaf in (None, [row["shape"], row["dtype"]])
        for (keypath, leaf), row in zip(theirs, ours, strict=True)
    )


def test_intact_ones_agree_with_orbax(tree: Tree, rows: dict[str, list[dict[str, Any]]]) -> None:
    compared = 0
    paths = sampled(tree.intact)
    for path, theirs in zip(paths, elsewhere(ask_orbax.about, paths), strict=True):
        assert not any(row["error"] for row in rows[str(path)])
        ours = defaultdict(list)
        for row in rows[str(path)]:
            ours[row["checkpointable"]].append(row)
        # Some releases wrote what Orbax no longer reads.
        if theirs is not None:
            assert any(agree(theirs, pytree) for pytree in ours.values()), (path, theirs)
            compared += 1
    assert compared > SAMPLE / 2


def test_where_orbax_refuses_damage_a_row_says_why(
    tree: Tree, rows: dict[str, list[dict[str, Any]]]
) -> None:
    refused = 0
    paths = sampled(tree.damaged)
    for path, theirs in zip(paths, elsewhere(ask_orbax.about, paths), strict=True):
        if theirs is None:
            entry = next(iter(orbscan.scan(path)))
            told = [row["error"] for row in rows.get(str(path), []) if row["error"]]
            assert told or entry.metadata is None or entry.metadata.issues, path
            refused += 1
    assert refused > SAMPLE / 4


def test_every_checkpoint_has_an_entry(tree: Tree) -> None:
    table = pa.table(orbscan.scan(tree.root).checkpoints()).select(["path", "kind", "error"])
    found = {row["path"]: row for row in table.to_pylist()}
    assert {str(path) for path in (*tree.intact, *tree.damaged, *tree.unfinished)} == set(found)
    assert {found[str(path)]["error"] for path in tree.intact} == {None}
    assert {found[str(path)]["kind"] for path in tree.unfinished} == {"temporary"}
    assert any(found[str(path)]["error"] for path in tree.damaged)


STREAM = """
import sys, orbscan
# By one thread: how much several hold at one time is up to chance.
for entry in orbscan.scan(sys.argv[1:], threads=1):
    assert str(entry.path)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


def test_memory_does_not_grow_with_the_number_of_checkpoints(tree: Tree) -> None:
    def peak_kb(roots: list[Path]) -> int:
        return int(python(STREAM, *roots))

    # Three times over, everything that a scan remembers has its room.
    few, many = peak_kb([tree.root] * 3), peak_kb([tree.root] * 9)
    # Less than 150 bytes for each more, where one entry alone holds many thousands.
    assert many - few < 6 * COUNT * 150 / 1024
