"""What the extension module hands over: everything once, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan import _core
from orbscan.errors import OrbscanError
from orbscan.model.leaves import ArrayMetadata
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("case", corpus.golden_cases(), ids=lambda case: case.id)
def test_what_is_equal_is_one_object(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    for path in _checkpoints(case, tmp_path):
        for tree in orbscan.checkpointables_metadata(path).metadata.values():
            leaves = _arrays(tree)
            assert _objects(leaves) <= len(set(map(repr, leaves)))
            shardings = [leaf.sharding_metadata for leaf in leaves]
            assert _objects(shardings) == len(set(shardings))


def test_a_checkpoint_is_read_in_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    original = _core.read_pytree

    def counting(*arguments: Any, **rules: Any) -> _core.Checkpoint:
        calls.append("read_pytree")
        return original(*arguments, **rules)

    monkeypatch.setattr(_core, "read_pytree", counting)
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, tmp_path)
        paths = [path for path in _checkpoints(case, tmp_path) if _is_readable(path)]
        calls.clear()
        for path in paths:
            orbscan.metadata(path)
        assert calls == ["read_pytree"] * len(paths)


def _checkpoints(case: corpus.Case, unpacked: Path) -> list[str]:
    """The paths of a case whose checkpointables can be told."""
    asked = {question.target for question in corpus.questions(case)}
    paths = [str(unpacked / case.id / target) for target in sorted(asked)]
    return [path for path in paths if _has_checkpointables(path)]


def _has_checkpointables(path: str) -> bool:
    try:
        orbscan.checkpointables_metadata(path)
    except OrbscanError:
        return False
    return True


def _is_readable(path: str) -> bool:
    try:
        orbscan.metadata(path)
    except OrbscanError:
        return False
    return True


def _arrays(tree: object) -> list[ArrayMetadata]:
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in _arrays(child)]
    if isinstance(tree, list | tuple):
        return [leaf for child in tree for leaf in _arrays(child)]
    return [tree] if isinstance(tree, ArrayMetadata) else []


def _objects(values: list[Any]) -> int:
    return len({id(value) for value in values})
