"""Trees that hypothesis draws, saved by the installed Orbax and read by both libraries."""

from __future__ import annotations

import tempfile
from collections import namedtuple
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp_v0
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jax.sharding import NamedSharding, PartitionSpec, SingleDeviceSharding

import orbscan
from tests.support.answers import answer
from tests.support.draws import examples
from tests.support.processes import apart
from tests.support.verdicts import judge, judge_checkpointables

Pair = namedtuple("Pair", ["mu", "nu"])  # noqa: PYI024  its fields take any tree

DTYPES = [
    np.float32, np.float16, np.int8, np.int32, np.uint8, np.uint32, np.complex64, np.bool_,
    ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4,
]  # fmt: skip

shapes = st.lists(st.integers(1, 5), max_size=4).map(tuple)
dtypes = st.sampled_from(DTYPES)


def mesh() -> jax.sharding.Mesh:
    return jax.make_mesh((4, 2), ("x", "y"))


@st.composite
def sharded_arrays(draw: st.DrawFn) -> jax.Array:
    """A jax array on one device, or laid over a mesh in one of the ways that its shape allows."""
    spec = draw(
        st.sampled_from(
            [None, (), ("x",), ("y",), (None, "y"), ("x", "y"), (("x", "y"),), (("y", "x"), None)]
        )
    )
    rank = draw(st.integers(len(spec or ()), 3))
    shape = tuple(draw(st.sampled_from([8, 16])) for _ in range(rank))
    value = jnp.zeros(shape, draw(dtypes))
    sharding: jax.sharding.Sharding
    if spec is None:
        sharding = SingleDeviceSharding(jax.devices()[draw(st.integers(0, 7))])
    else:
        sharding = NamedSharding(mesh(), PartitionSpec(*spec))
    laid_out: jax.Array = jax.device_put(value, sharding)
    return laid_out


numpy_arrays = st.builds(np.zeros, shapes, dtypes)
leaves = st.one_of(
    sharded_arrays(),
    numpy_arrays,
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.none(),
    st.just({}),
    st.just([]),
    st.just(()),
)
# Not NUL, which no file system and no JSON pointer takes; `~` and `/` in the names of string
# leaves mean something to the writer of `_strings.json`, which is not under test here.
keys = st.one_of(
    st.sampled_from(["a", "b", "params", "0", "10", "2", "kernel", "é", "日本", "a b", "x'y", '"']),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0/~\\", exclude_categories=["Cs"]),
        min_size=1,
        max_size=6,
    ),
)


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.dictionaries(keys, children, min_size=1, max_size=4),
        st.lists(children, min_size=1, max_size=4),
        st.lists(children, min_size=1, max_size=3).map(tuple),
        st.builds(Pair, children, children),
    )


trees = st.dictionaries(
    keys, st.recursive(leaves, containers, max_leaves=12), min_size=1, max_size=4
)

Writer = Callable[[Path, Any], object]


def v1(**options: object) -> Writer:
    def write(path: Path, tree: Any) -> None:
        saving = ocp.options.PyTreeOptions.Saving(**options)
        with ocp.Context(pytree_options=ocp.options.PyTreeOptions(saving=saving)):
            ocp.save(path, tree)

    return write


def v0(**options: bool) -> Writer:
    def write(path: Path, tree: Any) -> None:
        ocp_v0.Checkpointer(ocp_v0.PyTreeCheckpointHandler(**options)).save(path, tree)

    return write


WRITERS: dict[str, Writer] = {
    "v1": v1(),
    "v0": v0(),
    "v0-zarr3": v0(use_zarr3=True),
    "v0-files": v0(use_ocdbt=False),
    "v0-zarr3-files": v0(use_ocdbt=False, use_zarr3=True),
}


def names_clash(tree: Any) -> bool:
    """Whether two leaves share a param name, so that one array overwrites another."""
    paths = [path for path, _ in jax.tree.leaves_with_path(tree)]
    names = [".".join(str(getattr(k, "key", getattr(k, "idx", k))) for k in p) for p in paths]
    return len(set(names)) < len(names)


def saves(write: Writer, path: Path, tree: Any) -> bool:
    """Whether Orbax, which refuses some names and leaves in many ways, saves the tree at all."""
    try:
        write(path, tree)
    except Exception:  # noqa: BLE001
        return False
    return True


def folders() -> tempfile.TemporaryDirectory[str]:
    """A folder to save in; where Orbax has failed, it may go on to write when that is removed."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@pytest.mark.parametrize("writer", WRITERS)
@apart
@settings(
    max_examples=examples(10),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(tree=trees)
def test_a_drawn_tree_reads_as_in_orbax(writer: str, tree: Any) -> None:
    assume(not names_clash(tree))
    with folders() as folder:
        path = Path(folder) / "ckpt"
        assume(saves(WRITERS[writer], path, tree))
        expected = answer(lambda: ocp.metadata(path), folder)
        got = answer(lambda: orbscan.metadata(path), folder)
        verdict = judge(expected, got)
        assert not verdict.is_fault, verdict
        assert got["ok"], got
        if writer == "v1":
            expected = answer(lambda: ocp.checkpointables_metadata(path), folder)
            got = answer(lambda: orbscan.checkpointables_metadata(path), folder)
            verdict = judge_checkpointables(expected, got)
            assert not verdict.is_fault, verdict


@apart
@settings(max_examples=examples(10))
@given(
    items=st.dictionaries(
        st.sampled_from(["pytree", "state", "params", "aux", "10", "Z", "config"]),
        st.sampled_from([{"w": np.zeros(2, np.float32)}, {"x": 1}]),
        min_size=1,
    ),
    custom=st.none() | st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3)),
)
def test_drawn_checkpointables_read_as_in_orbax(
    items: dict[str, Any], custom: dict[str, Any] | None
) -> None:
    with folders() as folder:
        path = Path(folder) / "ckpt"
        ocp.save_checkpointables(path, items, custom_metadata=custom)
        for name in [*items, "nothing"]:
            expected = answer(partial(ocp.metadata, path, name), folder)
            got = answer(partial(orbscan.metadata, path, name), folder)
            assert judge(expected, got).word == "equal"
        expected = answer(lambda: ocp.checkpointables_metadata(path), folder)
        got = answer(lambda: orbscan.checkpointables_metadata(path), folder)
        assert judge_checkpointables(expected, got).word == "equal"
        standard = next((n for n in ("pytree", "state") if n in items), min(items))
        assert orbscan.metadata(path).metadata == orbscan.metadata(path, standard).metadata


@apart
def test_bool_and_complex_scalars_are_read_and_said(tmp_path: Path) -> None:
    tree = {"flag": True, "z": np.complex64(1), "w": np.zeros(2), "n": 3}
    ocp_v0.PyTreeCheckpointer().save(tmp_path / "ckpt", tree)
    with pytest.raises(TypeError):
        ocp.metadata(tmp_path / "ckpt")
    found = orbscan.metadata(tmp_path / "ckpt")
    assert (found.metadata["flag"], found.metadata["z"], found.metadata["n"]) == (False, 0j, 0)
    assert found.metadata["w"].shape == (2,)
    (issue,) = found.issues
    assert (issue.kind, "flag, z" in issue.reason) == ("unsupported", True)
