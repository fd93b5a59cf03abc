"""Access to values: one array of a checkpoint, opened but not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from orbscan import errors
from orbscan.extras import need
from orbscan.places import absolute, join
from orbscan.reading import codes, facts
from orbscan.reading.api import AUTO, check_name_as_orbax, read_pytree
from orbscan.reading.paths import place_of
from orbscan.restoring.kvstores import kvstore_of
from orbscan.showing.keypaths import keypath as shown
from orbscan.showing.keypaths import leaf_path

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import tensorstore

    from orbscan import _core
    from orbscan.aliases import Atomicity, ErrorKind, Keypath, StepChoice, StoreOptions

_SHOWN_KEYPATHS = 5
_UNSUPPORTED: ErrorKind = "unsupported"
_DRIVERS = {2: "zarr", 3: "zarr3"}
_HAS_NO_ARRAY = {
    codes.STRING: "a string",
    codes.NONE: "None",
    codes.EMPTY_DICT: "an empty dict",
    codes.EMPTY_LIST: "an empty list",
    codes.EMPTY_TUPLE: "an empty tuple",
    codes.EMPTY_NAMEDTUPLE: "an empty namedtuple",
    codes.CUSTOM: "one of a custom handler",
}


class LeafNotFoundError(KeyError):
    """The tree has no leaf at a keypath.

    Attributes:
        keypath: the requested keypath.
        near: keypaths of leaves that may be meant.
    """

    keypath: tuple[str | int, ...]
    near: tuple[tuple[str | int, ...], ...]

    def __init__(
        self, keypath: tuple[str | int, ...], near: tuple[tuple[str | int, ...], ...]
    ) -> None:
        self.keypath = keypath
        self.near = near
        super().__init__(keypath, near)

    def __str__(self) -> str:
        near = ", ".join(map(shown, self.near))
        return f"no leaf at {shown(self.keypath)}" + (f"; the nearest are {near}" if near else "")


def open_array(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str | os.PathLike[str],
    keypath: str | Sequence[Any],
    checkpointable_name: str | None = AUTO,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> tensorstore.TensorStore:
    """Open one array of a checkpoint with TensorStore, without reading any of its values.

    Index it and call `read().result()` to get a part as a numpy array. A scalar is an array without
    dimensions; a PRNG key is the array of its data.

    Args:
        path: the checkpoint, as for `orbscan.metadata`; TensorStore itself must be able to read the
            store, as it is for disks, `gs://`, `s3://` and `http(s)://`.
        keypath: the leaf as every command shows it, `"layers[0]/kernel"`, also after the name of
            its checkpointable; or the keys that lead to it, `("layers", 0, "kernel")`; or a keypath
            as `jax.tree_util` returns them.
        checkpointable_name: as for `orbscan.metadata`.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        LeafNotFoundError: the tree has no such leaf; names similar ones.
        TypeError: the leaf has no array, or the keypath is bytes.
        FormatError: the array is not stored on its own, its values may be spread over databases
            that were never merged, or TensorStore cannot open it.
        OrbscanError: the leaf is an `UnreadableLeaf`; otherwise as for `orbscan.metadata`.
    """
    wanted = keypath if isinstance(keypath, str) else _plain_keys(keypath)
    text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    check_name_as_orbax(checkpointable_name)
    text, checkpoint = read_pytree(text, checkpointable_name, rich_types=False, atomicity=atomicity)
    (item, table), *_ = checkpoint.items
    if table is None:  # what read_pytree never returns
        raise LeafNotFoundError((wanted,) if isinstance(wanted, str) else wanted, ())
    keys = _spelled(table, item, wanted) if isinstance(wanted, str) else wanted
    node = _find(table, keys)
    directory = join(absolute(text), *([] if item is None else [item]))
    return opened(stored_array(table, node, shown(keys), directory))


def _plain_keys(keypath: Sequence[Any]) -> tuple[str | int, ...]:
    """Return the keys of a keypath, also of one of jax, whose entries wrap them."""
    if isinstance(keypath, bytes):
        message = f"a keypath is a str or a sequence of keys, not {keypath!r}"
        raise TypeError(message)
    plain: list[str | int] = []
    for entry in keypath:
        wrapped = (getattr(entry, name, None) for name in ("key", "idx", "name"))
        key = next((key for key in wrapped if key is not None), entry)
        # A checkpoint has only strings as keys of a dict, whatever the keys were.
        plain.append(key if isinstance(key, int) and not isinstance(key, bool) else str(key))
    return tuple(plain)


def _spelled(table: _core.LeafTable, name: str | None, text: str) -> Keypath:
    """Return the keys of the leaf that every command shows as a text, with or without the name."""
    of_text = {shown(entries): entries for entries, _, _ in facts.leaves(table)}
    found = of_text.get(text)
    if found is None and name is not None:
        found = next((at for at in of_text.values() if leaf_path(name, at) == text), None)
    if found is None:
        raise _not_found(table, (text,), text)
    return found


def _find(table: _core.LeafTable, keys: tuple[str | int, ...]) -> int:
    """Return the node of the leaf at a keypath."""
    children = {node: (kind, low, high) for node, kind, low, high in table.containers}
    node = 0
    for key in keys:
        kind, low, high = children.get(node, (codes.DICT, 0, 0))
        if kind in {codes.LIST, codes.TUPLE}:
            names: list[str | None] = [str(at) for at in range(high - low)]
        else:
            names = table.node_keys[low:high]
        if str(key) not in names:
            raise _not_found(table, keys, shown(keys))
        node = low + names.index(str(key))
    if node in children:
        raise _not_found(table, keys, shown(keys))
    return node


def _not_found(
    table: _core.LeafTable, asked: tuple[str | int, ...], text: str
) -> LeafNotFoundError:
    from orbscan.reading.nearest import nearest

    return LeafNotFoundError(asked, tuple(nearest(table, text, _SHOWN_KEYPATHS)))


class StoredArray(NamedTuple):
    """Where TensorStore finds an array.

    Attributes:
        directory: the directory of the pytree.
        name: the name of the array in its store.
        spec: the specification for TensorStore; the path of its key-value store ends with a slash.
    """

    directory: str
    name: str
    spec: dict[str, Any]


def stored_array(table: _core.LeafTable, node: int, leaf: str, directory: str) -> StoredArray:
    """Return where the array of a leaf lies: where its document was found.

    Args:
        table: the columns of the pytree.
        node: the node of the leaf.
        leaf: its name in errors.
        directory: the directory of the pytree.

    Raises:
        TypeError: the leaf has no array.
        OrbscanError: it cannot be opened on its own, or read at all.
    """
    driver = _DRIVERS[_zarr_format(table, node, leaf, directory)]
    place, where = table.places[table.leaf_places[table.node_leaves[node]]]
    array = table.stored_name(node) or ""
    if place == "one_of_processes":
        reason = (
            f"the values of the array {array!r} may be spread over the databases of several "
            "processes, which were never merged"
        )
        raise errors.error(_UNSUPPORTED, reason, directory)
    kvstore: dict[str, Any]
    if place == "files":
        # A read refuses names that lead out of the checkpoint.
        kvstore = kvstore_of(join(directory, f"{array}/"))
    else:
        base = kvstore_of(join(directory, f"{where}/" if where else ""))
        kvstore = {"driver": "ocdbt", "base": base, "path": f"{array}/"}
    return StoredArray(directory, array, {"driver": driver, "kvstore": kvstore})


def opened(array: StoredArray, context: Any = None) -> tensorstore.TensorStore:
    """Open an array.

    Raises:
        ImportError: tensorstore is not installed.
        FormatError: TensorStore cannot open it.
    """
    need("tensorstore", "opening an array")
    import tensorstore

    try:
        return tensorstore.open(array.spec, open=True, read=True, context=context).result()
    except (ValueError, OSError, NotImplementedError) as error:
        reason = f"the array {array.name!r} cannot be opened: {error}"
        raise errors.error(_UNSUPPORTED, reason, array.directory) from error


def _zarr_format(table: _core.LeafTable, node: int, leaf: str, directory: str) -> int:
    """The version of the Zarr document of a leaf."""
    kind, array, _, _, _, error, _ = table.leaves[table.node_leaves[node]]
    if kind in _HAS_NO_ARRAY:
        message = f"the leaf at {leaf} is {_HAS_NO_ARRAY[kind]}, not an array"
        raise TypeError(message)
    if error is not None:
        found, file, offset, in_body, reason = error
        raise errors.error(found, reason, file, offset, in_body)
    zarr = table.arrays[array][3]
    if zarr is None:
        reason = f"the leaf at {leaf} is part of a larger file and cannot be opened alone"
        raise errors.error(_UNSUPPORTED, reason, directory)
    return zarr[0]
