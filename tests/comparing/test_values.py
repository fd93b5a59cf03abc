"""Values of real checkpoints, compared, beside what numpy says of them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import orbscan
from orbscan.cli.demo import unpack
from orbscan.comparing.elements import Tally
from tests.restoring.conftest import mesh_of
from tests.support import corpus, processes

if TYPE_CHECKING:
    from pathlib import Path

    from orbscan.differing.amount import Amount


def save(path: Path, tree: Any, **saving: Any) -> Path:
    context = ocp.Context()
    for name, value in saving.items():
        setattr(context.array.saving, name, value)
    with context:
        ocp.save(path, tree)
    return path


def laid(values: Any, *spec: str | None, shape: tuple[int, ...] = (4, 2)) -> Any:
    names = tuple("xy"[: len(shape)])
    return jax.device_put(values, NamedSharding(mesh_of(shape, names), PartitionSpec(*spec)))


def amounts(found: orbscan.Diff) -> dict[str, Amount]:
    return {change.path: change.values for change in found.changed if change.values is not None}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo"
    unpack(str(path))
    return path


BEFORE = np.arange(64 * 48, dtype=np.float32).reshape(64, 48)
AFTER = BEFORE.copy()
AFTER[3, 5] += 0.5
AFTER[60:, 40:] *= 2

WAYS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "as it was": (("x", "y"), {}),
    "transposed": (("y", "x"), {}),
    "whole": ((None, None), {}),
    "rows": (("x",), {"use_zarr3": False}),
    "files": (("x", "y"), {"use_ocdbt": False}),
    "files of Zarr 2": ((None, "x"), {"use_ocdbt": False, "use_zarr3": False}),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_counts_and_measures_as_numpy_does_however_arrays_are_stored(
    tmp_path: Path, way: str
) -> None:
    spec, saving = WAYS[way]
    a = save(tmp_path / "a", {"w": laid(BEFORE, "x", "y"), "same": laid(BEFORE, "x")})
    b = save(tmp_path / "b", {"w": laid(AFTER, *spec), "same": laid(BEFORE, *spec)}, **saving)
    found = orbscan.diff(a, b, values=True, ignore={"sharding", "storage", "devices"})
    assert [(change.path, change.what) for change in found.changed] == [("w", ("values",))]
    amount = amounts(found)["w"]
    distance = np.abs(AFTER - BEFORE)
    relative = distance / np.maximum(np.maximum(AFTER, BEFORE), 1)
    assert (amount.differing, amount.elements) == (int((distance > 0).sum()), BEFORE.size)
    assert amount.share == (distance > 0).mean()
    assert amount.max_abs == distance.max()
    assert amount.max_rel == pytest.approx(relative.max())
    assert found.values is not None
    assert found.values[:1] + found.values[2:] == (1, 1, 0, 0)


def test_what_is_stored_in_the_same_bytes_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"w": laid(BEFORE, "x", "y"), "n": np.arange(3), "key": jax.random.key(1), "s": 3}
    a, b = (save(tmp_path / name, tree) for name in "ab")
    monkeypatch.setattr(Tally, "add", None)
    found = orbscan.diff(a, b, values=True)
    assert found.same
    assert found.values == (4, 4, 0, 0, 0)
    assert "values     4 leaves the same" in str(found)


PAIRS: dict[str, tuple[Any, Any]] = {
    "float64": (np.array([1.0, np.nan, np.inf, -0.0]), np.array([1.5, np.nan, np.inf, 0.0])),
    "float16": (np.array([1, 2], np.float16), np.array([1, 60000], np.float16)),
    "bfloat16": (np.array([1, 2], ml_dtypes.bfloat16), np.array([1, 3], ml_dtypes.bfloat16)),
    "float8": (
        np.array([1, 2], ml_dtypes.float8_e4m3fn),
        np.array([4, 2], ml_dtypes.float8_e4m3fn),
    ),
    "int4": (np.array([-8, 7], ml_dtypes.int4), np.array([7, 7], ml_dtypes.int4)),
    "int64": (np.array([-(2**63), 2**62]), np.array([2**63 - 1, 2**62 + 1])),
    "uint8": (np.array([255, 0], np.uint8), np.array([0, 0], np.uint8)),
    "bool": (np.array([True, False]), np.array([True, True])),
    "complex": (np.array([1 + 1j, 2]), np.array([1 - 1j, 2])),
    "nan": (np.array([np.nan, 1, 2.0]), np.array([1, np.nan, np.nan])),
    "types": (np.array([1, 2, 3], np.int32), np.array([1, 2, 3.5], np.float32)),
    "none": (np.zeros((0, 4)), np.zeros((0, 4))),
}
FOUND: dict[str, tuple[int, float | None, tuple[int, int]]] = {
    "float64": (1, 0.5, (0, 0)),
    "float16": (1, 59998.0, (0, 0)),
    "bfloat16": (1, 1.0, (0, 0)),
    "float8": (1, 3.0, (0, 0)),
    "int4": (1, 15, (0, 0)),
    "int64": (2, 2**64 - 1, (0, 0)),
    "uint8": (1, 255, (0, 0)),
    "bool": (1, None, (0, 0)),
    "complex": (1, 2.0, (0, 0)),
    "nan": (3, None, (1, 2)),
    "types": (1, 0.5, (0, 0)),
    "none": (0, None, (0, 0)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_every_type_of_element_is_compared(name: str) -> None:
    tally = Tally()
    tally.add(*PAIRS[name])
    amount = tally.amount()
    assert (amount.differing, amount.max_abs, amount.only_nan) == FOUND[name]
    assert amount.elements == PAIRS[name][0].size


def test_between_a_number_and_infinity_the_difference_is_infinite() -> None:
    tally = Tally()
    tally.add(np.array([1.0, 2.0]), np.array([1.0, -np.inf]))
    amount = tally.amount()
    assert (amount.max_abs, amount.max_rel) == (np.inf, np.inf)
    assert str(amount) == "values of 1 of 2 elements (50%), by at most inf (relative inf)"


def test_types_are_read_from_checkpoints_as_well(tmp_path: Path) -> None:
    names = [name for name in PAIRS if name not in {"int4", "types", "none", "complex"}]
    with jax.enable_x64():
        trees = [{name: jnp.asarray(PAIRS[name][side]) for name in names} for side in (0, 1)]
    a, b = (save(tmp_path / name, tree) for name, tree in zip("ab", trees, strict=True))
    found = amounts(orbscan.diff(a, b, values=True))
    assert {name: (found[name].differing, found[name].max_abs) for name in names} == {
        name: FOUND[name][:2] for name in names
    }


def test_scalars_strings_and_keys_are_compared(tmp_path: Path) -> None:
    def tree(step: int, run: str, seed: int) -> dict[str, Any]:
        keys = jax.random.split(jax.random.key(seed), 3)
        return {"step": step, "rate": step / 10, "run": run, "keys": keys, "flag": True}

    a = save(tmp_path / "a", tree(1, "first", 0))
    b = save(tmp_path / "b", tree(2, "second", 1))
    found = amounts(orbscan.diff(a, b, values=True))
    assert {name: (amount.before, amount.after) for name, amount in found.items()} == {
        "step": (1, 2),
        "rate": (0.1, 0.2),
        "run": ("first", "second"),
        "keys": (None, None),
    }
    assert str(found["run"]) == "value 'first' -> 'second'"
    keys = found["keys"]
    assert (keys.differing, keys.elements, keys.max_abs) == (3, 3, None)
    assert str(keys) == "values of 3 of 3 elements (100%)"


def test_a_state_in_memory_is_compared_with_a_checkpoint(tmp_path: Path) -> None:
    state = {"w": laid(BEFORE, "x"), "n": np.arange(3), "key": jax.random.key(1), "step": 3}
    path = save(tmp_path / "a", state)
    assert orbscan.diff(state, path, values=True).values == (4, 0, 0, 0, 0)
    other = {**state, "w": laid(AFTER, "y"), "step": 4}
    found = orbscan.diff(path, other, values=True, ignore={"sharding", "devices", "storage"})
    assert sorted(amounts(found)) == ["step", "w"]
    assert amounts(found)["w"].differing == (AFTER != BEFORE).sum()


def test_what_has_no_values_is_said_and_is_not_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "a", {"w": laid(BEFORE, "x"), "step": 3})
    abstract = {"w": jax.ShapeDtypeStruct(BEFORE.shape, BEFORE.dtype), "step": 3}
    found = orbscan.diff(abstract, path, values=True)
    assert (found.same, found.undecided) == (False, True)
    assert "w  values not compared: a: has no values" in str(found)
    # The numbers in metadata stand for their types.
    told = amounts(orbscan.diff(orbscan.metadata(path), path, values=True))
    assert {name: amount.not_compared for name, amount in told.items()} == {
        "w": "a: has no values",
        "step": "a: has no values",
    }


def test_another_shape_is_another_question(tmp_path: Path) -> None:
    a, b = (save(tmp_path / f"{size}", {"w": np.zeros(size)}) for size in (3, 4))
    found = orbscan.diff(a, b, values=True)
    assert found.changed[0].what == ("shape",)
    assert found.changed[0].values is None
    assert str(found.values) == "0 leaves the same, 1 of another shape or kind"


@pytest.mark.parametrize("damage", ["cut", "lost"])
def test_a_lost_chunk_is_named_and_never_the_same(demo: Path, damage: str) -> None:
    for paths in ([demo / "damaged/none", demo / f"damaged/{damage}"], [demo / "damaged" / damage]):
        found = orbscan.diff(paths[0], paths[-1], values=True)
        assert (found.same, found.undecided) == (False, True)
        [change] = found.changed
        assert (change.path, change.what) == ("params/layers[1]/kernel", ("unreadable",))
        assert change.values is not None
        chunk = {"cut": "(3,1)", "lost": "(2,1)"}[damage]
        assert f"1 of 8 chunks: {chunk}, in elements" in str(change.values.not_compared)


def test_a_data_file_that_is_gone_is_not_taken_for_zeros(tmp_path: Path) -> None:
    zeros = {"w": laid(np.zeros((64, 512), np.float32), "x", "y")}
    rng = np.random.default_rng(0)
    noise = {"w": laid(rng.random((64, 512), np.float32), "x", "y")}
    a, b = save(tmp_path / "a", zeros), save(tmp_path / "b", noise)
    data = [file for file in b.rglob("d/*") if file.stat().st_size > 10_000]
    for file in data:
        file.unlink()
    [change] = orbscan.diff(a, b, values=True).changed
    assert change.what == ("unreadable",)
    assert change.values is not None
    assert "8 of 8 chunks" in str(change.values.not_compared)


def test_a_chunk_that_does_not_decode_is_named(tmp_path: Path) -> None:
    a = save(tmp_path / "a", {"w": laid(BEFORE, "x", "y")}, use_ocdbt=False)
    b = save(tmp_path / "b", {"w": laid(BEFORE, "x", "y")}, use_ocdbt=False)
    [chunk] = b.glob("*/w/c/2/1")
    chunk.write_bytes(b"\0" * chunk.stat().st_size)
    [change] = orbscan.diff(a, b, values=True).changed
    assert change.values is not None
    assert "w/c/2/1" in str(change.values.not_compared)


def test_what_lies_in_a_larger_file_is_said_not_to_be_compared(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.3.5-aggregate.tar.gz", tmp_path)
    path = next(str(entry.path) for entry in orbscan.scan(tmp_path) if entry.error is None)
    found = orbscan.diff(path, path, values=True)
    assert found.undecided
    reasons = {str(amount.not_compared) for amount in amounts(found).values()}
    assert any("part of a larger file" in reason for reason in reasons)


def test_what_another_host_holds_is_said_not_to_be_compared(demo: Path) -> None:
    host = demo / "hosts" / "host0" / "40"
    found = amounts(orbscan.diff(host, host, values=True))
    assert sorted(found) == ["divided", "rows"]
    assert "held by another host" in str(found["rows"].not_compared)


def test_checkpointables_that_are_no_pytrees_are_compared_by_their_files(
    demo: Path, tmp_path: Path
) -> None:
    import shutil

    path, other = demo / "composite", tmp_path / "composite"
    shutil.copytree(path, other)
    assert orbscan.diff(path, other, values=True).same
    [document] = [file for file in (other / "config").iterdir() if file.suffix != ".txt"]
    config = json.loads(document.read_text())
    document.write_text(json.dumps(config, indent=4))
    assert orbscan.diff(path, other, values=True).same
    config["optimizer"]["rate"] = 1e-4
    document.write_text(json.dumps(config))
    found = orbscan.diff(path, other, values=True)
    assert [pair.what for pair in found.checkpointables] == [("values",), ()]
    assert found.notes == ("config: optimizer/rate 0.0003 -> 0.0001",)
    assert "1 checkpointable of another content" in str(found)
    document.write_text("[")
    [note] = orbscan.diff(path, other, values=True).notes
    assert note == f"config: {document.name} has different bytes"
    document.unlink()
    assert f"{document.name} is only in a" in orbscan.diff(path, other, values=True).notes[0]


def test_values_are_a_part_of_the_document(demo: Path) -> None:
    base = demo / "runs" / "base"
    found = orbscan.diff(base, base, step=1400, other_step=1500, values=True)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["values"] == {
        "same": 3,
        "as_stored": 3,
        "differing": 4,
        "not_compared": 0,
        "other_shape": 0,
    }
    by_path = {tuple(change["keypath"]): change["values"] for change in told["changed"]}
    assert (by_path["step",]["before"], by_path["step",]["after"]) == (1400, 1500)
    assert by_path["params", "head"]["max_abs"] == 1 / 64
    assert "value 1400 -&gt; 1500" in found._repr_html_()
    assert orbscan.diff(base, base, step=1400, other_step=1500).to_dict()["values"] is None


def test_progress_ends_a_comparison(demo: Path) -> None:
    seen: list[Any] = []

    def stop(progress: Any) -> None:
        seen.append(progress)
        if progress.leaves:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        orbscan.diff(demo / "composite", demo / "composite", values=True, progress=stop)
    assert seen[-1].leaves == 1


def test_memory_does_not_grow_with_the_arrays(tmp_path: Path) -> None:
    # Chunks of other shapes, so that every element is decoded: 256 MiB on each side.
    large = np.zeros((1 << 14, 1 << 12), np.float32)
    a = save(tmp_path / "a", {"w": laid(large, "x", shape=(8,))})
    large[-1, -1] = 1
    b = save(tmp_path / "b", {"w": laid(large, None, "x", shape=(8,))})
    program = f"""
import orbscan, tensorstore, numpy, ml_dtypes
def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
orbscan.diff({str(a)!r}, {str(a)!r}, values=True)
before = peak()
[change] = orbscan.diff({str(a)!r}, {str(b)!r}, values=True, ignore=["sharding"]).changed
print(change.values.differing, change.values.elements, peak() - before)
"""
    told = processes.output([sys.executable, "-c", program]).split()
    differing, elements, grown = map(int, told)
    assert (differing, elements) == (1, large.size)
    assert grown < 300_000
