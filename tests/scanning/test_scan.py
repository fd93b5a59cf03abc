"""The walk, its selections, and what it makes of bad input."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from orbax.checkpoint._src.path import temporary_paths
from orbax.checkpoint.options import AtomicityMode, AtomicityOptions

import orbscan
from orbscan import CheckpointEntry, scan
from orbscan.cli import main
from orbscan.errors import CheckpointNotFoundError, FormatError, InvalidLayoutError, StoreError
from tests.scanning.conftest import unpacked

if TYPE_CHECKING:
    from pathlib import Path

ALL = ["a/9", "a/10", "a/100", "b/step_0007", "b/step_0008"]


def ways(entries: list[CheckpointEntry], root: Path) -> list[str]:
    return [os.path.relpath(str(entry.path), root) for entry in entries]


def scanned(root: Path, **options: object) -> list[str]:
    return ways([*scan(root, ordered=True, **options)], root)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [None, 1, 2, 32, 1_024])
def test_steps_come_in_the_order_of_their_numbers(runs: Path, threads: int | None) -> None:
    entries = [*scan(runs, ordered=True, threads=threads)]
    assert ways(entries, runs) == ALL
    assert [entry.step for entry in entries] == [9, 10, 100, 7, 8]
    assert {(entry.kind, entry.state, entry.committed) for entry in entries} == {
        ("v1", "read", True)
    }


def test_without_order_all_come_as_well(runs: Path) -> None:
    assert sorted(ways([*scan(runs)], runs)) == sorted(ALL)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"steps": range(9, 11)}, ["a/9", "a/10"]),
        ({"steps": 8}, ["b/step_0008"]),
        ({"steps": (10, None)}, ["a/10", "a/100"]),
        ({"steps": (None, 7)}, ["b/step_0007"]),
        ({"steps": range(5, 5)}, []),
        ({"latest": 1}, ["a/100", "b/step_0008"]),
        ({"match": "b/*"}, ["b/step_0007", "b/step_0008"]),
        ({"match": "**/*0"}, ["a/10", "a/100"]),
        ({"match": "9"}, []),
        ({"committed": True}, ALL),
        ({"committed": False}, []),
    ],
)
def test_a_selection_leaves_the_others_out(
    runs: Path, options: dict[str, object], expected: list[str]
) -> None:
    assert scanned(runs, **options) == expected


def test_roots_can_be_many_or_a_pattern_or_checkpoints(runs: Path, tmp_path: Path) -> None:
    assert ways([*scan([runs / "b", runs / "a" / "9"], ordered=True)], runs) == [*ALL[3:], "a/9"]
    assert ways([*scan(str(runs / "*" / "*0"), ordered=True)], runs) == ["a/10", "a/100"]
    odd = tmp_path / "runs[1]"
    (runs / "b").rename(odd)
    assert ways([*scan(odd, ordered=True)], odd) == ["step_0007", "step_0008"]
    assert [*scan([])] == []


def test_leftovers_are_told_apart(runs: Path) -> None:
    for name in ("11.orbax-checkpoint-tmp", "12.orbax-checkpoint-tmp-3", "13.partial_save"):
        shutil.copytree(runs / "a" / "9", runs / "a" / name)
    entries = [*scan(runs / "a", committed=False, ordered=True)]
    assert {(entry.kind, entry.state) for entry in entries} == {("temporary", "unread")}
    assert [entry.step for entry in entries] == [11, 12, 13]
    assert all(entry.commit_reason for entry in entries)
    assert scanned(runs / "a", committed=True) == ["9", "10", "100"]


def test_commit_files_decide_if_asked_to(runs: Path) -> None:
    marked = [path for path in (runs / "a").iterdir() if (path / "commit_success.txt").exists()]
    (runs / "a" / "10" / "commit_success.txt").unlink()
    entries = [*scan(runs / "a", atomicity="commit_file")]
    unfinished = [entry for entry in entries if not entry.committed]
    assert len(marked) == len(entries)
    assert [(entry.step, entry.state) for entry in unfinished] == [(10, "unread")]


def test_an_audit_finds_all_that_orbax_would_delete(runs: Path) -> None:
    root = runs / "a"
    (root / "10" / "commit_success.txt").unlink()
    (root / "11" / "state" / "ocdbt.process_0").mkdir(parents=True)
    for name in ("12", "13.orbax-checkpoint-tmp", "14.partial_save"):
        (root / name).mkdir()
    shutil.copytree(root / "9", root / "15.orbax-checkpoint-tmp")
    options = AtomicityOptions(AtomicityMode.COMMIT_FILE)
    expected = {
        path.name
        for path in root.iterdir()
        if asyncio.run(temporary_paths.is_path_temporary(path, atomicity_options=options))
    }
    entries = [*scan(root, atomicity="commit_file", committed=False)]
    assert set(ways([entry for entry in entries if entry.temporary], root)) == expected
    assert len(expected) == len(entries) == 5


def test_leftovers_have_the_times_and_the_reason_that_a_list_of_steps_gives(runs: Path) -> None:
    root = runs / "a"
    shutil.copytree(root / "9", root / "11.orbax-checkpoint-tmp")
    header = root / "10" / "_CHECKPOINT_METADATA"
    document = json.loads(header.read_text())
    header.write_text(json.dumps({**document, "commit_timestamp_nsecs": None}))
    entries = [*scan(root, ordered=True)]

    def said(one: CheckpointEntry | orbscan.Step) -> tuple[object, ...]:
        return one.commit_reason, one.init_timestamp_nsecs, one.commit_timestamp_nsecs

    steps = {os.fspath(step): said(step) for step in orbscan.steps(root)}
    assert {str(entry.path): said(entry) for entry in entries} == steps
    assert [entry.commit_reason for entry in entries] == [
        "its name has no temporary suffix",
        "its name has no temporary suffix, but no commit timestamp is recorded",
        "its name has no temporary suffix",
        "its name is temporary, but a commit timestamp is recorded",
    ]
    row = pa.table(scan(root, committed=False).checkpoints()).to_pylist()[0]
    assert row["commit_reason"] == entries[-1].commit_reason
    assert row["commit_timestamp_nsecs"] == entries[-1].commit_timestamp_nsecs
    assert row["save_duration_nsecs"] > 0


def test_a_commit_of_safetensors_is_told_as_the_moment_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((2).to_bytes(8, "little") + b"{}")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (entry,) = scan(tmp_path)
    assert entry.commit_timestamp_nsecs == 1_700_000_000 * 10**9
    row = pa.table(scan(tmp_path).checkpoints()).to_pylist()[0]
    assert row["commit_timestamp_nsecs"] == entry.commit_timestamp_nsecs
    assert main(["show", str(file)]) == 0
    assert "committed  2023-11-14 22:13:20" in capsys.readouterr().out


def test_a_checkpoint_of_json_alone_is_sound(tmp_path: Path) -> None:
    (entry,) = scan(unpacked("o0.8.0-manager-json", tmp_path))
    assert (entry.state, entry.error, entry.metadata) == ("read", None, None)
    assert entry.names == ("config", "state")


def test_aggregates_are_not_read_again(tmp_path: Path) -> None:
    root = unpacked("o0.3.5-aggregate", tmp_path)
    first = [*scan(root)]
    assert first
    assert {entry.state for entry in scan(root, since=first)} == {"unchanged"}


def test_ordinary_directories_are_no_checkpoints(runs: Path) -> None:
    (runs / "empty").mkdir()
    (runs / "a" / "metadata").mkdir()
    (runs / "a" / "metadata" / "_ROOT_METADATA").write_text("{}")
    (runs / "tensorflow").mkdir()
    (runs / "tensorflow" / "checkpoint").write_text("model_checkpoint_path: 'x'")
    (runs / "notes").mkdir()
    (runs / "notes" / "todo.txt").write_text("")
    assert scanned(runs) == ALL
    # Orbax would call an empty directory one.
    assert orbscan.is_orbax_checkpoint(runs / "empty")


def test_headers_come_without_trees(runs: Path) -> None:
    entry = next(scan(runs / "a" / "9", leaves=False))
    whole = orbscan.metadata(entry)
    assert entry.names == ("state",)
    assert entry.metadata is None
    assert entry.checkpointables is not None
    assert entry.checkpointables.metadata == {"state": None}
    assert entry.checkpointables.commit_timestamp_nsecs == whole.commit_timestamp_nsecs


def test_metrics_come_with_the_entry(runs: Path) -> None:
    directory = runs / "a" / "9" / "metrics"
    directory.mkdir()
    (directory / "metrics").write_text(json.dumps({"loss": 0.25}))
    (runs / "a" / "10" / "metrics").mkdir()
    (runs / "a" / "10" / "metrics" / "metrics").write_text("not json")
    first, broken, none = scan(runs / "a", ordered=True)
    assert first.metrics == {"loss": 0.25}
    assert (none.metrics, broken.metrics) == (None, None)
    assert broken.checkpointables is not None
    assert [issue.kind for issue in broken.checkpointables.issues] == ["malformed"]
    assert broken.metadata == orbscan.metadata(broken)


def test_one_broken_checkpoint_is_one_entry_with_an_error(runs: Path) -> None:
    (runs / "a" / "9" / "state" / "_METADATA").write_text("{")
    (runs / "a" / "10" / "_CHECKPOINT_METADATA").write_text("[1]")
    (runs / "b" / "step_0007" / "_CHECKPOINT_METADATA").unlink()
    shutil.rmtree(runs / "b" / "step_0008" / "state" / "d")
    shutil.rmtree(runs / "b" / "step_0008" / "state" / "ocdbt.process_0")
    entries = [*scan(runs, ordered=True)]
    assert ways(entries, runs) == ALL
    assert [type(entry.error) for entry in entries] == [
        FormatError,
        FormatError,
        type(None),
        InvalidLayoutError,
        FormatError,
    ]
    for entry in entries:
        if entry.error is not None:
            assert entry.metadata is None
            with pytest.raises(type(entry.error), match=entry.error.reason[:20].replace("[", ".")):
                orbscan.metadata(entry)


def test_a_part_that_is_broken_does_not_hide_the_others(runs: Path) -> None:
    checkpoint = runs / "a" / "9"
    shutil.copytree(checkpoint / "state", checkpoint / "other")
    (checkpoint / "state" / "_METADATA").write_text("{")
    entry = next(scan(checkpoint))
    assert isinstance(entry.error, FormatError)
    assert entry.checkpointables is not None
    assert entry.checkpointables.metadata["state"] is None
    assert entry.checkpointables.metadata["other"] == orbscan.metadata(runs / "a" / "10").metadata


def test_roots_that_are_none_are_told(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    names = ["nowhere", "file", "dangling", "circle", "file/below"]
    roots = [tmp_path / name for name in names]
    entries = [*scan([*roots, runs / "a" / "9" / "state"], ordered=True)]
    assert {(entry.kind, entry.state) for entry in entries} == {("unknown", "failed")}
    assert [type(entry.error) for entry in entries] == [
        CheckpointNotFoundError,
        InvalidLayoutError,
        CheckpointNotFoundError,
        StoreError,
        CheckpointNotFoundError,
        InvalidLayoutError,
    ]
    assert "part of the checkpoint" in str(entries[-1].error)


def test_a_directory_that_may_not_be_read_is_told(runs: Path) -> None:
    locked = runs / "b"
    locked.chmod(0)
    try:
        entries = [*scan(runs, ordered=True)]
    finally:
        locked.chmod(0o755)
    if os.geteuid() == 0:
        # Nothing is locked to the superuser.
        assert ways(entries, runs) == ALL
    else:
        assert ways(entries, runs) == [*ALL[:3], "b"]
        assert isinstance(entries[-1].error, StoreError)


def test_a_name_that_is_no_text_is_told(runs: Path) -> None:
    shutil.copytree(runs / "a" / "9", runs / os.fsdecode(b"\xff"))
    entry = [*scan(runs, ordered=True)][-1]
    assert (entry.kind, str(entry.path)) == ("unknown", f"{runs}/\N{REPLACEMENT CHARACTER}")
    assert "not UTF-8" in str(entry.error)


def test_a_checkpoint_that_goes_away_meanwhile_is_told(runs: Path) -> None:
    entries = scan(runs, ordered=True, threads=1)
    assert next(entries).step == 9
    shutil.rmtree(runs / "a" / "100")
    rest = [*entries]
    assert ways(rest, runs) == ALL[1:]
    assert [entry.state for entry in rest] == ["read", "vanished", "read", "read"]
    assert all(entry.error is None for entry in rest)


def test_links_are_followed_once_and_not_in_circles(runs: Path, step: Path) -> None:
    (runs / "a" / "latest").symlink_to("100")
    (runs / "b" / "up").symlink_to(runs)
    (runs / "elsewhere").symlink_to(step)
    (runs / "nowhere").symlink_to("void")
    outside = runs.parent / "outside"
    shutil.copytree(step, outside / "1")
    (outside / "again").symlink_to(outside)
    (runs / "outside").symlink_to(outside)
    assert scanned(runs) == [*ALL, "elsewhere", "outside/1"]
    root = runs.parent / "link"
    root.symlink_to(runs / "b")
    assert scanned(root)[:2] == ["step_0007", "step_0008"]


def test_a_second_scan_reads_only_what_has_changed(runs: Path, step: Path) -> None:
    first = [*scan(runs)]
    shutil.copytree(step, runs / "b" / "step_0009")
    (runs / "a" / "9" / "state" / "_METADATA").write_text("{}")
    shutil.rmtree(runs / "a" / "10")
    second = [*scan(runs, since=first, ordered=True)]
    states = dict(zip(ways(second, runs), (entry.state for entry in second), strict=True))
    assert states == {
        "a/9": "read",
        "a/100": "unchanged",
        "b/step_0007": "unchanged",
        "b/step_0008": "unchanged",
        "b/step_0009": "read",
        "a/10": "vanished",
    }
    fingerprints = {
        str(entry.path): entry.fingerprint for entry in first if entry.fingerprint is not None
    }
    kept = [entry.state for entry in scan(runs / "b", since=fingerprints)]
    assert sorted(kept) == ["read", "unchanged", "unchanged"]
    # What is merely not wanted is not gone.
    assert scanned(runs, since=first, steps=7) == ["b/step_0007", "a/10"]


def test_shares_are_disjoint_and_complete(runs: Path) -> None:
    shares = [scanned(runs, shard=(index, 3)) for index in range(3)]
    assert sorted(way for share in shares for way in share) == sorted(ALL)


def test_shares_do_not_depend_on_how_a_root_is_spelled(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    for index in range(3):
        shares = [
            [entry.step for entry in scan(root, shard=(index, 3), ordered=True)]
            for root in (runs, ".", "./", f"{runs}/", "b/..", f"{runs}/a/../")
        ]
        assert [share == shares[0] for share in shares] == [True] * 6, shares


def test_what_cannot_be_looked_at_is_told_in_one_share(runs: Path) -> None:
    shutil.copytree(runs / "a" / "9", runs / os.fsdecode(b"\xff"))
    roots = [runs, runs / "nowhere", runs / "nothing"]
    shares = [scan(roots, shard=(index, 3)) for index in range(3)]
    told = [str(entry.path) for share in shares for entry in share if entry.kind == "unknown"]
    assert sorted(told) == sorted([f"{runs}/\N{REPLACEMENT CHARACTER}", *map(str, roots[1:])])


def test_an_entry_is_a_value(runs: Path) -> None:
    entry = next(scan(runs, ordered=True))
    for twin in (pickle.loads(pickle.dumps(entry)), copy.copy(entry)):  # noqa: S301 - our own
        assert repr(twin) == repr(entry)
        assert twin.metadata == entry.metadata
        assert twin.checkpointables == entry.checkpointables
        assert twin.names == entry.names == ("state",)
    assert entry.metadata is entry.metadata
    assert os.fspath(entry) == str(entry.path)
    with pytest.raises(AttributeError, match="immutable"):
        entry.step = 1
    with pytest.raises(AttributeError, match="immutable"):
        del entry.step


def test_a_broken_entry_can_be_pickled(runs: Path) -> None:
    (runs / "a" / "9" / "state" / "_METADATA").write_text("{")
    entry = next(scan(runs, ordered=True))
    twin = pickle.loads(pickle.dumps(entry))  # noqa: S301 - our own
    assert (type(twin.error), str(twin.error)) == (type(entry.error), str(entry.error))
    assert twin.metadata is None


def test_progress_ends_with_all_done(runs: Path) -> None:
    with scan(runs) as entries:
        assert len([*entries]) == len(ALL)
        progress = entries.progress
    assert (progress.found, progress.done, progress.waiting) == (5, 5, 0)


def test_a_closed_scan_gives_no_more(runs: Path) -> None:
    with scan(runs) as entries:
        next(entries)
    assert [*entries] == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"latest": 0}, "at least 1"),
        ({"threads": 0}, "at least 1"),
        ({"shard": (3, 3)}, "number of shares"),
        ({"steps": range(0, 10, 2)}, "without gaps"),
        ({"atomicity": "hope"}, "atomic_rename"),
    ],
)
def test_what_has_no_meaning_is_refused(
    runs: Path, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        scan(runs, **options)  # type: ignore[arg-type]


def test_the_url_of_no_store_is_told_in_an_entry() -> None:
    (entry,) = scan("ftp://host/runs")
    assert "no store is known for ftp://" in str(entry.error)


def damaged_part(checkpoint: Path) -> None:
    """Lose one checkpointable beside the pytree that `orbscan.metadata` chooses."""
    shutil.copytree(checkpoint / "state", checkpoint / "other")
    (checkpoint / "other" / "_METADATA").write_text("{")


def test_what_could_not_be_read_is_read_again(runs: Path) -> None:
    (runs / "a" / "9" / "state" / "_METADATA").write_text("{")
    damaged_part(runs / "a" / "10")
    first = [*scan(runs / "a", ordered=True)]
    assert [entry.fingerprint is None for entry in first] == [True, True, False]
    for before in (first, [pickle.loads(pickle.dumps(entry)) for entry in first]):  # noqa: S301
        again = [*scan(runs / "a", since=before, ordered=True)]
        assert [entry.state for entry in again] == ["read", "read", "unchanged"]
        assert again[0].error is not None
        third = scan(runs / "a", since=again, ordered=True)
        assert [entry.state for entry in third] == ["read", "read", "unchanged"]


def test_entries_without_trees_do_not_count_as_read_where_trees_are_wanted(runs: Path) -> None:
    def states(since: list[CheckpointEntry], *, leaves: bool) -> set[str]:
        return {entry.state for entry in scan(runs, since=since, leaves=leaves)}

    headers = [*scan(runs, leaves=False)]
    assert states(headers, leaves=True) == {"read"}
    assert states(headers, leaves=False) == {"unchanged"}
    assert states([*scan(runs, since=headers, leaves=False)], leaves=True) == {"read"}
    assert states([*scan(runs)], leaves=False) == {"unchanged"}


def test_a_pattern_stands_for_roots_in_the_order_of_their_numbers(runs: Path) -> None:
    (runs / "a" / "README.txt").write_text("of the run")
    assert ways([*scan(str(runs / "a" / "*"), ordered=True)], runs) == ALL[:3]
    assert ways([*scan(str(runs / "**"), ordered=True)], runs) == ALL
    assert ways([*scan(str(runs / "*" / "**"), ordered=True)], runs) == ALL


def test_what_lies_in_two_roots_is_told_once(runs: Path) -> None:
    inner = runs / "a"
    told: list[list[str | Path]] = [[runs, inner], [inner, runs], [inner, runs, runs, f"{inner}/."]]
    for roots in told:
        found = [*scan(roots)]
        assert sorted(ways(found, runs)) == sorted(ALL)
        of_inner = [entry for entry in found if str(entry.root) == str(inner)]
        assert sorted(ways(of_inner, runs)) == sorted(way for way in ALL if way.startswith("a/"))
        # However roots lie in one another then and now, nothing is gone, and nothing comes twice.
        for others in (roots, *([runs], [runs, inner])):
            again = [*scan(others, since=found)]
            assert sorted(ways(again, runs)) == sorted(ALL)
            assert {entry.state for entry in again} == {"unchanged"}
        shutil.copytree(inner / "9", inner / "11")
        before = [*scan(roots)]
        shutil.rmtree(inner / "11")
        gone = [entry for entry in scan(roots, since=before) if entry.state == "vanished"]
        assert ways(gone, runs) == ["a/11"]


@pytest.mark.parametrize("steps", [[1, 2], [1, 2, 10], (1, 2, 10), "1:2", (1, "2"), 1.0])
def test_steps_in_another_form_are_refused(runs: Path, steps: Any) -> None:
    with pytest.raises(TypeError, match="a tuple of the first and the last number"):
        scan(runs, steps=steps)


def test_numbers_of_numpy_are_steps(runs: Path) -> None:
    assert scanned(runs, steps=np.int64(9)) == ["a/9"]
    assert scanned(runs, steps=(np.int64(10), None)) == ["a/10", "a/100"]


def test_the_rule_for_what_is_committed_can_be_auto(runs: Path) -> None:
    assert scanned(runs, atomicity="auto") == ALL
