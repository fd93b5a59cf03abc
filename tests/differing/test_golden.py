"""Checkpoints that Orbax wrote, compared with themselves and with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from orbscan.differing.changes import LeafChange

CASES = corpus.golden_cases()


def unpacked(name: str, tmp: Path) -> Path:
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{name}.tar.gz", tmp)
    return tmp / name


def readable(case: corpus.Case, root: Path) -> list[tuple[str, corpus.Question, Any]]:
    """The pytrees of a case: path, question, answer."""
    found = []
    for question in corpus.questions(case):
        if question.function != "metadata":
            continue
        path = str(root / question.target)
        try:
            answer = orbscan.metadata(path, question.name, rich_types=question.rich_types)
        except (orbscan.OrbscanError, ValueError):
            continue
        found.append((path, question, answer))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_path_its_metadata_and_its_tree_are_the_same(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    for path, question, answer in readable(case, tmp_path / case.id):
        for a, b in ((path, answer), (answer, path), (answer.metadata, path), (path, path)):
            found = orbscan.diff(a, b, question.name, rich_types=question.rich_types, strict=True)
            assert not [*found.added, *found.removed, *found.containers]
            assert all(change.what == ("unreadable",) for change in found.changed)


def test_the_damage_of_a_leaf_is_a_finding(tmp_path: Path) -> None:
    found: list[LeafChange] = []
    for case in CASES:
        if "damaged" in case.id:
            corpus.unpack(case.archive, tmp_path)
            for path, question, _ in readable(case, tmp_path / case.id):
                found += orbscan.diff(path, path, question.name).changed
    assert found
    assert {change.what for change in found} == {("unreadable",)}


def test_releases_that_saved_the_same_tree_differ_in_storage_at_most(tmp_path: Path) -> None:
    old = unpacked("o0.11.25-v1-sharded", tmp_path)
    new = unpacked("o0.12.8-v1-sharded", tmp_path)
    targets = [path.name for path in old.iterdir() if (new / path.name).is_dir()]
    assert targets
    for target in targets:
        # The standard name was another one.
        assert orbscan.diff(old / target, new / target, "AUTO").same


def test_two_ways_of_storing_one_tree_differ_in_storage_alone(tmp_path: Path) -> None:
    zarr2, zarr3 = (unpacked(f"o0.12.8-{kind}", tmp_path) for kind in ("flat", "zarr3"))
    [a], [b] = ([*root.iterdir()] for root in (zarr2, zarr3))
    assert orbscan.diff(a, b).same
    found = orbscan.diff(a, b, strict=True)
    assert {change.what for change in found.changed} == {("storage",)}


def test_issues_become_notes(tmp_path: Path) -> None:
    root = unpacked("o0.12.8-damaged-flat-sharding", tmp_path)
    sides = [path for path in root.iterdir() if path.is_dir()]
    answers = [orbscan.metadata(path) for path in sides]
    at, answer = next((at, answer) for at, answer in enumerate(answers) if answer.issues)
    found = orbscan.diff(sides[at], {})
    assert found.notes == tuple(f"a: {issue}" for issue in answer.issues)
    assert orbscan.diff({}, answer).notes == tuple(f"b: {issue}" for issue in answer.issues)


def test_a_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError):
        orbscan.diff({}, tmp_path / "nowhere")
