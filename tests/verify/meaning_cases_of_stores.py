"""Damages to the store of a pytree; as `meaning_cases`."""

from __future__ import annotations

from tests.damage.damages import (
    MANIFEST,
    TREE,
    edit,
    remove,
    write,
)
from tests.verify.meaning_case import (
    FAILS,
    FILLED,
    GIVEN,
    RESTORES,
    RIGHT,
    WITHOUT_A,
    Case,
    every,
)
from tests.verify.store_damages import (
    both,
    damaged_node,
    drop,
    other_statistics,
    put,
    small_nodes,
)

ELSEWHERE = "Orbax looks where _METADATA says, and finds no array there"
UNSAID = (
    "Orbax takes the version that the program saves in: v1 restores Zarr 3 and v0 Zarr 2, unless "
    "told otherwise"
)
LOST = "these elements are lost; a restore fails, or fills them with the fill value"
IGNORED = "ignored by a restore"
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
        "format-unsaid",
        UNSAID,
        {"v0 restore": RIGHT, "v1 load": FAILS},
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
        "ignored by a restore; the array's shape is doubtful",
        every(RESTORES, RIGHT),
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
