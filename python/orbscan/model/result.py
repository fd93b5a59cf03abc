"""The result of a read: the metadata of a checkpoint, and the faults that were tolerated."""

from __future__ import annotations

import os
import sys
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

from orbscan import errors
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, leaves, own
from orbscan.model.moments import Moments
from orbscan.model.saved_tree import SavedTree  # noqa: TC001 - annotations are resolved
from orbscan.model.value import Value, as_dataclass
from orbscan.places import PathAttribute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import AnyPath, ErrorKind, Keypath
    from orbscan.model.item import Item

PyTreeMetadata: TypeAlias = Any
"""A tree with the same structure as the saved one.

Its containers are plain dicts, lists and tuples (with rich types, also namedtuples). Its leaves are
`ArrayMetadata`, `NumpyMetadata`, `UnreadableLeaf`, `UnsupportedLeaf`, a zero of the type of a saved
scalar (`0`, `0.0`, `False`, `0j`), `'string'` for a saved string, None, or an empty container.
"""

T = TypeVar("T")

_ARRAYS = (ArrayMetadata, NumpyMetadata)


@as_dataclass
class Issue(Value, frozen=True, gc=False):
    """A fault that was tolerated: the result is valid, but may say less than was saved.

    Attributes:
        kind: what is wrong, in one word, as in `OrbscanError.kind`.
        file: the file, or None if it is not in one file.
        offset: where in the file, in bytes, or None if it is not in one place.
        in_body: whether the offset counts from the start of the decompressed content of the file.
        reason: why, in words that repeat neither the file nor the offset.

    >>> print(Issue("malformed", "state/_sharding", 12, False, "expected an object"))
    state/_sharding, byte 12: expected an object
    """

    kind: ErrorKind
    file: str | None
    offset: int | None
    in_body: bool
    reason: str

    def __str__(self) -> str:
        return errors.located(self.reason, self.file, self.offset, in_body=self.in_body)


class Contents(Protocol):
    """Finds the items of a checkpoint when they are requested."""

    @property
    def handlers(self) -> str | dict[str, str | None] | None:
        """The handlers that wrote them, by name; one text for a checkpoint that is a pytree."""

    def items(self) -> tuple[Item, ...]:
        """Find them."""

    def document(self) -> dict[str, object]:
        """Compose what `orbscan show -o json` prints."""

    def saved_trees(self) -> tuple[SavedTree, ...]:
        """Give what only V0 of Orbax says of each pytree."""


@dataclass(frozen=True, repr=False)
class CheckpointMetadata(Moments, Generic[T]):
    """The metadata of one checkpoint.

    Attributes:
        path: the path of the checkpoint, as it was given.
        metadata: a tree (`PyTreeMetadata`), or a dict of trees by the name of the checkpointable.
        init_timestamp_nsecs: when the save began, in nanoseconds since 1970 in UTC; None if it is
            not recorded.
        commit_timestamp_nsecs: when the save finished, likewise. For safetensors, when the last of
            the files was changed, in whole seconds, as Orbax gives it.
        custom_metadata: the custom metadata of the user.
        issues: the faults that were tolerated; empty for a sound checkpoint.
    """

    path: AnyPath
    _: KW_ONLY
    metadata: T
    init_timestamp_nsecs: int | None = None
    commit_timestamp_nsecs: int | None = None
    custom_metadata: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    _contents: Contents | None = field(default=None, repr=False, compare=False)
    _trees: tuple[SavedTree, ...] | None = field(default=None, repr=False, compare=False)

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the checkpoint, by name, including those that are not in `metadata`.

        Each has a `name`, a `kind` (`pytree`, `json`, `other`, `unknown`), the `handler` that wrote
        it, and if it is JSON its decoded `document`. Empty if the metadata was not read from a
        checkpoint.

        Raises:
            OrbscanError: the checkpoint cannot be read any more; as `orbscan.metadata`.
        """
        return () if self._contents is None else self._contents.items()

    def _saved_trees(self) -> tuple[SavedTree, ...]:
        """What only V0 of Orbax says of each pytree."""
        if self._trees is not None or self._contents is None:
            return self._trees or ()
        return self._contents.saved_trees()

    def leaves(self) -> Iterator[tuple[Keypath, Any]]:
        """Walk the tree, or the trees by the name of their checkpointable.

        Yields:
            the keypath of each leaf, as `orbscan.open_array` takes it, and the leaf, in the order
            of the tree. An empty container is a leaf.

        >>> from pathlib import Path
        >>> saved = CheckpointMetadata(Path("1"), metadata={"step": 0, "layers": [{"bias": None}]})
        >>> [*saved.leaves()]
        [(('step',), 0), (('layers', 0, 'bias'), None)]
        """
        return leaves(self.metadata)

    def to_dict(self) -> dict[str, object]:
        """Return the content of `orbscan show -o json` for it, as values for `json.dumps`.

        For several trees, from `orbscan.checkpointables_metadata`, `checkpointables` has the
        content for each pytree. It is made from the columns of the read, not from `metadata`.

        Raises:
            ValueError: it is not the result of a read in this process.
            OrbscanError: the checkpoint can no longer be read; as for `items`.
        """
        if self._contents is None:
            message = f"{self.path}: only what was read from a checkpoint has a document"
            raise ValueError(message)
        return self._contents.document()

    def to_bytes(self) -> bytes:
        """Convert the result to bytes, to pass it to other processes; see `from_bytes`.

        The bytes are for this version of orbscan and those with the same version of the bytes, not
        for storage: for that there is the checkpoint itself. `items` is not included.

        Raises:
            TypeError: the tree has leaves that are not orbscan's.
        """
        from orbscan.model import packing

        return packing.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> CheckpointMetadata[Any]:
        """Make a result from the bytes of `to_bytes`: equal to the original one.

        Raises:
            FormatError: the bytes have another version (`unsupported`), which the error names, or
                do not come from `to_bytes` (`malformed`).
        """
        from orbscan.model import packing

        fields, faults = packing.from_bytes(data)
        issues = tuple([Issue(*fault) for fault in faults])
        return CheckpointMetadata(**fields, issues=issues)

    @property
    def parameters(self) -> int:
        """The number of elements of all arrays that are parameters; 0 for what cannot be read.

        Parameters are the arrays in the part of the tree named `params`, `parameters` or
        `model_params` that is nearest to the top, or in all such parts on one level; if there is no
        such name, all arrays except those in `opt_state`, `optimizer` and the like.

        >>> import numpy as np
        >>> from pathlib import Path
        >>> weight = NumpyMetadata((2, 4), np.dtype("float32"))
        >>> tree = {"params": {"w": weight}, "opt_state": [{"mu": {"w": weight}}]}
        >>> saved = CheckpointMetadata(Path("1"), metadata=tree)
        >>> saved.parameters, saved.elements
        (8, 16)
        """
        from orbscan.model.columns import Tree

        return Tree(self.metadata).parameters()

    @property
    def elements(self) -> int:
        """The number of elements of all arrays except PRNG keys; 0 for what cannot be read."""
        found = (own(leaf) for _, leaf in self.leaves())
        return sum(
            leaf.size
            for leaf in found
            if isinstance(leaf, _ARRAYS) and getattr(leaf, "prng_impl", None) is None
        )

    @property
    def nbytes(self) -> int:
        """The bytes of the elements of all arrays in memory, once each."""
        found = (own(leaf) for _, leaf in self.leaves())
        return sum(leaf.nbytes for leaf in found if isinstance(leaf, _ARRAYS))

    @classmethod
    def _of_place(
        cls, place: str, custom: str | None, fields: dict[str, Any]
    ) -> CheckpointMetadata[Any]:
        """Make a result of its fields.

        The path is made of the place, and the custom metadata of its text, when they are looked at.
        A frozen dataclass sets each field by a call, which is a third of what a small read takes in
        Python.
        """
        made = object.__new__(cls)
        made.__dict__.update(fields, _place=place, _custom=custom)
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields, and not the place, which may have secret options of its store."""
        fields = {**self.__dict__, "path": self.path, "custom_metadata": self.custom_metadata}
        fields.pop("_place", None)
        fields.pop("_custom", None)
        return fields

    def __repr__(self) -> str:
        """Show everything, but only a part of a large tree: at most 20 lines of 100 characters."""
        from orbscan.model.text import text

        return text(self)

    def _repr_html_(self) -> str:
        """Show the same, a treemap of bytes and the tree to be unfolded; at most 200 kB."""
        from orbscan.model import notebook

        return notebook.html(self)

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        """Return what rich shows: the first lines of the tree, with siblings folded."""
        from orbscan.model import notebook

        return notebook.fields(self)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        """Show the fields as treescope shows those of any object."""
        from treescope import repr_lib

        from orbscan.model import notebook

        return repr_lib.render_object_constructor(
            type(self), dict(notebook.fields(self, whole=True)), path, subtree_renderer
        )


class _CustomMetadata:
    """The attribute `custom_metadata` of a result, decoded when it is first looked at."""

    __slots__ = ()

    def __get__(self, owner: object | None, cls: type) -> dict[str, Any] | None:
        """Decode the text; None for the class, as the default of the field is."""
        if owner is None:
            return None
        import json

        text = owner.__dict__["_custom"]
        made: dict[str, Any] = {} if text is None else json.loads(text)
        owner.__dict__["custom_metadata"] = made
        return made


CheckpointMetadata.path = PathAttribute()  # type: ignore[assignment] # it gives what it stands for
CheckpointMetadata.custom_metadata = _CustomMetadata()  # type: ignore[assignment] # likewise


def tree_of(metadata: object) -> PyTreeMetadata:
    """Return the tree in the result of `orbscan.metadata` or of Orbax's own; others as they are.

    Raises:
        TypeError: it is a path.
    """
    if isinstance(metadata, (str, os.PathLike)):
        message = f"expected metadata, got the path {os.fspath(metadata)!r}: pass what"
        message += " orbscan.metadata gives of it"
        raise TypeError(message)
    theirs = sys.modules.get("orbax.checkpoint.experimental.v1._src.metadata.types")
    is_theirs = theirs is not None and isinstance(metadata, theirs.CheckpointMetadata)
    if is_theirs or isinstance(metadata, CheckpointMetadata):
        return cast("CheckpointMetadata[Any]", metadata).metadata
    return metadata
