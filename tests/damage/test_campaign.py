"""A part of the campaign: every kind of damage, on a checkpoint of every layout.

`python -m tests.damage.campaign` tries all of it; docs/reliability.md has the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.damage.campaign import run
from tests.damage.cases import every_case, read_files
from tests.damage.subjects import Subject, make

if TYPE_CHECKING:
    from pathlib import Path

STRIDE = 997
"""Only each n-th case is tried; a prime, so that all bits of bytes take their turn."""

NAMES = [
    "v1",
    "v1, all items",
    "v1, rich types",
    "v1, keys",
    "v0 items",
    "v0 items, all",
    "manager step",
    "flat",
    "flat, sharded",
    "flat, 0.5.10",
    "zarr2 files",
    "zarr3 files",
    "unmerged",
    "aggregate",
    "aggregate and arrays",
    "being deleted",
    "plain nodes",
    "tall tree",
    "numbered manifests",
    "safetensors",
]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    return {subject.name: subject for subject in make(tmp_path_factory.mktemp("subjects"))}


def test_every_subject_is_tried(subjects: dict[str, Subject]) -> None:
    assert list(subjects) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_no_damage_gives_a_wrong_answer(name: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[name]
    others = [read_files(other.root) for other in subjects.values() if other is not subject]
    cases = [
        case
        for number, case in enumerate(every_case(read_files(subject.root), others))
        # What happens to whole files is little and tells much.
        if number % STRIDE == 0 or case.kind.startswith(("file removed", "directory", "file empt"))
    ]
    tally = run(subject, cases, sample=0)
    assert tally.faults == []
    assert sum(tally.counts.values()) == len(cases) > 0


def test_damage_is_taken_back(subjects: dict[str, Subject]) -> None:
    subject = subjects["flat"]
    before, names = read_files(subject.root), everything_beside(subject.root)
    run(subject, list(every_case(before, []))[::STRIDE], sample=0)
    assert read_files(subject.root) == before
    assert everything_beside(subject.root) == names


def everything_beside(root: Path) -> set[Path]:
    """What lies in the folder of a checkpoint, in it and around it, directories too."""
    return {*root.parent.rglob("*")}
