"""The disk usage of checkpoints, as values.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orbscan.places import path_of
from orbscan.showing.keypaths import leaf_path

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection

    from orbscan.aliases import AnyPath, CheckpointState, Keypath, Role
    from orbscan.checking.alone import Alone
    from orbscan.errors import OrbscanError
    from orbscan.model.result import Issue


class LeafUsage(NamedTuple):
    """The disk usage of one leaf.

    Attributes:
        checkpointable: its name; None for one without names.
        keypath: keys of dicts, fields of namedtuples, indices.
        param_name: the name of its array in the store. Two leaves may share one array.
        dtype: the element type; `custom Config` for a leaf of a custom handler, whose word is
            `Config`; None for anything else that is not an array, and for an unreadable leaf.
        nbytes: bytes of its elements in memory; 0 for an unreadable leaf, and if only a custom
            handler knows them.
        stored: bytes of its chunks, as they are stored; exact.
        inline: how many of them lie in nodes of the index, counted before the node is compressed.
        chunks: how many chunks are stored; for a leaf of a custom handler, how many values and
            files.
        readable: whether it could be read. The stored bytes of an unreadable leaf count, too.
    """

    checkpointable: str | None
    keypath: Keypath
    param_name: str
    dtype: str | None
    nbytes: int
    stored: int
    inline: int
    chunks: int
    readable: bool

    @property
    def path(self) -> str:
        """Its position as text: the name of its checkpointable, and its keypath."""
        return leaf_path(self.checkpointable, self.keypath)

    def subtree(self, depth: int) -> str:
        """The first `depth` entries of its keypath; with `/**` at the end if that is not all."""
        if depth >= len(self.keypath):
            return self.path
        above = self.keypath[:depth]
        has_text = above or self.checkpointable is not None
        return f"{leaf_path(self.checkpointable, above)}/**" if has_text else "**"

    @property
    def ratio(self) -> float | None:
        """How many bytes in memory one stored byte stands for; None if that is not known."""
        return self.nbytes / self.stored if self.stored and self.is_measured else None

    @property
    def is_measured(self) -> bool:
        """Whether its bytes in memory are known."""
        return self.readable and (self.nbytes > 0 or not self.stored)


class FileUsage(NamedTuple):
    """The content of one file.

    The size of a file is the sum of its `data_bytes`, `index_bytes`, `free_bytes` and
    `unknown_bytes`; a file of the role `other` has none of them.

    Attributes:
        checkpointable: the name of the checkpointable in whose directory it lies; None for the
            files of the checkpoint itself, and for a checkpoint without names.
        path: its path in the directory of the checkpointable.
        role: `document`; `data` if it contains chunks or nodes of the index; `chunk` if it is a
            chunk; `unused` if it belongs to a database or an array and nothing refers to it;
            `unknown` if that is not known because the index is damaged; `other` for everything
            else, such as files of other programs and content that is neither a pytree nor JSON.
        size: in bytes; None if it is missing.
        values: how many values it contains.
        nodes: how many nodes of the index it contains.
        data_bytes: bytes of values: of chunks, and of values that belong to no leaf.
        index_bytes: bytes of documents and of nodes.
        free_bytes: bytes that nothing in the newest version refers to.
        unknown_bytes: bytes for which it is not known whether anything refers to them.
    """

    checkpointable: str | None
    path: str
    role: Role
    size: int | None
    values: int
    nodes: int
    data_bytes: int
    index_bytes: int
    free_bytes: int
    unknown_bytes: int


class CheckpointUsage(NamedTuple):
    """The disk usage of one of several checkpoints.

    Attributes:
        place: where it is, as text: the root as it was given, and the path from there.
        state: `committed`, `uncommitted`, `incomplete`, `broken` or `unreadable`, as `orbscan ls`
            says it.
        total: bytes of all its files.
        nbytes: the bytes of its leaves in memory; None if that is not known.
        stored: bytes of its chunks; None if that is not known.
        free: bytes that nothing in the newest version refers to; None if that is not known.
        error: why that is not known, or why the checkpoint is broken or unreadable.
    """

    place: str
    state: CheckpointState
    total: int
    nbytes: int | None = None
    stored: int | None = None
    free: int | None = None
    error: OrbscanError | None = None

    @property
    def path(self) -> AnyPath:
        """Where it lies, as a path."""
        return path_of(self.place)


class Tally:
    """The amounts of all leaves together, found in one walk over them.

    Attributes:
        leaves: how many there are.
        nbytes: their bytes in memory.
        stored: bytes of all chunks; an array that two leaves share counts once.
        dtypes: leaves, bytes in memory and stored bytes of each element type, most stored first.
        unreadable: how many cannot be read.
        unreadable_stored: the stored bytes of those.
    """

    __slots__ = ("dtypes", "leaves", "nbytes", "stored", "unreadable", "unreadable_stored")

    def __init__(self, leaves: Collection[LeafUsage]) -> None:
        self.leaves = self.nbytes = self.stored = self.unreadable = self.unreadable_stored = 0
        tally: dict[str, tuple[int, int, int]] = {}
        # Two leaves have the same name only if a key of one of them has a dot.
        dotted: dict[tuple[str | None, str], int] = {}
        for leaf in leaves:
            self.leaves += 1
            self.nbytes += leaf.nbytes
            if _is_dotted(leaf):
                dotted[leaf.checkpointable, leaf.param_name] = leaf.stored
            else:
                self.stored += leaf.stored
            if leaf.dtype is not None:
                count, nbytes, stored = tally.get(leaf.dtype, (0, 0, 0))
                tally[leaf.dtype] = (count + 1, nbytes + leaf.nbytes, stored + leaf.stored)
            if not leaf.readable:
                self.unreadable += 1
                self.unreadable_stored += leaf.stored
        if dotted:
            for leaf in leaves:
                if not _is_dotted(leaf):
                    dotted.pop((leaf.checkpointable, leaf.param_name), None)
        self.stored += sum(dotted.values())
        self.dtypes = dict(sorted(tally.items(), key=lambda item: (-item[1][2], item[0])))


def _is_dotted(leaf: LeafUsage) -> bool:
    return leaf.param_name.count(".") > max(len(leaf.keypath) - 1, 0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The data of a `Usage`, without its texts."""

    place: str
    leaves: tuple[LeafUsage, ...]
    files: tuple[FileUsage, ...]
    strays: int
    issues: tuple[Issue, ...] = ()
    alone: Alone | None = None

    @property
    def path(self) -> AnyPath:
        """Where the checkpoint lies, as a path."""
        return path_of(self.place)

    @property
    def nbytes(self) -> int:
        """The bytes of all leaves in memory."""
        return sum(leaf.nbytes for leaf in self.leaves)

    @property
    def stored(self) -> int:
        """Bytes of all chunks; an array that two leaves share counts once."""
        return Tally(self.leaves).stored

    @property
    def total(self) -> int:
        """Bytes of all files: the sum of `data`, `index`, `free`, `unknown` and `others`."""
        return sum(file.size or 0 for file in self.files)

    @property
    def data(self) -> int:
        """Bytes of values in files. Short values lie in nodes of the index, and count there."""
        return sum(file.data_bytes for file in self.files)

    @property
    def free(self) -> int:
        """Bytes of data files that nothing in the newest version refers to.

        They come from superseded versions, and from the files that processes wrote before the
        merge.
        """
        return sum(file.free_bytes for file in self.files)

    @property
    def index(self) -> int:
        """Bytes of documents and of nodes of the index."""
        return sum(file.index_bytes for file in self.files)

    @property
    def unknown(self) -> int:
        """Bytes that may be unused: the index is damaged, so it is unknown what refers to them."""
        return sum(file.unknown_bytes for file in self.files)

    @property
    def others(self) -> int:
        """Bytes of files of the role `other`: of other programs, or not of a pytree."""
        return sum(file.size or 0 for file in self.files if file.role == "other")

    def dtypes(self) -> dict[str, tuple[int, int, int]]:
        """Leaves, bytes in memory and stored bytes of each element type, most stored first."""
        return Tally(self.leaves).dtypes
