"""The content of a manager root: its steps, the latest, the best, and metadata about all of them.

No tree is read, so thousands of steps take a fraction of a second.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.errors import InvalidLayoutError
from orbscan.model.result import Issue
from orbscan.places import join, path_of
from orbscan.reading.paths import place_of
from orbscan.reading.step import RootMetadata, Step, Steps
from orbscan.reading.step_choice import LATEST, MAX, best_step, list_steps, read_steps

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import AnyPath, Atomicity, Mode, Prefix, StoreOptions


def steps(  # noqa: PLR0913 - keywords, each with a meaning of its own
    root: str | os.PathLike[str],
    *,
    atomicity: Atomicity = "auto",
    prefix: Prefix = ...,
    details: bool = True,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Steps:
    """List the steps of a manager root, by number and then by name.

    Every directory counts whose name is a number, with or without a prefix and leading zeros: `7`,
    `007`, `step_7` and `_7` are four steps. Saves that never finished count, too; they are not
    committed. A step that lacks something or cannot be read has an `error`, committed or not, and
    does not hide others. If there are checkpoints under one prefix, directories under another
    prefix without any, such as `events_2024`, do not count.

    Args:
        root: the directory that holds the steps, or its URL; `~` stands for the home directory.
        atomicity: what makes Orbax consider a step finished, in its own words: `atomic_rename`, a
            name that is not temporary; `commit_file`, a file `commit_success.txt`, which is the
            rule in `gs://`, and therefore for a copy of a bucket; `commit_file_or_atomic_rename`,
            either, as with `allow_legacy_atomic_rename`; `auto`, Orbax's rule for the store of the
            root.
        prefix: lists only steps whose names begin with it and an underscore, as with `step_prefix`
            of Orbax's manager; None for bare numbers. By default all.
        details: False reads names only, which in a bucket is one request, however many steps there
            are: times, metrics, custom metadata, issues and errors are then not read, so a step
            without an `error` may be broken, and no directory beside the steps is examined.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the root does not exist; or there is no step in it, but in
            directories in it, which the message names.
        InvalidLayoutError: the root is a file, or itself a checkpoint in which there is no step.
        StoreError: the file system refused or failed.
        ValueError: there are store options for a path on a disk, or there is no such atomicity.
        TypeError: the prefix is neither a string nor None.
    """
    text = place_of(root, store=store, store_options=store_options)
    directory = path_of(text)
    rows, others, not_looked_into = list_steps(text, atomicity, prefix, details=details)
    if not rows and not others:
        _refuse_root_of_roots(text, atomicity, prefix)
    found = Steps(_step(directory, row) for row in rows)
    found.path = directory
    found.others = tuple(others)
    found.not_looked_into = not_looked_into
    return found


def _refuse_root_of_roots(root: str, atomicity: Atomicity, prefix: Prefix) -> None:
    """Refuse a directory without steps that has directories of steps, in the words of `latest`.

    Raises:
        CheckpointNotFoundError: it is such a directory; the message names those in it.
    """
    try:
        read_steps(root, LATEST, atomicity, prefix)
    except InvalidLayoutError as error:
        if error.advice is not None and error.advice[0] == "step_of_one":
            raise


def latest(
    root: str | os.PathLike[str],
    *,
    atomicity: Atomicity = "auto",
    prefix: Prefix = ...,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Step:
    """Find the committed step with the greatest number; of equal ones the last, as in Orbax.

    It may be a broken one, from which a manager of Orbax would resume and fail: then it has an
    `error`.

    Args:
        root: as for `steps`.
        atomicity: as for `steps`.
        prefix: as for `steps`; needed if the steps have several prefixes.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the root does not exist, or has no step.
        InvalidLayoutError: for the reasons of `steps`, or no step is committed, or their prefixes
            differ.
        StoreError: as for `steps`; so are all others.
    """
    text = place_of(root, store=store, store_options=store_options)
    (row,) = read_steps(text, LATEST, atomicity, prefix)
    return _step(path_of(text), row)


def best(  # noqa: PLR0913 - keywords, each with a meaning of its own
    root: str | os.PathLike[str],
    metric: str,
    mode: Mode = MAX,
    *,
    atomicity: Atomicity = "auto",
    prefix: Prefix = ...,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Step:
    """Find the committed step with the greatest value of a metric; of equal ones the last.

    Steps in which the metric is not a number are left out, including those whose metrics cannot be
    read, about which `steps` has an `error`. A boolean counts as 0 or 1; NaN is never the best.

    Args:
        root: as for `steps`.
        metric: a member of the metrics that the manager was given with each step. A name with dots
            reaches into objects: `eval.loss`, unless there is a member with that name.
        mode: `max`, or `min` for the least value.
        atomicity: as for `steps`.
        prefix: as for `latest`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the root does not exist, or the metric is not a number in any step.
        ValueError: there is no such mode; otherwise as for `steps`.
        InvalidLayoutError: as for `latest`; so are all others.
    """
    text = place_of(root, store=store, store_options=store_options)
    return _step(path_of(text), best_step(text, metric, mode, atomicity, prefix))


def root_metadata(
    root: str | os.PathLike[str],
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> RootMetadata:
    """Read what the user of a manager stored about all steps: `metadata` of Orbax's managers.

    Empty if nothing was stored.

    Raises:
        CheckpointNotFoundError: the root does not exist.
        FormatError: the file is damaged.
        StoreError: the file system refused or failed.
        ValueError: there are store options for a path on a disk.
    """
    text = place_of(root, store=store, store_options=store_options)
    with importing:
        from orbscan import _core

    internal, custom = _core.read_root_metadata(text)
    return RootMetadata(path_of(text), _object(custom), _object(internal))


def _step(root: AnyPath, row: _core.Step) -> Step:
    return Step(
        path_of(join(os.fspath(root), row.name)),
        row.step,
        row.committed,
        row.temporary,
        row.commit_reason,
        prefix=row.prefix,
        init_timestamp_nsecs=row.init_timestamp_nsecs,
        commit_timestamp_nsecs=row.commit_timestamp_nsecs,
        metrics=None if row.metrics is None else json.loads(row.metrics),
        custom_metadata=_object(row.custom_metadata),
        issues=tuple(Issue(*issue) for issue in row.issues),
        error=row.error,
    )


def _object(text: str | None) -> dict[str, Any]:
    decoded: dict[str, Any] = {} if text is None else json.loads(text)
    return decoded
