"""A type of leaves that a program registers with Orbax's older interface, as neuralgcm does."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import orbax.checkpoint as v0
from orbax.checkpoint._src.futures import future
from orbax.checkpoint._src.metadata import value
from orbax.checkpoint._src.serialization import type_handler_registry as registries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WORD = "Config"
"""The handler's word for its leaves."""


@dataclasses.dataclass(frozen=True)
class Config:
    """What a program has in the tree of its model, beside arrays."""

    layers: int


class ConfigHandler(v0.type_handlers.TypeHandler):  # type: ignore[misc]
    """Writes each to a directory that is called as the leaf is."""

    def __init__(self, word: str = WORD) -> None:
        self._word = word

    def typestr(self) -> str:
        """The word that `_METADATA` has for the leaf."""
        return self._word

    async def metadata(self, infos: Sequence[Any]) -> Sequence[Any]:
        """What is known without reading: nothing."""
        return [value.Metadata(name=info.name, directory=info.parent_dir) for info in infos]

    async def serialize(self, values: Sequence[Any], infos: Sequence[Any], args: Any = None) -> Any:
        """Write, in the background."""
        del args

        async def written() -> None:
            for info, config in zip(infos, values, strict=True):
                await info.await_path_creation()
                info.path.mkdir()
                content = json.dumps(dataclasses.asdict(config))
                (info.path / "config.json").write_text(content)

        return [future.CommitFutureAwaitingContractedSignals(written(), name="config")]

    async def deserialize(self, infos: Sequence[Any], args: Any = None) -> Sequence[Config]:
        """Read."""
        del args
        found = [json.loads((info.path / "config.json").read_text()) for info in infos]
        return [Config(**fields) for fields in found]


@contextlib.contextmanager
def registered(handler: Any = None, kind: type[Any] = Config) -> Iterator[None]:
    """Register the handler for a while, and then none for it."""
    handler = ConfigHandler() if handler is None else handler
    registry = registries.GLOBAL_TYPE_HANDLER_REGISTRY
    before = list(registry._type_registry), dict(registry._typestr_registry)
    v0.type_handlers.register_type_handler(kind, handler)
    try:
        yield
    finally:
        registry._type_registry[:], words = before
        registry._typestr_registry.clear()
        registry._typestr_registry.update(words)


def saved(path: Path, tree: Any) -> Path:
    """Save a tree with such leaves."""
    with registered():
        v0.PyTreeCheckpointer().save(path, tree)
    return path
