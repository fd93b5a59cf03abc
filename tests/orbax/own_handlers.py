"""Handlers of a program's own, as its users write them for Orbax."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint.experimental.v1 as theirs

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path


@dataclasses.dataclass
class Foo:
    """What one handler saves."""

    number: int


@dataclasses.dataclass
class Bar:
    """What another handler saves."""

    word: str


class AbstractFoo:
    """The metadata of a `Foo`, of which all are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractFoo)

    __hash__ = None  # type: ignore[assignment]


class AbstractBar(AbstractFoo):
    """The metadata of a `Bar`."""


class _OneFile:
    """Saves a dataclass as one JSON file."""

    made: type[Any]
    abstract: type[Any]

    async def save(self, directory: Any, checkpointable: Any) -> Awaitable[None]:
        """Write it, in the background."""

        async def written() -> None:
            place = await directory.await_creation()
            (place / "own.json").write_text(json.dumps(dataclasses.asdict(checkpointable)))

        return written()

    async def load(self, directory: Path, abstract: Any = None) -> Awaitable[Any]:
        """Read it, in the background."""
        del abstract

        async def read() -> Any:
            return self.made(**json.loads((directory / "own.json").read_text()))

        return read()

    async def metadata(self, directory: Path) -> Any:
        """Describe it."""
        assert (directory / "own.json").exists()
        return self.abstract()

    def is_handleable(self, checkpointable: Any) -> bool:
        """Tell whether it is of the class."""
        return isinstance(checkpointable, self.made)

    def is_abstract_handleable(self, abstract: Any) -> bool:
        """Tell whether it is of the abstract class."""
        return isinstance(abstract, self.abstract)


class FooHandler(_OneFile):
    """Of `Foo`."""

    made, abstract = Foo, AbstractFoo


class BarHandler(_OneFile):
    """Of `Bar`."""

    made, abstract = Bar, AbstractBar


class SilentHandler(FooHandler):
    """Cannot describe what it saves."""

    async def metadata(self, directory: Path) -> Any:
        """Refuse."""
        raise NotImplementedError(directory.name)


class OtherTreeHandler(theirs.handlers.PyTreeHandler):  # type: ignore[misc]
    """Describes another tree than there is."""

    async def metadata(self, directory: Path) -> Any:
        """Describe one array."""
        del directory
        return {"other": np.zeros(3)}


def context_with(*handlers: type[Any], **named: type[Any]) -> Any:
    """A context that knows some handlers, and some by the name of a checkpointable."""
    registry = theirs.handlers.local_registry()
    for handler in handlers:
        registry.add(handler)
    for name, handler in named.items():
        registry.add(handler, checkpointable_name=name)
    context = theirs.Context()
    context.checkpointables.registry = registry
    return context
