"""The results of `orbscan.orbax`: values of orbscan that can be used as Orbax's own.

`isinstance` asks an object for its `__class__`, and these return the class of Orbax as soon as
Orbax is loaded; before that, no program has that class to compare with. What only Orbax can make,
such as its sharding metadata, is made at first access. A read thus costs as much as with orbscan
itself, and a program that only uses shapes and types never loads Orbax.
"""

from __future__ import annotations

import dataclasses
import sys
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from orbscan.model import leaves, result

if TYPE_CHECKING:
    import jax
    import numpy as np
    from etils import epath

    from orbscan.aliases import AnyPath
    from orbscan.model.result import Issue

T = TypeVar("T")

# `isinstance` asks for the class often: these are found without composing a name.
_SRC = "orbax.checkpoint.experimental.v1._src"
_ARRAYS = f"{_SRC}.serialization.array_leaf_handler"
_NUMPY = f"{_SRC}.serialization.numpy_leaf_handler"
_CHECKPOINTS = f"{_SRC}.metadata.types"


def viewed(read: result.CheckpointMetadata[T]) -> CheckpointMetadata[T]:
    """Convert orbscan's result, with leaves of Orbax's kinds, to one usable as Orbax's."""
    return CheckpointMetadata(
        read.path,
        metadata=read.metadata,
        init_timestamp_nsecs=read.init_timestamp_nsecs,
        commit_timestamp_nsecs=read.commit_timestamp_nsecs,
        custom_metadata=read.custom_metadata,
        issues=read.issues,
    )


def of_orbax(read: Any, issues: tuple[Issue, ...]) -> CheckpointMetadata[Any]:
    """Do the same for a result of Orbax, whose path and values stay what they are."""
    made = CheckpointMetadata(
        read.path,
        metadata=read.metadata,
        init_timestamp_nsecs=read.init_timestamp_nsecs,
        commit_timestamp_nsecs=read.commit_timestamp_nsecs,
        custom_metadata=read.custom_metadata,
        issues=issues,
    )
    made.__dict__["_is_theirs"] = True
    return made


def dressed(leaves: list[Any]) -> list[Any]:
    """Convert orbscan's leaves to those that can be used as Orbax's."""
    return [_dressed(leaf) for leaf in leaves]


def _dressed(leaf: object) -> object:
    if isinstance(leaf, leaves.ArrayMetadata):
        from orbscan.restoring import orbax_types

        if orbax_types.is_safetensors(leaf):
            return orbax_types.abstract_array(leaf)
        return ArrayMetadata(leaf)
    return NumpyMetadata(leaf) if isinstance(leaf, leaves.NumpyMetadata) else leaf


def _class_of(module: str, name: str, otherwise: type) -> type[Any]:
    """A class of Orbax if its module is loaded."""
    loaded = sys.modules.get(module)
    found: type[Any] = getattr(loaded, name, otherwise)
    return found


def _fields(*names: str) -> dict[str, Any]:
    """The fields that `dataclasses` looks for: those of Orbax's class."""
    twin = dataclasses.make_dataclass("Fields", names, init=False, repr=False, eq=False)
    return {field.name: field for field in dataclasses.fields(twin)}


class _Leaf:
    """A leaf with the content of one of orbscan's, in the types of Orbax."""

    __slots__ = ("__orbscan__", "_storage", "dtype", "shape")

    __dataclass_fields__: ClassVar[dict[str, Any]]
    __orbscan__: Any
    _storage: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __init__(self, own: Any) -> None:
        keep = object.__setattr__
        keep(self, "__orbscan__", own)
        # The shape of the whole array, in elements.
        keep(self, "shape", own.shape)
        keep(self, "dtype", own.dtype)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"{name!r} cannot be set: equal leaves are one object; use dataclasses.replace"
        raise AttributeError(message)

    @property
    def storage_metadata(self) -> Any:
        """How the array is stored: `orbax.checkpoint.metadata.StorageMetadata`, or None."""
        try:
            return self._storage
        except AttributeError:
            from orbscan.restoring.orbax_values import Values

            found = Values().storage(self.__orbscan__.storage_metadata)
            object.__setattr__(self, "_storage", found)
            return found

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Leaf):
            return bool(self.__orbscan__ == other.__orbscan__)
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = self.__dataclass_fields__
        return all(bool(getattr(self, name) == getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        return hash(self.__orbscan__)

    def __repr__(self) -> str:
        shown = [
            f"{name}={getattr(self.__orbscan__, name)!r}" for name in self.__dataclass_fields__
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.__orbscan__,)


class ArrayMetadata(_Leaf):
    """An array saved from jax, as Orbax's `ArrayMetadata`."""

    __slots__ = ("_sharding",)

    _sharding: Any

    __dataclass_fields__ = _fields("shape", "dtype", "sharding_metadata", "storage_metadata")

    @property
    def sharding_metadata(self) -> Any:
        """How the array was laid over devices: `orbax.checkpoint.metadata.ShardingMetadata`.

        None if that is not known, and for a sharding of a kind that JAX has dropped.
        """
        try:
            return self._sharding
        except AttributeError:
            from orbscan.restoring.orbax_values import Values, has_class

            own = self.__orbscan__.sharding_metadata
            found = Values().sharding(own) if has_class(own) else None
            object.__setattr__(self, "_sharding", found)
            return found

    @property
    def sharding(self) -> jax.sharding.Sharding | None:
        """The sharding over the devices of the save, or None if none is known.

        Raises:
            MissingDevicesError: this process does not have the devices.
        """
        sharding: jax.sharding.Sharding | None = self.__orbscan__.sharding
        return sharding

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return _class_of(_ARRAYS, "ArrayMetadata", ArrayMetadata)


class NumpyMetadata(_Leaf):
    """An array saved from numpy, as Orbax's `NumpyMetadata`."""

    __slots__ = ()

    __dataclass_fields__ = _fields("shape", "dtype", "storage_metadata")

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return _class_of(_NUMPY, "NumpyMetadata", NumpyMetadata)


class CheckpointMetadata(result.CheckpointMetadata[T]):
    """The metadata of one checkpoint, as Orbax's `CheckpointMetadata`, with `issues` in addition.

    As in Orbax, two are equal only if they are the same object. `dataclasses.replace` returns one
    of Orbax's own once Orbax is loaded.
    """

    __dataclass_fields__ = _fields(
        "path", "metadata", "init_timestamp_nsecs", "commit_timestamp_nsecs", "custom_metadata"
    )

    def __init__(  # noqa: PLR0913 - as in Orbax
        self,
        path: AnyPath,
        *,
        metadata: T,
        init_timestamp_nsecs: int | None = None,
        commit_timestamp_nsecs: int | None = None,
        custom_metadata: dict[str, Any] | None = None,
        issues: tuple[Issue, ...] = (),
    ) -> None:
        self.__dict__.update(
            _path=path,
            metadata=metadata,
            init_timestamp_nsecs=init_timestamp_nsecs,
            commit_timestamp_nsecs=commit_timestamp_nsecs,
            custom_metadata=custom_metadata,
            issues=issues,
        )

    @property
    def path(self) -> epath.Path:
        """The path of the checkpoint."""
        path = self.__dict__["_path"]
        return path if self.__dict__.get("_is_theirs") else _as_epath()(path)

    @property
    def init_timestamp(self) -> datetime | None:
        """When the save began, in UTC, rounded as Orbax rounds; None if it is not recorded."""
        return _rounded(self.init_timestamp_nsecs)

    @property
    def commit_timestamp(self) -> datetime | None:
        """When the save finished, likewise."""
        return _rounded(self.commit_timestamp_nsecs)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[object, ...]:
        fields = dict(self.__dict__)
        return _remade, (fields.pop("_path"), fields)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return _class_of(_CHECKPOINTS, "CheckpointMetadata", CheckpointMetadata)


def _remade(path: AnyPath, fields: dict[str, Any]) -> CheckpointMetadata[Any]:
    is_theirs = fields.pop("_is_theirs", False)
    made: CheckpointMetadata[Any] = CheckpointMetadata(path, **fields)
    if is_theirs:
        made.__dict__["_is_theirs"] = True
    return made


def _rounded(nsecs: int | None) -> datetime | None:
    return None if nsecs is None else datetime.fromtimestamp(nsecs / 1e9, tz=UTC)


@cache
def _as_epath() -> Any:
    from etils import epath

    return epath.Path
