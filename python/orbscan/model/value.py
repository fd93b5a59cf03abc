"""The base of all small immutable values: fast structs that dataclass tools understand.

A tree can have a hundred thousand leaves, and a struct of msgspec costs a fifth of a dataclass.
Users nevertheless expect `dataclasses.replace` and friends to work, as they do on Orbax's leaves.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

if TYPE_CHECKING:
    from typing import Self, TypeVar

    ValueType = TypeVar("ValueType", bound="type[Value]")


class Value(msgspec.Struct, frozen=True):
    """An immutable value; its subclasses are decorated with `as_dataclass`."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __replace__(self, /, **changes: object) -> Self:
        """Make a copy with some fields changed: the protocol of `copy.replace`."""
        return msgspec.structs.replace(self, **changes)


class _Described:
    """An attribute by which `dataclasses` knows a class, made when it is first looked at.

    Nobody looks at it in a read, where making it for each class would take longer than reading.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, owner: object, cls: ValueType) -> object:
        """Describe the class, and return the attribute."""
        _describe(cls)
        return getattr(cls, self._name)


_NAMES = ("__dataclass_fields__", "__dataclass_params__")


def as_dataclass(cls: ValueType) -> ValueType:
    """Describe the fields of a struct in the form that `dataclasses` expects.

    The description is that of a dataclass with the same fields and no generated methods.
    """
    for name in _NAMES:
        setattr(cls, name, _Described(name))
    return cls


def _describe(cls: type[Value]) -> None:
    names, defaults = cls.__struct_fields__, cls.__struct_defaults__
    required = len(names) - len(defaults)
    annotations = cls.__annotations__
    fields: list[Any] = []
    for position, name in enumerate(names):
        default = defaults[position - required] if position >= required else msgspec.NODEFAULT
        known = default is not msgspec.NODEFAULT
        fields.append((name, annotations[name], *([default] if known else [])))
    twin = dataclasses.make_dataclass(
        cls.__name__,
        fields,
        init=False,
        repr=False,
        eq=False,
        # Only keywords can put a required field after one with a default.
        kw_only=msgspec.NODEFAULT in defaults,
        # With a docstring, make_dataclass need not compose one, which is its slowest part.
        namespace={"__doc__": cls.__name__},
    )
    for name in _NAMES:
        setattr(cls, name, getattr(twin, name))
