"""The findings of a check, as values.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orbscan.checking.findings import codes, shown_leaf, worst
from orbscan.places import path_of
from orbscan.showing.text import counted

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan.aliases import AnyPath, Keypath, Level, Severity
    from orbscan.checking.alone import Alone
    from orbscan.checking.findings import Finding, Restores

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The severities of findings, the worst first."""

_PROCESSES_SHOWN = 10


class Progress(NamedTuple):
    """The progress of a check at the level `data`.

    Attributes:
        nbytes: bytes of chunks read so far.
        total: bytes of all files that may hold chunks, as far as is known by now.
        chunks: chunks read so far.
    """

    nbytes: int
    total: int
    chunks: int


class LostLeaf(NamedTuple):
    """A leaf that cannot be restored as it was saved.

    Attributes:
        checkpointable: its name; None for one without names.
        keypath: the keys that lead to it; None if its tree has no place for it.
        param_name: the name of its array in the store.
    """

    checkpointable: str | None
    keypath: Keypath | None
    param_name: str

    @property
    def leaf(self) -> str:
        """Its position as text: the name of its checkpointable, and its keypath."""
        return shown_leaf(*self)


class Extent(NamedTuple):
    """How much was checked.

    Attributes:
        leaves: the leaves of all trees.
        arrays: the arrays of leaves, in the stores.
        chunks: the chunks in the stores.
        nodes: B+tree nodes.
        files: files of pytrees.
        nbytes: bytes of chunks that were read and decoded.
        unsealed: how many of the decoded chunks have no checksum: a changed byte in them can go
            undetected.
    """

    leaves: int
    arrays: int
    chunks: int
    nodes: int
    files: int
    nbytes: int
    unsealed: int


class Part(NamedTuple):
    """The part of a checkpoint in one directory, if several hosts hold it together.

    Attributes:
        processes: how many wrote the checkpoint.
        here: the numbers of the processes whose whole share is here, as far as is known. Processes
            that hold the same have the same share.
        chunks: how many are here.
        of: how many the arrays have.
    """

    processes: int
    here: tuple[int, ...]
    chunks: int
    of: int

    def __str__(self) -> str:
        """Show whose share it is.

        >>> str(Part(4, (0, 2), 32, 64))
        '32 of 64 chunks, the whole share of process 0 and of process 2, of 4 processes'
        """
        shown = [f"of process {process}" for process in self.here[:_PROCESSES_SHOWN]]
        if more := len(self.here) - len(shown):
            shown.append(f"of {more:,} more")
        *most, last = shown or ["of no process"]
        whose = f"{', '.join(most)} and {last}" if most else last
        chunks = f"{self.chunks:,} of {counted(self.of, 'chunk')}"
        return f"{chunks}, the whole share {whose}, of {self.processes:,} processes"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The data of a `VerifyReport`, without its texts."""

    place: str
    level: Level
    findings: tuple[Finding, ...]
    left_out: dict[str, int]
    lost_leaves: tuple[LostLeaf, ...]
    extent: Extent
    complete: bool
    part: Part | None = None
    places: tuple[str, ...] = ()
    alone: Alone | None = None

    @property
    def path(self) -> AnyPath:
        """Where the checkpoint lies, as a path."""
        return path_of(self.place)

    @property
    def paths(self) -> tuple[AnyPath, ...]:
        """All directories that were checked as one, as paths."""
        return tuple(map(path_of, self.places))

    @property
    def ok(self) -> bool:
        """Whether no error was found, and everything was checked that should be."""
        return self.complete and not self.count("error")

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity, including those that are left out."""
        known = codes()
        more = sum(n for code, n in self.left_out.items() if known[code].severity == severity)
        return more + sum(finding.severity == severity for finding in self.findings)

    @property
    def restores(self) -> Restores:
        """The outcome of restores of everything that was checked: the worst of all findings."""
        return worst(finding.restores for finding in self.findings)
