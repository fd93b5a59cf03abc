"""A leaf handler of a program's own, inside the handler of pytrees that its context has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as theirs
from orbax.checkpoint.experimental.v1._src.serialization import array_leaf_handler, registry

import orbscan
import orbscan.orbax as ocp
from tests.support.processes import apart

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path


class Lazy:
    """A leaf that only the program knows."""

    def __init__(self, values: list[float]) -> None:
        self.values = values


class AbstractLazy:
    """What its handler takes for the abstract leaf, besides metadata of arrays."""


class LazyHandler:
    """Saves each leaf as a file of its own."""

    def __init__(self, *, context: Any = None) -> None:
        del context

    async def serialize(self, params: Any, serialization_context: Any) -> Awaitable[None]:
        """Write the leaves, in the background."""

        async def written() -> None:
            place = await serialization_context.parent_dir.await_creation()
            for param in params:
                (place / f"{param.name}.lazy").write_text(json.dumps(param.value.values))

        return written()

    async def deserialize(self, params: Any, deserialization_context: Any) -> Awaitable[Any]:
        """Read the leaves, in the background."""
        place = deserialization_context.parent_dir

        async def read() -> list[Lazy]:
            texts = [(place / f"{param.name}.lazy").read_text() for param in params]
            return [Lazy(json.loads(text)) for text in texts]

        return read()

    async def metadata(self, params: Any, deserialization_context: Any) -> list[Any]:
        """Describe the leaves as arrays."""
        del deserialization_context
        made = array_leaf_handler.ArrayMetadata
        dtype = np.dtype("float32")
        return [
            made(shape=(3,), dtype=dtype, sharding_metadata=None, storage_metadata=None)
            for _ in params
        ]


class SilentLazyHandler(LazyHandler):
    """Saves in the same way, and cannot describe what it saves."""

    async def metadata(self, params: Any, deserialization_context: Any) -> list[Any]:
        """Refuse."""
        raise NotImplementedError


def trees_with(handler: type[Any]) -> type[Any]:
    """A handler of pytrees that knows one more kind of leaf."""

    class Trees(theirs.handlers.PyTreeHandler):  # type: ignore[misc]
        def __init__(self) -> None:
            known = registry.StandardLeafHandlerRegistry()
            known.add(Lazy, AbstractLazy, handler)
            super().__init__(leaf_handler_registry=known)

    return Trees


def context_of(handler: type[Any]) -> Any:
    """A context whose pytrees may have such leaves."""
    handlers = theirs.handlers.local_registry(include_global_registry=False)
    handlers.add(trees_with(handler), checkpointable_name="state")
    context = theirs.Context()
    context.checkpointables.registry = handlers
    return context


@apart
def test_a_leaf_is_described_by_its_handler(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with context_of(LazyHandler):
        theirs.save_checkpointables(
            path, {"state": {"a": jnp.arange(2.0), "z": Lazy([1.0, 2.0, 3.0])}}
        )
        wanted, got = theirs.metadata(path).metadata, ocp.metadata(path).metadata
        assert got == wanted
        assert got["z"].shape == (3,)
        assert orbscan.metadata(path).metadata == wanted
        loaded = jax.tree.map(lambda leaf: getattr(leaf, "values", leaf), ocp.load(path))
        assert loaded["z"] == [1.0, 2.0, 3.0]
    # Without the handler orbscan has the tree, and says of which leaf it cannot tell more.
    alone = orbscan.metadata(path)
    assert isinstance(alone.metadata["z"], orbscan.UnsupportedLeaf)
    assert alone.metadata["z"].typestr.endswith("LazyHandler")
    assert alone.metadata["a"].shape == (2,)
    assert theirs.metadata(path).metadata is None


@apart
def test_a_handler_without_metadata_still_loads_everything(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with context_of(SilentLazyHandler):
        theirs.save_checkpointables(path, {"state": {"a": jnp.arange(2.0), "z": Lazy([4.0])}})
        assert theirs.metadata(path).metadata is ocp.metadata(path).metadata is None
        for of in (theirs, ocp):
            assert of.load(path, of.metadata(path))["z"].values == [4.0]
