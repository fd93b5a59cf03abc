"""How two leaves differ. Pure: two values in, words out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.model.device_names import device_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from orbscan import _core
    from orbscan.differing.leaf import LeafSummary

NAME = "name"
KIND = "kind"
SHAPE = "shape"
DTYPE = "dtype"
SHARDING = "sharding"
DEVICES = "devices"
STORAGE = "storage"
CONTAINER = "container"

ASPECTS = (NAME, KIND, SHAPE, DTYPE, SHARDING, DEVICES, STORAGE, CONTAINER)
"""Everything that can be left out of a comparison."""

IGNORED = frozenset({DEVICES, STORAGE})
"""Left out unless requested: they change with the machine and the writer, not the model."""


def left_out(ignore: Iterable[str] = (), *, strict: bool = False) -> frozenset[str]:
    """Return what is not a difference: what is ignored, and unless it is strict, `IGNORED`.

    >>> sorted(left_out(["dtype"])), sorted(left_out(["dtype"], strict=True))
    (['devices', 'dtype', 'storage'], ['dtype'])
    """
    return frozenset(ignore) | (frozenset() if strict else IGNORED)


# Orbax saves and reads it as None without rich types; all other empty containers keep their kind.
_COARSE = {kinds.EMPTY_NAMEDTUPLE: kinds.NONE}


class Judge:
    """Determines how two leaves differ, as far as it matters and is known of both.

    Attributes:
        ignore: the members of `ASPECTS` that do not matter.
        rich_types: whether tuples and namedtuples are distinguished from lists and dicts.
    """

    def __init__(self, ignore: Collection[str], *, rich_types: bool) -> None:
        self.ignore = frozenset(ignore)
        self.rich_types = rich_types
        # A mesh can have thousands of devices, and thousands of leaves can be laid over it.
        self._shardings: dict[tuple[int, int], str | None] = {}

    def differences(self, before: LeafSummary, after: LeafSummary) -> tuple[str, ...]:
        """Name what differs, in the order of `ASPECTS`.

        A leaf that cannot be read is never known to be equal to another: that is `unreadable`.
        """
        if kinds.UNREADABLE in {before.kind, after.kind}:
            return (kinds.UNREADABLE,)
        found = (
            *self._type(before, after),
            self._sharding(before.sharding, after.sharding),
            STORAGE if storage_differs(before, after) else None,
        )
        return tuple(word for word in found if word is not None and word not in self.ignore)

    def kind(self, leaf: LeafSummary) -> str:
        """The kind of a leaf, as it is compared."""
        return leaf.kind if self.rich_types else _COARSE.get(leaf.kind, leaf.kind)

    def sharding_unknown(self, before: LeafSummary, after: LeafSummary) -> bool:
        """Whether shardings would be compared, but only one of them is known."""
        both_arrays = before.kind == after.kind == kinds.JAX_ARRAY
        known = (before.sharding is not None) + (after.sharding is not None)
        return both_arrays and known == 1 and SHARDING not in self.ignore

    def _type(self, before: LeafSummary, after: LeafSummary) -> Iterable[str | None]:
        yield KIND if self.kind(before) != self.kind(after) else None
        yield SHAPE if _differ(before.shape, after.shape) else None
        # The type of a scalar is a Python type, which no array has.
        if (before.kind == kinds.SCALAR) == (after.kind == kinds.SCALAR):
            yield DTYPE if _differ(before.dtype, after.dtype) else None

    def _sharding(self, before: _core.Sharding | None, after: _core.Sharding | None) -> str | None:
        if before is None or after is None or before is after or SHARDING in self.ignore:
            return None
        # The outlines keep the rows alive, and therefore their ids.
        pair = (id(before), id(after))
        if pair not in self._shardings:
            self._shardings[pair] = sharding_difference(before, after)
        return self._shardings[pair]


def sharding_difference(before: _core.Sharding, after: _core.Sharding) -> str | None:
    """`sharding` if arrays are split differently, `devices` if only over other devices.

    >>> split = ("named", (2,), ("x",), None, ("x", None), ((2,), (0, 1)))
    >>> sharding_difference(split, ("named", (2,), ("x",), None, ("x",), ((2,), (2, 3))))
    'devices'
    """
    if before[0] == "named" and after[0] == "named":
        _, shape, names, types, spec, mesh = before
        _, other_shape, other_names, other_types, other_spec, other_mesh = after
        if (
            (shape, names) != (other_shape, other_names)
            or _differ(types, other_types)
            or plain_spec(spec) != plain_spec(other_spec)
        ):
            return SHARDING
        return DEVICES if _differ(mesh, other_mesh) else None
    if before[0] == "single" and after[0] == "single":
        return None if device_name(before[1]) == device_name(after[1]) else DEVICES
    if before[0] == "positional" and after[0] == "positional":
        same = before[1] == after[1] and not _differ(before[2], after[2])
        return None if same else SHARDING
    return SHARDING


def storage_differs(before: LeafSummary, after: LeafSummary) -> bool:
    """Whether two leaves are known to be stored in different ways."""
    return (
        _differ(before.chunk_shape, after.chunk_shape)
        or _differ(before.write_shape, after.write_shape)
        or _differ(before.zarr, after.zarr)
        or _differ(before.store, after.store)
    )


def plain_spec(
    spec: tuple[str | tuple[str, ...] | None, ...],
) -> tuple[str | tuple[str, ...] | None, ...]:
    """Write a partition spec in a form that all equal ones share.

    >>> plain_spec((("x",), (), ("y", "z"), None))
    ('x', None, ('y', 'z'))
    """
    entries = [
        (entry[0] if len(entry) == 1 else entry or None) if isinstance(entry, tuple) else entry
        for entry in spec
    ]
    while entries and entries[-1] is None:
        entries.pop()
    return tuple(entries)


def _differ(before: object, after: object) -> bool:
    """Whether two things are known to be different."""
    return before is not None and after is not None and before != after
