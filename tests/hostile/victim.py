"""Reads a path in processes that may not use much: `python victim.py PATH MEBIBYTES SECONDS`.

Prints what happened as JSON. Each question has a process of its own. The limit of memory counts
from what the process has when everything is imported, so it bounds what the file costs and not what
Python does; the seconds are those of a processor, which are as many on a busy machine.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orbscan
import orbscan.model.leaves
import orbscan.model.result
import orbscan.model.sharding
import orbscan.reading.tree

if TYPE_CHECKING:
    from collections.abc import Callable

_DUMPED = 20
"""Files of an attack that are taken apart; those with many have the same one many times."""


def _size() -> int:
    status = Path("/proc/self/status").read_text()
    (kibibytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmSize:"))
    return int(kibibytes) * 1024


def _outcome(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        found = ask()
    except orbscan.OrbscanError as error:
        return {"kind": error.kind, "file": error.file, "text": str(error)}
    text = str(found)
    return {
        "kind": None,
        "text": text,
        "issues": [str(issue) for issue in getattr(found, "issues", ())],
        "leaves": text.count("tree["),
    }


def _asked(ask: Callable[[], Any]) -> dict[str, Any]:
    """The outcome in a process of its own, which inherits the limit and leaves nothing behind."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with open(writing, "w", encoding="utf-8") as pipe:  # noqa: PTH123
                json.dump(_outcome(ask), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:  # noqa: PTH123
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit(f"ended with {status}")
    outcome: dict[str, Any] = json.loads(told)
    return outcome


def _dumps(path: str) -> list[orbscan.Dump]:
    files = [file for file in sorted(Path(path).rglob("*")) if file.is_file()]
    return [dump for file in files[:_DUMPED] for dump in orbscan.dump(file)]


def main(path: str, mebibytes: int, seconds: int) -> None:
    """Asks everything about the path."""
    limit = _size() + (mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions: dict[str, Callable[[], Any]] = {
        "metadata": lambda: orbscan.metadata(path, rich_types=True),
        "all": lambda: orbscan.checkpointables_metadata(path),
        "is": lambda: orbscan.is_orbax_checkpoint(path),
        # The stacks of threads take room that nothing is ever put into.
        "scan": lambda: [entry.error for entry in orbscan.scan(path, threads=1)],
        "verify": lambda: orbscan.verify(path, level="data"),
        "du": lambda: orbscan.du(path),
        "diff": lambda: orbscan.diff(path, path),
        "dump": lambda: len(_dumps(path)),
    }
    print(json.dumps({name: _asked(ask) for name, ask in questions.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
