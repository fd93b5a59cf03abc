"""Real checkpoints with recorded answers: where they lie, how to unpack and to question them.

The project's own cases are in `tests/golden`; if the environment variable ORBSCAN_CORPUS names
a folder with the same two subfolders, its cases are added. `tests/golden/README.md` has the
schema of the recorded answers.
"""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tests.support.answers import Json, answer
from tests.support.verdicts import Verdict, judge, judge_checkpointables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN = Path(__file__).parents[1] / "golden"

# A case is a few kilobytes; past this an archive is not one of ours.
_MAX_UNPACKED_BYTES = 64 << 20


@dataclass(frozen=True)
class Case:
    """One archive of checkpoints, and what the reference said about every path in it."""

    id: str
    archive: Path
    expected: Path


@dataclass(frozen=True)
class Question:
    """One call of the reader's interface, and the recorded answer to it."""

    target: str
    function: str
    name: str | None
    rich_types: bool
    expected: Json

    @property
    def id(self) -> str:
        """The call in the words of a caller, to name it in reports and in lists."""
        arguments = [self.target]
        if self.function == "metadata" and self.name != "AUTO":
            arguments.append(repr(self.name))
        if self.rich_types:
            arguments.append("rich_types=True")
        return f"{self.function}({', '.join(arguments)})"

    def put_to(self, library: Any, root: Path) -> Json:
        """The answer of a library with orbscan's interface; `root` is the unpacked case."""
        return answer(lambda: self._ask(library, str(root / self.target)), str(root))

    def judge(self, got: Json) -> Verdict:
        """How an answer stands beside the recorded one."""
        if self.function == "checkpointables_metadata":
            return judge_checkpointables(self.expected, got)
        return judge(self.expected, got)

    def _ask(self, library: Any, path: str) -> object:
        ask: Callable[..., object] = getattr(library, self.function)
        is_named = self.function == "metadata" and self.name != "AUTO"
        arguments = [path, self.name] if is_named else [path]
        return ask(*arguments, rich_types=True) if self.rich_types else ask(*arguments)


def cases() -> list[Case]:
    """The project's own cases, then those of ORBSCAN_CORPUS, each group by name."""
    outside = os.environ.get("ORBSCAN_CORPUS")
    return golden_cases() + (_cases_in(Path(outside)) if outside else [])


def golden_cases() -> list[Case]:
    """The project's own cases by name."""
    return _cases_in(GOLDEN)


def _cases_in(folder: Path) -> list[Case]:
    archives = sorted((folder / "corpus").glob("*.tar.gz"))
    if not archives:
        message = f"no archive of checkpoints in {folder / 'corpus'}"
        raise FileNotFoundError(message)
    names = [archive.name.removesuffix(".tar.gz") for archive in archives]
    return [
        Case(name, archive, folder / "expected" / f"{name}.json")
        for name, archive in zip(names, archives, strict=True)
    ]


def unpack(archive: Path, destination: Path) -> None:
    """Writes the folders and plain files of an archive below `destination`.

    Raises:
        ValueError: for a link, a device, a name that leads elsewhere, or too many bytes.
    """
    budget = _MAX_UNPACKED_BYTES
    with tarfile.open(archive, "r:gz") as members:
        for member in members:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
                message = f"{archive.name}: {member.name!r} is not a plain file or folder"
                raise ValueError(message)
            budget -= member.size
            if budget < 0:
                message = f"{archive.name} unpacks to more than {_MAX_UNPACKED_BYTES} bytes"
                raise ValueError(message)
            if member.isdir():
                (destination / name).mkdir(parents=True, exist_ok=True)
                continue
            content = members.extractfile(member)
            assert content is not None
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            (destination / name).write_bytes(content.read())


def targets(case: Case) -> list[str]:
    """The paths in a case that the reference was asked about."""
    return [target["path"] for target in _load(case.expected)["targets"]]


def questions(case: Case, *, prefer_pytree: bool = True) -> list[Question]:
    """Everything the reference was asked about a case, with its answers.

    Orbax 0.12 looks for `state` first, 0.11 looked for `pytree` first. orbscan takes `pytree`,
    then `state`, then the rest in order, so that checkpoints of both are read as their writers
    meant them. Unless told otherwise, AUTO is therefore expected to give what was recorded for
    the name `pytree`, wherever that is a tree.
    """
    recorded = _load(case.expected)
    return [
        question
        for target in recorded["targets"]
        for call in (_pytree_for_auto(target["calls"]) if prefer_pytree else target["calls"])
        for question in _questions_of(target["path"], call)
    ]


def _questions_of(target: str, call: Json) -> Iterator[Question]:
    function, name, outcome = call["fn"], call["name"], call["outcome"]
    yield Question(target, function, name, rich_types=False, expected=outcome)
    # Recorded only where it differs, so where it is not recorded it must not differ.
    rich = call.get("outcome_rich_types", outcome)
    if function == "metadata" and rich["ok"]:
        yield Question(target, function, name, rich_types=True, expected=rich)


def _pytree_for_auto(calls: list[Json]) -> list[Json]:
    pytree = next((call for call in calls if call["name"] == "pytree"), None)
    if pytree is None or not _is_tree(pytree["outcome"]):
        return calls
    answered = {key: value for key, value in pytree.items() if key.startswith("outcome")}
    return [
        {"fn": call["fn"], "name": "AUTO", **answered} if call["name"] == "AUTO" else call
        for call in calls
    ]


def _is_tree(outcome: Json) -> bool:
    return bool(outcome["ok"]) and outcome["result"]["metadata"]["k"] != "none"


def _load(expected: Path) -> Json:
    """A file of recorded answers, with the answers and trees that it stores once put in place."""
    recorded = json.loads(expected.read_text(encoding="utf-8"))
    outcomes = {f"${name}": outcome for name, outcome in recorded["outcomes"].items()}
    for outcome in outcomes.values():
        result = outcome.get("result")
        if isinstance(result, dict):
            result["metadata"] = recorded["trees"][result["metadata"]["$tree"]]
    for target in recorded["targets"]:
        for call in target["calls"]:
            for key in [key for key in call if key.startswith("outcome")]:
                call[key] = outcomes[call[key]]
    return recorded
