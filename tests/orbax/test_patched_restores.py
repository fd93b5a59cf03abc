"""Restores by Orbax's older interface, with what orbscan answers: the same values as without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import orbscan
import orbscan.orbax
from tests.restoring.conftest import mesh_of, parameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def state() -> dict[str, Any]:
    """A state that `StandardCheckpointer` accepts: arrays and scalars."""
    params = parameters(mesh_of((4, 2), ("x", "y")))
    return {
        "params": params,
        "optimizer": optax.adam(1e-3).init(params),
        "layers": [{"kernel": jnp.ones((4, 4))}, {"kernel": jnp.zeros((4, 4))}],
        "numpy": np.arange(6, dtype=np.float64).reshape(2, 3),
        "step": 41,
        "rate": 0.5,
        "empty": {},
    }


def without_shardings() -> Any:
    """What makes Orbax ask for the metadata of each array."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), arrays())


def arrays() -> Any:
    saved = state()
    return {**saved, "step": np.asarray(saved["step"]), "rate": np.asarray(saved["rate"])}


def on_another_mesh() -> Any:
    mesh = mesh_of((2, 4), ("x", "y"))
    sharding = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), arrays()
    )


def described(path: Path) -> Any:
    with ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.metadata(path).item_metadata


TARGETS: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda _: None,
    "values": lambda _: state(),
    "abstract": lambda _: jax.tree.map(ocp.utils.to_shape_dtype_struct, state()),
    "without_shardings": lambda _: without_shardings(),
    "another_mesh": lambda _: on_another_mesh(),
    "metadata": described,
    "tree_of_metadata": lambda path: described(path).tree,
    "shapes_of_metadata": lambda path: jax.tree.map(
        ocp.utils.to_shape_dtype_struct, described(path).tree
    ),
    "to_orbax": lambda path: orbscan.to_orbax(orbscan.metadata(path), api="v0").item_metadata.tree,
    "abstract_state": lambda path: orbscan.abstract_state(orbscan.metadata(path)),
    "another_structure": lambda _: {"params": {"w": jnp.ones(3)}},
}
"""What `restore` is told to restore, from the path."""

SILENT = {
    "values",
    "another_mesh",
    "to_orbax",
    "abstract_state",
    "another_structure",
}
"""Those for which nobody asks for metadata: every array says how it shall be laid out."""

REFUSED = {
    # The docstring of Orbax allows the first two, its check of types does not.
    "metadata",
    "tree_of_metadata",
    "to_orbax",
    # It has an array of numpy.
    "abstract_state",
    "another_structure",
}
"""What Orbax does not restore, whoever describes the checkpoint."""


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("standard") / "c"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, state())
    return path


def outcome(path: Path, target: str) -> Any:
    """What a restore gives, leaf by leaf; of a refusal the class and the text."""
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            found = checkpointer.restore(path, TARGETS[target](path))
    except (KeyError, TypeError, ValueError) as error:
        return type(error), str(error)
    leaves = [
        (
            type(leaf),
            np.asarray(leaf).dtype,
            np.asarray(leaf).tolist(),
            getattr(leaf, "sharding", 0),
        )
        for leaf in jax.tree.leaves(found)
    ]
    return str(jax.tree.structure(found)), leaves


@pytest.mark.parametrize("target", TARGETS)
def test_a_restore_gives_the_same(flat: Path, target: str) -> None:
    wanted, before = outcome(flat, target), orbscan.orbax.answered()
    with orbscan.orbax.patched():
        assert outcome(flat, target) == wanted
    after = orbscan.orbax.answered()
    assert (after.by_orbscan > before.by_orbscan) == (target not in SILENT)
    assert after.by_orbax == before.by_orbax


def test_only_what_orbax_does_not_take_is_refused(flat: Path) -> None:
    assert {name for name in TARGETS if isinstance(outcome(flat, name)[0], type)} == REFUSED
