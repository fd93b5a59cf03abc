"""Damages, the findings that they make, and what Orbax answers to some questions about each.

The meaning of the code stands beside the answers, so that whoever changes one reads the other.
"""

from __future__ import annotations

import shutil
from typing import Any

from tests.checking import early, meaning_cases_of_stores
from tests.checking.meaning_case import (
    FAILS,
    GIVEN,
    RESTORES,
    RIGHT,
    WITHOUT_A,
    WITHOUT_S,
    Case,
    every,
)
from tests.checking.store_damages import (
    PROCESS,
    both,
    deletion,
    drop,
    entry,
    put,
    replaced,
    sharding,
    unfinished,
)
from tests.damage import damages
from tests.damage.damages import (
    CM,
    SHARDING,
    TREE,
    as_directory,
    edit,
    remove,
    value,
    write,
)

NO_SHARDING = (
    "the arrays can be restored where the caller gives their sharding; otherwise most restores fail"
)
BY_NAME = "Orbax v1 refuses the whole checkpoint; v0 restores by name what is there"
OTHERS_CAN = "this checkpointable cannot be restored; others can"
REFUSED = "Orbax restores no JAX array here until the file is repaired; no value is lost"
OTHER_PLACE = (
    "Orbax goes by key_metadata: if that is what changed, the leaf comes back in another place, "
    "and a target does not fit"
)
TYPED = '{"random_key_impl": "threefry2x32"}'


def renamed(members: dict[str, Any], name: str, other: str) -> None:
    """Calls a member otherwise."""
    members[other] = members.pop(name)


# What JAX makes no sharding of.
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "an unknown axis": {"partition_spec": ["y"]},
    "too long a spec": {"partition_spec": [None, None, "x"]},
    "an axis twice": {"partition_spec": ["x", "x"]},
    "another mesh": {"shape": [3]},
    "no devices": {"device_mesh": {"mesh": []}},
    "fewer devices": {"device_mesh": {"mesh": [{"id": 0}, {"id": 1}, {"id": 2}]}},
    "a device twice": {"device_mesh": {"mesh": [{"id": 0}, {"id": 0}, {"id": 2}, {"id": 3}]}},
    "two lengths left open": {
        "shape": [-1, -1],
        "axis_names": ["x", "y"],
        "axis_types": ["AxisType.Auto", "AxisType.Auto"],
    },
    "two axis types": {"axis_types": ["AxisType.Auto", "AxisType.Auto"]},
}

# What numpy makes the mesh of the save of.
FILLED_BY_DEVICES: dict[str, dict[str, Any]] = {
    "a length left open": {"shape": [-1]},
    "devices in another arrangement": {
        "device_mesh": {"mesh": [[{"id": 0}, {"id": 1}], [{"id": 2}, {"id": 3}]]}
    },
}

DOCUMENTS: dict[str, Case] = {
    "layout": Case(
        "v1",
        remove(CM),
        "layout",
        BY_NAME,
        {"v1 load": FAILS, "v1 metadata": FAILS, "v0 restore": RIGHT},
        whole=True,
    ),
    "layout of a list": Case(
        "items",
        write(CM, "[1]"),
        "layout",
        BY_NAME,
        {"v1 load": FAILS, "v1 metadata": FAILS, "v0 restore": RIGHT},
        whole=True,
    ),
    "layout of a flat checkpoint with names": Case(
        "flat",
        edit(CM, lambda d: d.update(item_handlers={})),
        "layout",
        BY_NAME,
        {**every(("v1 load",), FAILS), "v0 restore": RIGHT},
        whole=True,
    ),
    "deletion record": Case(
        "items",
        write("_CHECKPOINT_DELETION", "{}"),
        "deletion-record",
        "Orbax v1 refuses every read of this checkpoint until the record is repaired; v0 does not "
        "look at it",
        {"v1 load": FAILS, "v1 other": FAILS, "v1 metadata": FAILS, "v0 restore": RIGHT},
        whole=True,
    ),
    "deletion": Case(
        "items",
        deletion,
        "deletion",
        "Orbax v1 counts the checkpointable as gone, v0 restores what is left of it; the others "
        "can be restored",
        {
            "v1 load": {"w": "there"},
            "v1 other": {"w": "there"},
            "v0 restore": RIGHT,
            "v0 other": {"w": "there"},
        },
        whole=True,
    ),
    "unfinished checkpointable": Case(
        "items",
        unfinished,
        "checkpointable-unfinished",
        "this checkpointable was never finished; the others can be restored",
        {"v0 restore": FAILS, "v0 other": {"w": "there"}, "v1 other": {"w": "there"}},
        whole=True,
    ),
    "commit marker": Case(
        "items",
        remove("commit_success.txt"),
        "commit-marker",
        "fine on local disks; in a bucket the checkpoint counts as unfinished",
        {**every(RESTORES, RIGHT), "bucket": FAILS},
        whole=True,
    ),
    "checkpoint metadata": Case(
        "items",
        write(CM, "{"),
        "checkpoint-metadata",
        "trees can be restored by name; timestamps, handlers or custom metadata may be lost",
        {**every(RESTORES, RIGHT), "v0 restore without args": FAILS},
        whole=True,
    ),
    "missing checkpointable": Case(
        "items",
        remove("state"),
        "checkpointable-missing",
        "this checkpointable is lost; the others can be restored",
        {"v0 restore": FAILS, "v0 other": {"w": "there"}, "v1 other": {"w": "there"}},
        whole=True,
    ),
    "tree gone": Case(
        "items",
        remove(TREE),
        "tree-unreadable",
        OTHERS_CAN,
        {"v0 restore": FAILS, "v0 other": {"w": "there"}, "v1 other": {"w": "there"}},
    ),
    "tree cut": Case(
        "v1",
        write(TREE, "{"),
        "tree-unreadable",
        OTHERS_CAN,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "document": Case(
        "items",
        write("config/metadata", "{"),
        "document-unreadable",
        OTHERS_CAN,
        {"v0 config": FAILS, "v0 other": {"w": "there"}, **every(RESTORES, RIGHT)},
        whole=True,
    ),
    "leaf": Case(
        "flat",
        put("a/.zarray", b"{"),
        "leaf-unreadable",
        "the leaf is lost, and Orbax refuses the whole tree unless it is left out",
        {
            **every((*RESTORES, *GIVEN), FAILS),
            "v0 restore without a": WITHOUT_A,
            "v1 load without a": WITHOUT_A,
        },
    ),
    "leaf without a document": Case(
        "v1",
        both(lambda item: shutil.rmtree(item / "ocdbt.process_0"), drop("a/zarr.json")),
        "leaf-unreadable",
        "the leaf is lost, and Orbax refuses the whole tree unless it is left out",
        {**every(RESTORES, FAILS), "v1 load without a": WITHOUT_A},
    ),
    "leaf of a text gone": Case(
        "v1",
        edit(TREE, lambda d: d["tree_metadata"].pop("('s',)")),
        "string-without-leaf",
        "the text is not restored: its leaf is missing from the tree",
        every(RESTORES, WITHOUT_S),
    ),
    "string": Case(
        "flat",
        write("_strings.json", "{}"),
        "string-missing",
        "the leaf is lost; the others can be restored if it is left out",
        {
            **every(RESTORES, FAILS),
            "v0 restore without s": WITHOUT_S,
            "v1 load without s": WITHOUT_S,
        },
    ),
    "array without a leaf": Case(
        "v1",
        edit(TREE, lambda d: d["tree_metadata"].pop("('a',)")),
        "array-without-leaf",
        "the array is not restored: its leaf is missing from the tree",
        every(RESTORES, WITHOUT_A),
    ),
    "array_metadatas cut": Case(
        "v1",
        write(PROCESS, "{"),
        "tree-refused",
        REFUSED,
        {**every((*RESTORES, *GIVEN), FAILS), "v1 load as numpy": RIGHT},
    ),
    "array_metadatas without an entry's shape": Case(
        "flat",
        entry(chunk_shape=None),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas with another member": Case(
        "flat",
        replaced(PROCESS, '"array_metadata"', '"array_metadada"'),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas is a directory": Case(
        "flat",
        as_directory(PROCESS),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas with a copy beside": Case(
        "flat",
        lambda item: shutil.copy(item / PROCESS, item / f"{PROCESS}.bak"),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas with a key that is none": Case(
        "flat",
        entry(ext_metadata={"random_key_impl": "threefry2x32"}),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas with an unknown kind of key": Case(
        "keys",
        replaced(PROCESS, TYPED, '{"random_key_impl": "threefry"}'),
        "tree-refused",
        REFUSED,
        every(RESTORES, FAILS),
    ),
    "write shape null": Case(
        "flat",
        value("('a',)", write_shape=None),
        "tree-refused",
        REFUSED,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "array_metadatas gone": Case(
        "keys",
        remove("array_metadatas"),
        "array-metadatas",
        "a restore looks there for PRNG keys only: those may come back as plain integers",
        every(RESTORES, {"key": "integers", "n": "wrong"}),
    ),
    "array_metadatas with another shape": Case(
        "flat",
        entry(write_shape=[1, 1]),
        "array-metadatas",
        "a restore looks there for PRNG keys only: those may come back as plain integers",
        every(RESTORES, RIGHT),
    ),
    "sharding gone": Case(
        "flat",
        remove(SHARDING),
        "sharding",
        NO_SHARDING,
        {
            **every(RESTORES, FAILS),
            **every(GIVEN, RIGHT),
            "v0 standard restore": RIGHT,
            "v1 metadata": dict.fromkeys("akns", "there"),
        },
    ),
    "sharding cut": Case(
        "v1",
        write(SHARDING, "{"),
        "sharding",
        NO_SHARDING,
        {**every(RESTORES, FAILS), **every(GIVEN, RIGHT), "v1 metadata": FAILS},
    ),
    "sharding without an entry": Case(
        "flat",
        write(SHARDING, "{}"),
        "sharding",
        NO_SHARDING,
        {
            **every(RESTORES, FAILS),
            **every(GIVEN, RIGHT),
            "v0 standard restore": FAILS,
            "v1 metadata": FAILS,
        },
    ),
    "sharding with an entry that says nothing": Case(
        "flat",
        write(SHARDING, '{"YQ==": null}'),
        "sharding",
        NO_SHARDING,
        {**every(RESTORES, FAILS), **every(GIVEN, RIGHT)},
    ),
    **{
        f"sharding with {name}": Case(
            "flat",
            sharding(**members),
            "sharding-mismatch",
            "the array can be restored with a sharding of the caller's choice",
            {**every(RESTORES, FAILS), **every(GIVEN, RIGHT)},
        )
        for name, members in IMPOSSIBLE.items()
    },
    "sharding with positions": Case(
        "flat",
        sharding(sharding_type="PositionalSharding"),
        "sharding-mismatch",
        "the array can be restored with a sharding of the caller's choice",
        {**every(RESTORES, FAILS), **every(GIVEN, RIGHT), "v1 metadata": FAILS},
    ),
    **{
        f"sharding of {name}": Case("flat", sharding(**members), None, "", every(RESTORES, RIGHT))
        for name, members in FILLED_BY_DEVICES.items()
    },
    "scalar that is an array": Case(
        "flat",
        value("('a',)", value_type="scalar"),
        "scalar-rank",
        "the array can be restored where the caller asks for one; otherwise a restore fails",
        {**every(RESTORES, FAILS), **every(GIVEN, RIGHT)},
    ),
    "sharding of no leaf": Case(
        "flat",
        edit(SHARDING, lambda d: d.update({"eno=": d["YQ=="]})),
        "sharding-surplus",
        "ignored",
        every(RESTORES, RIGHT),
    ),
    "write shape of another rank": Case(
        "v1",
        value("('a',)", write_shape=[3]),
        "write-shape",
        "ignored by a restore; the tree's own document is doubtful",
        every(RESTORES, RIGHT),
    ),
    "write shape of no whole chunks": Case(
        "flat",
        value("('a',)", write_shape=[3, 3]),
        "write-shape",
        "ignored by a restore; the tree's own document is doubtful",
        every(RESTORES, RIGHT),
    ),
    "rich types": Case(
        "flat",
        edit(TREE, lambda d: d.update(value_metadata_tree="{")),
        "rich-types",
        "a restore does not look at them; a read that asks for them fails",
        every(RESTORES, RIGHT),
    ),
    "a member twice": Case(
        "flat",
        replaced(TREE, '"use_zarr3": false', '"use_zarr3": true, "use_zarr3": false'),
        "duplicate-member",
        "the last one counts; another reader may take the first",
        every(RESTORES, RIGHT),
    ),
    "an entry of another name": Case(
        "flat",
        edit(TREE, lambda d: renamed(d["tree_metadata"], "('a',)", "('z',)")),
        "entry-name",
        OTHER_PLACE,
        every((*RESTORES, *GIVEN), RIGHT),
    ),
    "a key of an empty leaf that became another": Case(
        "empty",
        damages.entry("('e',)", lambda found: found["key_metadata"][0].update(key="z")),
        "entry-name",
        OTHER_PLACE,
        {**every(RESTORES, {"z": "there", "n": "right"}), "v1 load of e": FAILS},
    ),
    "a tree in the msgpack file alone": Case(
        "flat",
        early.tree,
        "aggregate-tree",
        "Orbax v0 restores the tree from the msgpack file of an early release, v1 does not know it",
        {"v0 restore": RIGHT, "v1 load": FAILS, "v1 load, sharding given": FAILS},
    ),
    "a value in the msgpack file": Case(
        "flat",
        early.value_of_n,
        "aggregate-values",
        "Orbax v0 restores the values in the msgpack file of an early release, v1 refuses the tree",
        {"v0 restore": RIGHT, "v1 load": FAILS, "v1 load, sharding given": FAILS},
    ),
    "a damaged msgpack file": Case(
        "flat",
        write("checkpoint", b"\x81"),
        "aggregate-damaged",
        "Orbax v0 reads the msgpack file of an early release first, and fails; v1 does not look at "
        "it",
        {"v0 restore": FAILS, "v1 load": RIGHT, "v1 load, sharding given": RIGHT},
    ),
    "scalars": Case(
        "scalars",
        lambda _: None,
        "document",
        "tolerated",
        {**every(RESTORES, {"b": "there", "c": "there", "n": "wrong"}), "v1 metadata": FAILS},
    ),
}

CASES = {**DOCUMENTS, **meaning_cases_of_stores.CASES}
