"""What a manager root holds: its steps, the latest, the best, and what it says of all of them.

No tree is read, so thousands of steps take a fraction of a second.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.model.result import Issue, as_datetime
from orbscan.model.value import Value, as_dataclass
from orbscan.reading.api import local_path
from orbscan.reading.metric import lines
from orbscan.reading.step_choice import LATEST, MAX, best_step, list_steps, read_steps
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import moment, printable

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from orbscan import _core
    from orbscan.aliases import Atomicity, Mode, Prefix, StepState
    from orbscan.errors import OrbscanError


# How long a line of metrics is at most.
_METRICS_WIDTH = 200


@as_dataclass
class Step(Value, frozen=True):
    """One step of a manager root. It is a path: give it wherever a checkpoint is asked for.

    Attributes:
        path: of its directory.
        step: the number in the name of the directory.
        committed: whether a job would take it for finished, as Orbax decides.
        temporary: whether a job that cleans up when it starts would delete it.
        commit_reason: why, in words.
        prefix: what stands before the number and an underscore in the name; None for a bare number.
        init_timestamp_nsecs: when the save began, in nanoseconds since 1970 in UTC; None if the
            writer did not say.
        commit_timestamp_nsecs: when the save finished, likewise.
        metrics: what the manager was told about the step, usually a dict; None if it was told
            nothing.
        custom_metadata: what the user stored beside the trees.
        issues: the faults that were tolerated.
        error: what of it is missing or cannot be read; None if all is there. The arrays
            themselves are not looked at.
    """

    path: Path
    step: int
    committed: bool
    temporary: bool
    commit_reason: str
    prefix: str | None = None
    init_timestamp_nsecs: int | None = None
    commit_timestamp_nsecs: int | None = None
    metrics: Any = None
    custom_metadata: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    error: OrbscanError | None = None

    def __str__(self) -> str:
        """Show it in a line, as `print` does: path, state, time, metrics."""
        words = [self.state, *([] if self.commit_timestamp_nsecs is None else [self._when()])]
        words += filter(None, lines([self.metrics], _METRICS_WIDTH))
        return printable(f"{self.path}: {', '.join(words)}")

    @property
    def state(self) -> StepState:
        """In one word: `committed`, `broken` if something of it is missing, or `uncommitted`."""
        if not self.committed:
            return "uncommitted"
        return "committed" if self.error is None else "broken"

    def _when(self) -> str:
        return "" if self.commit_timestamp_nsecs is None else moment(self.commit_timestamp_nsecs)

    def __fspath__(self) -> str:
        """Give the path as text: `metadata(step)` is `metadata(step.path)`."""
        return str(self.path)

    @property
    def name(self) -> str:
        """The name of the directory: prefix, padding and number."""
        return self.path.name

    @property
    def init_timestamp(self) -> datetime | None:
        """When the save began, in UTC, cut to microseconds; None if the writer did not say.

        Raises:
            OverflowError: the moment lies outside the years 1 to 9999.
        """
        return as_datetime(self.init_timestamp_nsecs)

    @property
    def commit_timestamp(self) -> datetime | None:
        """When the save finished, in UTC, cut to microseconds; None if the writer did not say.

        Raises:
            OverflowError: the moment lies outside the years 1 to 9999.
        """
        return as_datetime(self.commit_timestamp_nsecs)


@as_dataclass
class RootMetadata(Value, frozen=True):
    """What is stored about all steps of a manager root.

    Attributes:
        path: of the root, as it was given.
        custom_metadata: what the user of the manager stored.
        internal_metadata: what Orbax stored for itself.
    """

    path: Path
    custom_metadata: dict[str, Any]
    internal_metadata: dict[str, Any]


class Steps(tuple[Step, ...]):  # noqa: SLOT001 - a tuple can have no slots for attributes
    """The steps of a manager root, by number and then by name.

    Attributes:
        others: the names of checkpoints, and of unfinished saves, that lie beside the steps and are
            not called like one; `step=` takes such a name.
        not_looked_into: how many directories beside the steps may be checkpoints as well: only
            the first 64 are looked into, and some cannot be read.
    """

    others: tuple[str, ...]
    not_looked_into: int

    def __str__(self) -> str:
        """Show them as a table, as `print` does."""
        if not self:
            return "no steps"
        metrics = lines([step.metrics for step in self], _METRICS_WIDTH)
        rows: list[tuple[str, ...]] = [("STEP", "NAME", "STATE", "COMMITTED", "METRICS")]
        for step, line in zip(self, metrics, strict=True):
            name = "" if step.name == str(step.step) else step.name
            cells = (str(step.step), name, step.state, step._when(), line)  # noqa: SLF001
            rows.append(tuple(map(printable, cells)))
        return "\n".join(Fitting().columns(rows, right={0}, gives=()))


def steps(
    root: str | os.PathLike[str], *, atomicity: Atomicity = "auto", prefix: Prefix = ...
) -> Steps:
    """List what a manager root holds, by number and then by name.

    Every directory counts whose name is a number, with or without a prefix and leading zeros:
    `7`, `007`, `step_7` and `_7` are four steps. So do the leftovers of saves that never finished;
    they are not committed. A step of which something is missing or cannot be read has an `error`,
    committed or not, and hides no other. Where there
    are checkpoints under one prefix, directories under another under which there are none, such
    as `events_2024`, do not count.

    Args:
        root: the directory that holds the steps, a local one; `~` stands for the home directory.
        atomicity: what makes Orbax take a step for finished, in its own words: `atomic_rename`, a
            name that is not temporary, which is what `auto` means on a local disk; `commit_file`, a
            file `commit_success.txt`, which is the rule in a bucket, and so for a copy of one;
            `commit_file_or_atomic_rename`, either, as with `allow_legacy_atomic_rename`.
        prefix: lists only steps whose names begin with it and an underscore, as with `step_prefix`
            of Orbax's manager; None for those that are bare numbers. By default all.

    Raises:
        CheckpointNotFoundError: the root does not exist.
        InvalidLayoutError: the root is a file, or itself a checkpoint in which there is no step.
        StoreError: the file system refused or failed.
        ValueError: the root is a remote URL, or the atomicity another word.
        TypeError: the prefix is neither a string nor None.
    """
    text = local_path(root)
    directory = Path(text)
    rows, others, not_looked_into = list_steps(text, atomicity, prefix)
    found = Steps(_step(directory, row) for row in rows)
    found.others = tuple(others)
    found.not_looked_into = not_looked_into
    return found


def latest(
    root: str | os.PathLike[str], *, atomicity: Atomicity = "auto", prefix: Prefix = ...
) -> Step:
    """Find the committed step of the greatest number, of equals the last by name, as Orbax does.

    It may be a broken one, at which a manager of Orbax would resume and fail: then it has an
    `error`.

    Args:
        root: as for `steps`.
        atomicity: as for `steps`.
        prefix: as for `steps`; needed where the steps have several.

    Raises:
        CheckpointNotFoundError: the root does not exist, or has no step.
        InvalidLayoutError: besides the reasons of `steps`, no step is committed, or their prefixes
            differ.
        StoreError: as for `steps`; so are all the others.
    """
    text = local_path(root)
    (row,) = read_steps(text, LATEST, atomicity, prefix)
    return _step(Path(text), row)


def best(
    root: str | os.PathLike[str],
    metric: str,
    mode: Mode = MAX,
    *,
    atomicity: Atomicity = "auto",
    prefix: Prefix = ...,
) -> Step:
    """Find the committed step with the greatest value of a metric; of equals the last.

    Steps in which the metric is not a number are left out, also those whose metrics cannot be
    read, as the `error` in `steps` tells. A boolean counts as 0 or 1; NaN is never the best.

    Args:
        root: as for `steps`.
        metric: a member of the metrics that the manager was given with each step. A name with dots
            reaches into objects: `eval.loss`, unless a member is itself called so.
        mode: `max`, or `min` for the least value.
        atomicity: as for `steps`.
        prefix: as for `latest`.

    Raises:
        CheckpointNotFoundError: the root does not exist, or the metric is a number in no step.
        ValueError: the mode is another word; otherwise as for `steps`.
        InvalidLayoutError: as for `latest`; so are all the others.
    """
    text = local_path(root)
    return _step(Path(text), best_step(text, metric, mode, atomicity, prefix))


def root_metadata(root: str | os.PathLike[str]) -> RootMetadata:
    """Read what the user of a manager stored about all steps: `metadata` of Orbax's managers.

    Empty if nothing was stored.

    Raises:
        CheckpointNotFoundError: the root does not exist.
        FormatError: the file is damaged.
        StoreError: the file system refused or failed.
        ValueError: the root is a remote URL.
    """
    text = local_path(root)
    with importing:
        from orbscan import _core

    internal, custom = _core.read_root_metadata(text)
    return RootMetadata(Path(text), _object(custom), _object(internal))


def _step(root: Path, row: _core.Step) -> Step:
    return Step(
        root / row.name,
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
