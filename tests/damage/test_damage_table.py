"""Each kind of damage that a checkpoint is known to meet, in each layout it can happen to.

The rows follow what Orbax 0.12.8 was seen to do; where it answers with a silent `None`, with an
exception that names no file, or with a crash, orbscan gives a clear error or a tolerated fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Copy
from .damages import (
    LFS,
    MANIFEST,
    SHARDING,
    TREE,
    Damage,
    append,
    as_directory,
    cut,
    edit,
    entry,
    every_sharding,
    flip,
    key_type,
    node_file,
    remove,
    value,
    write,
)
from .layouts import ITEM, LAYOUTS, refusal

# Damage that keeps the tree from being read: (damage, error kind, file, part of the reason).
LOST: dict[str, tuple[Damage, str, str, str]] = {
    "tree-empty": (write(TREE, ""), "malformed", TREE, "empty"),
    "tree-cut": (cut(TREE), "malformed", TREE, "unexpected end"),
    "tree-garbage": (write(TREE, "\x00\x01garbage"), "malformed", TREE, "JSON"),
    "tree-bom": (write(TREE, "\ufeff{}"), "malformed", TREE, "byte order mark"),
    "tree-not-utf8": (write(TREE, b'{"tree_metadata": {"\xff": 1}}'), "malformed", TREE, "UTF-8"),
    "tree-lfs": (write(TREE, LFS), "malformed", TREE, "git-lfs pointer"),
    "tree-directory": (as_directory(TREE), "malformed", TREE, "is a directory"),
    "tree-null": (write(TREE, "null"), "malformed", TREE, "expected an object"),
    "tree-list": (write(TREE, "[]"), "malformed", TREE, "expected an object"),
    "tree-no-member": (write(TREE, "{}"), "malformed", TREE, "tree_metadata"),
    "tree-no-leaves": (write(TREE, '{"tree_metadata": {}}'), "malformed", TREE, "no leaves"),
    "entry-no-keys": (
        entry("('n',)", lambda found: found.pop("key_metadata")),
        "malformed",
        TREE,
        "('n',): no member key_metadata",
    ),
    "entry-no-value": (
        entry("('n',)", lambda found: found.pop("value_metadata")),
        "malformed",
        TREE,
        "('n',): no member value_metadata",
    ),
    "entry-no-type": (
        entry("('n',)", lambda found: found["value_metadata"].pop("value_type")),
        "malformed",
        TREE,
        "('n',): no member value_type",
    ),
    "key-type": (
        key_type("('n',)", 0, 9),
        "malformed",
        TREE,
        "('n',): key_type 9",
    ),
    "sequence-gap": (
        edit(TREE, lambda d: d["tree_metadata"].pop("('s', '1')")),
        "malformed",
        TREE,
        "node s: the sequence has an index 2 but no index 1",
    ),
    "key-type-mix": (
        key_type("('s', '1')", 1, 2),
        "malformed",
        TREE,
        "node s: it has both mapping and sequence keys",
    ),
    "nesting": (write(TREE, '{"x": ' + "[" * 100_000), "limit", TREE, "nested"),
    "manifest-empty": (write(MANIFEST, b""), "malformed", MANIFEST, ""),
    "manifest-cut": (cut(MANIFEST), "malformed", MANIFEST, ""),
    "manifest-longer": (
        append(MANIFEST, b"\0"),
        "malformed",
        MANIFEST,
        "bytes, found",
    ),
    "manifest-garbage": (
        write(MANIFEST, b"garbage, not a manifest"),
        "malformed",
        MANIFEST,
        "magic",
    ),
    "manifest-lfs": (write(MANIFEST, LFS), "malformed", MANIFEST, "git-lfs pointer"),
    "manifest-flipped": (lambda item: flip(item / MANIFEST, -1), "checksum", MANIFEST, ""),
    "manifest-directory": (as_directory(MANIFEST), "malformed", MANIFEST, "is a directory"),
    "node-directory-missing": (remove("d"), "malformed", "d/", "data file missing"),
    "node-file-empty": (
        lambda item: node_file(item).write_bytes(b""),
        "malformed",
        "d/",
        "the file has 0 bytes in all",
    ),
    "node-file-cut": (
        lambda item: node_file(item).write_bytes(node_file(item).read_bytes()[:-9]),
        "malformed",
        "d/",
        "bytes in all",
    ),
    "node-flipped": (lambda item: flip(node_file(item), -9), "checksum", "d/", ""),
    "node-lfs": (
        lambda item: node_file(item).write_bytes(LFS.ljust(node_file(item).stat().st_size)),
        "malformed",
        "d/",
        "git-lfs pointer",
    ),
}


@LAYOUTS
@pytest.mark.parametrize("row", LOST)
def test_a_tree_that_cannot_be_read_is_a_named_error(copy: Copy, layout: str, row: str) -> None:
    damage, kind, file, reason = LOST[row]
    root = copy(layout)
    damage(root / ITEM[layout])
    error = refusal(root)
    assert error.kind == kind
    assert str(root) in (error.file or "")
    assert f"/{file}" in (error.file or "")
    assert reason in error.reason


@pytest.mark.parametrize("layout", ["v1", "v0"])
@pytest.mark.parametrize("row", LOST)
def test_the_same_error_is_an_issue_among_checkpointables(
    copy: Copy, layout: str, row: str
) -> None:
    root = copy(layout)
    LOST[row][0](root / ITEM[layout])
    error = refusal(root)
    answer = orbscan.checkpointables_metadata(root)
    assert answer.metadata["state"] is None
    assert [(i.kind, i.file, i.reason) for i in answer.issues] == [
        (error.kind, error.file, error.reason)
    ]


def test_positions_are_exact(copy: Copy) -> None:
    root = copy("flat")
    text = (root / TREE).read_bytes()
    (root / TREE).write_bytes(text[:100] + b"\xff" + text[101:])
    assert refusal(root).offset == 100
    (root / TREE).write_bytes(text[:100])
    assert refusal(root).offset == 100
    (root / TREE).write_bytes(text)
    (root / MANIFEST).write_bytes(b"")
    assert refusal(root).offset == 0


# Damage that costs one leaf or one property and leaves the tree: (damage, kind, file, reason).
TOLERATED: dict[str, tuple[Damage, str, str, str]] = {
    "value-type": (
        value("('n',)", value_type="my.Type"),
        "unsupported",
        TREE,
        'leaves of custom handlers ("my.Type"), which only a program',
    ),
    "skip-deserialize": (
        value("('s', '1')", skip_deserialize=False),
        "malformed",
        TREE,
        "leaf s[1]",
    ),
    "write-shape-null": (
        value("('a', 'b')", write_shape=None),
        "malformed",
        TREE,
        "('a', 'b'): write_shape",
    ),
    "write-shape-number": (
        value("('a', 'b')", write_shape=5),
        "malformed",
        TREE,
        "('a', 'b'): write_shape",
    ),
    "write-shape-rank": (
        value("('a', 'b')", write_shape=[1, 2, 3]),
        "malformed",
        TREE,
        "leaf a/b: write_shape of rank 3, the array has rank 1",
    ),
    "array-missing": (
        edit(
            TREE,
            lambda d: d["tree_metadata"].update(
                {
                    "('z',)": {
                        "key_metadata": [{"key": "z", "key_type": 2}],
                        "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": False},
                    }
                }
            ),
        ),
        "malformed",
        "",
        'leaf z: the database has no key "z/',
    ),
    "sharding-missing": (remove(SHARDING), "not_found", SHARDING, "does not exist"),
    "sharding-empty": (write(SHARDING, ""), "malformed", SHARDING, "empty"),
    "sharding-cut": (cut(SHARDING), "malformed", SHARDING, "unexpected end"),
    "sharding-not-utf8": (write(SHARDING, b'{"\xff"'), "malformed", SHARDING, "UTF-8"),
    "sharding-lfs": (write(SHARDING, LFS), "malformed", SHARDING, "git-lfs pointer"),
    "sharding-directory": (as_directory(SHARDING), "malformed", SHARDING, "is a directory"),
    "sharding-null": (write(SHARDING, "null"), "malformed", SHARDING, "expected an object"),
    "sharding-no-entry": (write(SHARDING, "{}"), "malformed", SHARDING, "no entry for a/b"),
    "sharding-entry-broken": (
        every_sharding("{}"),
        "malformed",
        SHARDING,
        "sharding_type",
    ),
    "sharding-entry-unknown": (
        every_sharding('{"sharding_type": "X"}'),
        "unsupported",
        SHARDING,
        "X",
    ),
}


@LAYOUTS
@pytest.mark.parametrize("row", TOLERATED)
def test_a_fault_of_one_part_is_an_issue(copy: Copy, layout: str, row: str) -> None:
    damage, kind, file, reason = TOLERATED[row]
    root = copy(layout)
    damage(root / ITEM[layout])
    answer = orbscan.metadata(root)
    found = [i for i in answer.issues if i.kind == kind and reason in i.reason]
    assert found, [str(i) for i in answer.issues]
    assert file in (found[0].file or "")
    tree = answer.metadata
    assert tree["a"]["b"].shape == (8,)
    assert tree["a"]["c"].dtype == "int16"
    assert tree["s"][0].shape == (4, 4)


@LAYOUTS
def test_an_unreadable_leaf_carries_its_error(copy: Copy, layout: str) -> None:
    root = copy(layout)
    TOLERATED["array-missing"][0](root / ITEM[layout])
    answer = orbscan.metadata(root)
    leaf = answer.metadata["z"]
    assert isinstance(leaf, orbscan.UnreadableLeaf)
    assert leaf.error.reason == answer.issues[0].reason
    assert not hasattr(leaf, "shape")


# Damage that Orbax does not notice, and that changes nothing.
HARMLESS: dict[str, Damage] = {
    "array-metadatas-missing": remove("array_metadatas"),
    "array-metadatas-garbage": write("array_metadatas/process_0", "garbage"),
    "node-file-longer": lambda item: append(node_file(item).name, b"more")(item / "d"),
    "process-databases-missing": remove("ocdbt.process_0"),
    "tree-duplicate-member": lambda item: (item / TREE).write_text(
        '{"use_zarr3": "x", ' + (item / TREE).read_text()[1:]
    ),
}


@LAYOUTS
@pytest.mark.parametrize("row", HARMLESS)
def test_damage_elsewhere_changes_nothing(copy: Copy, layout: str, row: str) -> None:
    root = copy(layout)
    before = orbscan.metadata(root)
    HARMLESS[row](root / ITEM[layout])
    assert orbscan.metadata(root) == before
    assert before.issues == ()


SEEN_BY_A_CHECK = ["array-metadatas-garbage", "tree-duplicate-member"]
"""The others are as a writer might leave them: older ones write no `array_metadatas`."""


def new_findings(root: Path, damage: Damage, item: str) -> list[orbscan.Finding]:
    before = set(map(str, orbscan.verify(root, level="data").findings))
    damage(root / item)
    after = orbscan.verify(root, level="data").findings
    return [finding for finding in after if str(finding) not in before]


@LAYOUTS
@pytest.mark.parametrize("row", [*LOST, *TOLERATED, *SEEN_BY_A_CHECK])
def test_a_check_finds_whatever_a_read_finds_and_more(copy: Copy, layout: str, row: str) -> None:
    root = copy(layout)
    rows = {**HARMLESS, **{name: line[0] for name, line in (*LOST.items(), *TOLERATED.items())}}
    found = new_findings(root, rows[row], ITEM[layout])
    severities = {finding.severity for finding in found}
    assert found
    if row in LOST:
        assert "error" in severities, found
