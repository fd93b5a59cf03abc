"""The judge of the recorded answers: it has to see what differs, and may not see more."""

from __future__ import annotations

import copy
import io
import tarfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support import corpus
from tests.support.answers import Json, answer, describe_tree
from tests.support.verdicts import judge, judge_checkpointables

if TYPE_CHECKING:
    from pathlib import Path

ARRAY: Json = {
    "k": "array",
    "shape": [8, 4],
    "dtype": "float32",
    "chunk_shape": [2, 4],
    "write_shape": [2, 4],
    "sharding": {
        "kind": "named",
        "shape": [4, 2],
        "axis_names": ["x", "y"],
        "axis_types": None,
        "partition_spec": ["x", None],
        "device_mesh": [[0, 1], [2, 3]],
    },
    "zarr": {"zarr_format": 2, "order": "C"},
}
NONE: Json = {"k": "none"}
TREE: Json = {
    "k": "dict",
    "items": [
        [["str", "a"], {"k": "list", "items": [ARRAY, {"k": "value", "type": "int", "repr": "0"}]}],
        [["str", "b"], {"k": "namedtuple", "fields": ["mu"], "items": [NONE]}],
    ],
}


def result(tree: Json) -> Json:
    return {
        "ok": True,
        "result": {
            "path": "<PATH>/ckpt",
            "metadata": tree,
            "init_timestamp_nsecs": 1,
            "commit_timestamp_nsecs": 2,
            "custom_metadata": {"note": [1, None]},
        },
    }


def failure(*bases: str) -> Json:
    return {"ok": False, "error": {"cls": bases[0], "bases": list(bases), "message": "because"}}


REFUSAL = failure("InvalidLayoutError", "ValueError", "Exception")
CRASH = failure("KeyError", "LookupError", "Exception")


@pytest.mark.parametrize(
    ("expected", "got", "word"),
    [
        (result(TREE), result(TREE), "equal"),
        (REFUSAL, failure("FileNotFoundError", "OSError", "Exception"), "equal"),
        (result(NONE), result(NONE), "equal"),
        (result(NONE), REFUSAL, "clearer"),
        (result(NONE), result(TREE), "beyond"),
        (REFUSAL, result(TREE), "beyond"),
        (result(TREE), REFUSAL, "worse"),
        (result(TREE), result(NONE), "wrong"),
        (REFUSAL, CRASH, "odd"),
        (result(TREE), CRASH, "odd"),
        ({"ok": True, "result": True}, {"ok": True, "result": True}, "equal"),
        ({"ok": True, "result": True}, {"ok": True, "result": False}, "wrong"),
        ({"ok": True, "result": False}, REFUSAL, "worse"),
    ],
)
def test_a_verdict_tells_who_read_and_who_refused(expected: Json, got: Json, word: str) -> None:
    assert judge(expected, got).word == word


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("path",), "<PATH>/other", "path"),
        (("commit_timestamp_nsecs",), None, "commit_timestamp_nsecs"),
        (("custom_metadata", "note"), [1], "custom_metadata"),
        (("metadata", "items", 0, 0), ["int", "a"], "entries"),
        (("metadata", "items", 0, 1, "k"), "tuple", "['a']"),
        (("metadata", "items", 0, 1, "items", 0, "shape"), [4, 8], "shape"),
        (("metadata", "items", 0, 1, "items", 0, "dtype"), "bfloat16", "dtype"),
        (("metadata", "items", 0, 1, "items", 0, "chunk_shape"), None, "chunk_shape"),
        (("metadata", "items", 0, 1, "items", 0, "write_shape"), None, "write_shape"),
        (("metadata", "items", 0, 1, "items", 0, "sharding"), None, "sharding"),
        (("metadata", "items", 0, 1, "items", 0, "sharding", "device_mesh"), [[0]], "sharding"),
        (("metadata", "items", 0, 1, "items", 0, "zarr", "order"), "F", "zarr"),
        (("metadata", "items", 0, 1, "items", 1, "repr"), "0.0", "repr"),
        (("metadata", "items", 0, 1, "items"), [ARRAY], "entries"),
        (("metadata", "items", 1, 1, "fields"), ["nu"], "entries"),
    ],
)
def test_every_part_of_a_result_counts(path: tuple[Any, ...], value: object, named: str) -> None:
    changed = copy.deepcopy(result(TREE))
    part = changed["result"]
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    verdict = judge(result(TREE), changed)
    assert verdict.word == "wrong"
    assert named in verdict.reason


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("items", 0, 1, "items", 0, "zarr"), None),
        (("items", 0, 1, "items", 0, "cls"), "ArrayMetadata"),
        (("items", 0, 1, "items", 0, "sharding", "cls"), "NamedShardingMetadata"),
    ],
)
def test_names_of_classes_and_missing_detail_do_not_count(
    path: tuple[Any, ...], value: object
) -> None:
    changed = copy.deepcopy(TREE)
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert judge(result(TREE), result(changed)).word == "equal"


def children(**trees: Json) -> Json:
    return result({"k": "dict", "items": [[["str", name], tree] for name, tree in trees.items()]})


@pytest.mark.parametrize(
    ("expected", "got", "word"),
    [
        (children(a=TREE, b=NONE), children(a=TREE, b=NONE), "equal"),
        (children(a=TREE, b=NONE), children(a=TREE, b=ARRAY), "beyond"),
        (children(a=TREE, b=NONE), children(a=TREE), "wrong"),
        (children(a=TREE), children(a=NONE), "wrong"),
        (children(a=NONE), REFUSAL, "clearer"),
        (children(a=TREE, b=NONE), REFUSAL, "worse"),
        (REFUSAL, children(), "beyond"),
        (REFUSAL, CRASH, "odd"),
    ],
)
def test_each_checkpointable_may_go_beyond_the_reference(
    expected: Json, got: Json, word: str
) -> None:
    assert judge_checkpointables(expected, got).word == word


class Pair(NamedTuple):
    first: object
    second: object


@pytest.mark.parametrize(
    ("node", "described"),
    [
        (None, {"k": "none"}),
        (True, {"k": "value", "type": "bool", "repr": "True"}),
        (
            {2: None, "1": None},
            {"k": "dict", "items": [[["int", "2"], NONE], [["str", "1"], NONE]]},
        ),
        ([()], {"k": "list", "items": [{"k": "tuple", "items": []}]}),
        (Pair(1.5, None), {"k": "namedtuple", "fields": ["first", "second"]}),
        (
            SimpleNamespace(shape=(2,), dtype="int8", sharding_metadata=None),
            {"k": "array", "shape": [2], "dtype": "int8", "chunk_shape": None, "sharding": None},
        ),
        (SimpleNamespace(), {"k": "object", "cls": "SimpleNamespace"}),
    ],
)
def test_trees_are_described_by_their_attributes(node: object, described: Json) -> None:
    assert described.items() <= describe_tree(node, "/case").items()


def test_a_leaf_without_the_notion_of_a_sharding_has_none_described() -> None:
    assert "sharding" not in describe_tree(SimpleNamespace(shape=(), dtype="int8"), "/case")


def test_an_error_is_described_with_its_first_cause_and_without_the_folder() -> None:
    failure_of_the_disk = OSError("no /case/ckpt")
    refusal = ValueError("cannot read /case/ckpt")

    def fail() -> None:
        raise refusal from failure_of_the_disk

    assert answer(fail, "/case") == {
        "ok": False,
        "error": {
            "cls": "ValueError",
            "message": "cannot read <PATH>/ckpt",
            "bases": ["ValueError", "Exception"],
            "caused_by": [{"cls": "OSError", "message": "no <PATH>/ckpt"}],
        },
    }


def archive_of(member: tarfile.TarInfo, folder: Path) -> Path:
    path = folder / "case.tar.gz"
    with tarfile.open(path, "w:gz") as members:
        members.addfile(member, io.BytesIO(bytes(member.size)))
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [("/outside", tarfile.REGTYPE), ("case/../../outside", tarfile.REGTYPE)]
    + [("case/link", kind) for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)],
)
def test_unpacking_refuses_what_is_not_a_plain_file(name: str, kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    archive = archive_of(member, tmp_path)
    with pytest.raises(ValueError, match="not a plain file or folder"):
        corpus.unpack(archive, tmp_path / "unpacked")


def test_unpacking_refuses_more_bytes_than_a_case_can_have(tmp_path: Path) -> None:
    member = tarfile.TarInfo("case/zeros")
    member.size = (64 << 20) + 1
    archive = archive_of(member, tmp_path)
    with pytest.raises(ValueError, match="more than"):
        corpus.unpack(archive, tmp_path / "unpacked")
