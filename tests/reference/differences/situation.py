"""What a situation is, and what most of them use.

A situation is a function of an empty folder. It makes checkpoints there, yields its questions to
Orbax, is sent the answers, and compares. Between the two halves all questions of all situations
are asked in one process.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orbscan
from tests.support import corpus
from tests.support.answers import describe_tree

if TYPE_CHECKING:
    from collections.abc import Iterator


class Question(NamedTuple):
    """One question to Orbax: which, in the words of `orbax_side.WAYS`, and about what."""

    way: str
    path: Path
    arguments: tuple[Any, ...] = ()


class Answer(NamedTuple):
    """What Orbax returned, or the name of the class that it raised."""

    value: Any = None
    error: str | None = None
    message: str = ""


Asking: TypeAlias = Generator[list[Question], list[Answer], None]
Situation: TypeAlias = Callable[[Path], Asking]


class Row(NamedTuple):
    """A row of a table on the page, as it stands there."""

    what: str
    orbax: str
    orbscan: str


class Sentence(NamedTuple):
    """What a file says of Orbax, in its own words."""

    file: str
    text: str


SITUATIONS: dict[Row | Sentence, Situation] = {}
"""Every situation by what it is the test of, in the order of the modules."""


def row(what: str, orbax: str, orbscan: str) -> Callable[[Situation], Situation]:
    """Marks a situation as the test of a row."""
    return _mark(Row(what, orbax, orbscan))


def sentence(file: str, text: str) -> Callable[[Situation], Situation]:
    """Marks a situation as the test of a sentence elsewhere."""
    return _mark(Sentence(file, text))


def _mark(claim: Row | Sentence) -> Callable[[Situation], Situation]:
    def marked(situation: Situation) -> Situation:
        assert claim not in SITUATIONS, claim
        SITUATIONS[claim] = situation
        return situation

    return marked


def golden(place: str, folder: Path) -> Path:
    """A copy of the golden checkpoint at `<case>/<path>`, in a folder that is made for it."""
    case, _, path = place.partition("/")
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", folder)
    return folder / case / path


def as_item(flat: Path) -> Path:
    """A copy of a flat checkpoint as the only item of another."""
    outer = flat.with_name("outer")
    shutil.copytree(flat, outer / "state")
    (outer / "state" / "_CHECKPOINT_METADATA").rename(outer / "_CHECKPOINT_METADATA")
    return outer


def tree(path: Path, *arguments: Any) -> Any:
    """What `orbscan.metadata` says of the tree, in the form of Orbax's answer to `metadata`."""
    return described(orbscan.metadata(path, *arguments).metadata)


def described(metadata: Any) -> Any:
    """The tree of either library in one form."""
    return describe_tree(metadata, "")


def same_but(one: Any, other: Any, *members: str) -> bool:
    """Whether two trees are the same but for these members of their arrays."""
    return bool(_without(one, members) == _without(other, members))


def _without(node: Any, members: tuple[str, ...]) -> Any:
    if isinstance(node, dict):
        kept = {name: _without(child, members) for name, child in node.items()}
        return {name: child for name, child in kept.items() if name not in {*members, "zarr"}}
    return [_without(child, members) for child in node] if isinstance(node, list) else node


def leaves(node: Any) -> Iterator[Any]:
    """The leaves of a tree as orbscan gives it."""
    if isinstance(node, dict | list | tuple) and node:
        for child in node.values() if isinstance(node, dict) else node:
            yield from leaves(child)
    else:
        yield node


def lost(path: Path, *arguments: Any) -> list[orbscan.UnreadableLeaf]:
    """The leaves that orbscan could not read."""
    found = leaves(orbscan.metadata(path, *arguments).metadata)
    return [leaf for leaf in found if isinstance(leaf, orbscan.UnreadableLeaf)]


def text(path: Path) -> Any:
    """A JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def tensors(path: Path, **metadata: str) -> Path:
    """A file of safetensors with one tensor."""
    header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    content = json.dumps({"__metadata__": metadata, **header}).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + bytes(24))
    return path
