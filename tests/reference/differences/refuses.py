"""The table "It refuses where Orbax answers `None`"."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.damage.damages import MANIFEST, TREE, cut
from tests.reading.steps.support import write_step
from tests.reference.differences import orbax_side
from tests.reference.differences.situation import (
    Answer,
    Asking,
    Question,
    described,
    golden,
    row,
    tree,
)
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path


@row(
    "a damaged pytree in a composite checkpoint",
    "`metadata` returns `None` and logs a line",
    "`metadata` raises the error, with the file and the offset",
)
def damaged_item(folder: Path) -> Asking:
    paths = {name: golden("o0.12.8-v1/ckpt", folder / name) for name in (TREE, MANIFEST)}
    for name, path in paths.items():
        cut(name)(path / "state")
    theirs = yield [
        Question(way, path) for way in ("metadata", "logged") for path in paths.values()
    ]
    assert theirs[:2] == [Answer(None)] * 2
    for answer in theirs[2:]:
        assert len(answer.value) == 1
    for name, path in paths.items():
        with pytest.raises(orbscan.FormatError) as caught:
            orbscan.metadata(path)
        assert caught.value.file == str(path / "state" / name)
        assert caught.value.offset is not None


@row(
    "the same, through `checkpointables_metadata`",
    "`None`",
    "`None` for that item; the error is in `issues`",
)
def damaged_item_among_others(folder: Path) -> Asking:
    path = golden("o0.12.8-v1-checkpointables/all", folder)
    cut(TREE)(path / "state")
    theirs = yield [Question("checkpointables", path)]
    found = orbscan.checkpointables_metadata(path)
    expected = theirs[0].value
    assert expected.pop("state") is None
    assert found.metadata.pop("state") is None
    assert {
        name: None if item is None else described(item) for name, item in found.metadata.items()
    } == expected
    assert [issue.file for issue in found.issues] == [str(path / "state" / TREE)]


@row(
    "a directory that is not a checkpoint (a log folder, an empty directory, the root of a manager "
    "from before 0.5.11)",
    "`checkpointables_metadata` returns `{}` or a dict of `None`s",
    "an `InvalidLayoutError` that says what was looked for and which checkpoints lie below",
)
def no_checkpoint(folder: Path) -> Asking:
    root = golden("o0.5.10-manager/run", folder / "root")
    logs, empty = folder / "logs", folder / "empty"
    (logs / "train").mkdir(parents=True)
    (logs / "train" / "events.out.tfevents.1").write_bytes(b"x")
    empty.mkdir()
    theirs = yield [Question("checkpointables", path) for path in (root, logs, empty)]
    below = {path.name for path in root.iterdir() if path.is_dir()}
    assert theirs == [Answer(dict.fromkeys(below)), Answer({"train": None}), Answer({})]
    for path in (root, logs, empty):
        for read in (orbscan.metadata, orbscan.checkpointables_metadata):
            with pytest.raises(orbscan.InvalidLayoutError) as caught:
                read(path)
            # What was looked for; of a root, that it has steps.
            said = str(caught.value)
            assert "_CHECKPOINT_METADATA" in said or "is a directory of 2 steps" in said
            if path == root:
                assert "2 steps (0 to 10)" in said


@row(
    "a handler of the program itself that raises an error",
    "`None`, and a line in the log",
    "`orbscan.metadata` raises the same error; `orbscan.checkpointables_metadata` returns `None` "
    "for that item, and the reason is in `issues`",
)
def handler_that_raises(folder: Path) -> Asking:
    path = folder / "c"
    processes.elsewhere(orbax_side.save_foo, path)
    theirs = yield [Question("of_handlers", path)]
    value, logged, (ours, issues), _ = theirs[0].value
    assert (value, logged, ours) == (None, True, None)
    assert ["SilentHandler" in issue.reason for issue in issues] == [True]

    class Silent:
        def metadata(self, directory: Path) -> None:
            raise NotImplementedError(directory)

    with pytest.raises(NotImplementedError):
        orbscan.metadata(path, handlers={"state": Silent()})


@row(
    "an item written by a handler that is not available",
    "`None`",
    "`None`, and `issues` names the handler",
)
def handler_that_is_not_here(folder: Path) -> Asking:
    path = folder / "c"
    processes.elsewhere(orbax_side.save_foo, path)
    theirs = yield [Question("checkpointables", path)]
    assert theirs[0].value["foo"] is None
    read = orbscan.checkpointables_metadata(path)
    assert read.metadata["foo"] is None
    assert ["FooHandler" in issue.reason for issue in read.issues] == [True]


@row(
    "a name such as `7.partial_save`",
    "`is_path_finalized` returns true",
    "not committed; it is read as Orbax reads it, `issues` says that it was never finalized, and "
    "`verify` reports it",
)
def partial_save(folder: Path) -> Asking:
    path = folder / "root" / "7.partial_save"
    shutil.copytree(golden("o0.12.8-v1/ckpt", folder / "whole"), path)
    theirs = yield [Question("is_finalized", path), Question("metadata", path)]
    assert theirs[0].value is True
    assert tree(path) == theirs[1].value is not None
    (step,) = orbscan.steps(path.parent)
    assert not step.committed
    assert "partial save that was never finalized" in str(orbscan.metadata(path).issues)
    errors = [finding.code for finding in orbscan.verify(path).findings]
    assert errors == ["uncommitted"]


@row(
    "a metric that is `null`, a string, a list or an object in one step, with a `best_fn` that "
    "returns it",
    "`best_step` raises a `TypeError`",
    "`best` skips that step; NaN, which Orbax may choose, is never the best",
)
def metric_that_is_no_number(folder: Path) -> Asking:
    values = {"null": None, "text": "0.5", "list": [1.0], "object": {"loss": 1.0}, "nan": math.nan}
    for name, value in values.items():
        write_step(folder / name, "1", {"m": 1.0})
        write_step(folder / name, "2", {"m": value})
    theirs = yield [Question("best_step", folder / name, ("m",)) for name in values]
    *others, nan = theirs
    assert [answer.error for answer in others] == ["TypeError"] * 4
    assert nan.value == 2
    for name in values:
        assert orbscan.best(folder / name, "m").step == 1


@row(
    "a step that was only partly copied",
    "listed, also as the latest, without a warning; a restore fails",
    "listed, also as the latest, with an `error`",
)
def half_copied_step(folder: Path) -> Asking:
    root = golden("o0.12.8-manager/run", folder)
    for file in (root / "10").rglob("_*"):
        file.unlink()
    theirs = yield [Question("steps", root), Question("restored_step", root, (10,))]
    assert theirs[0].value == ([0, 10], 10)
    assert theirs[1].error is not None
    assert [step.step for step in orbscan.steps(root)] == [0, 10]
    latest = orbscan.latest(root)
    assert latest.step == 10
    assert latest.error is not None


@row(
    "one damaged metrics file among thousands of steps",
    "a `CheckpointManager` cannot be opened",
    "only that `Step` has an `error`",
)
def damaged_metrics(folder: Path) -> Asking:
    for step in range(20):
        write_step(folder, str(step), {"m": step})
    (folder / "7" / "metrics" / "metrics").write_text('{"m": ')
    theirs = yield [Question("steps", folder), Question("best_step", folder, ("m",))]
    assert theirs[0].error is not None
    assert theirs[1].error is not None
    found = orbscan.steps(folder)
    assert [step.step for step in found if step.error is not None] == [7]
    assert orbscan.best(folder, "m").step == 19
