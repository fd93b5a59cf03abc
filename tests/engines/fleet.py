"""Two thousand checkpoints for an engine to read, and what one machine says of them.

Needs nothing but what every environment of an engine has.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import orbscan

GOLDEN = Path(__file__).parents[1] / "golden" / "corpus"
KINDS = {
    "o0.12.8-manager": "run/10",
    "o0.12.8-v1-sharded": "chunked",
    "o0.12.8-composite": "ckpt",
    "o0.12.8-flat": "ckpt",
}
RUNS = 40
STEPS = 50
COUNT = RUNS * STEPS
TABLES = ("leaves", "checkpoints", "findings")
GROUP = {"leaves": "dtype", "checkpoints": "kind", "findings": "state"}
"""By what each table is grouped."""


each_table = pytest.mark.parametrize("table", TABLES)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet."""
    return made(tmp_path_factory.mktemp("fleet"))


def made(where: Path) -> Path:
    """Makes the fleet; files are hard links to those of a few golden checkpoints.

    Of each run one checkpoint is damaged, one cannot be read, one was never finished, and of one
    only a part is there.
    """
    sources = []
    for case, inside in KINDS.items():
        with tarfile.open(GOLDEN / f"{case}.tar.gz") as archive:
            archive.extractall(where / "golden", filter="data")
        sources.append(where / "golden" / case / inside)
    root = where / "fleet"
    for run in range(RUNS):
        for step in range(STEPS):
            source = sources[(run + step) % len(sources)]
            target = root / f"run_{run:02}" / str(step)
            shutil.copytree(source, target, copy_function=os.link)
        damage(root / f"run_{run:02}", run)
    return root


def damage(run: Path, number: int) -> None:
    """Damages some checkpoints of a run."""
    cut, unreadable, unfinished, part = (run / str((number + at) % STEPS) for at in range(4))
    for step in (cut, unreadable):
        metadata = next(step.rglob("_METADATA"))
        text = metadata.read_bytes()
        metadata.unlink()
        if step is cut:
            metadata.write_bytes(text[: len(text) // 2])
        else:
            metadata.symlink_to(metadata.name)
    unfinished.rename(run / f"{unfinished.name}.orbax-checkpoint-tmp")
    for file in part.iterdir():
        if file.is_file():
            file.unlink()
    shutil.rmtree(next(file for file in sorted(part.iterdir())))


@cache
def whole(table: Any, root: Path) -> pa.Table:
    """What one machine reads."""
    read = {
        "leaves": orbscan.leaf_table,
        "checkpoints": orbscan.checkpoint_table,
        "findings": orbscan.finding_table,
    }[table]
    found = pa.table(read(root))
    if table != "leaves":  # which leaves out what was never finished
        assert len({*found["path"].to_pylist()}) == COUNT
    return found


def rows(table: pa.Table) -> list[str]:
    """The rows of a table in an order that they have by themselves."""
    return sorted(repr(sorted(row.items())) for row in table.to_pylist())


def groups(table: Any, root: Path) -> dict[Any, int]:
    """How many rows each group has."""
    name = GROUP[table]
    counted = whole(table, root).group_by(name).aggregate([([], "count_all")])
    return {row[name]: row["count_all"] for row in counted.to_pylist()}


def largest(root: Path) -> list[int]:
    """The sizes of the largest leaves."""
    sizes = whole("leaves", root)["nbytes"].to_pylist()
    return sorted((size for size in sizes if size is not None), reverse=True)[:10]
