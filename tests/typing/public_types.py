"""The types that users see, checked by `mypy --strict` and never run."""

from __future__ import annotations

import datetime as dt
from typing import Any, assert_type

import orbscan
from orbscan import CheckpointMetadata, Issue, PyTreeMetadata, types


def metadata_is_of_a_pytree(path: str) -> None:
    found = orbscan.metadata(path)
    assert_type(found, CheckpointMetadata[PyTreeMetadata])
    assert_type(found.commit_timestamp, dt.datetime | None)
    assert_type(found.commit_timestamp_nsecs, int | None)
    assert_type(found.issues, tuple[Issue, ...])


def checkpointables_are_a_dict(path: str) -> None:
    found = orbscan.checkpointables_metadata(path)
    assert_type(found, CheckpointMetadata[dict[str, Any]])


def a_checkpoint_or_not(path: str) -> None:
    assert_type(orbscan.is_orbax_checkpoint(path), bool)


def differences_are_values(path: str, tree: dict[str, Any]) -> None:
    found = orbscan.diff(path, tree, ignore={"sharding"})
    assert_type(found, orbscan.Diff)
    assert_type(found.same, bool)
    assert_type(found.changed[0].what, tuple[str, ...])
    assert_type(found.added[0].keypath, tuple[str | int, ...])


def leaves_have_shapes(leaf: orbscan.ArrayMetadata, host: orbscan.NumpyMetadata) -> None:
    assert_type(leaf.shape, tuple[int, ...])
    assert_type(leaf.nbytes, int)
    assert_type(host.size, int)


def errors_say_where(error: orbscan.OrbscanError) -> None:
    assert_type(error.kind, types.ErrorKind)
    assert_type(error.file, str | None)
    assert_type(error.offset, int | None)


def steps_are_paths_with_facts(root: str) -> None:
    assert_type(orbscan.steps(root), orbscan.Steps)
    step = orbscan.best(root, "loss", "min")
    assert_type(step, orbscan.Step)
    assert_type(step.metrics, Any)
    assert_type(step.commit_timestamp, dt.datetime | None)
    assert_type(step.error, orbscan.OrbscanError | None)
    assert_type(orbscan.metadata(step, step=None), CheckpointMetadata[PyTreeMetadata])
    assert_type(orbscan.metadata(root, step=("loss", "max")).issues, tuple[Issue, ...])
    assert_type(orbscan.root_metadata(root).custom_metadata, dict[str, Any])


def words_are_literals(root: str) -> None:
    entry = next(orbscan.scan(root))
    assert_type(entry.kind, types.CheckpointKind)
    assert_type(entry.state, types.EntryState)
    assert_type(orbscan.latest(root).state, types.StepState)
    assert_type(orbscan.metadata(root).items[0].kind, types.ItemKind)
    if entry.kind == "v2":  # type: ignore[comparison-overlap]
        raise AssertionError
    orbscan.scan(root, atomicity="rename")  # type: ignore[arg-type]


def keywords_of_scans_are_known(root: str, options: types.ScanOptions) -> None:
    """Each comment is needed: mypy refuses the line without it."""
    assert_type(orbscan.leaf_table(root, **options), orbscan.ArrowStream)
    assert_type(orbscan.schema("leaves", categories=True), orbscan.ArrowSchema)
    orbscan.schema("steps")  # type: ignore[arg-type]
    orbscan.scan(root, **options)
    orbscan.leaf_table(root, latest=1, match="*", since={}, shard=(0, 2))
    orbscan.scan(root, newest=1)  # type: ignore[call-arg]
    orbscan.leaf_table(root, newest=1)  # type: ignore[call-arg]
    orbscan.checkpoint_table(root, newest=1)  # type: ignore[call-arg]
    orbscan.checkpoint_table(root, latest="1")  # type: ignore[arg-type]


def one_path_is_measured_or_many(path: str) -> None:
    assert_type(orbscan.du(path), orbscan.Usage)
    several = orbscan.du([path])
    assert_type(several, orbscan.Usages)
    assert_type(several[0], orbscan.CheckpointUsage)
    assert_type(several[0].state, types.CheckpointState)
    orbscan.du([path], "params")  # type: ignore[call-overload]


def a_leaf_is_opened_by_text_or_keys(path: str) -> None:
    orbscan.open_array(path, "params/embed")
    orbscan.open_array(path, ("params", "embed"))
