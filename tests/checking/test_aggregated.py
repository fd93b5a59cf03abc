"""Values in the msgpack file `checkpoint`, where Orbax put them before 0.5.16 if asked to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgpack
import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from tests.checking.early import ndarray

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def aggregated(tmp_path: Path) -> Path:
    """A tree as 0.4.5 saved it with `SaveArgs(aggregate=True)`."""
    path = tmp_path / "agg"
    path.mkdir()
    values = {"a": ndarray(np.arange(3, dtype=np.float32)), "b": ndarray(np.ones(2, np.float32))}
    (path / "checkpoint").write_bytes(msgpack.packb(values))
    tree = {
        f"('{name}',)": {
            "key_metadata": [{"key": name, "key_type": 2}],
            "value_metadata": {"value_type": "jax.Array", "skip_deserialize": True},
        }
        for name in values
    }
    (path / "_METADATA").write_text(json.dumps({"tree_metadata": tree, "use_zarr3": False}))
    return path


def test_they_have_no_sharding_and_no_warning(aggregated: Path) -> None:
    report = orbscan.verify(aggregated, level="data")
    assert [(found.severity, found.code) for found in report.findings] == [
        ("note", "aggregate-values")
    ]
    assert report.restores == ("fails", "fails", "works")
    assert orbscan.metadata(aggregated).issues == ()


def test_orbax_restores_them_without_a_sharding(aggregated: Path) -> None:
    restored = ocp.PyTreeCheckpointer().restore(aggregated)
    np.testing.assert_array_equal(restored["a"], np.arange(3, dtype=np.float32))


def test_arrays_beside_them_need_one(tmp_path: Path, aggregated: Path) -> None:
    import jax.numpy as jnp

    path = tmp_path / "both"
    ocp.PyTreeCheckpointer().save(path, {"c": jnp.arange(3)})
    (path / "_sharding").unlink()
    (path / "checkpoint").write_bytes((aggregated / "checkpoint").read_bytes())
    document = json.loads((path / "_METADATA").read_text())
    more = json.loads((aggregated / "_METADATA").read_text())
    document["tree_metadata"] |= more["tree_metadata"]
    (path / "_METADATA").write_text(json.dumps(document))
    finding = next(found for found in orbscan.verify(path).findings if found.code == "sharding")
    assert finding.reason.startswith("the sharding of 1 array is unknown")
