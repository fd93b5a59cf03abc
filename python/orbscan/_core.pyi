"""The extension module: one call per checkpoint, whole columns in return.

Every function raises the result of `orbscan.errors.error(kind, reason, file, offset, in_body,
errno)` for an error. All containers are plain lists and tuples, made once, when the read ends; only
`orbscan` itself should rely on their arrangement.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, final

from orbscan.aliases import Atomicity, CheckpointKind, EntryState, ErrorKind, TableName
from orbscan.errors import OrbscanError, OutOfMemoryError

__version__: str

OPTIMISED: bool
"""Whether this is a release build, as opposed to one for tests."""

PROFILED: bool
"""Whether it was compiled with a profile of what reads execute."""

LEAF_KINDS: tuple[tuple[int, str], ...]
"""(code, name) of each kind of leaf, as `orbscan.reading.codes` and `facts` have them."""

CONTAINER_CODES: tuple[int, int, int, int]
"""The codes of a dict, a list, a tuple and the first namedtuple, as in `orbscan.reading.codes`."""

TABLES_VERSION: int
"""The version of the columns of tables."""

ERROR_KINDS: tuple[ErrorKind, ...]
"""Every kind of error, as in `orbscan.errors.CLASS_OF_KIND`."""

Shape: TypeAlias = tuple[int, ...]

Compression: TypeAlias = tuple[str, int | None]
"""(algorithm, level)"""

Zarr2: TypeAlias = tuple[Literal[2], str, Shape, Compression | None, str, str]
"""(2, stored dtype, chunk shape, compression, order, dimension separator)"""

Zarr3: TypeAlias = tuple[Literal[3], str, Shape, Compression | None, Shape | None]
"""(3, stored dtype, chunk shape, compression, inner chunk shape)"""

Array: TypeAlias = tuple[Shape, str, Shape | None, Zarr2 | Zarr3 | None]
"""(shape, dtype, chunk shape, zarr)"""

NamedSharding: TypeAlias = tuple[
    Literal["named"],
    Shape,
    tuple[str, ...],
    tuple[str, ...] | None,
    tuple[str | tuple[str, ...] | None, ...],
    tuple[Shape, tuple[int, ...]] | None,
]
"""("named", mesh shape, axis names, axis types, partition spec, (device mesh shape, device ids))

Device ids are in row-major order."""

SingleDeviceSharding: TypeAlias = tuple[Literal["single"], str]
"""("single", device)"""

PositionalSharding: TypeAlias = tuple[Literal["positional"], Shape, str | None]
"""("positional", shape, memory kind)"""

Sharding: TypeAlias = NamedSharding | SingleDeviceSharding | PositionalSharding

Issue: TypeAlias = tuple[ErrorKind, str | None, int | None, bool, str]
"""(kind, file, offset, whether the offset counts from the start of a decompressed body, reason)"""

Custom: TypeAlias = tuple[str, tuple[str, ...], int]
"""(word of the handler, files, bytes of the files)"""

Leaf: TypeAlias = tuple[int, int, int, Shape | None, str | None, Issue | None, Custom | None]
"""(kind, array, sharding, write shape, PRNG implementation, error, what of a custom handler)

The kind is one of `orbscan.reading.codes`; array and sharding are indices, -1 for none."""

Place: TypeAlias = Literal[
    "database", "process", "one_of_processes", "files", "aggregate", "strings", "safetensors"
]
"""The kind of a place: the merged database; the only database of a process, not merged; one of
several such, over which values may be spread; directories named as the arrays are; a file of
values."""

ATOMICITIES: tuple[str, ...]
"""Every rule for what is committed."""

@final
class LeafTable:
    """One pytree as columns, a row for each node, breadth first: node 0 is the root."""

    @property
    def node_keys(self) -> list[str | None]:
        """The dict key or namedtuple field of each node; None below a list or tuple."""

    @property
    def node_leaves(self) -> list[int]:
        """The index into `leaves` of each node; -1 for a container."""

    @property
    def containers(self) -> list[tuple[int, int, int, int]]:
        """(node, kind, low, high), deepest first: the children are the nodes from low to high.

        The kind is one of `orbscan.reading.codes`; high is exclusive.
        """

    def values(self, objects: list[Any], /) -> list[Any]:
        """Give the object of the leaf of each node; None for a container.

        `objects` has one for each of `leaves`.
        """

    @property
    def runs(self) -> list[tuple[int, int, int, int, int, tuple[str | None, ...]]]:
        """(first, count, kind, low, high, keys): the containers again, equal ones together.

        The nodes from `first` on, `count` in all, are of one kind. Each has a child for each of the
        keys; the children of all of them are the nodes from low to high. Deepest first.
        """

    @property
    def empties(self) -> list[tuple[int, int]]:
        """(node, kind) of each empty dict and list; the kind is one of `orbscan.reading.codes`."""

    @property
    def namedtuples(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """(module, qualified class name, fields) of each kind of namedtuple."""

    @property
    def leaves(self) -> list[Leaf]:
        """The distinct leaves; equal nodes share one."""

    @property
    def arrays(self) -> list[Array]:
        """The distinct arrays."""

    @property
    def shardings(self) -> list[Sharding]:
        """The distinct shardings."""

    @property
    def places(self) -> list[tuple[Place, str]]:
        """The places of values: the kind, and the file or directory.

        The path is relative to the directory of the checkpointable, and empty for that itself.
        """

    @property
    def leaf_places(self) -> list[int]:
        """The index into `places` of each of `leaves`; -1 without a value, or one that was read.

        The place of a string follows from the tree: a read of metadata does not open the file.
        """

    def stored_name(self, node: int) -> str | None:
        """Give the name in the store of the leaf of a node; None for a container."""

    def leaf_objects(self, make: Callable[[LeafTable], list[Any]], /) -> list[Any]:
        """Return what `make(self)` returned when this was first called.

        The steps of a run share one table, and therefore the objects of its leaves.
        """

    def node_name(self, node: int) -> str | None:
        """Compose the param name of a leaf, its keypath joined with dots; None elsewhere."""

@final
class Checkpoint:
    """The result of one read."""

    @property
    def layout(self) -> str:
        """`v1`, `v0` or `safetensors`."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When the save began, in nanoseconds since 1970 in UTC."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When the save finished, in nanoseconds since 1970 in UTC."""

    @property
    def custom_metadata(self) -> str | None:
        """The JSON text of an object, in the dialect of Python's json; None for an empty one."""

    @property
    def handlers(self) -> str | dict[str, str | None] | None:
        """The class of the handler that wrote each checkpointable, by name.

        A single text for the pytree of a flat checkpoint, None if none is recorded.
        """

    @property
    def issues(self) -> list[Issue]:
        """The faults that were tolerated."""

    @property
    def items(self) -> list[tuple[str | None, LeafTable | None]]:
        """The name and the table of each checkpointable.

        From `read_pytree` exactly one, with a table, and without a name if the checkpoint has none.
        From `read_checkpointables` one for each, sorted by name; the table is None for those that
        are not pytrees or cannot be read. From `read_everything` the same, and the tree of a flat
        checkpoint has no name.
        """

    @property
    def unreadable(self) -> list[tuple[str | None, Issue]]:
        """The checkpointables that cannot be read, and why; these are also among the issues."""

    @property
    def unread(self) -> list[str | None]:
        """From `read_pytree`, what the listing shows beside that pytree; otherwise empty.

        The names of possible checkpointables; None for a tree of the checkpoint itself.
        """

@final
class Step:
    """A directory of a manager root with the name of a step, or a temporary one of a step."""

    @property
    def name(self) -> str:
        """The name of the directory."""

    @property
    def step(self) -> int:
        """The number in its name."""

    @property
    def prefix(self) -> str | None:
        """The text before the number and an underscore; None for a bare number."""

    @property
    def committed(self) -> bool:
        """Whether a job would consider it finished."""

    @property
    def temporary(self) -> bool:
        """Whether a job that cleans up would delete it."""

    @property
    def commit_reason(self) -> str:
        """Why."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When the save began, in nanoseconds since 1970 in UTC."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When the save finished, in nanoseconds since 1970 in UTC."""

    @property
    def custom_metadata(self) -> str | None:
        """The JSON text of an object, in the dialect of Python's json; None for an empty one."""

    @property
    def metrics(self) -> str | None:
        """The JSON text of an object; None if there are none or they cannot be read."""

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The faults that were tolerated."""

    @property
    def error(self) -> OrbscanError | None:
        """What is missing in it or cannot be read."""

@final
class Entry:
    """A checkpoint that a scan found, or a temporary directory of one."""

    @property
    def path(self) -> str:
        """The root as it was given, and the path from there."""

    @property
    def root(self) -> str:
        """The root as it was given."""

    @property
    def step(self) -> int | None:
        """The number in its name."""

    @property
    def kind(self) -> CheckpointKind:
        """`v1`, `v0`, `safetensors`, `temporary` or `unknown`."""

    @property
    def state(self) -> EntryState:
        """`read`, `unchanged`, `vanished`, `unread` or `failed`."""

    @property
    def complete(self) -> bool | None:
        """Whether everything that was wanted could be read; None if nothing was."""

    @property
    def committed(self) -> bool:
        """Whether a job would consider it finished."""

    @property
    def temporary(self) -> bool:
        """Whether a job that cleans up would delete it."""

    @property
    def commit_reason(self) -> str:
        """Why."""

    @property
    def init_timestamp_nsecs(self) -> int | None:
        """When the save began; also for an uncommitted one, if that is recorded."""

    @property
    def commit_timestamp_nsecs(self) -> int | None:
        """When it was committed, in nanoseconds for every kind."""

    @property
    def fingerprint(self) -> int | None:
        """A number that changes with its metadata."""

    @property
    def metrics(self) -> str | None:
        """The JSON text of an object, in the dialect of Python's json."""

    @property
    def chosen(self) -> int | None:
        """The index in `checkpoint.items` of the pytree that `read_pytree` would choose."""

    @property
    def chosen_issues(self) -> list[Issue]:
        """The faults that `read_pytree` would report."""

    @property
    def error(self) -> OrbscanError | None:
        """What `read_pytree` would raise; None if there is just no pytree."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What was read, as from `read_checkpointables`; a pytree without a name has the name None.

        The columns are made when they are first requested.
        """

    def row(self) -> str:
        """Return the row of the table of checkpoints, as a JSON object."""

@final
class Scan:
    """A running scan: an iterator that waits without holding the GIL, and reacts to Ctrl-C."""

    def __iter__(self) -> Scan:
        """Return the iterator itself."""

    def __next__(self) -> Entry:
        """Wait for the next entry."""

    def close(self) -> None:
        """End the scan: there are no more entries."""

    def progress(self) -> tuple[int, int, int]:
        """Count checkpoints found, checkpoints done, and known directories not examined yet."""

def parameter_nodes(
    trees: Sequence[
        tuple[str | None, Sequence[str | None], Sequence[tuple[int, object, int, int]]]
    ],
) -> list[bytes]:
    """Determine for each node of some trees whether it belongs to the parameters: a byte, 1 or 0.

    Those are the nodes below the name `params` nearest to the top; without one, all but optimizers.
    Each tree is its name, `node_keys` and `containers`, as a `LeafTable` has them.
    """

@final
class ArrowStream:
    """A table of a scan: a stream of Arrow record batches, which can be read once.

    Its reader waits without the interpreter. Ctrl-C ends it, with an error of the library that
    reads it.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the stream; the requested schema is ignored, as the interface allows.

        Raises:
            ValueError: it was read before.
        """

    def __arrow_c_schema__(self) -> object:
        """Return the schema without reading the stream."""

    def json_lines(self, *, ascii: bool = False) -> JsonLines:  # noqa: A002 - as Python's `ascii`
        """Return the rows of what was read again as JSON, each on a line.

        Args:
            ascii: whether everything else is escaped.

        Raises:
            ValueError: the stream was read before.
        """

    @property
    def table(self) -> TableName:
        """The name of the table."""

    @property
    def checkpoints_seen(self) -> int:
        """How many checkpoints the stream has reached."""

    @property
    def checkpoints_incomplete(self) -> int:
        """How many of them could not be read completely."""

    @property
    def lacking(self) -> OutOfMemoryError | None:
        """The error of the first checkpoint for which there was too little memory."""

    def unchanged(self) -> list[str]:
        """List the checkpoints that were not read again, of those that the stream has reached."""

    def check_interrupt(self) -> None:
        """Raise the exception of Ctrl-C if it was pressed while the stream was read."""

@final
class ArrowSchema:
    """The columns of a table, for any library with the Arrow PyCapsule interface."""

    def __new__(
        cls, table: TableName | Literal["catalogue"], *, categories: bool = False
    ) -> ArrowSchema:
        """Describe a table; raises ValueError for an unknown name."""

    def __arrow_c_schema__(self) -> object:
        """Return the schema."""

    @property
    def table(self) -> TableName:
        """The name of the table."""

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""

@final
class JsonLines:
    """Pieces of a table as lines of JSON; otherwise as `Scan`."""

    def __iter__(self) -> JsonLines:
        """Return the iterator itself."""

    def __next__(self) -> tuple[bytes, int]:
        """Wait for the next piece: UTF-8 text, and the number of its lines."""

def leaf_stream(scan: Scan, *, categories: bool = False) -> ArrowStream:
    """Return what a scan finds as a table of leaves; the scan is closed.

    With `categories`, columns with few distinct texts are dictionaries, except in JSON lines.
    Raises ValueError if it was closed before.
    """

def checkpoint_stream(scan: Scan, *, categories: bool = False) -> ArrowStream:
    """Return what a scan finds as a table of checkpoints; otherwise as `leaf_stream`."""

def catalogue_stream(scan: Scan) -> ArrowStream:
    """Return what a scan finds as rows of leaves and of checkpoints; otherwise as `leaf_stream`.

    They come in groups: batches of leaves, if there are any, and then one of the checkpoints to
    which they belong. Checkpoints that were not read again have no row.
    """

def finding_stream(
    scan: Scan,
    roots: Sequence[str],
    level: int,
    check_values: bool,
    max_bandwidth: int | None,
    *,
    atomicity: Atomicity | None = None,
    categories: bool = False,
    parts: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> ArrowStream:
    """Return what is wrong with what a scan finds as a table; otherwise as `leaf_stream`.

    The roots are those of the scan. For the checkpoints in `parts`, only these parts are checked:
    the index of each and how many there are. The other arguments are those of `verify`.
    """

def divide_scan(
    roots: Sequence[str],
    enough: int | None,
    *,
    steps: tuple[int, int] | None = None,
    latest: int | None = None,
    committed: bool | None = None,
    pattern: str | None = None,
    exclude: Sequence[str] | None = None,
    threads: int | None = None,
    atomicity: Atomicity | None = None,
) -> list[tuple[Piece, int]]:
    """Divide a scan into pieces, in the order of their paths, each with the size of its files.

    Args:
        roots: those of the scan.
        enough: how many pieces are enough. None to go down to single checkpoints and to measure
            them: otherwise sizes are 0.
        steps: as for `scan`, and so are all others.
        latest: as for `scan`.
        committed: as for `scan`.
        pattern: as for `scan`.
        exclude: as for `scan`.
        threads: as for `scan`.
        atomicity: as for `scan`.
    """

def share_of(path: str, count: int) -> int | None:
    """Return which of `count` shares of a scan has a path, from 0; None if there are none."""

Piece: TypeAlias = tuple[int, str, list[tuple[str, bool]]]
"""(number of a root, path from there, names and whether each is a link): directories of a scan.

Without names, the root itself.
"""

def scan(
    roots: Sequence[str],
    *,
    steps: tuple[int, int] | None = None,
    latest: int | None = None,
    committed: bool | None = None,
    pattern: str | None = None,
    exclude: Sequence[str] | None = None,
    shard: tuple[int, int] | None = None,
    leaves: bool = True,
    shardings: bool = True,
    ordered: bool = False,
    threads: int | None = None,
    since: Mapping[str, int] | None = None,
    rich_types: bool = False,
    atomicity: Atomicity | None = None,
    pieces: Sequence[Piece] | None = None,
) -> Scan:
    """Search for checkpoints and read them.

    `steps` are the first and the last, `shard` an index and a number of shares. At most 1,024
    `threads` are started.
    """

def expand_root(root: str) -> list[str] | None:
    """List the paths that a root with wildcards matches, in any order; None if it has none.

    The dialect is that of docs/patterns.md.
    """

@final
class KeypathPattern:
    """A pattern for readable keypaths, in the dialect of docs/patterns.md."""

    def __new__(cls, text: str) -> KeypathPattern:
        """Read a pattern; every text is a pattern."""

    def matches(self, keypath: str) -> bool:
        """Return whether it matches a whole keypath."""

def read_pytree(
    path: str,
    name: str | None,
    rich_types: bool,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
    first: str | None = None,
) -> Checkpoint:
    """Read one pytree; `name` is `AUTO`, None for the root itself, or a name.

    `first` selects the order of Orbax for `AUTO`: the name, `state` or `pytree`, that it tries
    before all others.
    """

def recover(
    path: str,
    name: str | None,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
) -> Checkpoint:
    """List the arrays in the store of one pytree, as a flat mapping from their names."""

def read_checkpointables(
    path: str,
    rich_types: bool,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
) -> Checkpoint:
    """Read every checkpointable."""

def read_header(
    path: str,
    name: str,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
) -> Checkpoint:
    """Read everything outside the trees: all checkpointables are named and have no tables.

    The issues are those of the checkpoint as a whole and of the checkpointable `name`.
    """

def read_everything(
    path: str,
    rich_types: bool,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
) -> Checkpoint:
    """Read every checkpointable, or the pytree that has no name."""

def others(path: str, name: str | None) -> list[tuple[str | None, bool | None]]:
    """List the checkpointables other than `name`, and whether they are pytrees.

    No tree is read. None is the name of the tree of the checkpoint itself; and it is unknown (None)
    whether a checkpointable is a pytree if the file system denies access.
    """

def is_orbax_checkpoint(path: str, *, atomicity: Atomicity | None = None) -> bool:
    """Return whether a path is laid out like a finished checkpoint."""

def read_file(path: str) -> bytes | None:
    """Read a file; None if there is none, or a directory."""

def size_below(path: str) -> int:
    """Sum up the sizes of the files below a directory; those that cannot be examined count as 0."""

@final
class StoreChoice:
    """The user's options for a store; a URL carries it as its attribute `store`."""

    def __new__(
        cls,
        options: dict[str, str],
        login: tuple[Callable[[Any], tuple[list[tuple[str, str]], float | None]], Any]
        | None = None,
        prefix: str | None = None,
    ) -> StoreChoice:
        """Take options by the names of the library that reads stores.

        Args:
            options: the options that are text.
            login: the function that asks a provider for names and secrets, and for when they expire
                in seconds since 1970, and the provider; it is asked again before they do. Clients
                are kept for the same provider.
            prefix: a directory of the store in which paths begin.
        """

    def options(self) -> dict[str, str]:
        """Return the options, including secrets."""

Prefix: TypeAlias = tuple[str | None] | None
"""Which prefix of names of steps counts, in a tuple, `(None,)` for bare numbers; None for any"""

def list_steps(
    root: str, prefix: Prefix, atomicity: Atomicity, details: bool
) -> tuple[list[Step], list[str], int]:
    """Read all that a root holds: (steps, other checkpoints, directories not examined).

    The steps come by number and then by name; the others are names. Without details only names are
    read.
    """

def read_steps(root: str, step: int | str, prefix: Prefix, atomicity: Atomicity) -> list[Step]:
    """Read what is known of steps without their trees, by number and then by name.

    The committed step with a number, the last committed one, `latest`, or all `committed` ones.
    """

def find_step(root: str, step: int | str, prefix: Prefix, atomicity: Atomicity) -> str:
    """Find the name of the directory of a committed step, by its number or as `latest`."""

def steps_below(root: str) -> list[tuple[str, str]]:
    """Search one level below a root for directories of steps: (name, its content in words)."""

def check_step_name(root: str, name: str) -> None:
    """Raise an error unless something with this name lies in a root."""

def read_root_metadata(root: str) -> tuple[str | None, str | None]:
    """Read what is stored about all steps: Orbax's and the user's JSON objects, None if empty."""

Outlook: TypeAlias = Literal["works", "may fail", "fails"]

FINDING_CODES: tuple[
    tuple[str, Literal["error", "warning", "note"], str, tuple[Outlook, Outlook, Outlook]], ...
]
"""(code, severity, what it means for loading, outcome of restores) of everything that can be found

Restores by v1, by v1 with a target, and by v0.
"""

Chunks: TypeAlias = tuple[
    int, int, list[tuple[Shape, Shape]], int | None, tuple[tuple[int, int], ...] | None
]
"""(count, total, first and last indices of runs, more runs, box of elements)"""

Finding: TypeAlias = tuple[
    str,
    str,
    str | None,
    int | None,
    bool,
    str | None,
    tuple[str | int, ...] | None,
    str | None,
    Chunks | None,
    str | None,
    str | None,
]
"""(code, reason, file, offset, whether the offset counts from the start of a decompressed body,
checkpointable, keypath and param name of the leaf, chunks, expected, found)"""

Report: TypeAlias = tuple[
    list[Finding],
    list[tuple[str, int]],
    list[tuple[str | None, tuple[str | int, ...] | None, str]],
    tuple[int, int, int, int, int, int, int],
    bool,
    tuple[int, list[int], int, int] | None,
    Alone | None,
]
"""(findings, findings left out by code, lost leaves by checkpointable, keypath and param name,
(leaves, arrays, chunks, nodes, files, bytes of data, chunks without a checksum) checked, whether
everything was, (processes, those whose share is here, chunks, total) if other hosts hold the rest,
what was checked alone)"""

Alone: TypeAlias = tuple[str | None, list[tuple[str | None, bool | None]]]
"""(name of what was checked alone, the others as from `others`)"""

Only: TypeAlias = tuple[str | None] | None
"""Which checkpointable is examined, in a tuple, as for `read_pytree`; None for all"""

def verify(
    path: str,
    level: int,
    check_values: bool,
    max_bandwidth: int | None,
    progress: Callable[[int, int, int], object] | None,
    *,
    atomicity: Atomicity | None = None,
    only: Only = None,
) -> Report:
    """Check a checkpoint: 0 structure, 1 index, 2 data.

    `progress` gets bytes read, bytes in all, chunks read; what it raises is raised.
    """

def verify_together(
    paths: list[str],
    level: int,
    check_values: bool,
    max_bandwidth: int | None,
    progress: Callable[[int, int, int], object] | None,
    *,
    atomicity: Atomicity | None = None,
) -> Report:
    """Check the directories of several hosts as one checkpoint."""

FILES: tuple[tuple[str, str, str], ...]
"""(names, what it is, what it is for) of every file that a save can write"""

DumpField: TypeAlias = tuple[int, int | None, bool, str, str, int | list[int] | bytes | str | None]
"""(level, offset, whether it counts from the start of a body, name, kind of value, value)"""

class DumpSink(Protocol):
    """Receives the structures in a file, one after the other."""

    def begins(self, kind: str, meaning: str, /) -> object:
        """A structure begins: what it is, and what it is for."""

    def fields(self, fields: list[DumpField], /) -> object:
        """More fields of the structure.

        A value is of the kind `group` (None), `number`, `numbers`, `bytes`, `text`, or `json` (its
        spelling).
        """

    def ends(self, error: Issue | None, /) -> object:
        """The structure ends: what is wrong with it."""

def dump(path: str, part: tuple[int, int] | None, sink: DumpSink) -> None:
    """Dump a file, or the part of it at an offset and of a length.

    Whatever the sink raises ends the dump, and is raised.
    """

FileUsage: TypeAlias = tuple[str | None, str, str, int | None, int, int, int, int, int, int]
"""(checkpointable, path in its directory, role, size, values, nodes, bytes of values, of documents
and nodes, of what nothing refers to, of unknown use)"""

ItemUsage: TypeAlias = tuple[str | None, bytes, bytes, int]
"""(name, for each node of its tree the number of its array or -1, amounts, bytes of values that
belong to no leaf)

Numbers have 64 bits. The amounts of an array are four: its chunks, their bytes in data files and in
nodes, the bytes of its document.
"""

Usage: TypeAlias = tuple[Checkpoint, list[ItemUsage], list[FileUsage], Alone | None]
"""(checkpoint, its pytrees in the same order, all of its files, what was measured alone)"""

def usage(
    path: str,
    *,
    atomicity: Atomicity | None = None,
    allow_uncommitted: bool = False,
    only: Only = None,
) -> Usage:
    """Measure the disk usage of a checkpoint."""
