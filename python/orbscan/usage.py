"""What a checkpoint takes on disk, leaf by leaf and file by file: `orbscan.du` and its answer.

Everything is known from the index of the store: no chunk is looked at.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from orbscan import api
from orbscan.text import keypath

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import os

    from orbscan import _core
    from orbscan.result import Issue
    from orbscan.step_choice import StepChoice

SCHEMA_VERSION = 1
"""Of the JSON documents of usages."""


class LeafUsage(NamedTuple):
    """What one leaf takes.

    Attributes:
        checkpointable: its name; None for one without names.
        entries: its keypath: keys of dicts, fields of namedtuples, indices.
        param_name: the name of its array in the store. Two leaves may share one array.
        dtype: the element type; None for what is no array.
        nbytes: what its elements take in memory.
        stored: bytes of its chunks, as they are stored; exact.
        inline: how many of them lie in nodes of the index, counted before the node is compressed.
        chunks: how many chunks are stored.
    """

    checkpointable: str | None
    entries: tuple[str | int, ...]
    param_name: str
    dtype: str | None
    nbytes: int
    stored: int
    inline: int
    chunks: int

    @property
    def keypath(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.entries)

    def subtree(self, depth: int) -> str:
        """The keypath cut to `depth` entries; with `/**` behind it if that is not all of it."""
        if depth >= len(self.entries):
            return self.keypath
        return f"{keypath(self.entries[:depth])}/**" if depth else "**"

    @property
    def ratio(self) -> float | None:
        """How many bytes in memory one stored byte stands for; None if nothing is stored."""
        return self.nbytes / self.stored if self.stored else None


class FileUsage(NamedTuple):
    """What one file holds.

    Attributes:
        checkpointable: the name of the pytree it belongs to.
        path: in the directory of the pytree.
        role: `document`, `data`, `unused` if nothing refers to it, or `unknown` if what could
            tell is damaged.
        size: in bytes; None if it is missing.
        values: how many values lie in it.
        value_bytes: their bytes.
        nodes: how many nodes of the index lie in it.
        node_bytes: their bytes.
        free: bytes that nothing of the newest version refers to.
    """

    checkpointable: str | None
    path: str
    role: str
    size: int | None
    values: int
    value_bytes: int
    nodes: int
    node_bytes: int
    free: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a checkpoint takes.

    Attributes:
        path: of the checkpoint.
        leaves: of all its pytrees, in the order of the trees.
        files: of all its pytrees, those that hold one chunk each left out.
        chunk_files: bytes of the files that hold one chunk each.
        strays: bytes of values that belong to no leaf.
        others: bytes of files outside the pytrees.
        issues: the faults that were tolerated.
    """

    path: str
    leaves: tuple[LeafUsage, ...]
    files: tuple[FileUsage, ...]
    chunk_files: int
    strays: int
    others: int
    issues: tuple[Issue, ...] = ()

    @property
    def nbytes(self) -> int:
        """What all leaves take in memory."""
        return sum(leaf.nbytes for leaf in self.leaves)

    @property
    def stored(self) -> int:
        """Bytes of all chunks; an array that two leaves share counts once."""
        arrays = {(leaf.checkpointable, leaf.param_name): leaf.stored for leaf in self.leaves}
        return sum(arrays.values())

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.size or 0 for file in self.files) + self.chunk_files + self.others

    @property
    def free(self) -> int:
        """Bytes of data files that nothing of the newest version refers to.

        They come from superseded versions, and from what processes wrote before the merge.
        """
        return sum(file.free for file in self.files)

    @property
    def index(self) -> int:
        """Bytes of documents and of nodes of the index."""
        return sum(
            file.node_bytes + (file.size or 0) * (file.role == "document") for file in self.files
        )

    def dtypes(self) -> dict[str, tuple[int, int, int]]:
        """Leaves, bytes in memory and stored bytes of each element type, most stored first."""
        tally: dict[str, tuple[int, int, int]] = {}
        for leaf in self.leaves:
            if leaf.dtype is not None:
                count, nbytes, stored = tally.get(leaf.dtype, (0, 0, 0))
                tally[leaf.dtype] = (count + 1, nbytes + leaf.nbytes, stored + leaf.stored)
        return dict(sorted(tally.items(), key=lambda item: (-item[1][2], item[0])))

    def to_dict(self) -> dict[str, object]:
        """Convert the usage to what `json.dumps` takes; the members are stable."""
        return {
            "schema_version": SCHEMA_VERSION,
            "path": self.path,
            "totals": {
                "nbytes": self.nbytes,
                "stored": self.stored,
                "index": self.index,
                "free": self.free,
                "strays": self.strays,
                "others": self.others,
                "total": self.total,
            },
            "types": {
                dtype: {"leaves": count, "nbytes": nbytes, "stored": stored}
                for dtype, (count, nbytes, stored) in self.dtypes().items()
            },
            "leaves": [_leaf_document(leaf) for leaf in self.leaves],
            "files": [file._asdict() for file in self.files],
            "issues": [
                {
                    "kind": issue.kind,
                    "file": issue.file,
                    "offset": issue.offset,
                    "in_body": issue.in_body,
                    "reason": issue.reason,
                }
                for issue in self.issues
            ],
        }


def du(path: str | os.PathLike[str], *, step: StepChoice | None = None) -> Usage:
    """Measure what a checkpoint takes on disk.

    Stored bytes are exact: they come from the index of the store, which lists every chunk.

    Args:
        path: the checkpoint, a local directory; `~` stands for the home directory.
        step: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is no finished checkpoint.
        StoreError: the file system refused or failed.
        DeletionRecoveryError: the record of an interrupted deletion is damaged.
        ValueError: the path is a URL.
    """
    found, issues = measured(api.local_path(path, step))
    from orbscan.result import Issue

    return replace(found, issues=tuple(Issue(*issue) for issue in issues))


def measured(path: str) -> tuple[Usage, list[_core.Issue]]:
    """Measure a checkpoint; the part of `du` that needs no other library.

    Returns:
        the usage without its issues, and these as columns.

    Raises:
        OrbscanError: as `du` does.
    """
    from orbscan import _core

    checkpoint, items, (_, others) = _core.usage(path)
    leaves: list[LeafUsage] = []
    files: list[FileUsage] = []
    chunk_files = strays = 0
    for (name, table), item in zip(checkpoint.items, items, strict=True):
        _, arrays, of_files, (_, of_chunks), of_strays = item
        files += [FileUsage(name, *file) for file in of_files]
        if table is not None:
            leaves += _leaves(name, table, arrays)
        chunk_files += of_chunks
        strays += of_strays
    usage = Usage(path, tuple(leaves), tuple(files), chunk_files, strays, others)
    return usage, checkpoint.issues


def _leaf_document(leaf: LeafUsage) -> dict[str, object]:
    document = leaf._asdict()
    return {"checkpointable": leaf.checkpointable, "keypath": document.pop("entries"), **document}


def _leaves(
    name: str | None, table: _core.LeafTable, arrays: list[_core.ArrayUsage]
) -> list[LeafUsage]:
    from orbscan.leaves import leaves

    stored = {array: amounts for array, *amounts in arrays}
    names = table.node_names()
    found = []
    for entries, node, leaf in leaves(table):
        param_name = names[node] or ""
        chunks, in_files, inline, _ = stored.get(param_name, (0, 0, 0, 0))
        if leaf.dtype is None:
            chunks = in_files = inline = 0
        found.append(
            LeafUsage(
                checkpointable=name,
                entries=entries,
                param_name=param_name,
                dtype=leaf.dtype,
                nbytes=leaf.nbytes,
                stored=in_files + inline,
                inline=inline,
                chunks=chunks,
            )
        )
    return found
