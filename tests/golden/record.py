"""Asks the reference about every golden case: `python -m tests.golden.record`.

Run from the root of the repository, with orbax-checkpoint 0.12.8. Writes `expected/<case>.json`
for each archive that has none: old answers never change. `--check` asks again about all cases
and compares, which tells whether this environment's Orbax still is the one that was recorded.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

os.environ["JAX_PLATFORMS"] = "cpu"

from orbax.checkpoint._src.metadata import pytree_metadata_options as options_of_metadata
from orbax.checkpoint.experimental import v1 as orbax
from orbax.checkpoint.experimental.v1 import options as options_of_context

from tests.support import corpus
from tests.support.answers import Json, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFERENCE = "orbax-checkpoint 0.12.8"

# Folders that hold a part of an array store: nobody would take them for a checkpoint.
_STORAGE = ("d", "array_metadatas", "ocdbt.process_")
_ARRAY_FILES = (".zarray", "zarr.json")


class Reference:
    """Orbax with the interface of orbscan."""

    def __init__(self) -> None:
        rich = options_of_metadata.PyTreeMetadataOptions(support_rich_types=True)
        saving = options_of_context.PyTreeOptions.Saving(pytree_metadata_options=rich)
        self._rich_types = options_of_context.PyTreeOptions(saving=saving)

    def is_orbax_checkpoint(self, path: str) -> object:
        """Whether the default layout takes the path."""
        return orbax.is_orbax_checkpoint(path)

    def metadata(self, path: str, *name: str | None, rich_types: bool = False) -> object:
        """The tree of one checkpointable."""
        return self._call(lambda: orbax.metadata(path, *name), rich_types=rich_types)

    def checkpointables_metadata(self, path: str, *, rich_types: bool = False) -> object:
        """The trees of all checkpointables."""
        return self._call(lambda: orbax.checkpointables_metadata(path), rich_types=rich_types)

    def _call(self, ask: Callable[[], object], *, rich_types: bool) -> object:
        if not rich_types:
            return ask()
        with orbax.Context(pytree_options=self._rich_types):
            return ask()


def main() -> int:
    """Returns 1 if `--check` found a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    # The reference logs a warning for every failure that it hides.
    logging.disable(logging.ERROR)
    reference, differing = Reference(), []
    for case in corpus.golden_cases():
        if check:
            differing += [case.id] if not _still_holds(case, reference) else []
        elif not case.expected.exists():
            case.expected.parent.mkdir(exist_ok=True)
            case.expected.write_text(_to_json(_record(case, reference)), encoding="utf-8")
    if differing:
        print("other answers than recorded:", *differing, sep="\n  ")
    return 1 if differing else 0


def _still_holds(case: corpus.Case, reference: Reference) -> bool:
    with TemporaryDirectory() as scratch:
        corpus.unpack(case.archive, Path(scratch))
        root = Path(scratch, case.id)
        return all(
            question.judge(question.put_to(reference, root)).word in ("equal", "odd")
            for question in corpus.questions(case, prefer_pytree=False)
        )


def _record(case: corpus.Case, reference: Reference) -> Json:
    with TemporaryDirectory() as scratch:
        corpus.unpack(case.archive, Path(scratch))
        root = Path(scratch, case.id)
        targets = [
            {
                "path": str(path.relative_to(root)),
                "dir": True,
                "calls": [
                    _ask(reference, root, path, *call) for call in _calls(path, is_first=is_first)
                ],
            }
            for path, is_first in _targets(root)
        ]
    return _with_parts_once({"case": case.id, "reference": _REFERENCE, "targets": targets})


def _targets(root: Path) -> Iterator[tuple[Path, bool]]:
    """Every folder that could be taken for a checkpoint, and whether it is the first of the case.

    The checkpoints of a case differ in one thing each, so items, which are not checkpoints, are
    asked about only in the first of them.
    """
    for place, path in enumerate(sorted(path for path in root.iterdir() if path.is_dir())):
        yield path, place == 0
        if place == 0 or not (path / "_CHECKPOINT_METADATA").exists():
            yield from ((child, False) for child in _folders_below(path))


def _folders_below(path: Path) -> Iterator[Path]:
    if not (path / "_METADATA").is_file():
        for child in sorted(path.iterdir()):
            if child.is_dir() and any(child.iterdir()) and not _is_storage(child):
                yield child
                yield from _folders_below(child)


def _is_storage(folder: Path) -> bool:
    holds_array = any((folder / name).exists() for name in _ARRAY_FILES)
    return holds_array or (folder.name.startswith(_STORAGE) and not (folder / "_METADATA").exists())


def _calls(path: Path, *, is_first: bool) -> Iterator[tuple[str, str | None]]:
    """The questions about one path: function and name."""
    yield "is_orbax_checkpoint", None
    yield "checkpointables_metadata", None
    yield "metadata", "AUTO"
    yield "metadata", None
    children = {child.name for child in path.iterdir() if child.is_dir() and not _is_storage(child)}
    impossible = {"", "metrics", "no_such_name"} if is_first else set()
    for name in sorted(children | impossible):
        yield "metadata", name


def _ask(reference: Reference, root: Path, path: Path, function: str, name: str | None) -> Json:
    method: Callable[..., object] = getattr(reference, function)
    arguments = [str(path)] if function != "metadata" or name == "AUTO" else [str(path), name]
    outcome = answer(lambda: method(*arguments), str(root))
    call = {"fn": function, "name": name, "outcome": outcome}
    if function != "is_orbax_checkpoint":
        rich = answer(lambda: method(*arguments, rich_types=True), str(root))
        if rich["ok"] != outcome["ok"] or (rich["ok"] and rich != outcome):
            call["outcome_rich_types"] = rich
    return call


def _with_parts_once(recorded: Json) -> Json:
    """Replaces equal answers, and equal trees in them, by references to one copy."""
    outcomes, trees = _Once("o"), _Once("t")
    for call in itertools.chain.from_iterable(target["calls"] for target in recorded["targets"]):
        for key in [key for key in call if key.startswith("outcome")]:
            outcome = call[key]
            if outcome["ok"] and isinstance(outcome["result"], dict):
                tree = {"$tree": trees.name_of(outcome["result"]["metadata"])}
                outcome = {**outcome, "result": {**outcome["result"], "metadata": tree}}
            call[key] = f"${outcomes.name_of(outcome)}"
    return {**recorded, "outcomes": outcomes.values, "trees": trees.values}


class _Once:
    """Names for values; equal values get the same name."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name_of(self, value: Json) -> str:
        text = json.dumps(value, sort_keys=True)
        name = self._names.setdefault(text, f"{self._prefix}{len(self._names)}")
        self.values[name] = value
        return name


def _to_json(recorded: Json) -> str:
    """One line for each target, answer and tree, so that a diff shows which one changed."""
    lines = []
    for key, value in recorded.items():
        if isinstance(value, list):
            rows = ",\n".join(_compact(row) for row in value)
            lines.append(f"{_compact(key)}:[\n{rows}\n]")
        elif isinstance(value, dict):
            rows = ",\n".join(f"{_compact(name)}:{_compact(row)}" for name, row in value.items())
            lines.append(f"{_compact(key)}:{{\n{rows}\n}}")
        else:
            lines.append(f"{_compact(key)}:{_compact(value)}")
    return "{" + ",\n".join(lines) + "}\n"


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
