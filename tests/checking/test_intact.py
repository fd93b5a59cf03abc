"""What Orbax wrote and nobody damaged has no error at any level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

MARKS = ("_CHECKPOINT_METADATA", "_METADATA", "checkpoint")

# What was damaged on purpose, by hand, or by the end of its process.
HARMED = ("damaged", "handrenamed", "killed")

INTACT = [case for case in corpus.cases() if not any(word in case.id for word in HARMED)]


def checkpoints(root: Path) -> list[Path]:
    """The checkpoints below a directory, but nothing inside of one."""
    if any((root / mark).is_file() for mark in MARKS):
        return [root]
    return [
        found for child in sorted(root.iterdir()) if child.is_dir() for found in checkpoints(child)
    ]


def is_readable(checkpoint: Path) -> bool:
    """Whether a read gives every leaf from where Orbax looks for it.

    Some releases wrote names that nobody can read back.
    """
    try:
        found = orbscan.metadata(checkpoint)
    except orbscan.OrbscanError as error:
        # One that holds only what is not a pytree has no leaf to lose.
        return error.kind in {"no_such_checkpointable", "unknown_layout"}
    elsewhere = any(" found " in issue.reason for issue in found.issues)
    unreadable = any(isinstance(leaf, orbscan.UnreadableLeaf) for leaf in flat(found.metadata))
    return not (elsewhere or unreadable)


def flat(tree: object) -> list[object]:
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in flat(child)]
    if isinstance(tree, list | tuple):
        return [leaf for child in tree for leaf in flat(child)]
    return [tree]


@pytest.mark.parametrize("case", INTACT, ids=lambda case: case.id)
def test_an_intact_checkpoint_has_no_error(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    for checkpoint in checkpoints(tmp_path):
        report = orbscan.verify(checkpoint, level="data", check_values=True)
        if checkpoint.name.endswith(".partial_save"):
            # Never finalized, however whole it is.
            errors = {f.code for f in report.findings if f.severity == "error"}
            assert errors == {"uncommitted"}
            continue
        assert report.ok == is_readable(checkpoint), str(report)


def test_most_cases_are_readable(tmp_path: Path) -> None:
    cases = [case for case in corpus.golden_cases() if case in INTACT]
    for case in cases:
        corpus.unpack(case.archive, tmp_path)
    found = checkpoints(tmp_path)
    assert len(found) >= len(cases)
    assert sum(is_readable(checkpoint) for checkpoint in found) > 0.95 * len(found)
