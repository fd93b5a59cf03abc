"""What a scan knows about one checkpoint.

Importing this module loads nothing heavy; trees are assembled at first access.
"""

from __future__ import annotations

from orbscan.places import in_store_of, path_of

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from orbscan import _core
    from orbscan.aliases import AnyPath, CheckpointKind, EntryState
    from orbscan.errors import OrbscanError
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata
    from orbscan.places import Url


class CheckpointEntry:
    """The results of a scan for one checkpoint. Immutable; can be pickled, and passed as a path.

    Attributes:
        path: where it is: the root as it was given, and the path from there. A path object, which
            is not equal to a string; `os.fspath(entry)` is the string as it was given.
        root: the root as it was given; likewise.
        step: the number in its name; None if there is none.
        kind: `v1`, `v0`, `safetensors`, `temporary` (a save that never finished), or `unknown`
            (it could not even be examined).
        state: `read`; `unchanged` or `vanished` since an earlier scan; `unread`, because it is not
            committed; `failed`.
        committed: whether Orbax considers it finalized.
        temporary: whether a job that cleans up when it starts would delete it.
        commit_reason: why, in words.
        init_timestamp_nsecs: when the save began, in nanoseconds since 1970 in UTC; None if that is
            not recorded. Also known for temporary directories.
        commit_timestamp_nsecs: when it was committed, likewise; for safetensors, when the files
            were changed.
        fingerprint: a number that changes with everything that the answer depends on; None if there
            is none, or if a read found faults, so that a later scan reads it again.
        complete: whether all of it could be read: every checkpointable, every leaf, and what
            belongs to them, such as metrics. None if nothing was read (`unread`, `vanished`).
        error: the error that `orbscan.metadata` would raise for it; None if that would succeed, and
            also if it just has no pytree.
    """

    __slots__ = (
        "_checkpointables",
        "_leaves",
        "_metadata",
        "_metrics",
        "_names",
        "_path",
        "_root",
        "_row",
        "_source",
        "commit_reason",
        "commit_timestamp_nsecs",
        "committed",
        "complete",
        "error",
        "fingerprint",
        "init_timestamp_nsecs",
        "kind",
        "state",
        "step",
        "temporary",
    )

    step: int | None
    kind: CheckpointKind
    state: EntryState
    committed: bool
    temporary: bool
    commit_reason: str
    init_timestamp_nsecs: int | None
    commit_timestamp_nsecs: int | None
    fingerprint: int | None
    complete: bool | None
    error: OrbscanError | None
    _path: str
    _root: str
    _source: _core.Entry | None
    _metrics: str | None
    _leaves: bool

    def __init__(
        self, source: _core.Entry, stores: Sequence[Url] = (), *, leaves: bool = True
    ) -> None:
        put = object.__setattr__
        for name in _PLAIN:
            put(self, name, getattr(source, name))
        put(self, "_path", in_store_of(stores, source.path))
        put(self, "_root", in_store_of(stores, source.root))
        put(self, "_metrics", source.metrics)
        put(self, "_source", source)
        put(self, "_leaves", leaves)

    @property
    def path(self) -> AnyPath:
        """Where it lies."""
        # Made on demand: most users of a scan need none.
        return path_of(self._path)

    @property
    def root(self) -> AnyPath:
        """The root that it was found at or below."""
        return path_of(self._root)

    @property
    def metadata(self) -> CheckpointMetadata[PyTreeMetadata] | None:
        """The result of `orbscan.metadata` for the path; None if no pytree is there or was read.

        The tree is assembled at first access.

        Raises:
            FormatError: the installed ml_dtypes lacks an element type of the checkpoint.
        """
        metadata: CheckpointMetadata[PyTreeMetadata] | None = self._once("_metadata", _metadata)
        return metadata

    @property
    def checkpointables(self) -> CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None:
        """The result of `orbscan.checkpointables_metadata` for the path; None if nothing was read.

        A pytree without a name has the key None. Without leaves all values are None.

        Raises:
            FormatError: as for `metadata`.
        """
        trees: CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None
        trees = self._once("_checkpointables", _checkpointables)
        return trees

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names of the checkpointables, without assembling trees; None for one without."""
        names: tuple[str | None, ...] = self._once("_names", _names)
        return names

    @property
    def metrics(self) -> Any:
        """The metrics that a manager wrote beside the checkpoint, usually a dict; None if none."""
        if self._metrics is None:
            return None
        import json

        return json.loads(self._metrics)

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan ls -o json` prints of it, as values for `json.dumps`."""
        row: dict[str, object] = self._once("_row", _row)
        return dict(row)

    def _repr_html_(self) -> str:
        """Show it in a notebook; at most 200 kB."""
        from orbscan.scanning.entry_text import lines
        from orbscan.showing.pages import report_html

        return report_html("\n".join(lines(self.to_dict())))

    def __fspath__(self) -> str:
        """Give the path as text."""
        return self._path

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"cannot assign to {name!r}: an entry is immutable"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"cannot delete {name!r}: an entry is immutable"
        raise AttributeError(message)

    def __repr__(self) -> str:
        error = "" if self.error is None else f", error={self.error!r}"
        return (
            f"CheckpointEntry({str(self._path)!r}, step={self.step}, kind={self.kind!r}, "
            f"state={self.state!r}, committed={self.committed}{error})"
        )

    def __getstate__(self) -> dict[str, object]:
        """Return all values, with assembled trees: columns stay in the process that read them."""
        state = {name: getattr(self, name) for name in _PLAIN}
        return state | {
            # Without the options of a store, which stay in this process.
            "_path": str(self._path),
            "_root": str(self._root),
            "_metrics": self._metrics,
            "_source": None,
            "_leaves": self._leaves,
            "_metadata": self.metadata,
            "_checkpointables": self.checkpointables,
            "_names": self.names,
            "_row": self.to_dict(),
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        """Set the values."""
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        return (_blank, (), self.__getstate__())

    def _once(self, name: str, make: Any) -> Any:
        """Return a value that is made from the columns at first access."""
        try:
            return object.__getattribute__(self, name)
        except AttributeError:
            # Only an entry with a source lacks a value.
            value = make(self._source, self._path)
        object.__setattr__(self, name, value)
        return value


_PLAIN = (
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


def _metadata(source: _core.Entry, path: str) -> CheckpointMetadata[PyTreeMetadata] | None:
    checkpoint, chosen = source.checkpoint, source.chosen
    if checkpoint is None or chosen is None:
        return None
    from orbscan.reading.answer import composed
    from orbscan.reading.tree import assemble

    _, table = checkpoint.items[chosen]
    tree = None if table is None else assemble(table)
    return composed(path, checkpoint, tree, source.chosen_issues, which=chosen, is_all=False)


def _checkpointables(
    source: _core.Entry, path: str
) -> CheckpointMetadata[dict[str | None, PyTreeMetadata]] | None:
    checkpoint = source.checkpoint
    if checkpoint is None:
        return None
    from orbscan.reading.answer import composed
    from orbscan.reading.tree import assemble

    trees = {name: None if table is None else assemble(table) for name, table in checkpoint.items}
    return composed(path, checkpoint, trees, checkpoint.issues, is_all=False)


def _row(source: _core.Entry, _: str) -> dict[str, object]:
    import json

    row: dict[str, object] = json.loads(source.row())
    return row


def _names(source: _core.Entry, _: str) -> tuple[str | None, ...]:
    checkpoint = source.checkpoint
    return () if checkpoint is None else tuple(name for name, _ in checkpoint.items)
