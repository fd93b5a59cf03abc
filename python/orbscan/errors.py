"""What can go wrong, as exceptions: one class for each way of handling them.

Every error has its kind, the file, the offset and the reason as attributes, so that a program need
not parse a message. The kinds are those of `orbscan._core.ERROR_KINDS`.

Importing this module loads nothing else.
"""

from __future__ import annotations

from errno import ENOENT

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan.aliases import Advice, ErrorKind, StoreFault


class OrbscanError(Exception):
    """Any error that orbscan raises about a checkpoint.

    Attributes:
        kind: what went wrong, in one word; a key of `CLASS_OF_KIND`.
        reason: why, in words that repeat neither the file nor the offset.
        file: the file or directory that is wrong, spelled as the path that was given; None if it is
            not one file.
        offset: where in the file, in bytes, or None if it is not one place.
        in_body: whether the offset counts from the start of the decompressed content of the file,
            or of the node in it.
        advice: what `reason` advises to pass instead, and the words of `reason` for it: `("name",
            NAME, words)` with the name of a checkpointable, or None for a pytree without a name;
            `("step", None, words)` if the path is a directory of steps, `("step_of", PATH, words)`
            if PATH is one, `("step_of_one", None, words)` if `reason` names several. None without
            advice.
        fault: why a store other than a disk gave no answer: `bucket` (there is no such bucket),
            `credentials` (there are none, or they are not valid), `forbidden` (they do not
            suffice), `throttled` (too many requests), `network` (the store was not reached),
            `timeout`, `changed` (what was read changed meanwhile), `server` (the store failed).
            None for all other errors.

    >>> str(OrbscanError("malformed", "expected an object", "state/_METADATA", 4))
    'state/_METADATA, byte 4: expected an object'
    """

    kind: ErrorKind
    reason: str
    file: str | None
    offset: int | None
    in_body: bool
    advice: Advice | None
    fault: StoreFault | None

    def __init__(  # noqa: PLR0913, PLR0917 - the Rust side passes the fields of its error in order
        self,
        kind: ErrorKind,
        reason: str,
        file: str | None = None,
        offset: int | None = None,
        in_body: bool = False,  # noqa: FBT001, FBT002
        errno: int | None = None,
        advice: Advice | None = None,
        fault: StoreFault | None = None,
    ) -> None:
        self.kind = kind
        self.reason = reason
        self.file = file
        self.offset = offset
        self.in_body = in_body
        self.advice = advice
        self.fault = fault
        if isinstance(self, OSError):
            OSError.__init__(self, errno, reason, file)
        else:
            super().__init__(reason)

    def __str__(self) -> str:
        return located(self.reason, self.file, self.offset, in_body=self.in_body)

    def __reduce__(self) -> tuple[object, ...]:
        errno = self.errno if isinstance(self, OSError) else None
        return (
            type(self),
            (
                self.kind,
                self.reason,
                self.file,
                self.offset,
                self.in_body,
                errno,
                self.advice,
                self.fault,
            ),
        )


class InvalidLayoutError(OrbscanError, ValueError):
    """The path is not a finished checkpoint, or has no pytree with the given name.

    Kinds: `unknown_layout`, `uncommitted`, `no_such_checkpointable`.
    """


class CheckpointNotFoundError(FileNotFoundError, InvalidLayoutError):
    """The path does not exist. Kind: `not_found`.

    It is also an `InvalidLayoutError`, because that is what Orbax raises here.
    """

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        kind: ErrorKind,
        reason: str,
        file: str | None = None,
        offset: int | None = None,
        in_body: bool = False,  # noqa: FBT001, FBT002
        errno: int | None = None,
        advice: Advice | None = None,
        fault: StoreFault | None = None,
    ) -> None:
        errno = ENOENT if errno is None else errno
        OrbscanError.__init__(self, kind, reason, file, offset, in_body, errno, advice, fault)

    # OSError comes first in the order of the bases, so that errno and filename are set; it would
    # otherwise determine these two.
    __str__ = OrbscanError.__str__
    __reduce__ = OrbscanError.__reduce__


class FormatError(OrbscanError, ValueError):
    """A file of the checkpoint cannot be read.

    Kinds: `malformed` (it does not follow its format), `checksum` (its bytes have changed),
    `unsupported` (it uses something that orbscan cannot read), `limit` (it asks for more than
    the limits allow).
    """


class StoreError(OSError, OrbscanError):
    """The file system or the store failed, which says nothing about the checkpoint. Kind: `store`.

    `errno` and `filename` are those of the operating system's error; for a store that is not a
    disk, `fault` says what failed.
    """

    __init__ = OrbscanError.__init__
    __str__ = OrbscanError.__str__
    __reduce__ = OrbscanError.__reduce__


class OutOfMemoryError(MemoryError, OrbscanError):
    """There is not enough memory, which says nothing about the checkpoint. Kind: `memory`.

    Catch it as a `MemoryError`, which Python itself raises if there is no memory for its own
    objects.
    """

    __init__ = OrbscanError.__init__
    __str__ = OrbscanError.__str__
    __reduce__ = OrbscanError.__reduce__


def of_machine(error: BaseException) -> bool:
    """Whether it says nothing about the checkpoint: the store refused, or memory ran out."""
    return isinstance(error, StoreError | OutOfMemoryError)


class DeletionInProgressError(OrbscanError, RuntimeError):
    """The checkpointable is being deleted. Kind: `deletion_in_progress`."""


class DeletionRecoveryError(OrbscanError, RuntimeError):
    """The record of an interrupted deletion cannot be trusted. Kind: `deletion_record`."""


CLASS_OF_KIND: dict[ErrorKind, type[OrbscanError]] = {
    "not_found": CheckpointNotFoundError,
    "unknown_layout": InvalidLayoutError,
    "uncommitted": InvalidLayoutError,
    "no_such_checkpointable": InvalidLayoutError,
    "deletion_in_progress": DeletionInProgressError,
    "deletion_record": DeletionRecoveryError,
    "malformed": FormatError,
    "checksum": FormatError,
    "unsupported": FormatError,
    "limit": FormatError,
    "store": StoreError,
    "memory": OutOfMemoryError,
}
"""The class of every kind of error."""


def error(  # noqa: PLR0913, PLR0917
    kind: ErrorKind,
    reason: str,
    file: str | None = None,
    offset: int | None = None,
    in_body: bool = False,  # noqa: FBT001, FBT002
    errno: int | None = None,
    advice: Advice | None = None,
    fault: StoreFault | None = None,
) -> OrbscanError:
    """Make the exception of a kind; this is how the extension module makes its errors.

    >>> error("unsupported", "codec 'lz4'", "zarr.json")
    FormatError("codec 'lz4'")
    """
    return CLASS_OF_KIND[kind](kind, reason, file, offset, in_body, errno, advice, fault)


def located(reason: str, file: str | None, offset: int | None, *, in_body: bool) -> str:
    """Put the place that a reason is about before it, as every error and issue is shown.

    >>> located("no such key", "state/d/903e", 41, in_body=True)
    'state/d/903e, byte 41 of the decompressed body: no such key'
    """
    body = " of the decompressed body" if in_body else ""
    place = [] if file is None else [file]
    if offset is not None:
        place.append(f"byte {offset}{body}")
    return f"{', '.join(place)}: {reason}" if place else reason
