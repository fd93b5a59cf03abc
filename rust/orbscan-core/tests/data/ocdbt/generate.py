"""Writes the databases beside this file with TensorStore, and what it reads from them.

    python generate.py            # made with tensorstore 0.1.86

Each folder is one database. `<name>.expected` has a line for each key: key and value in hexadecimal,
in the order of the keys. File names and commit times differ from run to run, contents do not.
"""

import pathlib
import shutil

import tensorstore as ts

HERE = pathlib.Path(__file__).parent


def chunks(arrays: int, count: int) -> dict[bytes, bytes]:
    """A document and `count` chunks for each array, as Orbax names them."""
    entries = {}
    for array in range(arrays):
        name = f"params.layer_{array}.kernel"
        entries[f"{name}/.zarray".encode()] = b'{"shape":[%d],"zarr_format":2}' % count
        for chunk in range(count):
            entries[f"{name}/{chunk}".encode()] = bytes([array % 256]) * (chunk % 40)
    return entries


# Databases are merged by reference only if they were opened in the same context.
CONTEXT = ts.Context()


def database(name: str, **config: object) -> ts.KvStore:
    """Opens a new database in the folder `name`."""
    spec = {"driver": "ocdbt", "base": f"file://{HERE / name}/", "config": config}
    return ts.KvStore.open(spec, context=CONTEXT).result()


def write(store: ts.KvStore, entries: dict[bytes, bytes]) -> None:
    """Commits all entries at once."""
    with ts.Transaction() as transaction:
        for key, value in entries.items():
            store.with_transaction(transaction)[key] = value


def small() -> None:
    write(database("small", max_inline_value_bytes=16), chunks(2, 3))


def plain() -> None:
    write(database("plain", compression=None, max_inline_value_bytes=16), chunks(2, 3))


def tall() -> None:
    """Tiny nodes, so the tree has interior nodes over interior nodes."""
    write(database("tall", max_decoded_node_bytes=500, max_inline_value_bytes=20), chunks(12, 30))


def numbered() -> None:
    store = database("numbered", manifest_kind="numbered", max_inline_value_bytes=16)
    for count in range(1, 4):
        write(store, chunks(2, count))


def generations() -> None:
    """So many commits that the manifest refers to version tree nodes of several heights."""
    store = database("generations", version_tree_arity_log2=1)
    for commit in range(13):
        write(store, {b"commit": b"%d" % commit, b"k%d" % commit: b"v"})


def copy(children: list[ts.KvStore], parent: ts.KvStore) -> None:
    """Makes the parent refer to all that the children hold."""
    with ts.Transaction(atomic=True) as transaction:
        for child in children:
            child.experimental_copy_range_to(parent.with_transaction(transaction)).result()


def merged() -> None:
    """As Orbax merges: the nodes in `d/`, large values left where each process wrote them."""
    entries = sorted(chunks(4, 9).items())
    children = []
    for process in range(2):
        child = database(f"merged/ocdbt.process_{process}", max_inline_value_bytes=8)
        write(child, dict(entries[process::2]))
        children.append(child)
    copy(children, database("merged", max_inline_value_bytes=32))


def grafted() -> None:
    """Interior nodes in one database, leaves in another, values in a third."""
    tiny = {"max_decoded_node_bytes": 300, "max_inline_value_bytes": 8}
    values = database("grafted/inner/values", **tiny)
    write(values, chunks(6, 20))
    inner = database("grafted/inner", **tiny)
    copy([values], inner)
    copy([inner], database("grafted", **tiny))


def empty() -> None:
    store = database("empty")
    write(store, {b"gone": b"soon"})
    store.delete_range(ts.KvStore.KeyRange()).result()


def odd_keys() -> None:
    """The empty key, zero bytes, 0xff bytes, keys that are prefixes of others, a long key."""
    keys = [b"", b"\0", b"\0\0", b"a", b"ab", b"ab\xff", b"b", b"\xff", b"\xff\xff", b"x" * 400]
    write(database("odd_keys", max_decoded_node_bytes=60), {key: key[::-1] for key in keys})


def main() -> None:
    for make in (small, plain, tall, numbered, generations, merged, grafted, empty, odd_keys):
        name = make.__name__
        shutil.rmtree(HERE / name, ignore_errors=True)
        make()
        store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{HERE / name}/"}).result()
        lines = [f"{key.hex()} {store[key].hex()}\n" for key in sorted(store.list().result())]
        (HERE / f"{name}.expected").write_text("".join(lines))


if __name__ == "__main__":
    main()
