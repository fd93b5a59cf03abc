"""Opening single arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest

import orbscan
from orbscan.showing.keypaths import keypath
from tests.restoring.support import plain

if TYPE_CHECKING:
    from pathlib import Path

ODD = ["a.b", "a/b", "/", "é", "日本", "a b", "x'y", '"', "%41", "?", "#1", "10", "..", "a\\b"]


def read(path: Path, keypath: Any, name: str | None = "AUTO") -> np.ndarray[Any, Any]:
    value: np.ndarray[Any, Any] = orbscan.open_array(path, keypath, name).read().result()
    return value


def test_an_array_is_opened_by_its_keys(path: Path, saved: dict[str, Any]) -> None:
    for keys, value in jax.tree.leaves_with_path(saved):
        if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            assert np.array_equal(read(path, keys), jax.random.key_data(value))
        elif not isinstance(value, str):
            assert plain(read(path, keys).astype(float)) == plain(np.asarray(value).astype(float))


def test_a_part_is_read_without_the_rest(path: Path) -> None:
    store = orbscan.open_array(path, ("params", "embedding"))
    assert store.shape == (16, 8)
    assert store[3, 2:4].read().result().tolist() == [26.0, 27.0]


@pytest.mark.parametrize("keys", [("layers", 1, "kernel"), ["layers", "1", "kernel"]])
def test_indices_of_a_list_are_numbers_or_text(path: Path, keys: Any) -> None:
    assert read(path, keys).sum() == 0


@pytest.mark.parametrize("ocdbt", [True, False])
@pytest.mark.parametrize("zarr3", [True, False])
def test_every_storage_and_odd_names_are_opened(tmp_path: Path, ocdbt: bool, zarr3: bool) -> None:  # noqa: FBT001
    # Names that are paths cannot be saved as files.
    names = [name for name in ODD if ocdbt or not set(name) & set("./\\")]
    tree = {name: {"x": jnp.arange(4.0) + at} for at, name in enumerate(names)}
    context = ocp.Context()
    context.array.saving.use_ocdbt = ocdbt
    context.array.saving.use_zarr3 = zarr3
    with context:
        ocp.save(tmp_path / "c", tree)
    for at, name in enumerate(names):
        assert read(tmp_path / "c", (name, "x")).tolist() == [at, at + 1, at + 2, at + 3]


def test_a_name_selects_the_checkpointable(tmp_path: Path) -> None:
    items = {"pytree": {"w": jnp.zeros(2)}, "other": {"w": jnp.ones(2)}}
    ocp.save_checkpointables(tmp_path / "c", items)
    assert read(tmp_path / "c", ["w"]).tolist() == [0, 0]
    assert read(tmp_path / "c", ["w"], "other").tolist() == [1, 1]


def test_a_flat_checkpoint_and_a_bare_leaf_are_opened(tmp_path: Path) -> None:
    import orbax.checkpoint as v0

    v0.Checkpointer(v0.PyTreeCheckpointHandler()).save(tmp_path / "c", jnp.arange(3.0))
    assert read(tmp_path / "c", ()).tolist() == [0, 1, 2]
    assert read(tmp_path / "c", (), None).tolist() == [0, 1, 2]


def test_an_item_that_was_never_merged_is_opened_if_one_process_wrote_it(path: Path) -> None:
    import shutil

    copy = path.parent / "unmerged"
    shutil.copytree(path, copy)
    (copy / "state" / "manifest.ocdbt").unlink()
    assert read(copy, ("params", "scale")) == 2.5
    # With two of them nobody knows which one has a chunk.
    shutil.copytree(copy / "state" / "ocdbt.process_0", copy / "state" / "ocdbt.process_1")
    with pytest.raises(orbscan.FormatError, match=r"params\.scale"):
        read(copy, ("params", "scale"))


@pytest.mark.parametrize(
    ("keys", "near"),
    [
        (("params", "embeding"), ("params", "embedding")),
        (("embed",), ("params", "embedding")),
        (("params",), ("params", "bias")),
        (("params.bias",), ("params", "bias")),
        (("layers", 2, "kernel"), ("layers", 0, "kernel")),
        (("params", "bias", "value"), ("params", "bias")),
    ],
)
def test_a_leaf_that_is_not_there_is_missed_by_name(path: Path, keys: Any, near: Any) -> None:
    with pytest.raises(KeyError) as caught:
        orbscan.open_array(path, keys)
    assert isinstance(caught.value, orbscan.LeafNotFoundError)
    assert caught.value.keypath == keys
    assert near in caught.value.near
    assert str(caught.value).startswith(f"no leaf at {keypath(keys)}; the nearest are ")
    assert keypath(near) in str(caught.value)


@pytest.mark.parametrize("key", ["note", "nothing", "empty", "no_items", "no_entries"])
def test_a_leaf_without_an_array_is_refused(path: Path, key: str) -> None:
    with pytest.raises(TypeError, match=f"the leaf at {key} is"):
        orbscan.open_array(path, [key])


def test_a_leaf_is_opened_as_it_is_shown(path: Path) -> None:
    shown = {keypath(at): at for at, _ in orbscan.metadata(path).leaves()}
    kernel, odd = "layers[0]/kernel", "'a b/é\\'\"'"
    assert {kernel, odd, "step"} <= shown.keys()
    for text in (kernel, odd, "step"):
        assert np.array_equal(read(path, text), read(path, shown[text]))
    assert np.array_equal(read(path, f"state/{kernel}"), read(path, kernel))


def test_a_text_that_is_no_leaf_is_missed_by_name(path: Path) -> None:
    for text, near in (("params/bais", ("params", "bias")), ("layers[0]", ("layers", 0, "kernel"))):
        with pytest.raises(orbscan.LeafNotFoundError, match="no leaf at ") as caught:
            orbscan.open_array(path, text)
        assert near in caught.value.near
        assert keypath(near) in str(caught.value)


def test_bytes_are_no_keypath(path: Path) -> None:
    with pytest.raises(TypeError, match="a str or a sequence of keys, not b'step'"):
        orbscan.open_array(path, b"step")


def test_an_unreadable_leaf_raises_its_error(tmp_path: Path) -> None:
    context = ocp.Context()
    context.array.saving.use_ocdbt = False
    with context:
        ocp.save(tmp_path / "c", {"a": jnp.arange(3.0), "b": jnp.arange(3.0)})
    (tmp_path / "c" / "state" / "a" / "zarr.json").write_text("{")
    with pytest.raises(orbscan.FormatError, match=r"zarr\.json"):
        orbscan.open_array(tmp_path / "c", ["a"])
    assert read(tmp_path / "c", ["b"]).tolist() == [0, 1, 2]


def test_safetensors_are_not_opened(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"w": np.zeros(2, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(orbscan.FormatError, match="cannot be opened alone"):
        orbscan.open_array(tmp_path / "model.safetensors", ["w"])
