"""The answers of all commands about one path, each asked for once and only if it is wanted."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Violations: TypeAlias = Iterator[str]
    """One line for each: a command, its answer, and the answer that it contradicts."""

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """A value, or what was raised instead.

    Attributes:
        value: None if there is an error.
        error: None if there is a value.
    """

    value: T | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, ask: Callable[[], T]) -> Outcome[T]:
        """Ask, and keep what comes of it."""
        try:
            return cls(value=ask())
        except Exception as error:  # noqa: BLE001  whatever is raised is the answer
            return cls(error=error)

    def __str__(self) -> str:
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"
        text = str(self.value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_SHOWN = 1_000


@dataclass(frozen=True)
class Printed:
    """What a command of the command line printed.

    Attributes:
        status: the exit code.
        out: stdout.
        err: stderr.
    """

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What stdout says in JSON; None if it is empty, and text if it is not JSON."""
        try:
            return json.loads(self.out) if self.out else None
        except ValueError:
            return self.out

    def __str__(self) -> str:
        return f"exit code {self.status}: {self.out[:_SHOWN]}{self.err[:_SHOWN]}".rstrip()


def run(*arguments: str) -> Printed:
    """Run a command of the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    return Printed(status, out.getvalue(), err.getvalue())


class Asked:
    """What orbscan says of a path; nothing may change below it meanwhile.

    Attributes:
        path: what is asked about.
        name: what it is, in words.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name

    @cached_property
    def metadata(self) -> Outcome[orbscan.CheckpointMetadata[Any]]:
        """The pytree that is chosen where none is named."""
        return Outcome.of(lambda: orbscan.metadata(self.path))

    @cached_property
    def checkpointables(self) -> Outcome[orbscan.CheckpointMetadata[dict[str, Any]]]:
        """All of them by name."""
        return Outcome.of(lambda: orbscan.checkpointables_metadata(self.path))

    def named(self, name: str | None) -> Outcome[orbscan.CheckpointMetadata[Any]]:
        """One pytree by its name."""
        return Outcome.of(lambda: orbscan.metadata(self.path, name))

    @cached_property
    def is_checkpoint(self) -> Outcome[bool]:
        """Whether it looks like one."""
        return Outcome.of(lambda: orbscan.is_orbax_checkpoint(self.path))

    @cached_property
    def entries(self) -> list[orbscan.CheckpointEntry]:
        """What a scan finds at the path and below."""
        return [*orbscan.scan(self.path, ordered=True)]

    @cached_property
    def entry(self) -> orbscan.CheckpointEntry | None:
        """What a scan finds at the path itself."""
        return next((entry for entry in self.entries if str(entry.path) == str(self.path)), None)

    @cached_property
    def places(self) -> list[Found]:
        """What a scan finds at the path and below, each as a path of its own."""
        return [Found(entry, self.name) for entry in self.entries]

    @cached_property
    def verified(self) -> set[str]:
        """The paths of which `verify` says something on the command line."""
        printed = self.cli("verify")
        told = {json.loads(line)["path"] for line in printed.out.splitlines()}
        begin = "orbscan: error: "
        failed = [line.removeprefix(begin) for line in printed.err.splitlines()]
        paths = [str(entry.path) for entry in self.entries]
        return told | {path for path in paths for line in failed if line.startswith(f"{path}")}

    @cached_property
    def steps(self) -> Outcome[orbscan.Steps]:
        """The steps, if it is a root."""
        return Outcome.of(lambda: orbscan.steps(self.path))

    @cached_property
    def report(self) -> Outcome[orbscan.VerifyReport]:
        """What a check of the index finds."""
        return Outcome.of(lambda: orbscan.verify(self.path, level="index"))

    @cached_property
    def usage(self) -> Outcome[orbscan.Usage]:
        """What it takes on disk."""
        return Outcome.of(lambda: orbscan.du(self.path))

    @cached_property
    def difference(self) -> Outcome[orbscan.Diff]:
        """Where it differs from itself."""
        return Outcome.of(lambda: orbscan.diff(self.path, self.path))

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every file of the path, by the way from there; links are followed.

        The steps that lie in a checkpoint are checkpoints of their own.
        """
        below = [entry for entry in self.entries if self.entry and entry is not self.entry]
        steps = {str(entry.path) for entry in below}
        if not self.path.is_dir():
            return {"": self.path} if os.path.lexists(self.path) else {}
        found = (
            Path(directory, name)
            for directory, _, names in os.walk(self.path, followlinks=True)
            if not any(f"{directory}/".startswith(f"{step}/") for step in steps)
            for name in sorted(names)
        )
        return {file.relative_to(self.path).as_posix(): file for file in found}

    @cached_property
    def holds_no_pytree(self) -> bool:
        """Whether it is a sound checkpoint without any pytree, as one of JSON items alone."""
        read = self.checkpointables.value
        if read is None or self.entry is None:
            return False
        trees = read.metadata
        return bool(trees) and not read.issues and all(tree is None for tree in trees.values())

    def cli(self, command: str, *options: str) -> Printed:
        """What a command prints about the path, as JSON."""
        key = (command, *options)
        if key not in self._printed:
            self._printed[key] = run(command, str(self.path), "-o", "json", *options)
        return self._printed[key]

    @cached_property
    def _printed(self) -> dict[tuple[str, ...], Printed]:
        return {}


class Found(Asked):
    """What a scan has found at a path or below.

    Attributes:
        found: what the scan says of it.
    """

    def __init__(self, found: orbscan.CheckpointEntry, name: str) -> None:
        super().__init__(Path(found.path), name)
        self.found = found


_KNOWN: dict[tuple[object, str, bytes], list[str]] = {}


def once_for_each_content(file: Path, check: Callable[[Path], Violations]) -> list[str]:
    """What a check says of a file; most files occur many times, and are looked at once.

    What a file is, its name and that of its directory tell.
    """
    try:
        key = (check, f"{file.parent.name}/{file.name}", file.read_bytes())
    except OSError:
        return [*check(file)]
    if key not in _KNOWN:
        _KNOWN[key] = [*check(file)]
    return _KNOWN[key]
