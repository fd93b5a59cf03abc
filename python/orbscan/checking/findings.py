"""One finding of a check, and the outcome of restores: `Finding`.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import NamedTuple

from orbscan.errors import located
from orbscan.showing.keypaths import leaf_path
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan import _core
    from orbscan.aliases import Keypath, Outlook, Severity

OUTLOOKS: tuple[Outlook, ...] = ("works", "may fail", "fails")
"""The possible outcomes of a restore, the worst last."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """Which chunks of an array a finding is about.

    Attributes:
        count: how many are affected.
        of: how many there are.
        runs: the first and the last of each run of chunks in row-major order, by their indices.
        more_runs: how many runs there are beyond those; None if the grid is too large to
            distinguish its chunks.
        elements: the smallest box that contains all of their elements: (first, end) along each
            dimension; None if the chunks are not distinguished.
    """

    count: int
    of: int
    runs: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    more_runs: int | None
    elements: tuple[tuple[int, int], ...] | None

    def __str__(self) -> str:
        """Show them: how many, which, and their elements.

        >>> str(Chunks(2, 8, (((0, 1), (0, 2)),), 0, ((0, 4), (4, 12))))
        '2 of 8 chunks: (0,1)..(0,2), in elements [0:4, 4:12]'
        """
        shown = [_run(*run) for run in self.runs]
        if self.more_runs:
            shown.append(counted(self.more_runs, "more run"))
        text = f"{self.count:,} of {counted(self.of, 'chunk')}"
        if shown:
            text += f": {' '.join(shown)}"
        if self.elements:
            box = ", ".join(f"{first}:{end}" for first, end in self.elements)
            text += f", in elements [{box}]"
        return text


class Restores(NamedTuple):
    """The outcome of restores by Orbax of all leaves that a finding is about.

    `works` if everything comes back as it was saved, as far as the finding is concerned; `fails` if
    the restore fails or gives something else; `may fail` if that depends on more than is known.

    Attributes:
        v1: a load by the interface v1 without a target.
        v1_target: a load by v1 with a target that gives the shape, dtype and sharding of each
            array.
        v0: a restore by the interface v0, without arguments.
    """

    v1: Outlook
    v1_target: Outlook
    v0: Outlook

    def __str__(self) -> str:
        """Show them in a line.

        >>> str(Restores("fails", "works", "fails"))
        'v1: fails without a target, works with one; v0: fails'
        """
        v1: str = self.v1
        if self.v1_target != v1:
            v1 += f" without a target, {self.v1_target} with one"
        return f"v1: {v1}; v0: {self.v0}"


def worst(of_findings: Iterable[Restores]) -> Restores:
    """Combine the outcomes of restores for several findings.

    >>> str(worst([Restores("fails", "works", "works"), Restores("works", "works", "may fail")]))
    'v1: fails without a target, works with one; v0: may fail'
    """
    ways = zip(Restores("works", "works", "works"), *of_findings, strict=True)
    return Restores(*(max(way, key=OUTLOOKS.index) for way in ways))


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a check.

    Attributes:
        code: the kind of finding; a stable name, see `docs/verify.md`.
        severity: `error` if something cannot be restored as it was saved; `warning` if something
            differs from what a writer leaves; `note` for information.
        reason: what is wrong.
        meaning: what it means for loading.
        file: the file, or None if it is not one file.
        offset: where in the file, in bytes, or None.
        in_body: whether the offset counts from the start of the decompressed file or node.
        checkpointable: its name; None for the whole checkpoint, and for one without names.
        keypath: the keys that lead to the leaf; None also for a leaf that has no place in its tree.
        param_name: the param name of the leaf, or None.
        chunks: the affected chunks, or None.
        expected: what was expected, or None.
        found: what was found, or None.
    """

    code: str
    severity: Severity
    reason: str
    meaning: str
    file: str | None = None
    offset: int | None = None
    in_body: bool = False
    checkpointable: str | None = None
    keypath: Keypath | None = None
    param_name: str | None = None
    chunks: Chunks | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def restores(self) -> Restores:
        """The outcome of restores of the leaves that it is about."""
        return codes()[self.code].restores

    @property
    def leaf(self) -> str | None:
        """The leaf as text: the name of its checkpointable, and its keypath."""
        if self.param_name is None:
            return None
        return shown_leaf(self.checkpointable, self.keypath, self.param_name)

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan verify -o json` prints of it, as values for `json.dumps`."""
        return {**asdict(self), "leaf": self.leaf, "restores": self.restores._asdict()}

    def __str__(self) -> str:
        """Show the finding in lines, all except the first indented."""
        whom = self.leaf or printable(self.checkpointable or "")
        subject = f"{whom}: " if whom else ""
        lines = [f"{self.severity} {self.code}: {subject}{printable(self.reason)}"]
        if self.chunks is not None:
            lines.append(
                f"  lost      {self.chunks}"
                if self.severity == "error"
                else f"  chunks    {self.chunks}"
            )
        if self.file is not None:
            place = located("", self.file, self.offset, in_body=self.in_body)
            lines.append(f"  where     {printable(place.removesuffix(': '))}")
        if self.expected is not None:
            lines.append(f"  expected  {printable(self.expected)}")
        if self.found is not None:
            lines.append(f"  found     {printable(self.found)}")
        lines.append(f"  means     {self.meaning}")
        return "\n".join(lines)


def shown_leaf(checkpointable: str | None, keypath: Keypath | None, param_name: str) -> str:
    """Show a leaf as `orbscan show` does; by its param name, if it has no place in its tree."""
    return leaf_path(checkpointable, (param_name,) if keypath is None else keypath)


class About(NamedTuple):
    """The properties of a code."""

    severity: Severity
    meaning: str
    restores: Restores


@cache
def codes() -> dict[str, About]:
    """The properties of each code."""
    from orbscan import _core

    return {
        code: About(severity, meaning, Restores(*restores))
        for code, severity, meaning, restores in _core.FINDING_CODES
    }


def finding_of(  # noqa: PLR0913, PLR0917 - the fields of a row, in its order
    code: str,
    reason: str,
    file: str | None,
    offset: int | None,
    in_body: bool,  # noqa: FBT001
    checkpointable: str | None,
    keypath: Keypath | None,
    param_name: str | None,
    chunks: _core.Chunks | None,
    expected: str | None,
    found: str | None,
) -> Finding:
    """Make a finding from a report of the core."""
    about = codes()[code]
    which = None
    if chunks is not None:
        count, of, runs, more_runs, elements = chunks
        which = Chunks(count, of, tuple(runs), more_runs, elements)
    return Finding(
        code=code,
        severity=about.severity,
        reason=reason,
        meaning=about.meaning,
        file=file,
        offset=offset,
        in_body=in_body,
        checkpointable=checkpointable,
        keypath=keypath,
        param_name=param_name,
        chunks=which,
        expected=expected,
        found=found,
    )


def _run(first: tuple[int, ...], last: tuple[int, ...]) -> str:
    shown = [f"({','.join(map(str, indices))})" for indices in (first, last)]
    return shown[0] if first == last else "..".join(shown)
