"""Messages spell paths as they were given."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.support import corpus
from tests.support.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orbscan import CheckpointEntry

CASE = "o0.12.8-v1-sharded"

SPELLINGS = {
    "runs/7": "runs/7",
    "./runs/7": "./runs/7",
    "runs/7/": "runs/7",
    "runs/7/.": "runs/7",
    "runs//7": "runs//7",
    "runs/../runs/7": "runs/../runs/7",
    "runs/7/state/..": "runs/7/state/..",
}
"""Ways to give a path, and how messages begin then."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a checkpoint `runs/7` whose tree is damaged."""
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{CASE}.tar.gz", tmp_path)
    shutil.copytree(tmp_path / CASE / "chunked", tmp_path / "runs" / "7")
    (tmp_path / "runs" / "7" / "state" / "_METADATA").write_text("{")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(path: str) -> Iterator[str | None]:
    """The file that each function says is damaged."""
    with pytest.raises(orbscan.FormatError) as caught:
        orbscan.metadata(path)
    yield caught.value.file
    yield orbscan.checkpointables_metadata(path).issues[0].file
    yield from (finding.file for finding in orbscan.verify(path).findings)
    (entry,) = orbscan.scan(path)
    yield from scanned(entry)


def scanned(entry: CheckpointEntry) -> Iterator[str | None]:
    """The files that the issues of what a scan found are in."""
    assert entry.checkpointables is not None
    yield from (issue.file for issue in entry.checkpointables.issues)


@pytest.mark.parametrize(("given", "shown"), SPELLINGS.items())
@pytest.mark.usefixtures("root")
def test_files_are_named_as_the_path_was_given(given: str, shown: str) -> None:
    assert set(files(given)) == {f"{shown}/state/_METADATA"}


def test_the_working_directory_is_a_path_like_any_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "runs" / "7")
    assert set(files(".")) == {"./state/_METADATA"}
    monkeypatch.chdir("state")
    assert set(files("..")) == {"../state/_METADATA"}
    with pytest.raises(orbscan.InvalidLayoutError, match=r"part of the checkpoint \.\.:"):
        orbscan.metadata(".")


def test_an_absolute_path_stays_absolute(root: Path) -> None:
    path = str(root / "runs" / "7")
    assert set(files(path)) == {f"{path}/state/_METADATA"}


def test_a_home_directory_is_written_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root / "runs"))
    assert set(files("~/7")) == {f"{root}/runs/7/state/_METADATA"}


@pytest.mark.usefixtures("root")
def test_a_directory_is_named_without_a_separator_at_its_end() -> None:
    for given, shown in [("runs/", "runs"), ("nowhere/", "nowhere"), ("./x", "./x")]:
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            orbscan.metadata(given)
        assert caught.value.file == shown


@pytest.mark.usefixtures("root")
def test_steps_and_scans_name_files_below_the_root_as_it_was_given() -> None:
    with pytest.raises(orbscan.FormatError) as caught:
        orbscan.metadata("./runs/", step=7)
    assert caught.value.file == "./runs/7/state/_METADATA"
    for given in ("runs", "runs/"):
        (entry,) = orbscan.scan(given)
        assert str(entry.path) == "runs/7"
        assert set(scanned(entry)) == {"runs/7/state/_METADATA"}


def test_a_damaged_step_is_named_as_the_root_was_given(root: Path) -> None:
    (root / "runs" / "7" / "_CHECKPOINT_METADATA").write_text("{")
    (step,) = orbscan.steps("runs")
    (issue,) = step.issues
    assert issue.file == "runs/7/_CHECKPOINT_METADATA"


def test_commands_name_files_as_the_path_was_given(root: Path) -> None:
    commands = {"show": "runs/7", "verify": "runs/7", "du": "runs/7", "ls": "runs"}
    for command, given in commands.items():
        arguments = [command, given]
        # The row of a table has the rest of the path already.
        path = "state/_METADATA" if command == "ls" else "runs/7/state/_METADATA"
        ended = run([sys.executable, "-m", "orbscan", *arguments], cwd=root)
        said = ended.stdout + ended.stderr
        assert path in said, arguments
        assert str(root) not in said, arguments


def test_the_share_of_a_checkpoint_does_not_depend_on_the_spelling(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(8, 20):
        shutil.copytree(root / "runs" / "7", root / "runs" / str(step))

    def share(given: str) -> list[int]:
        return sorted(entry.step or 0 for entry in orbscan.scan(given, shard=(0, 3)))

    expected = share(str(root / "runs"))
    assert 0 < len(expected) < 13
    for given in ("runs", "./runs/", "runs/../runs"):
        assert share(given) == expected
    monkeypatch.chdir("runs")
    assert share(".") == expected


def test_reports_are_the_same_wherever_one_stands(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(path: str) -> Any:
        return json.loads(json.dumps(orbscan.verify(path).to_dict()))

    before = report("runs/7")
    monkeypatch.chdir(root / "runs" / "..")
    assert report("runs/7") == before
