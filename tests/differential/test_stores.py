"""Stores that TensorStore writes under drawn settings, read by orbscan and by Orbax.

Orbax writes with few of these settings, but reads them all; what it will write with next, nobody
knows.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import tensorstore as ts
from hypothesis import given, settings
from hypothesis import strategies as st
from orbax.checkpoint.experimental import v1 as ocp

import orbscan
from tests.support.answers import answer
from tests.support.draws import examples
from tests.support.processes import apart
from tests.support.verdicts import judge

DTYPES = ["bool", "int8", "uint16", "int64", "float16", "float32", "complex128", "bfloat16"]

configs = st.fixed_dictionaries(
    {},
    optional={
        "max_decoded_node_bytes": st.sampled_from([100, 300, 1_000, 10_000]),
        "max_inline_value_bytes": st.sampled_from([0, 20, 300, 1_024]),
        "compression": st.sampled_from([None, {"id": "zstd"}, {"id": "zstd", "level": 9}]),
        "manifest_kind": st.sampled_from(["single", "numbered"]),
        "version_tree_arity_log2": st.integers(1, 5),
    },
)


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Shape, chunk shape and dtype of an array."""
    shape = draw(st.lists(st.integers(1, 9), max_size=3))
    return {
        "shape": shape,
        "chunks": [draw(st.integers(1, length)) for length in shape],
        "dtype": draw(st.sampled_from(DTYPES)),
    }


@st.composite
def zarr2(draw: st.DrawFn, array: dict[str, Any]) -> dict[str, Any]:
    """A `.zarray` document of TensorStore's `zarr` driver."""
    compressors = [
        None,
        {"id": "zstd", "level": 3},
        {"id": "gzip", "level": 1},
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
    ]
    return {
        "shape": array["shape"],
        "chunks": array["chunks"],
        # TensorStore refuses "F" where it makes no difference.
        "order": draw(st.sampled_from("CF" if len(array["shape"]) > 1 else "C")),
        "dimension_separator": draw(st.sampled_from("./")),
        "compressor": draw(st.sampled_from(compressors)),
    }


@st.composite
def zarr3(draw: st.DrawFn, array: dict[str, Any]) -> dict[str, Any]:
    """A `zarr.json` document of TensorStore's `zarr3` driver."""
    codecs = [{"name": "zstd", "configuration": {"level": 2}}, {"name": "crc32c"}]
    inner = [{"name": "bytes", "configuration": {"endian": "little"}}]
    inner += draw(st.lists(st.sampled_from(codecs), max_size=2, unique_by=str))
    if draw(st.booleans()):
        sharding = {"chunk_shape": array["chunks"], "codecs": inner}
        inner = [{"name": "sharding_indexed", "configuration": sharding}]
    separator = draw(st.sampled_from("./"))
    grid = {"name": "regular", "configuration": {"chunk_shape": array["chunks"]}}
    return {
        "shape": array["shape"],
        "chunk_grid": grid,
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": separator}},
        "codecs": inner,
    }


@st.composite
def stores(draw: st.DrawFn) -> dict[str, Any]:
    """A database, the arrays in it, and in how many commits they are written."""
    drawn = draw(st.lists(arrays(), min_size=1, max_size=5))
    use_zarr3 = draw(st.booleans())
    document = zarr3 if use_zarr3 else zarr2
    return {
        "config": draw(configs),
        "use_zarr3": use_zarr3,
        "arrays": {
            f"a{number}.b": (array["dtype"], draw(document(array)))
            for number, array in enumerate(drawn)
        },
        "one_commit": draw(st.booleans()),
    }


def write(root: Path, store: dict[str, Any]) -> None:
    """Writes the database as TensorStore does, and what Orbax needs to find it."""
    base = {"driver": "ocdbt", "base": f"file://{root}/", "config": store["config"]}
    context = ts.Context()
    with ts.Transaction() as transaction:
        for name, (dtype, document) in store["arrays"].items():
            spec = {
                "driver": "zarr3" if store["use_zarr3"] else "zarr",
                "kvstore": {**base, "path": f"{name}/"},
                "metadata": document,
                "dtype": dtype,
            }
            inside = transaction if store["one_commit"] else None
            opened = ts.open(spec, create=True, context=context, transaction=inside).result()
            written = opened.write(opened.fill_value or 0)
            # In a transaction nothing is committed before its end.
            (written if inside is None else written.copy).result()
    entries = {
        f"('{name}',)": {
            "key_metadata": [{"key": key, "key_type": 2} for key in name.split(".")],
            "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": False},
        }
        for name in store["arrays"]
    }
    document = {"tree_metadata": entries, "use_ocdbt": True, "use_zarr3": store["use_zarr3"]}
    (root / "_METADATA").write_text(json.dumps(document))
    (root / "_CHECKPOINT_METADATA").write_text("{}")


@apart
@given(stores())
@settings(max_examples=examples(30))
def test_a_store_reads_as_in_orbax(store: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as top:
        root = Path(top) / "checkpoint"
        root.mkdir()
        write(root, store)
        theirs = answer(lambda: ocp.metadata(root), top)
        ours = answer(lambda: orbscan.metadata(root), top)
        assert judge(theirs, ours).word == "equal", judge(theirs, ours).reason
        found = orbscan.metadata(root)
        assert found.issues == ()
        for name, (dtype, document) in store["arrays"].items():
            leaf = found.metadata[name.split(".")[0]]["b"]
            assert (list(leaf.shape), str(leaf.dtype)) == (document["shape"], dtype)
