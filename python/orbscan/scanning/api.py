"""Many checkpoints at once: found below directories, read side by side, given one by one.

Importing this module loads nothing heavy; trees are assembled when they are asked for.
"""

from __future__ import annotations

from operator import index

from orbscan._imports import importing
from orbscan.scanning.roots import expanded

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from orbscan import _core
    from orbscan.aliases import Path, Since, StepRange
    from orbscan.errors import OrbscanError
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata

_LAST_STEP = (1 << 64) - 1
_MOST = (1 << 64) - 1

MOST_THREADS = 1_024
"""More of them would only wait for each other."""


def scan(  # noqa: PLR0913 - keywords, each with a meaning of its own
    roots: Path | Iterable[Path],
    *,
    steps: StepRange | None = None,
    latest: int | None = None,
    committed: bool | None = None,
    match: str | None = None,
    exclude: str | Iterable[str] = (),
    leaves: bool = True,
    ordered: bool = False,
    threads: int | None = None,
    since: Since | None = None,
    shard: tuple[int, int] | None = None,
    rich_types: bool = False,
    atomicity: str | None = None,
) -> Scan:
    """Search for checkpoints and read the metadata of each.

    Nothing that a single checkpoint, directory or file can have wrong ends a scan: it is told in
    an entry. The walk does not go into checkpoints, and follows links to directories unless they
    lead to where it comes anyway.

    Args:
        roots: one path or many. Each is a directory to search, a checkpoint, or a pattern such as
            `runs/*/checkpoints` if nothing of that very name exists. One that is given twice is
            searched twice.
        steps: only these: a number, a range without gaps, or a tuple of the first and the last,
            either of which may be None. A checkpoint whose name has no number is then left out.
        latest: only so many steps of each directory, the newest.
        committed: True for finished checkpoints only, False for unfinished ones only.
        match: only checkpoints whose way from the root matches: `*` and `?` stay within a level,
            `**` does not, `[0-9]` is a set of characters.
        exclude: one or several such patterns: a directory whose path from the root matches one of
            them is neither searched nor reported. A checkpoint that is itself a root is matched by
            its name; any other root is searched whatever its name.
        leaves: whether to read the trees; without them there are names, times, custom metadata
            and metrics.
        ordered: whether to give entries in the order of their paths, steps by their numbers,
            rather than as they come.
        threads: how many read side by side, at most 1,024; with one, everything happens in the
            calling thread.
        since: the entries of an earlier scan, or a table of it: a `.parquet` or `.arrow` file, or
            anything with `__arrow_c_stream__`; or fingerprints by paths, of what was read
            completely. What has not changed is not read again (`state` is `unchanged`), unless it
            was not read completely then, or trees are wanted and were not read; what is gone is
            told at the end (`vanished`). Paths compare as text, so the roots must be given as they
            were then.
        shard: `(index, count)`: only a stable share of the paths, for `count` machines.
        rich_types: as for `orbscan.metadata`.
        atomicity: what makes a checkpoint a finished one: `atomic_rename` (the default, also as
            `auto`: as Orbax decides on local disks), `commit_file` or
            `commit_file_or_atomic_rename`.

    Raises:
        ValueError: an argument has no meaning, or a root is a remote URL.
        TypeError: `steps` is something else.

    >>> [entry.step for entry in scan([])]
    []
    """
    return Scan(
        begun(
            roots,
            steps=steps,
            latest=latest,
            committed=committed,
            pattern=match,
            exclude=exclude,
            leaves=leaves,
            ordered=ordered,
            threads=threads,
            since=since,
            shard=shard,
            rich_types=rich_types,
            atomicity=atomicity,
        ),
        leaves=leaves,
    )


def begun(  # noqa: PLR0913 - as for scan
    roots: Path | Iterable[Path],
    *,
    steps: StepRange | None = None,
    latest: int | None = None,
    exclude: str | Iterable[str] = (),
    threads: int | None = None,
    since: Since | None = None,
    shard: tuple[int, int] | None = None,
    leaves: bool = True,
    atomicity: str | None = None,
    **options: Any,
) -> _core.Scan:
    """Begin a scan whose entries are columns; the part of `scan` that needs no other library.

    Raises as `scan` does.
    """
    for name, number, most in (("latest", latest, _MOST), ("threads", threads, MOST_THREADS)):
        if number is not None and not 1 <= number <= most:
            message = f"{name} must be at least 1 and at most {most:,}, not {number}"
            raise ValueError(message)
    if shard is not None and not 0 <= shard[0] < shard[1] <= _MOST:
        message = f"shard {shard} is not an index from 0 and a number of shares above it"
        raise ValueError(message)
    known = None
    if since is not None:
        from orbscan.scanning.since import fingerprints

        known = fingerprints(since, leaves=leaves)
    if known and not 0 <= min(known.values()) <= max(known.values()) <= _MOST:
        message = "the earlier scan has a fingerprint that is not a number of 64 bits"
        raise ValueError(message)
    with importing:
        from orbscan import _core

    return _core.scan(
        expanded(roots),
        steps=None if steps is None else step_bounds(steps),
        latest=latest,
        exclude=[exclude] if isinstance(exclude, str) else [*exclude],
        threads=threads,
        since=known,
        shard=shard,
        leaves=leaves,
        atomicity=atomicity,
        **options,
    )


class Scan:
    """The checkpoints of a scan, each as soon as it is read.

    An iterator; leaving it as a context manager, or closing it, ends the scan at once. Little is
    read ahead of what is taken. It belongs to the process that began it: in one that was forked
    since, whatever is asked of it raises a RuntimeError.
    """

    __slots__ = ("_core", "_leaves")

    def __init__(self, core: _core.Scan, *, leaves: bool = True) -> None:
        self._core = core
        self._leaves = leaves

    def __iter__(self) -> Iterator[CheckpointEntry]:
        """Give the iterator itself."""
        return self

    def __next__(self) -> CheckpointEntry:
        """Wait for the next checkpoint."""
        return CheckpointEntry(next(self._core), leaves=self._leaves)

    def __enter__(self) -> Self:
        """Give the scan itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the scan."""
        self.close()

    def close(self) -> None:
        """End the scan: no more entries come."""
        self._core.close()

    def leaves(self) -> _core.ArrowStream:
        """Give what the scan finds as a table with a row for each leaf: see docs/tables.md.

        A stream of Arrow record batches, which polars, duckdb, pandas and pyarrow take directly.
        Checkpoints are read while the stream is. The scan itself is closed then.

        Raises:
            ValueError: the scan was closed, or is read as a table already.
        """
        with importing:
            from orbscan import _core

        return _core.leaf_stream(self._core)

    def checkpoints(self) -> _core.ArrowStream:
        """Give what the scan finds as a table with a row for each checkpoint; see `leaves`.

        Raises:
            ValueError: as for `leaves`.
        """
        with importing:
            from orbscan import _core

        return _core.checkpoint_stream(self._core)

    @property
    def progress(self) -> Progress:
        """How far the scan has come; can be asked from any thread."""
        return Progress(*self._core.progress())


class Progress:
    """How far a scan has come.

    Attributes:
        found: checkpoints found so far.
        done: those of them that were read, or need not be.
        waiting: directories that are known and were not looked at yet. Each may be a checkpoint,
            hold many or hold none.
    """

    __slots__ = ("done", "found", "waiting")

    def __init__(self, found: int, done: int, waiting: int) -> None:
        self.found = found
        self.done = done
        self.waiting = waiting

    def __repr__(self) -> str:
        return f"Progress(found={self.found}, done={self.done}, waiting={self.waiting})"


class CheckpointEntry:
    """What a scan tells of one checkpoint. Immutable; can be pickled, and passed as a path.

    Attributes:
        path: where it lies: the root as it was given, and the way from there.
        root: the root as it was given.
        step: the number that its name gives; None if it gives none.
        kind: `v1`, `v0`, `safetensors`, `temporary` (a save that never finished), or `unknown`
            (it could not even be looked at).
        state: `read`; `unchanged` or `vanished` since an earlier scan; `unread`, for it is not
            committed; `failed`.
        committed: whether a job would take it for finished.
        temporary: whether a job that cleans up when it starts would delete it.
        commit_reason: why, in words.
        init_timestamp_nsecs: when the save began, in nanoseconds since 1970 in UTC; None if that
            is not recorded. Known of leftovers too.
        commit_timestamp_nsecs: when it was committed, likewise; of safetensors, when they were
            changed.
        fingerprint: a number that changes with all that the answer depends on; None if there is
            none, or if a read met faults, so that a later scan reads it again.
        complete: whether all of it could be read: every checkpointable, every leaf, and what
            stands beside them, such as metrics. None if nothing was read (`unread`, `vanished`).
        error: what reading it with `orbscan.metadata` raises; None if that would succeed, and
            also if it just has no pytree.
    """

    __slots__ = (
        "_checkpointables",
        "_leaves",
        "_metadata",
        "_metrics",
        "_names",
        "_source",
        "commit_reason",
        "commit_timestamp_nsecs",
        "committed",
        "complete",
        "error",
        "fingerprint",
        "init_timestamp_nsecs",
        "kind",
        "path",
        "root",
        "state",
        "step",
        "temporary",
    )

    path: str
    root: str
    step: int | None
    kind: str
    state: str
    committed: bool
    temporary: bool
    commit_reason: str
    init_timestamp_nsecs: int | None
    commit_timestamp_nsecs: int | None
    fingerprint: int | None
    complete: bool | None
    error: OrbscanError | None
    _source: _core.Entry | None
    _metrics: str | None
    _leaves: bool

    def __init__(self, source: _core.Entry, *, leaves: bool = True) -> None:
        put = object.__setattr__
        for name in _PLAIN:
            put(self, name, getattr(source, name))
        put(self, "_metrics", source.metrics)
        put(self, "_source", source)
        put(self, "_leaves", leaves)

    @property
    def metadata(self) -> CheckpointMetadata[PyTreeMetadata] | None:
        """What `orbscan.metadata` gives for the path; None if there is no pytree, or none was read.

        The tree is assembled when it is first asked for.

        Raises:
            FormatError: the installed ml_dtypes lacks an element type of the checkpoint.
        """
        metadata: CheckpointMetadata[PyTreeMetadata] | None = self._once("_metadata", _metadata)
        return metadata

    @property
    def checkpointables(self) -> CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None:
        """What `orbscan.checkpointables_metadata` gives for the path; None if nothing was read.

        A pytree without a name has the key None. Without leaves all values are None.

        Raises:
            FormatError: as for `metadata`.
        """
        trees: CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None
        trees = self._once("_checkpointables", _checkpointables)
        return trees

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names of the checkpointables, without assembling any; None for one without."""
        names: tuple[str | None, ...] = self._once("_names", _names)
        return names

    @property
    def metrics(self) -> Any:
        """The metrics that a manager wrote beside the checkpoint, usually a dict; None without."""
        if self._metrics is None:
            return None
        import json

        return json.loads(self._metrics)

    def __fspath__(self) -> str:
        """Give the path."""
        return self.path

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"cannot assign to {name!r}: an entry is immutable"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"cannot delete {name!r}: an entry is immutable"
        raise AttributeError(message)

    def __repr__(self) -> str:
        error = "" if self.error is None else f", error={self.error!r}"
        return (
            f"CheckpointEntry({self.path!r}, step={self.step}, kind={self.kind!r}, "
            f"state={self.state!r}, committed={self.committed}{error})"
        )

    def __getstate__(self) -> dict[str, object]:
        """Give all values, the trees assembled: columns stay in the process that read them."""
        state = {name: getattr(self, name) for name in _PLAIN}
        return state | {
            "_metrics": self._metrics,
            "_source": None,
            "_leaves": self._leaves,
            "_metadata": self.metadata,
            "_checkpointables": self.checkpointables,
            "_names": self.names,
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take the values over."""
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        return (_blank, (), self.__getstate__())

    def _once(self, name: str, make: Any) -> Any:
        """A value that is made from the columns when it is first asked for."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            # Only an entry with a source lacks a value.
            value = make(self._source)
        object.__setattr__(self, name, value)
        return value


_PLAIN = (
    "path",
    "root",
    "step",
    "kind",
    "state",
    "committed",
    "temporary",
    "commit_reason",
    "init_timestamp_nsecs",
    "commit_timestamp_nsecs",
    "fingerprint",
    "complete",
    "error",
)


def _blank() -> CheckpointEntry:
    return CheckpointEntry.__new__(CheckpointEntry)


def _metadata(source: _core.Entry) -> CheckpointMetadata[PyTreeMetadata] | None:
    checkpoint, chosen = source.checkpoint, source.chosen
    if checkpoint is None or chosen is None:
        return None
    from orbscan.reading.answer import composed
    from orbscan.reading.tree import assemble

    _, table = checkpoint.items[chosen]
    tree = None if table is None else assemble(table)
    return composed(source.path, checkpoint, tree, source.chosen_issues)


def _checkpointables(
    source: _core.Entry,
) -> CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None:
    checkpoint = source.checkpoint
    if checkpoint is None:
        return None
    from orbscan.reading.answer import composed
    from orbscan.reading.tree import assemble

    trees = {name: None if table is None else assemble(table) for name, table in checkpoint.items}
    return composed(source.path, checkpoint, trees, checkpoint.issues)


def _names(source: _core.Entry) -> tuple[str | None, ...]:
    checkpoint = source.checkpoint
    return () if checkpoint is None else tuple(name for name, _ in checkpoint.items)


def step_bounds(steps: StepRange) -> tuple[int, int]:
    """Give the first and the last of some steps.

    Raises:
        TypeError: they are neither a number, nor a range, nor a tuple of two numbers or None.
        ValueError: a range leaves steps out.

    >>> step_bounds(7), step_bounds(range(10, 20)), step_bounds((100, None))
    ((7, 7), (10, 19), (100, 18446744073709551615))
    """
    if isinstance(steps, range):
        if steps.step != 1:
            message = f"{steps} leaves steps out: only a range without gaps can be asked for"
            raise ValueError(message)
        first, last = steps.start, steps.stop - 1
    else:
        pair = steps if isinstance(steps, tuple) else (steps, steps)
        try:
            low, high = pair
            first = 0 if low is None else index(low)
            last = _LAST_STEP if high is None else index(high)
        except (TypeError, ValueError):
            message = (
                "steps must be a number, a range, or a tuple of the first and the last number,"
                f" either of which may be None, not {steps!r}"
            )
            raise TypeError(message) from None
    if last < 0:
        # No step has a number below zero; an interval with nothing in it says the same.
        return 1, 0
    return min(max(first, 0), _LAST_STEP), min(last, _LAST_STEP)
