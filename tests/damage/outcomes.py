"""What a reader's answer about a damaged checkpoint is worth.

    same            the answer is that of the undamaged checkpoint: nobody looks at the damage
    tolerated       issues say what is wrong, and all that the answer still says is true: it says
                    less, or describes another item than the one that was lost
    error           refused, and the error names a file of the checkpoint
    other document  the files spell another checkpoint without a fault, and that one was read
    wrong           the answer differs, nothing says so, and no such checkpoint is on the disk
    unclear         refused without naming a file of the checkpoint
    crashed         an exception that is none of orbscan's

The last three must not happen. `other document` needs a rule, or every mistake could hide in it:
JSON, msgpack and safetensors files have no checksum, so a flipped bit may turn the digit of a
timestamp into another digit. The file is whole and says something else, and a reader can only
report what is written. An answer counts so only if the damage is in such a file (or a checksum
was made right again), another parser than ours takes the damaged file, and finds another
document in it than before. For a file that is gone, the other document is its absence, which
must be a state that Orbax itself leaves: see `ABSENT`. So must the absence of an item be, which it
is if no file names the item. What Orbax answers in these cases is
compared by the campaign, on a sample.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import orbscan
from tests.damage.cases import is_json, nodes

if TYPE_CHECKING:
    from tests.damage.cases import Case, Files

OUTCOMES = ["same", "tolerated", "error", "other document", "wrong", "unclear", "crashed"]
FAULTS = frozenset({"wrong", "unclear", "crashed"})

ABSENT = {
    "_CHECKPOINT_METADATA": "earlier releases write none, and it holds only times and user data",
    "_METADATA": "an item without a tree is none of the trees to choose from",
    "commit_success.txt": "not read on a local disk",
    "orbax.checkpoint": "a checkpoint of the older layout has none",
    "_CHECKPOINT_DELETION": "there only while an item is being deleted",
}
"""Files that a whole checkpoint may lack, with the reason."""


Answer = orbscan.CheckpointMetadata[Any]


@dataclass(frozen=True)
class Asked:
    """An answer, or what was raised instead."""

    answer: Answer | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Whole:
    """What is known of a checkpoint before it is damaged.

    Attributes:
        root: its path.
        files: what it holds.
        asked: the answer to the question.
        others: the answers about its other items.
    """

    root: Path
    files: Files
    asked: Asked
    others: list[Answer]


def judge(case: Case, whole: Whole, after: Asked) -> str:
    """The outcome of a case."""
    before, files, root = whole.asked, whole.files, whole.root
    if after.error is not None:
        return _judge_error(before, after.error, root)
    if before.answer is None or after.answer is None:
        return "other document" if spells_another_document(case, files) else "wrong"
    if is_same(before.answer, after.answer):
        return "same"
    issues = set(after.answer.issues) - set(before.answer.issues)
    known = [before.answer, *whole.others]
    if issues and any(only_less(answer, after.answer) for answer in known):
        return "tolerated"
    return "other document" if spells_another_document(case, files) else "wrong"


def _judge_error(before: Asked, error: Exception, root: Path) -> str:
    if not isinstance(error, orbscan.OrbscanError):
        return "crashed"
    if before.error is not None and str(before.error) == str(error):
        return "same"
    return "error" if (error.file or "").startswith(str(root)) else "unclear"


def is_same(before: Answer, after: Answer) -> bool:
    """Whether two answers agree in everything, in 1 and 1.0 and True too."""
    return before == after and repr(_content(before)) == repr(_content(after))


def _content(answer: Answer) -> tuple[object, object]:
    return answer.metadata, answer.custom_metadata


def only_less(before: Answer, after: Answer) -> bool:
    """Whether an answer says nothing that the one before did not say."""
    header = ("init_timestamp_nsecs", "commit_timestamp_nsecs")
    for name in header:
        if getattr(after, name) not in {getattr(before, name), None}:
            return False
    if after.custom_metadata not in (before.custom_metadata, {}):
        return False
    return _tree_less(before.metadata, after.metadata)


def _tree_less(before: Any, after: Any) -> bool:
    if isinstance(after, orbscan.UnreadableLeaf | orbscan.UnsupportedLeaf) or after is None:
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in before and _tree_less(before[key], after[key]) for key in after)
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(_tree_less(old, new) for old, new in pairs)
    if repr(before) == repr(after):
        return True
    return type(before) is type(after) and _leaf_less(before, after)


def _leaf_less(before: Any, after: Any) -> bool:
    """A leaf of the same shape and type may lack its sharding, its write shape or its key type."""
    if not isinstance(before, orbscan.ArrayMetadata):
        return False
    if (before.shape, before.dtype) != (after.shape, after.dtype):
        return False
    if after.sharding_metadata not in (before.sharding_metadata, None):
        return False
    old, new = before.storage_metadata, after.storage_metadata
    if old is None or new is None:
        return False
    return (
        new.chunk_shape == old.chunk_shape
        and new.write_shape in (old.write_shape, None)
        and after.prng_impl in (before.prng_impl, None)
    )


def spells_another_document(case: Case, files: Files) -> bool:
    """Whether the damaged files are whole and say something else than before, to another parser."""
    if case.resealed:
        return True
    if case.kind == "directory removed":
        return not _is_named(case.file, files)
    return all(_is_other(path, files[path], after) for path, after in case.changes.items())


def _is_named(directory: str, files: Files) -> bool:
    """Whether a file of the checkpoint says that the directory should be there."""
    header = json.loads(files.get("_CHECKPOINT_METADATA", b"{}"))
    return "/" in directory or directory in (header.get("item_handlers") or {})


def _is_other(path: str, before: bytes, after: bytes | None) -> bool:
    name = Path(path).name
    if after is None:
        return name in ABSENT
    if is_json(path):
        return _differ(_json, before, after)
    if name == "checkpoint":
        return _differ(_msgpack, before, after)
    if Path(path).parent.name == "d":
        return _differ(_documents_outside_nodes, before, after)
    if name.endswith(".safetensors"):
        return _differ(_safetensors, before, after)
    return False


def _differ(parse: Any, before: bytes, after: bytes) -> bool:
    try:
        found = parse(after)
    except (ValueError, RecursionError, struct.error, msgspec.MsgspecError):
        return False
    # The text of a value tells 1 from True and from 1.0.
    return repr(found) != repr(parse(before))


def _json(content: bytes) -> object:
    # TensorStore takes a byte order mark, and a NUL at the end.
    text = content.decode().removeprefix("\ufeff").removesuffix("\0")
    return json.loads(text)


def _documents_outside_nodes(content: bytes) -> object:
    """The JSON documents that a data file holds as values, where no checksum covers them."""
    outside = nodes(content)
    text = content.decode("latin-1")
    decoder = json.JSONDecoder()
    found, at = [], text.find('{"')
    while at >= 0:
        end = next((end for start, end in outside if start <= at < end), None)
        if end is None:
            document, end = decoder.raw_decode(text, at)
            found.append(document)
        at = text.find('{"', end)
    return found


def _msgpack(content: bytes) -> object:
    return msgspec.msgpack.decode(content)


def _safetensors(content: bytes) -> object:
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length])
