"""Every public name can be looked at: by `help`, by `inspect`, by `typing`."""

from __future__ import annotations

import inspect
import pydoc
import typing
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support.processes import python

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = sorted(set(orbscan.__all__) - {"__version__", "PyTreeMetadata"})


def functions(value: object) -> Iterator[object]:
    """A function, or the public functions and properties of a class."""
    if not isinstance(value, type):
        yield value
        return
    for name, member in vars(value).items():
        if name == "__init__" or not name.startswith("_"):
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if inspect.isfunction(function):
                yield function


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_can_be_looked_at(name: str) -> None:
    value = getattr(orbscan, name)
    assert name in pydoc.render_doc(value)
    inspect.signature(value)
    typing.get_type_hints(value)
    for function in functions(value):
        typing.get_type_hints(function)


def test_the_types_are_the_real_ones() -> None:
    hints = typing.get_type_hints(orbscan.metadata)
    assert hints["return"] == orbscan.CheckpointMetadata[typing.Any]
    assert typing.get_args(hints["atomicity"])[0] == "auto"
    assert typing.get_type_hints(orbscan.Step)["error"] == orbscan.OrbscanError | None


def test_help_of_the_package_loads_no_large_library() -> None:
    program = """
        import pydoc, sys
        import orbscan
        print("metadata(" in pydoc.render_doc(orbscan))
        print({"jax", "tensorstore", "orbax"} & {*sys.modules})
    """
    assert python(program).splitlines() == ["True", "set()"]
