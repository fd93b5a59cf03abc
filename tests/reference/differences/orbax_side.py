"""What the installed Orbax answers, any number of questions in one process.

To be called by `processes.elsewhere`: where Orbax fails, it leaves undone what ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orbax.checkpoint as v0
from orbax.checkpoint._src.path import temporary_paths
from orbax.checkpoint.experimental import v1

import orbscan
import orbscan.orbax
from tests.reference.differences.situation import Answer, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.reference.differences.situation import Question


def answers(questions: list[Question]) -> list[Answer]:
    """The answer to each question."""
    warnings.simplefilter("ignore")
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    return [_answer(question) for question in questions]


def _answer(question: Question) -> Answer:
    try:
        return Answer(WAYS[question.way](question.path, *question.arguments))
    except Exception as error:  # noqa: BLE001  whatever Orbax raises is the answer
        return Answer(None, type(error).__name__, str(error))


def metadata(path: Path, *arguments: Any) -> Any:
    """The tree; None where there is none."""
    found = v1.metadata(path, *arguments).metadata
    return None if found is None else described(found)


def names_of_v0(path: Path) -> list[str]:
    """The names of the leaves that the older interface gives."""
    import jax
    from etils import epath

    found = v0.PyTreeCheckpointHandler().metadata(epath.Path(path))
    return sorted(leaf.name for leaf in jax.tree.leaves(found.tree))


def v0_custom(path: Path, word: str, name: str) -> str:
    """What class the older interface gives for a leaf whose handler is registered."""
    from etils import epath

    from tests.support.custom_leaf import ConfigHandler, registered

    with registered(ConfigHandler(word)):
        found = v0.PyTreeCheckpointHandler().metadata(epath.Path(path))
    return type(found.tree[name]).__name__


def checkpointables(path: Path) -> dict[str, Any]:
    """The tree of each checkpointable."""
    found = v1.checkpointables_metadata(path).metadata
    return {name: None if tree is None else described(tree) for name, tree in found.items()}


def as_safetensors(path: Path) -> Any:
    """The tree in a context that names the layout."""
    with v1.Context(checkpoint_layout=v1.options.CheckpointLayout.SAFETENSORS):
        return metadata(path)


def drop_in_as_orbax(path: Path) -> Any:
    """The tree that `orbscan.orbax` gives inside a context of Orbax's own layout."""
    with v1.Context():
        return described(orbscan.orbax.metadata(path).metadata)


def drop_in_commit_timestamp(path: Path) -> datetime | None:
    """The time of the commit that `orbscan.orbax` gives."""
    found: datetime | None = orbscan.orbax.metadata(path).commit_timestamp
    return found


def listed(path: Path) -> list[str]:
    """The names of checkpointables, in their order."""
    return list(v1.checkpointables_metadata(path).metadata)


def of_handlers(path: Path) -> list[Any]:
    """What Orbax and orbscan say of `foo` where its handler raises, and where it has none."""
    from tests.orbax.own_handlers import SilentHandler, context_with

    said: list[str] = []
    with context_with(foo=SilentHandler), _listening(said):
        theirs = v1.checkpointables_metadata(path).metadata["foo"]
        ours = orbscan.checkpointables_metadata(path)
    alone = orbscan.checkpointables_metadata(path)
    logged = any("foo" in line for line in said)
    return [theirs, logged, *((read.metadata["foo"], read.issues) for read in (ours, alone))]


def save_foo(path: Path) -> None:
    """Save a tree and something that has a handler of its own."""
    import numpy as np

    from tests.orbax.own_handlers import Foo, FooHandler, context_with

    with context_with(FooHandler):
        v1.save_checkpointables(path, {"foo": Foo(1), "state": {"w": np.zeros(2)}})


def commit_timestamp(path: Path) -> datetime | None:
    """The time of the commit."""
    found: datetime | None = v1.metadata(path).commit_timestamp
    return found


def commit_nsecs_of_safetensors(path: Path) -> int | None:
    """What is given as the nanoseconds of the commit, in a context that names the layout."""
    with v1.Context(checkpoint_layout=v1.options.CheckpointLayout.SAFETENSORS):
        found: int | None = v1.metadata(path).commit_timestamp_nsecs
    return found


def logged(path: Path) -> list[str]:
    """What `metadata` says in the log, and not to the caller."""
    said: list[str] = []
    with _listening(said):
        v1.metadata(path)
    return said


@contextlib.contextmanager
def _listening(said: list[str]) -> Iterator[None]:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger("absl"), Handler(logging.WARNING)
    level = logger.level
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def from_directory(cwd: Path, path: str) -> Any:
    """The tree at a path, asked in a directory that is the home directory, too."""
    os.environ["HOME"] = str(cwd)
    with contextlib.chdir(cwd):
        return metadata(Path(path))


def is_checkpoint(path: Path) -> bool:
    """Whether it is one."""
    return bool(v1.is_orbax_checkpoint(path))


def is_finalized(path: Path) -> bool:
    """Whether the save of it has ended."""
    return bool(asyncio.run(temporary_paths.is_path_finalized(path)))


def restored(path: Path) -> list[str]:
    """The names in a flat checkpoint that was restored."""
    return sorted(v0.PyTreeCheckpointer().restore(path))


def loaded(path: Path) -> list[str]:
    """The names in the tree that `load` gives."""
    return sorted(v1.load(path))


def loaded_with_gaps(path: Path) -> list[str]:
    """The same where missing chunks are no error."""
    loading = v1.options.ArrayOptions.Loading(raise_array_data_missing_error=False)
    with v1.Context(array_options=v1.options.ArrayOptions(loading=loading)):
        return loaded(path)


def loaded_as(path: Path, abstract: Any) -> list[str]:
    """The names in what `load` gives of a part of a tree."""
    loading = v1.options.PyTreeOptions.Loading(partial_load=True)
    with v1.Context(pytree_options=v1.options.PyTreeOptions(loading=loading)):
        return sorted(v1.load(path, abstract))


def loaded_by_a_checkpointer(root: Path, member: str | None) -> list[str]:
    """The names in what a checkpointer loads, given one member of orbscan's metadata, or all."""
    found = orbscan.metadata(root / "0")
    with v1.training.Checkpointer(root) as checkpointer:
        abstract: Any = found if member is None else getattr(found, member)
        return sorted(checkpointer.load(0, abstract))


def saved(path: Path, tree: Any) -> None:
    """Saves a tree."""
    v1.save(path, tree)


def steps(root: Path, prefix: str | None = None) -> tuple[list[int], int | None]:
    """The steps of a manager, and the latest."""
    return _steps(root, step_prefix=prefix)


def steps_by_commit_file(root: Path) -> tuple[list[int], int | None]:
    """The same, with commit files."""
    atomicity = v0.options.AtomicityOptions(v0.options.AtomicityMode.COMMIT_FILE)
    return _steps(root, atomicity_options=atomicity)


def _steps(root: Path, **options: Any) -> tuple[list[int], int | None]:
    chosen = v0.CheckpointManagerOptions(read_only=True, **options)
    with v0.CheckpointManager(root, options=chosen) as manager:
        return sorted(manager.all_steps()), manager.latest_step()


def best_step(root: Path, metric: str) -> int | None:
    """The step with the greatest metric."""
    options = v0.CheckpointManagerOptions(best_fn=lambda found: found[metric], read_only=True)
    with v0.CheckpointManager(root, options=options) as manager:
        step: int | None = manager.best_step()
        return step


def restored_step(root: Path, step: int) -> list[str]:
    """The names of what a manager restores of a step."""
    with v0.CheckpointManager(root, options=v0.CheckpointManagerOptions(read_only=True)) as manager:
        return sorted(manager.restore(step).keys())


def root_metadata(root: Path) -> Any:
    """What is stored about all steps."""
    options = v0.CheckpointManagerOptions(read_only=True)
    with v0.CheckpointManager(root, options=options) as manager:
        return manager.metadata().custom_metadata


def leaf_objects(path: Path) -> dict[str, Any]:
    """Whether a leaf of a list can be changed, and how many objects its leaves are."""
    found = v1.metadata(path).metadata["long"]
    found[0].shape = (1, 2)
    changed, objects = found[0].shape == (1, 2), {id(leaf) for leaf in found}
    return {"changed": changed, "objects": len(objects), "leaves": len(found)}


def joint_axes(path: Path, name: str) -> Any:
    """The first member of the partition spec of a leaf, as it is."""
    return v1.metadata(path).metadata[name].sharding_metadata.partition_spec[0]


def sharding_shape(path: Path, name: str) -> Any:
    """What is given as the shape of the mesh of a leaf."""
    return v1.metadata(path).metadata[name].sharding_metadata.shape.tolist()


def write_shape(path: Path, name: str) -> Any:
    """What is given as the write shape of a leaf."""
    return v1.metadata(path).metadata[name].storage_metadata.write_shape


WAYS: dict[str, Callable[..., Any]] = {
    way.__name__: way
    for way in (
        metadata,
        v0_custom,
        checkpointables,
        as_safetensors,
        drop_in_as_orbax,
        drop_in_commit_timestamp,
        listed,
        of_handlers,
        commit_timestamp,
        commit_nsecs_of_safetensors,
        logged,
        from_directory,
        is_checkpoint,
        is_finalized,
        restored,
        loaded,
        loaded_with_gaps,
        loaded_as,
        loaded_by_a_checkpointer,
        saved,
        steps,
        steps_by_commit_file,
        best_step,
        restored_step,
        root_metadata,
        leaf_objects,
        joint_axes,
        names_of_v0,
        sharding_shape,
        write_shape,
    )
}
