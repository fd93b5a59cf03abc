"""Whether a checkpoint is complete and intact: `orbscan.verify` and its report.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from orbscan._imports import importing
from orbscan.checking.alone import alone, only
from orbscan.checking.findings import codes, finding_of, shown_leaf, worst
from orbscan.reading import api
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orbscan import _core
    from orbscan.aliases import Atomicity, Keypath, Level, Name, Severity, StepChoice
    from orbscan.checking.alone import Alone
    from orbscan.checking.findings import Finding, Restores


LEVELS = ("structure", "index", "data")
"""How deep a check can go; each level includes those before it."""

SCHEMA_VERSION = 1
"""Of the JSON documents of reports."""

_BYTES_END = 1 << 64
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Progress(NamedTuple):
    """How far a check at the level `data` has come.

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
        param_name: what its array is called in the store.
    """

    checkpointable: str | None
    keypath: Keypath | None
    param_name: str

    @property
    def leaf(self) -> str:
        """Where it lies, readable: the name of its checkpointable, and its keypath."""
        return shown_leaf(*self)


class Extent(NamedTuple):
    """How much was looked at.

    Attributes:
        leaves: of all trees.
        arrays: that leaves name, in the stores.
        chunks: that the stores list.
        nodes: of B+trees.
        files: of pytrees.
        nbytes: of chunks, read and decoded.
        unsealed: chunks among those that were decoded that carry no checksum: a byte of them that
            has changed can go unseen.
    """

    leaves: int
    arrays: int
    chunks: int
    nodes: int
    files: int
    nbytes: int
    unsealed: int


class Part(NamedTuple):
    """What one directory holds of a checkpoint that several hosts hold together.

    Attributes:
        processes: how many wrote the checkpoint.
        here: the numbers of those whose whole share is here, as far as is known. Processes that
            hold the same have the same share.
        chunks: how many are here.
        of: of how many that the arrays have.
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
        shown = [f"of process {process}" for process in self.here[:_NAMES_SHOWN]]
        if more := len(self.here) - len(shown):
            shown.append(f"of {more:,} more")
        *most, last = shown or ["of no process"]
        whose = f"{', '.join(most)} and {last}" if most else last
        chunks = f"{self.chunks:,} of {counted(self.of, 'chunk')}"
        return f"{chunks}, the whole share {whose}, of {self.processes:,} processes"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check found.

    Attributes:
        path: of the checkpoint; the first, if the directories of several hosts were checked as
            one.
        level: how deep it went.
        findings: worst first; of each code at most a hundred.
        left_out: by code, how many findings there were beyond those.
        lost_leaves: the leaves that cannot be restored as they were saved, sorted.
        extent: how much was looked at.
        complete: whether everything was looked at that the level asks for.
        part: what is here, if other hosts hold the rest; None for a whole checkpoint, and where
            that was not looked at. `ok` is then about what should be here.
        paths: all directories that were checked as one.
        alone: the checkpointable that was looked at alone, with the names of the others, of which
            the report says nothing; None if all were.
    """

    path: str
    level: Level
    findings: tuple[Finding, ...]
    left_out: dict[str, int]
    lost_leaves: tuple[LostLeaf, ...]
    extent: Extent
    complete: bool
    part: Part | None = None
    paths: tuple[str, ...] = ()
    alone: Alone | None = None

    @property
    def ok(self) -> bool:
        """Whether no error was found and everything was looked at that was asked for."""
        return self.complete and not self.count("error")

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity, those left out included."""
        known = codes()
        more = sum(n for code, n in self.left_out.items() if known[code].severity == severity)
        return more + sum(finding.severity == severity for finding in self.findings)

    @property
    def restores(self) -> Restores:
        """What becomes of restores of all that was looked at: the worst that a finding says."""
        return worst(finding.restores for finding in self.findings)

    def __str__(self) -> str:
        """Show the report: a line of summary, what is lost, every finding."""
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.model.notebook import report_html

        return report_html(str(self))

    def lines(self, severities: tuple[Severity, ...] = _SEVERITIES) -> Iterator[str]:
        """Show the report, with the findings of some severities only."""
        counts = [counted(self.count(s), s) for s in _SEVERITIES if self.count(s)]
        verdict = "ok" if self.ok else "damaged" if self.count("error") else "incomplete check"
        if self.part is not None:
            verdict = f"a part, {verdict}"
        whom = printable(self.path)
        if len(self.paths) > 1:
            whom += f" and {len(self.paths) - 1:,} more, combined"
        alone = "" if self.alone is None else f" {self.alone}:"
        found = f" ({', '.join(counts)})" if counts else ""
        yield f"{whom}:{alone} {verdict} at level {self.level}{found}"
        if self.part is not None:
            yield f"  holds     {self.part}"
        yield f"  looked at {self._looked_at()}"
        yield from self._not_looked_at()
        if self.lost_leaves:
            yield f"  lost      {_names(self.lost_leaves)}; {self._rest()}"
        has_weight = self.count("error") or self.count("warning")
        if has_weight and {*self.restores} != {"works"}:
            yield f"  restores  {self.restores}"
        for finding in self.findings:
            if finding.severity in severities:
                yield str(finding)
        for code, more in self.left_out.items():
            yield f"  and {counted(more, 'more finding')} {code}"

    def to_dict(self) -> dict[str, object]:
        """Convert the report to what `json.dumps` takes; the members are stable."""
        return {
            "schema_version": SCHEMA_VERSION,
            "path": self.path,
            "paths": list(self.paths),
            "level": self.level,
            "ok": self.ok,
            "complete": self.complete,
            "alone": None if self.alone is None else self.alone.to_dict(),
            "extent": self.extent._asdict(),
            "counts": {severity: self.count(severity) for severity in _SEVERITIES},
            "lost_leaves": [{**leaf._asdict(), "leaf": leaf.leaf} for leaf in self.lost_leaves],
            "restores": self.restores._asdict(),
            "findings": [finding.to_dict() for finding in self.findings],
            "left_out": self.left_out,
            "part": None if self.part is None else self.part._asdict(),
        }

    def _not_looked_at(self) -> Iterator[str]:
        """What a verdict does not cover."""
        if self.extent.unsealed:
            yield f"  unsealed  {unsealed(self.extent.unsealed)}"
        if self.alone is not None and self.alone.others:
            yield f"  others    not looked at: {self.alone.shown_others()}"

    def _looked_at(self) -> str:
        extent = self.extent
        parts = [counted(extent.leaves, "leaf", "leaves")]
        if self.level != "structure":
            parts += [
                counted(extent.chunks, "chunk"),
                counted(extent.nodes, "node"),
                counted(extent.files, "file"),
            ]
        if self.level == "data":
            from orbscan.showing.text import size

            parts.append(f"{size(extent.nbytes)} decoded")
        return ", ".join(parts)

    def _rest(self) -> str:
        left = self.extent.leaves - len(self.lost_leaves)
        if left <= 0:
            return "no leaf can be restored"
        return f"the other {counted(left, 'leaf', 'leaves')} can be restored without them"


def verify(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    level: Level = "index",
    check_values: bool = False,
    max_bandwidth: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    atomicity: Atomicity = "auto",
    combined: bool = False,
) -> VerifyReport:
    """Check whether a checkpoint is complete and intact.

    Needs none of the devices that it was saved from, and reads no array data below the level
    `data`. Whatever is wrong with the checkpoint is a finding, not an exception.

    Args:
        path: the checkpoint, a local directory; `~` stands for the home directory. If `combined`,
            the directories of all hosts.
        name: the one checkpointable to check: a name, None for the tree of the checkpoint itself,
            or `AUTO`, as for `orbscan.metadata`; it need not be a pytree. By default all.
        step: as for `orbscan.metadata`.
        level: `structure`: the documents, and whether they agree; `index`: every key of the store
            against the grids of the arrays, and every reference against the sizes of files;
            `data`: the bytes of every chunk.
        check_values: whether to look for NaN and infinity in floats; at the level `data`.
        max_bandwidth: how many bytes of chunks to read in a second at most; None for no limit.
        progress: called now and then at the level `data`; what it raises ends the check.
        atomicity: as for `orbscan.metadata`.
        combined: check the directories of several hosts as one checkpoint, which they hold
            together, as after a local (emergency) save.

    Raises:
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is not a checkpoint at all, or has no checkpointable of that name.
        StoreError: the file system refused or failed.
        TypeError: there is one path where several are needed, or several where one is.
        ValueError: the name is empty or reserved, there is no such level, the bandwidth is no
            number of bytes, a path is a URL, or what is to be combined are not several directories.
    """
    if level not in LEVELS:
        message = f"level {level!r}: expected one of {', '.join(LEVELS)}"
        raise ValueError(message)
    if max_bandwidth is not None and not 0 < max_bandwidth < _BYTES_END:
        message = f"max_bandwidth {max_bandwidth}: expected a positive number of bytes of 64 bits"
        raise ValueError(message)
    wanted = only(name)
    with importing:
        from orbscan import _core

    told = None if progress is None else lambda *numbers: progress(Progress(*numbers))
    options = (LEVELS.index(level), check_values, max_bandwidth, told)
    if isinstance(path, (str, os.PathLike)):
        if combined:
            message = f"combined=True needs a list of directories, not {path!r}"
            raise TypeError(message)
        text = api.local_path(path, step, atomicity=atomicity)
        answer = _core.verify(text, *options, atomicity=atomicity, only=wanted)
        return _report([text], level, answer)
    if not combined:
        message = "several paths are one checkpoint only with combined=True"
        raise TypeError(message)
    texts = [api.local_path(each, step, atomicity=atomicity) for each in path]
    if reason := not_to_combine(texts) or (wanted and "what is combined is checked as a whole"):
        raise ValueError(reason)
    return _report(texts, level, _core.verify_together(texts, *options, atomicity=atomicity))


def not_to_combine(paths: list[str]) -> str | None:
    """Say why paths are not the directories of several hosts."""
    if len(paths) < 2:  # noqa: PLR2004 - two hosts
        return f"only directories of two hosts or more can be combined, not {len(paths):,}"
    known: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in known:
            return f"{path}: is combined with itself"
        known.add(real)
    return None


def _report(paths: list[str], level: Level, answer: _core.Report) -> VerifyReport:
    findings, left_out, lost_leaves, extent, complete, part, chosen = answer
    held = None
    if part is not None:
        processes, here, chunks, of = part
        held = Part(processes, tuple(here), chunks, of)
    return VerifyReport(
        path=paths[0],
        level=level,
        findings=tuple(finding_of(*told) for told in findings),
        left_out=dict(left_out),
        lost_leaves=tuple(LostLeaf(*leaf) for leaf in lost_leaves),
        extent=Extent(*extent),
        complete=complete,
        part=held,
        paths=tuple(paths),
        alone=alone(chosen),
    )


def unsealed(chunks: int) -> str:
    """Say what it means that chunks carry no checksum.

    >>> unsealed(16)
    '16 chunks carry no checksum: a changed byte in them can go unseen'
    """
    carry, them = ("carries", "it") if chunks == 1 else ("carry", "them")
    shown = counted(chunks, "chunk")
    return f"{shown} {carry} no checksum: a changed byte in {them} can go unseen"


_NAMES_SHOWN = 10


def _names(lost: tuple[LostLeaf, ...]) -> str:
    shown = [leaf.leaf for leaf in lost[:_NAMES_SHOWN]]
    more = len(lost) - len(shown)
    text = ", ".join(shown)
    leaves = counted(len(lost), "leaf", "leaves")
    return f"{leaves}: {text}" + (f" and {more:,} more" if more else "")
