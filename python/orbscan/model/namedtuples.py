"""Stand-ins for saved namedtuples, whose own classes need not exist in this process."""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from typing import Any

# Enough for any real program; a limit is needed because the names come from files.
_MAX_CLASSES = 4096


class OrbaxEmptyNamedTuple(namedtuple("OrbaxEmptyNamedTuple", ())):  # noqa: PYI024 - no fields
    """A saved namedtuple without fields, about which Orbax records nothing else."""

    __slots__ = ()


@lru_cache(maxsize=_MAX_CLASSES)
def namedtuple_class(module: str, qualified_name: str, fields: tuple[str, ...]) -> Any:
    """Make the class that stands in for a saved one, always the same one for the same arguments.

    It has the name that Orbax gives it: module, class and arity. Names that are not identifiers,
    such as that of a class defined inside a function, are changed until they are; a field whose
    name cannot be changed is named by its position, `_3`. Its instances can be pickled.

    >>> namedtuple_class("optax._src.base", "State", ("mu", "nu")).__name__
    'optax__src_base_State_2'
    """
    name = _identifier(f"{module}_{qualified_name}_{len(fields)}")
    base = namedtuple(name, _normalized(fields), rename=True)  # type: ignore[misc]  # noqa: PYI024 - named at run time

    def __reduce__(self: tuple[Any, ...]) -> tuple[Any, ...]:  # noqa: N807 - becomes a method
        return (_rebuild, (module, qualified_name, fields, tuple(self)))

    return type(name, (base,), {"__slots__": (), "__module__": __name__, "__reduce__": __reduce__})


def class_of(value: object) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the arguments of `namedtuple_class` for the class of an instance; None for others.

    >>> class_of(namedtuple_class("m", "P", ("x",))(1))
    ('m', 'P', ('x',))
    """
    if not isinstance(value, tuple) or not hasattr(value, "_fields"):
        return None
    if type(value).__module__ != __name__ or not value._fields:
        return None
    # The arguments that made its class, and the values.
    made: Any = value.__reduce__()[1]
    module, qualified_name, fields, _ = made
    return module, qualified_name, fields


def _rebuild(
    module: str, qualified_name: str, fields: tuple[str, ...], values: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Make an instance again from its pickle."""
    instance: tuple[Any, ...] = namedtuple_class(module, qualified_name, fields)._make(values)
    return instance


def _identifier(text: str) -> str:
    text = "".join(letter if f"_{letter}".isidentifier() else "_" for letter in text)
    return text if text.isidentifier() else f"_{text}"


def _normalized(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Write identifiers as Python's parser would, so that two which it treats as one are found."""
    if all(field.isascii() for field in fields):
        return fields
    from unicodedata import normalize

    return tuple(normalize("NFKC", field) for field in fields)
