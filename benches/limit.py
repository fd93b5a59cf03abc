"""The limit: no Python library can answer faster in this process, in this state of the caches.

Any library has to list the checkpoint, to open, read and close the files that say what is in it,
and to have its answer touched. That is timed here, with a tree that is built already, in turns with
the libraries and after the same collection of garbage, which leaves the caches as cold as a
training job does. To this comes the walk over the tokens of the files, as `floor.rs` does it.
"""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from benches import instructions

_FILES = ("_CHECKPOINT_METADATA", "_METADATA", "_sharding", "manifest.ocdbt")
_MOST = 64 << 20
"""Bytes; larger files of a database are chunks of arrays."""


class Walk(NamedTuple):
    """Medians of the floor program, in milliseconds."""

    whole: float
    tokens: float


class Limit:
    """The limit of one checkpoint."""

    def __init__(self, path: Path, program: str) -> None:
        self._path = path
        self._files = needed(path)
        self._program = program

    def read(self) -> None:
        """List the checkpoint, and read its files."""
        os.listdir(self._path)  # noqa: PTH208  pathlib would take longer
        for file in self._files:
            opened = os.open(file, os.O_RDONLY)
            os.read(opened, _MOST)
            os.close(opened)

    def tokens(self) -> float:
        """Milliseconds of the walk over the tokens."""
        return walk(self._program, self._path).tokens


def program() -> str:
    """Build the floor program, and return its path."""
    return instructions.executable("--example", "floor")


def needed(path: Path) -> list[Path]:
    """The files that any reader of a checkpoint has to read."""
    items = [path, *(entry for entry in path.iterdir() if entry.is_dir())]
    found = [item / name for item in items for name in _FILES]
    found += [node for item in items for node in (item / "d").glob("*")]
    return [file for file in found if file.is_file() and file.stat().st_size < _MOST]


def walk(floor: str, path: Path) -> Walk:
    """Run the floor program on a checkpoint."""
    run = subprocess.run([floor, str(path)], check=True, capture_output=True, text=True)
    return Walk(*map(float, run.stdout.split()))
