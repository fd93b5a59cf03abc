"""What a scan tells of a checkpoint, beside what a read of its path gives, and what Orbax gave."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import pytest

import orbscan
from orbscan import types
from orbscan.errors import OrbscanError
from tests.support import corpus
from tests.support.known_differences import KNOWN_DIFFERENCES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def entries(archive: Path) -> dict[str, orbscan.CheckpointEntry]:
    found = [*orbscan.scan(archive, ordered=True)]
    by_path = {str(entry.path): entry for entry in found}
    assert len(by_path) == len(found)
    return by_path


def test_kinds_and_states_are_those_of_the_types(
    entries: dict[str, orbscan.CheckpointEntry],
) -> None:
    kinds, states = get_args(types.CheckpointKind), get_args(types.EntryState)
    assert {entry.kind for entry in entries.values()} <= {*kinds}
    assert {entry.state for entry in entries.values()} <= {*states}


def test_every_entry_agrees_with_a_read_of_its_path(
    entries: dict[str, orbscan.CheckpointEntry],
) -> None:
    compared = 0
    for entry in entries.values():
        if entry.kind == "temporary":
            assert (entry.state, entry.committed, entry.error) == ("unread", False, None)
            continue
        compared += 1
        # One that never had a pytree is not broken.
        lacks = entry.error is None and entry.metadata is None
        outcome = _outcome(partial(orbscan.metadata, entry), may_lack_pytree=lacks)
        assert outcome == _of_entry(entry)
        if entry.error is None and None not in entry.names:
            read = orbscan.checkpointables_metadata(entry)
            assert repr(read) == repr(entry.checkpointables)
    assert compared > len(corpus.golden_cases()) / 2


def _outcome(read: Any, *, may_lack_pytree: bool) -> object:
    try:
        return repr(read())
    except OrbscanError as error:
        if may_lack_pytree and "has no pytree" in error.reason:
            return None
        return type(error), str(error)


def _of_entry(entry: orbscan.CheckpointEntry) -> object:
    if entry.error is not None:
        return type(entry.error), str(entry.error)
    return None if entry.metadata is None else repr(entry.metadata)


class Scanned:
    """Answers for a path from the entries of a scan, in the place of the library."""

    def __init__(self, entries: dict[str, orbscan.CheckpointEntry]) -> None:
        self._entries = entries

    def metadata(self, path: str) -> object:
        entry = self._entries[path]
        if entry.error is not None:
            raise entry.error
        return entry.metadata


def test_every_entry_says_what_orbax_said(
    archive: Path, entries: dict[str, orbscan.CheckpointEntry]
) -> None:
    judged = 0
    for case in corpus.golden_cases():
        for question in corpus.questions(case):
            path = str(archive / case.id / question.target)
            plain = (question.function, question.name) == ("metadata", "AUTO")
            entry = entries.get(path)
            known = f"{case.id} {question.id}" in KNOWN_DIFFERENCES
            if not plain or question.rich_types or known or entry is None:
                continue
            if entry.state != "unread" and (entry.error or entry.metadata):
                judged += 1
                answer = question.put_to(Scanned(entries), archive / case.id)
                assert not question.judge(answer).is_fault, f"{case.id} {question.id}"
    assert judged > len(corpus.golden_cases()) / 2


def test_nothing_that_can_be_read_is_missed(
    archive: Path, entries: dict[str, orbscan.CheckpointEntry]
) -> None:
    missed = []
    for case in corpus.golden_cases():
        for question in corpus.questions(case):
            path = archive / case.id / question.target
            plain = (question.function, question.name) == ("metadata", "AUTO")
            if plain and not _is_found(path, entries):
                missed.append(path)
    readable = [path for path in missed if path.is_dir() and _reads(path)]
    assert readable == []


def _is_found(path: Path, entries: dict[str, orbscan.CheckpointEntry]) -> bool:
    within = any(str(part) in entries for part in (path, *path.parents))
    # A directory of checkpoints can pass for one, whose items they are.
    return within or any(found.startswith(f"{path}/") for found in entries)


def _reads(path: Path) -> bool:
    try:
        orbscan.metadata(path)
    except OrbscanError:
        return False
    return True
