"""How a reader's answer stands beside the recorded one.

Both answers are in the form of `tests.support.answers`. A verdict is one of

    equal    both refuse, or both read the same tree, shardings, chunks, times and user data
    clearer  the reference hides a failure behind None, and the reader raises
    beyond   the reference refuses or gives None, and the reader reads
    worse    the reference reads, and the reader refuses
    wrong    both read, and they differ
    odd      the reader raises something that no caller would think to catch

The last three are faults.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.answers import Json

FAULTS = frozenset({"worse", "wrong", "odd"})

_EXPECTED_FAMILIES = frozenset(
    {"ValueError", "OSError", "RuntimeError", "NotImplementedError", "TypeError"}
)
_NONE = {"k": "none"}


@dataclass(frozen=True)
class Verdict:
    """The word for it, and for faults the first few differences."""

    word: str
    reason: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a test should fail over it."""
        return self.word in FAULTS


def judge(expected: Json, got: Json) -> Verdict:
    """Compares one answer with the recorded one to the same question about a tree or a boolean."""
    if not got["ok"]:
        hidden = expected["ok"] and _tree(expected) == _NONE
        return _judge_refusal(expected, got["error"], hides_failure=hidden)
    if not expected["ok"]:
        return Verdict("beyond")
    if _tree(expected) == _NONE and _tree(got) != _NONE:
        return Verdict("beyond")
    return _equal_or_wrong(differences(expected["result"], got["result"]))


def judge_checkpointables(expected: Json, got: Json) -> Verdict:
    """The same for a dict of checkpointables, where each None may hide a failure of its own."""
    if not got["ok"]:
        hidden = expected["ok"] and all(tree == _NONE for tree in _children(expected).values())
        return _judge_refusal(expected, got["error"], hides_failure=hidden)
    if not expected["ok"]:
        return Verdict("beyond")
    wanted, found = _children(expected), _children(got)
    if wanted.keys() != found.keys():
        return Verdict("wrong", f"checkpointables {sorted(found)}, expected {sorted(wanted)}")
    known = [name for name, tree in wanted.items() if tree != _NONE]
    unlike = _differences_of_members(expected["result"], got["result"], _HEADER)
    for name in known:
        unlike += differences_of_trees(wanted[name], found[name], f"[{name!r}]")
    verdict = _equal_or_wrong(unlike)
    more = any(tree != _NONE for name, tree in found.items() if name not in known)
    return Verdict("beyond") if more and not verdict.is_fault else verdict


def differences(expected: Json, got: Json) -> list[str]:
    """Where two results differ; empty if they agree."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return [] if expected is got else [f"{got!r}, expected {expected!r}"]
    unlike = _differences_of_members(expected, got, _HEADER)
    return unlike + differences_of_trees(expected["metadata"], got["metadata"], "")


def differences_of_trees(expected: Json, got: Json, where: str) -> list[str]:
    """Where two trees differ, the outermost difference first; empty if they agree."""
    return list(_compare(expected, got, where))


_HEADER = ("path", "init_timestamp_nsecs", "commit_timestamp_nsecs", "custom_metadata")
_MEMBERS_BY_KIND = {
    "none": (),
    "value": ("type", "repr"),
    "array": ("shape", "dtype", "chunk_shape", "write_shape"),
    # Class and text of an object belong to the library that made it.
    "object": (),
}


def _compare(expected: Json, got: Json, where: str) -> Iterator[str]:
    kind = expected["k"]
    if kind != got["k"]:
        yield f"{where or 'tree'}: {_brief(got)}, expected {_brief(expected)}"
    elif kind in _MEMBERS_BY_KIND:
        yield from _differences_of_members(expected, got, _MEMBERS_BY_KIND[kind], where)
        if kind == "array":
            yield from _compare_sharding(expected, got, where)
            yield from _compare_zarr(expected, got, where)
    else:
        yield from _compare_containers(_entries(expected), _entries(got), where)


def _compare_containers(
    wanted: dict[str, Json], found: dict[str, Json], where: str
) -> Iterator[str]:
    if list(wanted) != list(found):
        yield f"{where or 'tree'}: entries {list(found)}, expected {list(wanted)}"
        return
    for key, child in wanted.items():
        yield from _compare(child, found[key], f"{where}[{key}]")


def _entries(container: Json) -> dict[str, Json]:
    """Children by what names them: typed key, field, or place."""
    if container["k"] == "dict":
        return {_key_text(key): child for key, child in container["items"]}
    names = container.get("fields", range(len(container["items"])))
    return {str(name): child for name, child in zip(names, container["items"], strict=True)}


def _key_text(key: list[str]) -> str:
    kind, text = key
    return repr(text) if kind == "str" else f"{kind} {text}"


def _compare_sharding(expected: Json, got: Json, where: str) -> Iterator[str]:
    # Absent and null differ on purpose: a numpy leaf has no sharding, a jax leaf an unknown one.
    wanted, found = (_without_class(node.get("sharding", "absent")) for node in (expected, got))
    if wanted != found:
        yield f"{where}: sharding {_json(found)}, expected {_json(wanted)}"


def _compare_zarr(expected: Json, got: Json, where: str) -> Iterator[str]:
    """The zarr document is detail that a reader may leave out, but may not get wrong."""
    wanted, found = (_without_class(node.get("zarr")) for node in (expected, got))
    if wanted is not None and found is not None and wanted != found:
        yield f"{where}: zarr {_json(found)}, expected {_json(wanted)}"


def _without_class(described: Json) -> Json:
    if not isinstance(described, dict):
        return described
    return {key: value for key, value in described.items() if key != "cls"}


def _differences_of_members(
    expected: Json, got: Json, members: tuple[str, ...], where: str = ""
) -> list[str]:
    return [
        f"{where} {member}: {_json(got[member])}, expected {_json(expected[member])}".lstrip()
        for member in members
        if expected[member] != got[member]
    ]


def _judge_refusal(expected: Json, error: Json, *, hides_failure: bool) -> Verdict:
    text = f"{error['cls']}: {error['message']}"
    if _EXPECTED_FAMILIES.isdisjoint(error["bases"]):
        return Verdict("odd", text)
    if not expected["ok"]:
        return Verdict("equal")
    return Verdict("clearer") if hides_failure else Verdict("worse", text)


def _equal_or_wrong(unlike: list[str]) -> Verdict:
    return Verdict("wrong", "; ".join(unlike[:3])) if unlike else Verdict("equal")


def _tree(answer: Json) -> Json:
    result = answer["result"]
    return result["metadata"] if isinstance(result, dict) else None


def _children(answer: Json) -> dict[str, Json]:
    tree = _tree(answer)
    return {key[1]: child for key, child in tree["items"]}


def _brief(node: Json) -> str:
    return _json({key: value for key, value in node.items() if key != "items"})


def _json(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
