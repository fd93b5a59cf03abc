"""Comparing what was saved with what was loaded."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def plain(value: Any) -> Any:
    """The value of a leaf without where it lies: of a PRNG key its data."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return (str(value.dtype), np.asarray(jax.random.key_data(value)).tolist())
    if isinstance(value, jax.Array | np.ndarray):
        return (str(value.dtype), np.asarray(value).astype(np.float64).tolist())
    return value


def assert_same_values(loaded: Any, saved: Any) -> None:
    """Check that two trees have the same leaves in the same order, of the same classes."""
    got, expected = jax.tree.leaves(loaded), jax.tree.leaves(saved)
    assert [type(leaf) for leaf in got] == [type(leaf) for leaf in expected]
    assert [plain(leaf) for leaf in got] == [plain(leaf) for leaf in expected]


def arrays(tree: Any) -> list[Any]:
    """The arrays of jax in a tree."""
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
