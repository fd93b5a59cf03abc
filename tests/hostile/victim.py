"""Reads a path in a process that may not use much memory: `python victim.py PATH MEBIBYTES`.

Prints what happened as JSON. The limit counts from what the process has when everything is
imported, so it bounds what the file costs and not what Python does.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orbscan
import orbscan.result
import orbscan.sharding
import orbscan.tree
import orbscan.types

if TYPE_CHECKING:
    from collections.abc import Callable


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


def main(path: str, mebibytes: int) -> None:
    """Asks everything about the path."""
    limit = _size() + (mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    outcomes = {
        "metadata": _outcome(lambda: orbscan.metadata(path, rich_types=True)),
        "all": _outcome(lambda: orbscan.checkpointables_metadata(path)),
        "is": _outcome(lambda: orbscan.is_orbax_checkpoint(path)),
    }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
