"""Whether all of a checkpoint could be read: one answer everywhere, and what is read again."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from orbscan import _core
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _replace(file: str, old: str, new: str) -> Callable[[Path], object]:
    def replace(checkpoint: Path) -> None:
        text = (checkpoint / file).read_text()
        assert old in text
        (checkpoint / file).write_text(text.replace(old, new, 1))

    return replace


def _write(file: str, text: str) -> Callable[[Path], object]:
    def write(checkpoint: Path) -> None:
        (checkpoint / file).parent.mkdir(exist_ok=True)
        (checkpoint / file).write_text(text)

    return write


def _item(text: str) -> Callable[[Path], object]:
    def copy(checkpoint: Path) -> None:
        shutil.copytree(checkpoint / "state", checkpoint / "other")
        (checkpoint / "other" / "_METADATA").write_text(text)

    return copy


def _lost_array(checkpoint: Path) -> None:
    file = checkpoint / "state" / "_METADATA"
    document = json.loads(file.read_text())
    next(iter(document["tree_metadata"].values()))["key_metadata"][0]["key"] = "lost"
    file.write_text(json.dumps(document))


LOSSES: dict[str, Callable[[Path], object]] = {
    "the tree": _write("state/_METADATA", "{"),
    "a leaf": _lost_array,
    "another checkpointable": _item("{"),
    "a checkpointable without a directory": _replace(
        "_CHECKPOINT_METADATA", '"item_handlers": {', '"item_handlers": {"gone": "Handler", '
    ),
    "times and custom metadata": _write("_CHECKPOINT_METADATA", "{"),
    "all shardings": _write("state/_sharding", "{"),
    "one sharding": _replace("state/_sharding", "Sharding", "Spiral"),
    "metrics": _write("metrics/metrics", "{"),
}
TOLERATED: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "_sharding was never written": lambda checkpoint: (checkpoint / "state" / "_sharding").unlink(),
    "a write shape of another rank": _replace(
        "state/_METADATA", '"write_shape": [', '"write_shape": [1, '
    ),
}
FAULTS = {**LOSSES, **TOLERATED}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_answer_agrees_on_what_is_complete(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    FAULTS[fault](runs / "a" / "10")
    complete = fault in TOLERATED
    expected = {str(path): True for path in (*runs.glob("a/*"), *runs.glob("b/*"))}
    expected[str(runs / "a" / "10")] = complete
    assert {str(entry.path): entry.complete for entry in orbscan.scan(runs)} == expected
    for table in (orbscan.leaf_table, orbscan.checkpoint_table):
        rows = pa.table(table(runs)).select(["path", "complete"]).to_pylist()
        assert {row["path"]: row["complete"] for row in rows} == expected
    status = 0 if complete else 5
    assert main(["ls", str(runs)]) == status
    states = capsys.readouterr().out
    assert ("incomplete  " in states or "broken  " in states) != complete
    for which in ("leaves", "checkpoints"):
        for target in ("t.jsonl", "t.parquet", "t.csv"):
            command = ["scan", str(runs), "--table", which, "-o", str(tmp_path / target)]
            assert main(command) == status
    assert ("1 of 5 checkpoints" in capsys.readouterr().err) != complete


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("table", ["leaves", "checkpoints"])
@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_only_what_had_a_fault_is_read_again(
    runs: Path, tmp_path: Path, fault: str, table: str, ending: str
) -> None:
    FAULTS[fault](runs / "a" / "10")
    file = tmp_path / f"t.{ending}"
    command = ["scan", str(runs), "--table", table, "-o", str(file)]
    assert main(command) == main([*command, "--since", str(file)])
    again = [] if fault == "nothing" else [str(runs / "a" / "10")]
    earlier: Any = [*orbscan.scan(runs)]
    assert _read_again(runs, earlier) == again
    if ending != "jsonl":
        assert _read_again(runs, file) == again


def _read_again(runs: Path, since: Any) -> list[str]:
    entries = orbscan.scan(runs, since=since, ordered=True)
    return [str(entry.path) for entry in entries if entry.state != "unchanged"]


def test_of_what_was_not_read_it_is_not_said(runs: Path) -> None:
    (runs / "a" / "9").rename(runs / "a" / "9.orbax-checkpoint-tmp")
    first = [*orbscan.scan(runs / "a", ordered=True)]
    assert [(entry.state, entry.complete) for entry in first] == [
        ("read", True),
        ("read", True),
        ("unread", None),
    ]
    shutil.rmtree(runs / "a" / "10")
    second = [*orbscan.scan(runs / "a", since=first, ordered=True)]
    assert [(entry.state, entry.complete) for entry in second] == [
        ("unchanged", True),
        ("unread", None),
        ("vanished", None),
    ]
    columns = pa.table(orbscan.checkpoint_table(runs / "a", ordered=True))
    assert columns["complete"].to_pylist() == [True, None]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_of_checkpoints_takes_one_scan(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """A tolerated fault made the command scan the checkpoint once more."""
    FAULTS[fault](runs / "a" / "10")
    begun: list[object] = []
    scan = _core.scan

    def counted(*arguments: Any, **options: Any) -> Any:
        begun.append(arguments)
        return scan(*arguments, **options)

    monkeypatch.setattr(_core, "scan", counted)
    target = tmp_path / "t.parquet"
    main(["scan", str(runs), "--table", "checkpoints", "-o", str(target)])
    assert len(begun) == 1


def test_a_table_that_says_nothing_of_it_is_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pa.table(orbscan.leaf_table(runs)).drop_columns(["complete"])
    with pytest.raises(ValueError, match="has no column 'complete'"):
        orbscan.scan(runs, since=table)
    lines = tmp_path / "t.jsonl"
    assert main(["scan", str(runs), "-o", str(lines)]) == 0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    lines.write_text("".join(json.dumps({**row, "complete": 0}) + "\n" for row in rows[:1]))
    assert main(["scan", str(runs), "-o", str(lines), "--since", str(lines)]) == 0
    without = [{name: row[name] for name in row if name != "complete"} for row in rows]
    lines.write_text("".join(json.dumps(row) + "\n" for row in without))
    assert main(["scan", str(runs), "-o", str(lines), "--since", str(lines)]) == 2
    assert "t.jsonl: line 1 is not a row of an earlier scan" in capsys.readouterr().err


def test_a_checkpoint_of_two_minds_is_read_again(runs: Path) -> None:
    """Tables of two scans, one after the other, are an earlier table as well."""
    first = pa.table(orbscan.checkpoint_table(runs, ordered=True))
    (runs / "a" / "10" / "_CHECKPOINT_METADATA").write_text("{}")
    both = pa.concat_tables([first, pa.table(orbscan.checkpoint_table(runs, ordered=True))])
    assert _read_again(runs, both) == [str(runs / "a" / "10")]
