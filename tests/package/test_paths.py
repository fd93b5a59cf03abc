"""A path in a result is one kind of value everywhere, and its text is as it was given."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS: dict[str, Callable[[str], Any]] = {
    "metadata": orbscan.metadata,
    "checkpointables_metadata": orbscan.checkpointables_metadata,
    "verify": orbscan.verify,
    "du": orbscan.du,
    "du of several": lambda path: orbscan.du([path])[0],
    "scan": lambda path: next(orbscan.scan(path)),
    "metadata of an entry": lambda path: next(orbscan.scan(path)).metadata,
    "root_metadata": orbscan.root_metadata,
}
GIVEN = "runs//./7"
"""A text that a path of Python would spell otherwise."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    handmade.write(tmp_path / "runs" / "7", {"state": {"w": Array((2,))}})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", RESULTS)
def test_it_is_a_path_that_joins(kind: str, here: Path) -> None:
    found = RESULTS[kind](GIVEN)
    assert found.path == Path(GIVEN)
    assert (here / found.path / "state" / "w").is_dir()
    assert pickle.loads(pickle.dumps(found)).path == found.path  # noqa: S301


@pytest.mark.usefixtures("here")
def test_its_text_is_as_it_was_given() -> None:
    report, usage = orbscan.verify(GIVEN), orbscan.du(GIVEN)
    [row], [entry] = orbscan.du([GIVEN]), [*orbscan.scan(GIVEN)]
    texts = {report.place, *report.places, usage.place, row.place, os.fspath(entry)}
    assert texts == {GIVEN}
    for found in (report, usage, entry):
        assert found.to_dict()["path"] == GIVEN
    shown: Any = orbscan.du([GIVEN]).to_dict()["checkpoints"]
    shown = shown[0]
    assert (shown["path"], "place" in shown) == (GIVEN, False)
    assert str(report).startswith(f"{GIVEN}: ")
    assert f"path       {GIVEN}" in str(usage).splitlines()
    assert str(orbscan.du([GIVEN])).splitlines()[1].startswith(f"{GIVEN} ")
    assert repr(entry).startswith(f"CheckpointEntry({GIVEN!r}, ")


@pytest.mark.usefixtures("here")
def test_paths_say_what_was_read_before() -> None:
    entries = [*orbscan.scan("runs")]
    for key in (lambda entry: entry.path, os.fspath):
        since = {key(entry): entry.fingerprint for entry in entries}
        assert [entry.state for entry in orbscan.scan("runs", since=since)] == ["unchanged"]
