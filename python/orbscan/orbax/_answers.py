"""What Orbax's handler of pytrees would answer, read by orbscan, if the answer would be the same.

Orbax calls the handlers of leaves that are registered with the handler of the pytree. Orbscan
answers only if all of those are Orbax's own. They are of V0, which returns leaves with a name and a
directory; or of V1, whose leaves V0 puts into a wrapper.
"""

from __future__ import annotations

import json
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.errors import OrbscanError
from orbscan.places import url_scheme
from orbscan.reading import codes
from orbscan.reading.api import read_pytree

if TYPE_CHECKING:
    from orbscan import _core

_TREE = "_METADATA"
_SHARDINGS = "_sharding"
_NEW_WORDS = (b'"Tuple"', b'"NamedTuple"')
_AGGREGATE = "aggregate"
_V1 = "orbax.checkpoint.experimental.v1."

_HANDLERS = {
    "jax.Array": ("ArrayHandler", "ArrayLeafHandler"),
    "np.ndarray": ("NumpyHandler", "NumpyLeafHandler"),
    "scalar": ("ScalarHandler", "ScalarLeafHandler"),
    "string": ("StringHandler", "StringLeafHandler"),
}
"""For each value type, the classes of its handlers, of V0 and of V1."""


class LeftToOrbax(Exception):  # noqa: N818 - no error, but the other way an answer is found
    """Orbscan does not answer a call; the text is the reason, by which such calls are counted."""


def tree(handler: Any, directory: Any) -> Any:
    """Return the `TreeMetadata` of a pytree; before 0.11, only the tree.

    Args:
        handler: the `BasePyTreeCheckpointHandler` that was called.
        directory: its argument.

    Raises:
        LeftToOrbax: Orbax must answer.
    """
    is_v1 = _is_v1(handler)
    options = getattr(handler, "_pytree_metadata_options", None)
    is_rich = bool(getattr(options, "support_rich_types", False))
    with importing:
        from orbscan.reading.saved_trees import saved_tree
        from orbscan.reading.tree import assemble
        from orbscan.restoring import orbax_older

    table = _table(directory, is_rich=is_rich)
    content = (directory / orbax_older.TREE_FILE).read_bytes()
    # Releases before 0.10 do not know some value types.
    if options is None and any(word in content for word in _NEW_WORDS):
        message = "empty tuples"
        raise LeftToOrbax(message)
    plain = assemble(table)
    if not isinstance(plain, dict | list | tuple) or (isinstance(plain, dict) and "" in plain):
        # Most releases fail for it.
        message = "a leaf without a name"
        raise LeftToOrbax(message)
    saved = saved_tree(None, table, ())
    try:
        convert = _wrapped_v1 if is_v1 else None
        return orbax_older.tree_metadata(
            plain, directory, saved, document=json.loads(content), convert=convert
        )
    except Exception as error:
        # Above all, what Orbax refuses.
        message = f"what was read cannot be converted: {type(error).__name__}"
        raise LeftToOrbax(message) from error


def _wrapped_v1(tree: Any) -> Any:
    """Make the leaves of V1, each in the wrapper that V1 takes it out of."""
    import jax
    from orbax.checkpoint.experimental.v1._src.serialization import compatibility

    from orbscan.restoring.orbax_types import v1_tree

    # The name in the wrapper is not used.
    return jax.tree.map(lambda leaf: compatibility.V0Metadata("", None, leaf), v1_tree(tree))


def _table(directory: Any, *, is_rich: bool) -> _core.LeafTable:
    """Read a pytree about which Orbax would give the same answer."""
    if not isinstance(directory, PurePath) or url_scheme(os.fspath(directory)) is not None:
        message = "not a path on a disk"
        raise LeftToOrbax(message)
    text = os.path.abspath(directory)  # noqa: PTH100 - `~` is a name here, as for Orbax
    if not os.path.isfile(os.path.join(text, _TREE)):  # noqa: PTH113, PTH118 - as plain as that
        message = "no _METADATA"
        raise LeftToOrbax(message)
    try:
        # Orbax does not care whether the save is finished.
        _, found = read_pytree(text, None, rich_types=is_rich, allow_uncommitted=True)
    except OrbscanError as error:
        message = f"cannot be read: {error.kind}"
        raise LeftToOrbax(message) from error
    (_, table), *_ = found.items
    if table is None or found.issues:
        message = "the checkpoint has faults"
        raise LeftToOrbax(message)
    if any(kind == _AGGREGATE for kind, _ in table.places):
        message = "values in an aggregate file"
        raise LeftToOrbax(message)
    if os.path.isfile(os.path.join(text, _SHARDINGS)) and any(  # noqa: PTH113, PTH118
        leaf[0] == codes.JAX_ARRAY and leaf[2] < 0 for leaf in table.leaves
    ):
        # Orbax fails if the file has no entry, and returns None if the entry is empty.
        message = "an array without a sharding"
        raise LeftToOrbax(message)
    if table.namedtuples:
        # Orbax makes classes of its own for each read.
        message = "namedtuples"
        raise LeftToOrbax(message)
    return table


def _is_v1(handler: Any) -> bool:
    """Return whether a handler returns leaves of V1.

    Raises:
        LeftToOrbax: a part of it is not Orbax's own.
    """
    made = type(handler)
    if not _is_own(made):
        # A class of the program itself that calls Orbax's method: it is unknown what else it
        # changes.
        message = "a handler of the program's own"
        raise LeftToOrbax(message)
    registry = getattr(handler, "_type_handler_registry", None)
    is_v1 = {_is_handler_of_v1(registry, word) for word in _HANDLERS}
    if len(is_v1) > 1:
        message = "handlers of leaves of two kinds"
        raise LeftToOrbax(message)
    return is_v1.pop()


def _is_handler_of_v1(registry: Any, word: str) -> bool:
    message = "a handler of leaves of the program's own"
    try:
        handler = registry.get(word)
    except Exception as error:
        raise LeftToOrbax(message) from error
    own, of_v1 = _HANDLERS[word]
    made = type(handler)
    if _is_own(made) and made.__name__ == own and not _metadata_key(handler):
        return False
    inner = getattr(handler, "_leaf_handler", None)
    is_wrapped = made.__module__.startswith(_V1) and made.__name__ == "CompatibleTypeHandler"
    if is_wrapped and _is_own(type(inner)) and type(inner).__name__ == of_v1:
        return True
    raise LeftToOrbax(message)


def _metadata_key(handler: Any) -> object:
    """A name other than TensorStore's for the document of an array."""
    return getattr(handler, "_metadata_key", None)


def _is_own(made: type[Any]) -> bool:
    return made.__module__.startswith("orbax.checkpoint.")
