"""What somebody might put on shared storage to harm whoever reads it; one function an attack.

Each writes a checkpoint into a folder. `ATTACKS` says how orbscan must answer: the kind of the
error, and words of its reason; or None and words of an issue or of the answer.
"""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING

from tests.hostile import ocdbt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ZARR = (
    b'{"chunks":[2],"compressor":null,"dimension_separator":".","dtype":"<u4","fill_value":null,'
    b'"filters":null,"order":"C","shape":[2],"zarr_format":2}'
)
DEEP = 2_000_000


def entry(*keys: str, **value: object) -> dict[str, object]:
    """One entry of `_METADATA`."""
    value = {"value_type": "np.ndarray", "skip_deserialize": False, **value}
    return {
        "key_metadata": [{"key": key, "key_type": 2} for key in keys],
        "value_metadata": value,
    }


def tree(folder: Path, *entries: dict[str, object], **members: object) -> None:
    """A flat checkpoint of arrays in a database; `w` if nothing else is said."""
    leaves = entries or (entry("w"),)
    document = {
        "tree_metadata": {str(number): leaf for number, leaf in enumerate(leaves)},
        "use_ocdbt": True,
        "use_zarr3": False,
        **members,
    }
    (folder / "_METADATA").write_text(json.dumps(document))
    (folder / "_CHECKPOINT_METADATA").write_text("{}")


def database(folder: Path, node: bytes, *, height: int = 0, path: bytes = b"d/x") -> None:
    """A database whose root is `node`."""
    (folder / "d").mkdir(exist_ok=True)
    (folder / "d" / "x").write_bytes(node)
    (folder / "manifest.ocdbt").write_bytes(ocdbt.manifest(path, len(node), height=height))


def whole(folder: Path) -> None:
    """A checkpoint of one array, with nothing wrong."""
    tree(folder)
    database(folder, ocdbt.leaf({b"w/.zarray": ZARR}))


# Decompression bombs.


def bomb_that_hides_its_size(folder: Path) -> None:
    tree(folder)
    database(folder, ocdbt.seal(ocdbt.NODE, ocdbt.bomb(70_000), compression=1))


def bomb_that_tells_its_size(folder: Path) -> None:
    tree(folder)
    frame = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**60) + ocdbt.bomb(9)[6:]
    database(folder, ocdbt.seal(ocdbt.NODE, frame, compression=1))


def bomb_in_the_manifest(folder: Path) -> None:
    tree(folder)
    bomb = ocdbt.seal(ocdbt.MANIFEST, ocdbt.bomb(70_000), compression=1)
    (folder / "manifest.ocdbt").write_bytes(bomb)


# Nesting.


def deep_tree_metadata(folder: Path) -> None:
    whole(folder)
    (folder / "_METADATA").write_text('{"tree_metadata": {"w": {"x": ' + "[" * DEEP)


def deep_json_in_a_string(folder: Path) -> None:
    whole(folder)
    tree(folder, value_metadata_tree='{"a":' * DEEP)


def deep_sharding(folder: Path) -> None:
    tree(folder, entry("w", value_type="jax.Array"))
    database(folder, ocdbt.leaf({b"w/.zarray": ZARR}))
    (folder / "_sharding").write_text(json.dumps({"dw==": '{"x": ' + "[" * DEEP}))


def deep_user_metadata(folder: Path) -> None:
    whole(folder)
    text = '{"custom_metadata": {"a": ' + "[" * DEEP
    (folder / "_CHECKPOINT_METADATA").write_text(text)


def user_metadata_as_deep_as_allowed(folder: Path) -> None:
    whole(folder)
    text = '{"custom_metadata": {"a": ' + "[" * 490 + "]" * 490 + "}}"
    (folder / "_CHECKPOINT_METADATA").write_text(text)


def deep_zarr_document(folder: Path) -> None:
    tree(folder)
    document = ZARR[:-1] + b',"x":' + b"[" * 1_000_000
    database(folder, ocdbt.leaf({b"w/.zarray": document[: 2**20]}))


def deep_keypath(folder: Path) -> None:
    whole(folder)
    tree(folder, entry(*["k"] * 100_000))


def deep_msgpack(folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"\x81\xa1a" * DEEP)


def deep_deletion_record(folder: Path) -> None:
    whole(folder)
    (folder / "orbax.checkpoint").touch()
    (folder / "_CHECKPOINT_DELETION").write_text('{"original_metadata": ' + "[" * DEEP)


# Counts and lengths.


def node_of_a_million_entries_in_ten_bytes(folder: Path) -> None:
    tree(folder)
    body = b"\0" + ocdbt.files([b"d/x"]) + ocdbt.varint(2**20)
    database(folder, ocdbt.seal(ocdbt.NODE, body))


def file_table_of_2_to_the_63(folder: Path) -> None:
    tree(folder)
    database(folder, ocdbt.seal(ocdbt.NODE, b"\0" + ocdbt.varint(2**63)))


def manifest_of_2_to_the_63_versions(folder: Path) -> None:
    tree(folder)
    body = ocdbt.CONFIG + ocdbt.files([b"d/x"]) + ocdbt.varint(2**63)
    (folder / "manifest.ocdbt").write_bytes(ocdbt.seal(ocdbt.MANIFEST, body))


def root_of_a_tebibyte_in_a_file_with_holes(folder: Path) -> None:
    tree(folder)
    database(folder, b"")
    os.truncate(folder / "d" / "x", 2**40)
    (folder / "manifest.ocdbt").write_bytes(ocdbt.manifest(b"d/x", 2**40))


def document_of_a_tebibyte_with_holes(folder: Path) -> None:
    whole(folder)
    os.truncate(folder / "_METADATA", 2**40)


def document_too_large_for_the_memory(folder: Path) -> None:
    whole(folder)
    os.truncate(folder / "_METADATA", 2**30)


def root_beyond_the_end_of_numbers(folder: Path) -> None:
    tree(folder)
    database(folder, b"")
    manifest = ocdbt.manifest(b"d/x", 2**62, offset=2**63)
    (folder / "manifest.ocdbt").write_bytes(manifest)


def paths_that_unfold_to_gigabytes(folder: Path) -> None:
    """100,000 paths of 60,000 bytes, each sharing all with the one before."""
    tree(folder)
    count, length = 100_000, 60_000
    table = ocdbt.varint(count) + ocdbt.varints([length] * (count - 1))
    table += ocdbt.varints([length] + [0] * (count - 1)) + bytes(count) + b"p" * length
    document = (
        b"\0"
        + table
        + ocdbt.varint(1)
        + b"\x09w/.zarray"
        + b"\x02\x01"
        + ocdbt.varints([count - 1, 0])
    )
    database(folder, ocdbt.seal(ocdbt.NODE, document))


def keys_that_unfold_to_gigabytes(folder: Path) -> None:
    """200,000 keys of 60,000 bytes, each longer than the one before by one byte."""
    tree(folder)
    first, count = 40_000, 20_000
    body = b"\0" + ocdbt.files([b"d/x"]) + ocdbt.varint(count)
    body += ocdbt.varints(range(first, first + count - 1)) + ocdbt.varints(
        [first] + [1] * (count - 1)
    )
    body += b"k" * (first + count - 1) + bytes(count) + bytes(count)
    database(folder, ocdbt.seal(ocdbt.NODE, body))


def msgpack_of_four_billion(folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"\xdf\xff\xff\xff\xff")


def msgpack_paths_that_unfold(folder: Path) -> None:
    """Each of 200,000 leaves repeats 400 keys."""
    leaves = b"".join(b"\xa5%05d\x01" % number for number in range(60_000))
    path = b"\x81\xa1a" * 400
    (folder / "checkpoint").write_bytes(path + b"\xde" + struct.pack(">H", 60_000) + leaves)


def safetensors_header_of_2_to_the_63(folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", 2**63) + b"{}")


def shape_of_2_to_the_2000(folder: Path) -> None:
    document = json.loads(ZARR) | {"shape": [2**62] * 32, "chunks": [1] * 32}
    tree(folder)
    database(folder, ocdbt.leaf({b"w/.zarray": json.dumps(document).encode()}))


def number_of_a_hundred_thousand_digits(folder: Path) -> None:
    whole(folder)
    text = '{"custom_metadata": {"n": ' + "9" * 100_000 + "}}"
    (folder / "_CHECKPOINT_METADATA").write_text(text)


def time_of_a_hundred_digits(folder: Path) -> None:
    whole(folder)
    (folder / "_CHECKPOINT_METADATA").write_text('{"init_timestamp_nsecs": ' + "9" * 100 + "}")


def key_types_that_all_differ(folder: Path) -> None:
    """Whatever is looked for among those before it takes the square of their number."""
    count = 30_000
    names = [f"k{number:05}" for number in range(count)]
    tree(folder, *(entry(name, value_type="jax.Array", write_shape=[2]) for name in names))
    database(folder, ocdbt.leaf({f"{name}/.zarray".encode(): ZARR for name in names}))
    arrays = [
        {"array_metadata": {"param_name": name, "ext_metadata": {"random_key_impl": name}}}
        for name in names
    ]
    (folder / "array_metadatas").mkdir()
    document = json.dumps({"array_metadatas": arrays})
    (folder / "array_metadatas" / "process_0").write_text(document)


def tensors_that_all_differ(folder: Path) -> None:
    count = 60_000
    header = {
        f"t{number}": {"dtype": "U8", "shape": [0, number], "data_offsets": [0, 0]}
        for number in range(count)
    }
    text = json.dumps(header).encode()
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)


# References that lead back, or to the same place from everywhere.


def node_that_is_its_own_child(folder: Path) -> None:
    tree(folder)
    length = len(ocdbt.interior(1, [(b"a", 0, 100)]))
    database(folder, ocdbt.interior(1, [(b"a", 0, length)]), height=1)


def tree_of_2_to_the_200_paths(folder: Path) -> None:
    """200 levels of nodes, each with the same child twice."""
    tree(folder, *(entry(f"k{number:03}") for number in range(100)))
    content = ocdbt.leaf({b"k000/.zarray": ZARR})
    at, length = 0, len(content)
    for height in range(1, 201):
        node = ocdbt.interior(height, [(b"a", at, length), (b"k050", at, length)])
        at, length = len(content), len(node)
        content += node
    database(folder, content)
    manifest = ocdbt.manifest(b"d/x", length, offset=at, height=200)
    (folder / "manifest.ocdbt").write_bytes(manifest)


def documents_on_top_of_each_other(folder: Path) -> None:
    """100 documents of a mebibyte in one file with holes."""
    names = [f"k{number:05}" for number in range(5_000)]
    tree(folder, *(entry(name) for name in names))
    lengths, text = ocdbt.keys([f"{name}/.zarray".encode() for name in names])
    count = len(names)
    body = b"\0" + ocdbt.files([b"d/holes"]) + ocdbt.varint(count) + lengths + text
    body += ocdbt.varints([2**20] * count) + b"\1" * count
    body += bytes(count) + ocdbt.varints(range(count))
    database(folder, ocdbt.seal(ocdbt.NODE, body))
    (folder / "d" / "holes").touch()
    os.truncate(folder / "d" / "holes", 2**30)


# Paths that lead out of the checkpoint.


def _outside(folder: Path) -> None:
    """Something readable beside the checkpoint."""
    (folder.parent / "secret").write_bytes(ocdbt.leaf({b"w/.zarray": ZARR}))


def data_file_above(folder: Path) -> None:
    _outside(folder)
    whole(folder)
    size = (folder.parent / "secret").stat().st_size
    (folder / "manifest.ocdbt").write_bytes(ocdbt.manifest(b"../secret", size))


def data_file_above_from_below(folder: Path) -> None:
    _outside(folder)
    whole(folder)
    size = (folder.parent / "secret").stat().st_size
    (folder / "manifest.ocdbt").write_bytes(ocdbt.manifest(b"d/../../secret", size))


def data_file_at_an_absolute_path(folder: Path) -> None:
    _outside(folder)
    whole(folder)
    secret = folder.parent / "secret"
    manifest = ocdbt.manifest(os.fsencode(secret), secret.stat().st_size)
    (folder / "manifest.ocdbt").write_bytes(manifest)


def data_file_with_a_nul(folder: Path) -> None:
    whole(folder)
    (folder / "manifest.ocdbt").write_bytes(ocdbt.manifest(b"d/x\0y", 10))


def array_above(folder: Path) -> None:
    tree(folder, entry("../secret"), use_ocdbt=False)
    (folder.parent / "secret").mkdir()
    (folder.parent / "secret" / ".zarray").write_bytes(ZARR)


def link_to_a_text_that_is_nobodys_business(folder: Path) -> None:
    whole(folder)
    (folder.parent / "secret").write_text("root:$6$hash:19000:0:99999:7:::\n")
    (folder / "_METADATA").unlink()
    (folder / "_METADATA").symlink_to(folder.parent / "secret")


def link_to_a_node_elsewhere(folder: Path) -> None:
    """Links are followed: people move data files to other disks, and Orbax follows them too."""
    _outside(folder)
    whole(folder)
    (folder / "d" / "x").unlink()
    (folder / "d" / "x").symlink_to(folder.parent / "secret")


def link_in_a_circle(folder: Path) -> None:
    whole(folder)
    (folder / "_METADATA").unlink()
    (folder / "_METADATA").symlink_to(folder / "_METADATA")


def item_that_holds_its_parent(folder: Path) -> None:
    whole(folder)
    (folder / "state").symlink_to(folder)


# Files that are none.


def pipe(folder: Path) -> None:
    whole(folder)
    (folder / "_METADATA").unlink()
    os.mkfifo(folder / "_METADATA")


def pipe_for_nodes(folder: Path) -> None:
    whole(folder)
    (folder / "d" / "x").unlink()
    os.mkfifo(folder / "d" / "x")


def endless_device(folder: Path) -> None:
    whole(folder)
    (folder / "_METADATA").unlink()
    (folder / "_METADATA").symlink_to("/dev/zero")


# Two answers to one question.


def members_twice(folder: Path) -> None:
    whole(folder)
    text = (folder / "_METADATA").read_text()
    other = json.dumps({"0": entry("decoy")})
    (folder / "_METADATA").write_text('{"tree_metadata": ' + other + ", " + text[1:])


def leaves_twice(folder: Path) -> None:
    tree(folder, entry("w"), entry("w"))
    database(folder, ocdbt.leaf({b"w/.zarray": ZARR}))


def keys_twice(folder: Path) -> None:
    tree(folder)
    lengths, text = ocdbt.keys([b"w/.zarray"] * 2)
    body = b"\0" + ocdbt.files([b"d/x"]) + ocdbt.varint(2) + lengths + text
    body += ocdbt.varints([len(ZARR)] * 2) + bytes(2) + ZARR * 2
    database(folder, ocdbt.seal(ocdbt.NODE, body))


ATTACKS: dict[Callable[[Path], None], tuple[str | None, str]] = {
    whole: (None, "    w: "),
    # The victim has less memory than a body may have.
    bomb_that_hides_its_size: ("memory", "not enough memory"),
    bomb_that_tells_its_size: ("limit", "body of"),
    bomb_in_the_manifest: ("memory", "not enough memory"),
    deep_tree_metadata: ("limit", "nested"),
    deep_json_in_a_string: ("limit", "nested"),
    deep_sharding: (None, "nested"),
    deep_user_metadata: ("limit", "nested"),
    user_metadata_as_deep_as_allowed: (None, "    w: "),
    deep_zarr_document: ("limit", "nested"),
    deep_keypath: ("limit", "1000 keys"),
    deep_msgpack: ("limit", "nested"),
    deep_deletion_record: ("deletion_record", "nested"),
    node_of_a_million_entries_in_ten_bytes: ("malformed", "numbers"),
    file_table_of_2_to_the_63: ("malformed", ""),
    manifest_of_2_to_the_63_versions: ("malformed", "9223372036854775808"),
    root_of_a_tebibyte_in_a_file_with_holes: ("limit", "the limit"),
    document_of_a_tebibyte_with_holes: ("limit", "the limit is"),
    document_too_large_for_the_memory: ("memory", "not enough memory"),
    root_beyond_the_end_of_numbers: ("malformed", "2^63"),
    paths_that_unfold_to_gigabytes: ("limit", "the limit is"),
    keys_that_unfold_to_gigabytes: ("malformed", "has no key"),
    msgpack_of_four_billion: ("malformed", ""),
    msgpack_paths_that_unfold: ("limit", "keypath"),
    safetensors_header_of_2_to_the_63: ("malformed", "9223372036854775808"),
    shape_of_2_to_the_2000: (None, "4611686018427387904"),
    number_of_a_hundred_thousand_digits: ("limit", "digits"),
    time_of_a_hundred_digits: ("malformed", "nanoseconds"),
    key_types_that_all_differ: (None, "number of leaves: 30"),
    tensors_that_all_differ: (None, "number of leaves: 60"),
    node_that_is_its_own_child: ("malformed", "height"),
    tree_of_2_to_the_200_paths: ("malformed", "where the next node begins"),
    documents_on_top_of_each_other: ("malformed", ""),
    data_file_above: ("malformed", "leaves its directory"),
    data_file_above_from_below: ("malformed", "leaves its directory"),
    data_file_at_an_absolute_path: ("malformed", "is absolute"),
    data_file_with_a_nul: ("malformed", "NUL"),
    array_above: ("malformed", "leaves its directory"),
    link_to_a_text_that_is_nobodys_business: ("malformed", "JSON"),
    link_to_a_node_elsewhere: (None, "    w: "),
    link_in_a_circle: ("store", "symbolic links"),
    item_that_holds_its_parent: (None, "    w: "),
    pipe: ("malformed", "empty"),
    pipe_for_nodes: ("malformed", "0 bytes in all"),
    endless_device: ("malformed", ""),
    members_twice: (None, "    w: "),
    leaves_twice: (None, "    w: "),
    keys_twice: ("malformed", "key"),
}
"""Each attack, the kind of the error (or None) and what the error, an issue or the answer says."""
