"""The public function: `orbscan.verify`.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os

from orbscan._imports import importing
from orbscan.checking.alone import alone, asked_alone, only
from orbscan.checking.findings import finding_of
from orbscan.checking.report import VerifyReport
from orbscan.checking.verdict import Extent, LostLeaf, Part, Progress
from orbscan.places import url_scheme
from orbscan.reading.paths import place_of
from orbscan.scanning.levels import depth

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from orbscan import _core
    from orbscan.aliases import Atomicity, Level, Name, StepChoice, StoreOptions


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
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> VerifyReport:
    """Check whether a checkpoint is complete and intact.

    Needs none of the devices of the save, and reads no array data below the level `data`. Anything
    that is wrong with the checkpoint is a finding, not an exception.

    Args:
        path: the checkpoint, as for `orbscan.metadata`. If `combined`, the directories of all
            hosts.
        name: the one checkpointable to check: a name, None for the tree of the checkpoint itself,
            or `AUTO`, as for `orbscan.metadata`; it need not be a pytree. By default all.
        step: as for `orbscan.metadata`.
        level: `structure`: the documents, and whether they agree; `index`: every key of the store
            against the grids of the arrays, and every reference against the sizes of files;
            `data`: the bytes of every chunk.
        check_values: whether to look for NaN and infinity in floats; at the level `data`.
        max_bandwidth: how many bytes of chunks to read per second at most; None for no limit.
        progress: called now and then at the level `data`; an exception from it ends the check.
        atomicity: as for `orbscan.metadata`.
        combined: check the directories of several hosts as one checkpoint, which they hold
            together, as after a local (emergency) save.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the path does not exist.
        InvalidLayoutError: it is not a checkpoint at all, or has no checkpointable with that name.
        StoreError: the file system refused or failed.
        TypeError: there is one path where several are needed, or several where one is.
        ValueError: the name is empty or reserved, there is no such level, the bandwidth is not a
            number of bytes, there are store options for a path on a disk, or what is to be combined
            are not several directories.
    """
    number = depth(level, max_bandwidth)
    wanted = only(name)
    with importing:
        from orbscan import _core

    told = None if progress is None else lambda *numbers: progress(Progress(*numbers))
    options = (number, check_values, max_bandwidth, told)
    if isinstance(path, (str, os.PathLike)):
        if combined:
            message = f"combined=True needs a list of directories, not {path!r}"
            raise TypeError(message)
        text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
        text, answer = asked_alone(
            lambda core, path, wanted: core.verify(
                path, *options, atomicity=atomicity, only=wanted
            ),
            text,
            name,
        )
        return _report([text], level, answer)
    if not combined:
        message = "several paths are one checkpoint only with combined=True"
        raise TypeError(message)
    texts = [
        place_of(each, step, atomicity=atomicity, store=store, store_options=store_options)
        for each in path
    ]
    if reason := not_to_combine(texts) or (
        wanted and "combined directories are checked as a whole"
    ):
        raise ValueError(reason)
    return _report(texts, level, _core.verify_together(texts, *options, atomicity=atomicity))


def not_to_combine(paths: list[str]) -> str | None:
    """Say why paths are not the directories of several hosts."""
    if len(paths) < 2:  # noqa: PLR2004 - two hosts
        return f"only directories of two hosts or more can be combined, not {len(paths):,}"
    known: set[str] = set()
    for path in paths:
        real = os.path.realpath(path) if url_scheme(path) is None else path.rstrip("/")
        if real in known:
            return f"{path}: is listed twice"
        known.add(real)
    return None


def _report(paths: list[str], level: Level, answer: _core.Report) -> VerifyReport:
    findings, left_out, lost_leaves, extent, complete, part, chosen = answer
    held = None
    if part is not None:
        processes, here, chunks, of = part
        held = Part(processes, tuple(here), chunks, of)
    return VerifyReport(
        place=paths[0],
        level=level,
        findings=tuple(finding_of(*told) for told in findings),
        left_out=dict(left_out),
        lost_leaves=tuple(LostLeaf(*leaf) for leaf in lost_leaves),
        extent=Extent(*extent),
        complete=complete,
        part=held,
        places=tuple(paths),
        alone=alone(chosen),
    )
