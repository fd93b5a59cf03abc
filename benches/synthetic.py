"""Checkpoints of sizes that no machine at hand could save: made without the arrays.

TensorStore writes the database with the options that Orbax gives it, and the JSON files are spelled
as Orbax spells them. Only the chunks hold nothing of use.
"""

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

INLINE_BYTES = 1_024
DATABASE = {
    "max_inline_value_bytes": INLINE_BYTES,
    "max_decoded_node_bytes": 100_000_000,
    "manifest_kind": "single",
}
# The shortest value that a database keeps in a data file and not in the tree itself.
CHUNK = bytes(INLINE_BYTES + 1)
KEYS_IN_A_TRANSACTION = 50_000


@dataclass(frozen=True)
class Model:
    """The dimensions of a Llama, and the mesh that its state is laid over."""

    layers: int
    width: int
    hidden: int
    key_value_width: int
    mesh: tuple[int, int, int]


LLAMAS = {
    "8b": Model(32, 4096, 14336, 1024, (1, 16, 4)),
    "70b": Model(80, 8192, 28672, 1024, (1, 32, 8)),
    "405b": Model(126, 16384, 53248, 1024, (1, 64, 8)),
}
VOCABULARY = 128_256
AXES = ("data", "fsdp", "tensor")


@dataclass(frozen=True)
class Array:
    """One array of a checkpoint; `spec` names the mesh axis of each dimension."""

    keys: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: str
    sharding: str

    @property
    def name(self) -> str:
        """The param name."""
        return ".".join(self.keys)


def llama(path: Path, size: str, *, with_chunks: bool = False) -> None:
    """Writes the train state of a Llama: parameters and two moments of Adam."""
    write(path, list(llama_arrays(LLAMAS[size])), with_chunks=with_chunks)


def many_chunks(path: Path, chunks: int) -> None:
    """Writes four square arrays that are stored in so many chunks together."""
    side = round((chunks / 4) ** 0.5)
    sharding = named_sharding((4, 2), ("x", "y"), ("x", "y"))
    shape, chunk = (side * 128, side * 128), (128, 128)
    arrays = [Array(("params", name), shape, chunk, "float32", sharding) for name in "abcd"]
    write(path, arrays, with_chunks=True)


def unlike(path: Path, leaves: int) -> None:
    """Write a model of so many arrays, of which no two siblings differ in a number only.

    Its file is as long as the values would make it, and has none of them.
    """
    header, end = {}, 0
    for number in range(leaves):
        name = "".join(chr(97 + int(digit)) for digit in f"{number:06}")
        shape = unlike_shape(number)
        begin, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.mkdir(parents=True)
    with (path / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def unlike_shape(number: int) -> tuple[int, int]:
    """The shape of one of the arrays that `unlike` writes."""
    return 1 + number % 97, 1 + number % 61


def llama_arrays(model: Model) -> Iterator[Array]:
    """The arrays of a train state, in the order in which flax flattens it."""
    ways = dict(zip(AXES, model.mesh, strict=True))
    moments = ((("params",), "bfloat16"), (("opt", "mu"), "float32"), (("opt", "nu"), "float32"))
    shardings: dict[tuple[str | None, ...], str] = {}
    for (prefix, dtype), (keys, shape, spec) in itertools.product(moments, weights(model)):
        if spec not in shardings:
            shardings[spec] = named_sharding(model.mesh, AXES, spec)
        split = zip(shape, spec, strict=True)
        chunk = tuple(size // (ways[axis] if axis else 1) for size, axis in split)
        yield Array(prefix + keys, shape, chunk, dtype, shardings[spec])


def weights(
    model: Model,
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...], tuple[str | None, ...]]]:
    """Keys, shape and partition spec of each weight."""
    narrow, wide, small = model.width, model.hidden, model.key_value_width
    down, up, whole = ("fsdp", "tensor"), ("tensor", "fsdp"), (None,)
    yield ("embed", "embedding"), (VOCABULARY, narrow), up
    for layer in range(model.layers):
        at = (f"layers_{layer}",)
        yield (*at, "attention", "query", "kernel"), (narrow, narrow), down
        yield (*at, "attention", "key", "kernel"), (narrow, small), down
        yield (*at, "attention", "value", "kernel"), (narrow, small), down
        yield (*at, "attention", "out", "kernel"), (narrow, narrow), up
        yield (*at, "mlp", "gate", "kernel"), (narrow, wide), down
        yield (*at, "mlp", "up", "kernel"), (narrow, wide), down
        yield (*at, "mlp", "down", "kernel"), (wide, narrow), up
        yield (*at, "norm_1", "scale"), (narrow,), whole
        yield (*at, "norm_2", "scale"), (narrow,), whole
    yield ("norm", "scale"), (narrow,), whole
    yield ("head", "kernel"), (narrow, VOCABULARY), down


def named_sharding(
    mesh: tuple[int, ...], axes: tuple[str, ...], spec: tuple[str | None, ...]
) -> str:
    """The text that stands for a sharding in `_sharding`."""
    ids = itertools.count()

    def nest(shape: tuple[int, ...]) -> list[Any]:
        if len(shape) == 1:
            return [{"id": next(ids)} for _ in range(shape[0])]
        return [nest(shape[1:]) for _ in range(shape[0])]

    sharding = {
        "sharding_type": "NamedSharding",
        "shape": mesh,
        "axis_names": axes,
        "axis_types": ["AxisType.Auto"] * len(mesh),
        "partition_spec": spec,
        "device_mesh": {"mesh": nest(mesh)},
    }
    return json.dumps(sharding)


def write(path: Path, arrays: list[Array], *, with_chunks: bool = False) -> None:
    """Writes the checkpoint, with the chunks of its arrays if wanted; complete or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    state = unfinished / "state"
    state.mkdir(parents=True, exist_ok=True)
    write_database(state, database_entries(arrays, with_chunks=with_chunks))
    (state / "_METADATA").write_text(json.dumps(tree_metadata(arrays)))
    encoded = {base64.urlsafe_b64encode(a.name.encode()).decode(): a.sharding for a in arrays}
    # As TensorStore writes JSON.
    shardings = json.dumps(encoded, sort_keys=True, separators=(",", ":"))
    (state / "_sharding").write_text(shardings)
    handler = "orbax.checkpoint.experimental.v1._src.handlers.pytree_handler.PyTreeHandler"
    header = {"item_handlers": {"state": handler}, "metrics": {}, "performance_metrics": {}}
    times = {"init_timestamp_nsecs": 1, "commit_timestamp_nsecs": 2, "custom_metadata": {}}
    (unfinished / "_CHECKPOINT_METADATA").write_text(json.dumps(header | times))
    (unfinished / "orbax.checkpoint").touch()
    (unfinished / "commit_success.txt").touch()
    unfinished.rename(path)


def write_database(directory: Path, entries: Iterator[tuple[str, bytes]]) -> None:
    """Writes the database of an item."""
    import tensorstore as ts

    base = {"driver": "file", "path": f"{directory}/"}
    spec = {"driver": "ocdbt", "base": base, "config": DATABASE}
    database = ts.KvStore.open(spec).result()
    while some := list(itertools.islice(entries, KEYS_IN_A_TRANSACTION)):
        with ts.Transaction() as transaction:
            view = database.with_transaction(transaction)
            for write in [view.write(key, value) for key, value in some]:
                write.result()


def database_entries(arrays: list[Array], *, with_chunks: bool) -> Iterator[tuple[str, bytes]]:
    """The keys and values of the database."""
    for array in arrays:
        yield f"{array.name}/zarr.json", json.dumps(document(array)).encode()
        if with_chunks:
            split = zip(array.shape, array.chunk, strict=True)
            for index in itertools.product(*(range(size // chunk) for size, chunk in split)):
                yield "/".join((array.name, "c", *map(str, index))), CHUNK


def document(array: Array) -> dict[str, object]:
    """The Zarr document of an array."""
    grid = {"name": "regular", "configuration": {"chunk_shape": array.chunk}}
    codecs = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "zstd", "configuration": {"level": 3}},
    ]
    return {
        "chunk_grid": grid,
        "chunk_key_encoding": {"name": "default"},
        "codecs": codecs,
        "data_type": array.dtype,
        "fill_value": 0.0,
        "node_type": "array",
        "shape": array.shape,
        "zarr_format": 3,
    }


def tree_metadata(arrays: list[Array]) -> dict[str, object]:
    """The content of `_METADATA`."""
    tree = {
        str(array.keys): {
            "key_metadata": [{"key": key, "key_type": 2} for key in array.keys],
            "value_metadata": {
                "value_type": "jax.Array",
                "skip_deserialize": False,
                "write_shape": array.chunk,
            },
        }
        for array in arrays
    }
    return {"tree_metadata": tree, "use_ocdbt": True, "use_zarr3": True, "custom_metadata": None}
