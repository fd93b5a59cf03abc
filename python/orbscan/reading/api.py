"""The public functions about one checkpoint.

Everything beyond the extension module is imported when the first result is assembled.
"""

from __future__ import annotations

import sys

from orbscan import _core, errors
from orbscan._imports import Library, importing
from orbscan.reading.paths import place_of

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Any, Literal, TypeVar

    from orbscan.aliases import Atomicity, ErrorKind, StepChoice, StoreOptions
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata
    from orbscan.reading import answer, orbax_context
    from orbscan.reading import handlers as handling
    from orbscan.reading.handlers import Handler

    T = TypeVar("T")
else:
    answer = Library("orbscan.reading.answer")
    handling = Library("orbscan.reading.handlers")
    orbax_context = Library("orbscan.reading.orbax_context")

AUTO = "AUTO"

# A program that has not loaded it has not registered handlers with it.
_ORBAX = "orbax.checkpoint.experimental.v1"

METRICS = "metrics"
"""A name that Orbax reserves and never reads, although a program may have saved a pytree so."""

_DELETION = "_CHECKPOINT_DELETION"


def metadata(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str | os.PathLike[str],
    checkpointable_name: str | None = AUTO,
    *,
    rich_types: bool = False,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    recover: bool = False,
    handlers: Mapping[str, Handler] | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
    multihost: Literal["broadcast"] | None = None,
) -> CheckpointMetadata[PyTreeMetadata]:
    """Read the metadata of the pytree in a checkpoint.

    Reads no array data, and needs none of the devices of the save. The result can be passed to
    `orbax.checkpoint.load` as the tree to restore.

    Args:
        path: the checkpoint: a local directory, where `~` stands for the home directory, or the URL
            of one: `gs://`, `s3://`, `az://`, `abfss://`, `http(s)://`, `hf://`, `file://`.
        checkpointable_name: the sub-directory that holds the pytree; None if `path` itself holds
            it, even if `path` is a part of a checkpoint; the result is then about that part; `AUTO`
            for `pytree`, else `state`, else the first by name, else `path` itself.
        rich_types: whether to show saved tuples and namedtuples as such, if the writer recorded
            them, rather than as lists and dicts.
        step: if `path` is a directory of steps, the one to read: its number, `"latest"`, the one
            with the greatest or least value of a metric, `("loss", "min")`, or the name of a
            directory. None if `path` is the checkpoint.
        atomicity: when a checkpoint counts as finished: `atomic_rename`, a name that is not
            temporary; `commit_file`, a file `commit_success.txt`; `commit_file_or_atomic_rename`,
            either; `auto`, as Orbax decides: the file in `gs://`, the name everywhere else.
        allow_uncommitted: whether to read a save that never finished; `issues` then says so.
        recover: whether to list the content of the store itself, for a checkpoint whose `_METADATA`
            is missing: a dict from the names of the arrays to their shapes and types, without
            structure, shardings or anything that is not an array. `issues` says so.
        handlers: for each name of a checkpointable, the handler that describes it instead of
            orbscan: any object with a method `metadata(directory)`, plain or `async`. If Orbax is
            loaded, handlers of the program itself that are registered with it, globally or in the
            active context, are used as well.
        store: a store made with `obstore`, from which a URL is read; by default the URL and the
            environment determine it.
        store_options: options for the store of a URL, by the names in docs/buckets.md.
        multihost: `broadcast` for a program of many processes of `jax.distributed.initialize`: the
            first one reads, and all of them get the result, or its error. All must make the same
            calls in the same order. None if each process reads for itself.

    Raises:
        CheckpointNotFoundError: the path does not exist, or holds no such step.
        InvalidLayoutError: it is not a finished checkpoint, or has no pytree with that name.
        FormatError: a file of the checkpoint is damaged, or of an unknown kind.
        StoreError: the file system or the store refused or failed; `fault` says why.
        DeletionInProgressError: the pytree is being deleted.
        DeletionRecoveryError: the record of an interrupted deletion is damaged.
        ValueError: the name is empty or reserved, there are store options for a path on a disk, the
            step is not a step, or there is no such atomicity.
        TypeError: the name is neither a string nor None, or the step has none of its forms.
        RuntimeError: the process that reads for all has failed with another error, or does not
            answer.
        Exception: whatever a handler of the program itself raises.
    """
    if multihost is not None:
        return _for_all(
            path,
            checkpointable_name,
            multihost,
            rich_types=rich_types,
            step=step,
            atomicity=atomicity,
            allow_uncommitted=allow_uncommitted,
            recover=recover,
            handlers=handlers,
            store=store,
            store_options=store_options,
        )
    text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    check_name_as_orbax(checkpointable_name)
    # A recovery lists what a store holds, whatever handler wrote it.
    if (
        handlers
        and not recover
        and checkpointable_name is not None
        and checkpointable_name in handlers
    ):
        # It need not be a pytree: its handler knows.
        header = _core.read_header(
            text, checkpointable_name, atomicity=atomicity, allow_uncommitted=allow_uncommitted
        )
        return handling.one_of(answer.header(text, header), checkpointable_name, handlers)
    text, checkpoint = read_pytree(
        text,
        checkpointable_name,
        rich_types=rich_types,
        atomicity=atomicity,
        allow_uncommitted=allow_uncommitted,
        recover=recover,
    )
    read = answer.pytree(text, checkpoint)
    return _described("pytree", read, checkpoint, handlers)


def _for_all(
    path: str | os.PathLike[str], name: str | None, how: str, **options: Any
) -> CheckpointMetadata[PyTreeMetadata]:
    """Read in one process for all; the arguments are those of `metadata`."""
    import os

    if how != "broadcast":
        message = f"multihost is 'broadcast' or None, not {how!r}"
        raise ValueError(message)
    if options["handlers"] is not None:
        message = "handlers and multihost exclude each other: a handler's result has no bytes"
        raise ValueError(message)
    with importing:
        from orbscan.reading import broadcasting

    text = os.fspath(path)
    told = {key: options[key] for key in ("rich_types", "step", "atomicity", "recover")}
    return broadcasting.once_for_all(
        lambda: metadata(path, name, **options), text, f"{text!r} {name!r} {told!r}"
    )


def checkpointables_metadata(  # noqa: PLR0913 - as for metadata
    path: str | os.PathLike[str],
    *,
    rich_types: bool = False,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    handlers: Mapping[str, Handler] | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> CheckpointMetadata[dict[str, Any]]:
    """Read the metadata of every checkpointable in a checkpoint, by name.

    The value is the result of a handler of the program itself, if there is one; a tree for a
    pytree; and None for JSON, for an item that only another handler can describe, and for a pytree
    that cannot be read. For the latter two, `issues` names the handler, or the reason.

    Args:
        path: as for `metadata`.
        rich_types: as for `metadata`.
        step: as for `metadata`.
        atomicity: as for `metadata`.
        allow_uncommitted: as for `metadata`.
        handlers: as for `metadata`. An error of a handler is in `issues`, and the value is None.
        store: as for `metadata`.
        store_options: as for `metadata`.

    Raises:
        InvalidLayoutError: for the reasons of `metadata`, or the checkpoint holds one pytree
            without a name.
        CheckpointNotFoundError: as for `metadata`; so are all others.
    """
    text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    checkpoint = _core.read_checkpointables(
        text, rich_types, atomicity=atomicity, allow_uncommitted=allow_uncommitted
    )
    read = answer.checkpointables(text, checkpoint)
    return _described("checkpointables", read, checkpoint, handlers)


def _described(
    what: Literal["pytree", "checkpointables"],
    read: CheckpointMetadata[Any],
    checkpoint: _core.Checkpoint,
    given: Mapping[str, Handler] | None,
) -> CheckpointMetadata[Any]:
    """Let handlers of the program itself describe their items, if there can be any."""
    if not given and (_ORBAX not in sys.modules or orbax_context.has_plain_handlers()):
        return read
    describe = handling.pytree if what == "pytree" else handling.checkpointables
    return describe(read, checkpoint, given)


def is_orbax_checkpoint(
    path: str | os.PathLike[str],
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> bool:
    """Return whether a path is laid out like a finished Orbax checkpoint.

    Looks only at names: the files may still be damaged. False for a path or a step that does not
    exist.

    Args:
        path: as for `metadata`.
        step: as for `metadata`.
        atomicity: as for `metadata`.
        store: as for `metadata`.
        store_options: as for `metadata`.

    Raises:
        StoreError: the file system or the store refused or failed; `fault` says why.
        ValueError: there are store options for a path on a disk, the step is not a step, or there
            is no such atomicity.
        TypeError: as for `metadata`.
    """
    try:
        text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    except errors.InvalidLayoutError:
        return False
    return _core.is_orbax_checkpoint(text, atomicity=atomicity)


def read_pytree(  # noqa: PLR0913 - as for metadata
    path: str,
    name: str | None,
    *,
    rich_types: bool,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    recover: bool = False,
) -> tuple[str, _core.Checkpoint]:
    """Read the columns of one pytree; the part of `metadata` that needs no other library.

    Returns:
        the path of the checkpoint, another one than `path` where that is a part of it, and the
        columns.

    Raises as `metadata` does.
    """
    return within_checkpoint(
        lambda path, name: read_pytree_of(
            path,
            name,
            rich_types=rich_types,
            atomicity=atomicity,
            allow_uncommitted=allow_uncommitted,
            recover=recover,
        ),
        path,
        name,
    )


def read_pytree_of(  # noqa: PLR0913 - as for metadata
    path: str,
    name: str | None,
    *,
    rich_types: bool,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    recover: bool = False,
    first: str | None = None,
) -> _core.Checkpoint:
    """Read the columns of one pytree of a checkpoint; the directory of a pytree in it is refused.

    `first` is as in `orbax._release`, for the order of Orbax for `AUTO`. Raises as `metadata` does.
    """
    check_name(name)
    if recover:
        return _core.recover(path, name, atomicity=atomicity, allow_uncommitted=allow_uncommitted)
    return _core.read_pytree(
        path,
        name,
        rich_types,
        atomicity=atomicity,
        allow_uncommitted=allow_uncommitted,
        first=first,
    )


def within_checkpoint(
    ask: Callable[[str, str | None], T], path: str, name: str | None
) -> tuple[str, T]:
    """Ask about a pytree: without a name, `path` may be its directory in a checkpoint.

    Args:
        ask: asks about a checkpoint and a pytree in it.
        path: of the checkpoint or the pytree.
        name: of the pytree; only without one its directory can be meant.

    Returns:
        the path of the checkpoint, and the answer.

    Raises:
        InvalidLayoutError: neither is there; and whatever else `ask` raises.
    """
    try:
        return path, ask(path, name)
    except errors.InvalidLayoutError as error:
        path, name = _outer(path, name, error)
    return path, ask(path, name)


def _outer(path: str, name: str | None, error: errors.InvalidLayoutError) -> tuple[str, str]:
    """Return the checkpoint that contains a pytree, and its name there.

    Raises:
        InvalidLayoutError: the path was refused for something else, or another was meant.
    """
    import os

    above, own = os.path.split(path.rstrip("/"))
    advised = error.advice is not None and error.advice[:2] == ("name", own)
    if name is not None or error.kind != "unknown_layout" or not (advised and own):
        raise error
    return above or ".", own


def read_everything(
    path: str,
    *,
    rich_types: bool,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> _core.Checkpoint:
    """Read the columns of every pytree, including one without a name.

    Raises as `metadata` does; a pytree that cannot be read is an issue if another one can.
    """
    return _core.read_everything(
        path, rich_types, atomicity=atomicity, allow_uncommitted=allow_uncommitted
    )


def others(path: str, read: _core.Checkpoint) -> list[tuple[str | None, bool | None]]:
    """List the checkpointables beside the one that `read_pytree` has read, without reading them.

    Returns:
        their names, None for the tree of the checkpoint itself, and whether they are pytrees; None
        if the file system denies access.

    Raises:
        OrbscanError: as `metadata` does.
    """
    if not read.unread:
        return []
    (name, _), *_ = read.items
    return _core.others(path, name)


def check_name(name: str | None) -> None:
    """Check that a name can be that of a checkpointable.

    Raises:
        TypeError: it is neither a string nor None.
        ValueError: it is empty or reserved; an InvalidLayoutError if it is not a plain file name.
    """
    if name is None:
        return
    if not isinstance(name, str):
        message = f"the name of a checkpointable is a str or None, not {type(name).__name__}"
        raise TypeError(message)
    if not name:
        message = "the name of a checkpointable is empty; for a pytree without a name pass None"
        raise ValueError(message)
    if name == _DELETION:
        raise _reserved(name)
    if name in {".", ".."} or "/" in name or "\0" in name:
        reason = f"{name!r} cannot be the name of a checkpointable"
        kind: ErrorKind = "no_such_checkpointable"
        raise errors.error(kind, reason)


def check_name_as_orbax(name: str | None) -> None:
    """Check that a name is valid by the rules of Orbax, which does not read `metrics`.

    Raises as `check_name` does.
    """
    if name == METRICS:
        raise _reserved(name)
    check_name(name)


def _reserved(name: str) -> ValueError:
    return ValueError(f"the checkpointable name {name!r} is reserved")
