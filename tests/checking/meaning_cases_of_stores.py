"""Damages to the store of a pytree; as `meaning_cases`."""

from __future__ import annotations

from tests.checking.meaning_case import (
    FAILS,
    FILLED,
    GIVEN,
    RESTORES,
    RIGHT,
    WITHOUT_A,
    Case,
    every,
)
from tests.checking.store_damages import (
    both,
    change,
    damaged_node,
    drop,
    insert,
    longer_data_file,
    other_statistics,
    put,
    small_nodes,
)
from tests.damage.damages import (
    MANIFEST,
    TREE,
    edit,
    remove,
    write,
)

ELSEWHERE = "Orbax looks where _METADATA says, and finds no array there"
UNSAID = (
    "Orbax takes the version that the program saves in: v1 restores these arrays, v0 does so if "
    "told the version"
)
OLD_UNSAID = (
    "Orbax takes the version that the program saves in: v0 restores these arrays, v1 does so if "
    "told the version"
)
LOST = "these elements are lost; a restore fails, or fills them with the fill value"
IGNORED = "ignored by a restore"
OUTSIDE = "ignored by a restore; the array's shape is doubtful"
SURPLUS = (
    "harmless where they were appended; where they were inserted, other bytes are read as values "
    "than were written"
)
NO_STORED_ZEROS = edit(TREE, lambda d: d.pop("store_array_data_equal_to_fill_value"))

CASES: dict[str, Case] = {
    "not merged": Case(
        "v1",
        remove(MANIFEST),
        "not-merged",
        "Orbax 0.12 finds no array here until the databases of the processes are merged",
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "the other version of zarr": Case(
        "flat",
        edit(TREE, lambda d: d.update(use_zarr3=True)),
        "arrays-elsewhere",
        ELSEWHERE,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "version 3 of zarr, unsaid": Case(
        "v1",
        edit(TREE, lambda d: d.update(use_zarr3=None)),
        "format-unsaid",
        UNSAID,
        {"v1 load": RIGHT, "v1 load, sharding given": RIGHT, "v0 restore": FAILS},
    ),
    "version 2 of zarr, unsaid": Case(
        "flat",
        edit(TREE, lambda d: d.update(use_zarr3=None)),
        "old-format-unsaid",
        OLD_UNSAID,
        {"v0 restore": RIGHT, **every(("v1 load", "v1 load, sharding given"), FAILS)},
    ),
    "files instead of a database": Case(
        "files",
        edit(TREE, lambda d: d.update(use_ocdbt=True)),
        "arrays-elsewhere",
        ELSEWHERE,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "a database instead of files": Case(
        "flat",
        edit(TREE, lambda d: d.update(use_ocdbt=False)),
        "arrays-elsewhere",
        ELSEWHERE,
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "manifest": Case(
        "v1",
        write(MANIFEST, "no manifest"),
        "database-unreadable",
        "no array of this checkpointable can be restored",
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "a node": Case(
        "flat",
        both(small_nodes, damaged_node),
        "node-damaged",
        "the chunks that it lists are lost",
        every((*RESTORES, *GIVEN), FAILS),
    ),
    "many small nodes": Case("flat", small_nodes, None, "", every(RESTORES, RIGHT)),
    "statistics": Case(
        "flat",
        both(small_nodes, other_statistics),
        "node-statistics",
        "a restore does not look at these numbers",
        every(RESTORES, RIGHT),
    ),
    "a chunk that was stored": Case(
        "flat", drop("a/1.0"), "chunk-missing", LOST, every((*RESTORES, *GIVEN), FAILS)
    ),
    "a chunk of an earlier release": Case(
        "flat",
        both(NO_STORED_ZEROS, drop("a/1.0")),
        "chunk-missing",
        LOST,
        {"v0 restore": FILLED, "v1 load": FAILS},
    ),
    "a chunk that may never have been stored": Case(
        "zarr3",
        both(NO_STORED_ZEROS, drop("a/c/1/0")),
        "chunk-absent",
        "Orbax v0 fills these elements with the fill value: right if they had it, as Zarr 3 "
        "writers before 0.10.1 left such chunks out; v1 refuses the array",
        {"v0 restore": FILLED, "v1 load": FAILS},
    ),
    "a document that was not merged": Case(
        "v1",
        drop("a/zarr.json"),
        "arrays-elsewhere",
        ELSEWHERE,
        {**every(RESTORES, FAILS), "v1 load without a": WITHOUT_A},
    ),
    "a chunk without bytes": Case(
        "flat",
        put("a/1.0", b""),
        "chunk-length",
        "a restore of this array fails",
        {
            **every((*RESTORES, *GIVEN), FAILS),
            "v0 restore without a": WITHOUT_A,
            "v1 load without a": WITHOUT_A,
        },
    ),
    "a chunk of other bytes": Case(
        "flat",
        put("a/1.0", b"this is not a zstd frame at all, but just as long as one"),
        "chunk-damaged",
        "these elements are lost; a restore of this array fails",
        {
            **every((*RESTORES, *GIVEN), FAILS),
            "v0 restore without a": WITHOUT_A,
            "v1 load without a": WITHOUT_A,
        },
    ),
    "a chunk outside": Case(
        "flat",
        put("a/9.0", b"x"),
        "chunk-outside",
        OUTSIDE,
        every(RESTORES, RIGHT),
    ),
    "a shape of no rows": Case(
        "flat",
        change("a/.zarray", b'"shape":[8,4]', b'"shape":[0,4]'),
        "shape-empty",
        "a restore gives an array without elements, or fails where a shape is asked for",
        {**every(RESTORES, {**RIGHT, "a": "of shape (0, 4)"}), **every(GIVEN, FAILS)},
    ),
    "a shape of fewer rows": Case(
        "flat",
        change("a/.zarray", b'"shape":[8,4]', b'"shape":[4,4]'),
        "chunk-outside",
        OUTSIDE,
        {**every(RESTORES, {**RIGHT, "a": "of shape (4, 4)"}), **every(GIVEN, FAILS)},
    ),
    "bytes behind a data file": Case(
        "flat", longer_data_file, "bytes-surplus", SURPLUS, every((*RESTORES, *GIVEN), RIGHT)
    ),
    "bytes behind what a shard holds": Case(
        "shards",
        insert("a/c/1/0", -20, b"more"),
        "bytes-surplus",
        SURPLUS,
        every((*RESTORES, *GIVEN), RIGHT),
    ),
    "bytes in a shard": Case(
        "shards",
        insert("a/c/1/0", 20, b"more"),
        "bytes-surplus",
        SURPLUS,
        every((*RESTORES, *GIVEN), {**RIGHT, "a": "wrong"}),
    ),
    "an unknown key": Case(
        "flat", put("a/notes", b"x"), "key-unknown", IGNORED, every(RESTORES, RIGHT)
    ),
    "a stray key": Case("flat", put("z/notes", b"x"), "key-stray", IGNORED, every(RESTORES, RIGHT)),
    "an unused file": Case(
        "flat",
        write("d/00000000000000000000000000000000", "x"),
        "data-file-unused",
        "held by nothing; can come from superseded versions or from before the merge",
        every(RESTORES, RIGHT),
    ),
    "a file of another program": Case(
        "flat", write("ppo_network_config.json", "{}"), None, "", every(RESTORES, RIGHT)
    ),
    "nothing": Case(
        "flat",
        lambda _: None,
        None,
        "",
        {
            **every((*RESTORES, *GIVEN), RIGHT),
            "v0 restore without a": WITHOUT_A,
            "v1 load without a": WITHOUT_A,
        },
    ),
}
