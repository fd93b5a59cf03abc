"""The public function: `orbscan.report`."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from orbscan.differing.diff import Diff
from orbscan.errors import InvalidLayoutError
from orbscan.reading.paths import place_of
from orbscan.reporting.checkpoint import checkpoint_page
from orbscan.reporting.comparison import comparison_page
from orbscan.reporting.inputs import Fleet, fleet_of, is_table
from orbscan.reporting.looking import look
from orbscan.reporting.overview import overview_page
from orbscan.reporting.pages import html
from orbscan.reporting.pictures import of_checkpoint, of_comparison, of_overview
from orbscan.reporting.value import Report
from orbscan.scanning.api import begun
from orbscan.scanning.levels import depth
from orbscan.scanning.roots import expanded
from orbscan.scanning.running import Scan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import EllipsisType

    from orbscan.aliases import Atomicity, Level, Name, Path, StepChoice, StoreOptions
    from orbscan.catalogue.opened import Catalogue
    from orbscan.scanning.options import Previous

BUDGET = 1_900_000
"""The maximum bytes for the leaves of a page; the rest of the page takes about 60,000."""

_OF_ROOTS = frozenset({"unknown_layout", "uncommitted"})
"""What a directory of checkpoints is said to be if it is read as one; the latter in a bucket, where
a file makes a checkpoint."""


def report(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: Path | Iterable[Path] | Diff | Scan | Catalogue | Previous | Iterable[Previous],
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    mesh: object = None,
    devices_per_host: int | None = None,
    level: Level | EllipsisType | None = ...,
    budget: int = BUDGET,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Report:
    """Make an HTML page: what takes the space, what is replicated, whether anything is lost.

    The page is a single file. It opens from a disk, can be mailed, and makes no requests.

    Args:
        path: the checkpoint, as for `orbscan.metadata`; or a directory of checkpoints, or several,
            as for `orbscan.scan`: steps over time, disk usage of runs, and a page of each step in
            the same file. Or a result of `orbscan.scan` or `orbscan.open_catalogue`, or tables of a
            scan, of leaves, checkpoints or both, which may be files: the same page without reading
            a checkpoint again; the page says what is not known. Or a result of `orbscan.diff`: both
            checkpoints side by side, and where they differ.
        name: the one checkpointable to show, as for `orbscan.verify`. By default all.
        step: as for `orbscan.metadata`.
        mesh: the mesh for which to plan a restore, as for `orbscan.restore_plan`; by default that
            of the checkpoint, if it names one.
        devices_per_host: as for `orbscan.restore_plan`.
        level: the level of the check, as for `orbscan.verify`; None for no check. By default
            `index` for one checkpoint; many are checked if a level is given, each at that level,
            except those that are not committed.
        budget: the maximum bytes for the leaves in the page. The smallest ones that do not fit are
            summed up and counted.
        atomicity: as for `orbscan.metadata`.
        allow_uncommitted: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the path does not exist, or holds no such step.
        InvalidLayoutError: it is not a finished checkpoint, or has no checkpointable with that
            name.
        FormatError: a file without which nothing can be shown is damaged.
        StoreError: the file system or the store refused or failed.
        TypeError: `name`, `step` or `allow_uncommitted` comes with several paths, with tables or
            with a diff; or a level with tables or a diff; or there are paths and tables.
        ValueError: the mesh, the name or the step is invalid, or there is no such level; or the
            diff was pickled, which drops the trees.
        ImportError: jinja2 is not installed; says how to install it.
    """
    of_one = name is not ... or step is not None or allow_uncommitted
    of_many = None if level is ... else level
    options = {
        "mesh": mesh,
        "devices_per_host": devices_per_host,
        "atomicity": atomicity,
        "budget": budget,
    }
    given: Any = path
    if not isinstance(given, (str, os.PathLike)):
        if of_one:
            message = "name, step and allow_uncommitted are for one checkpoint"
            raise TypeError(message)
        if isinstance(given, Diff):
            return _of_diff(given, budget, of_many)
        given = given if isinstance(given, Scan) or is_table(given) else [*given]
    fleet = fleet_of(given)
    if fleet is None and not isinstance(given, (str, os.PathLike)):
        fleet = _found(expanded(given, store=store, store_options=store_options), atomicity)
    if fleet is not None:
        if of_one:
            message = "name, step and allow_uncommitted are for one checkpoint, not for a table"
            raise TypeError(message)
        return _of_fleet(fleet, of_many, **options)
    text = place_of(given, step, atomicity=atomicity, store=store, store_options=store_options)
    try:
        looked = look(
            text,
            name,
            level="index" if level is ... else level,
            atomicity=atomicity,
            allow_uncommitted=allow_uncommitted,
        )
    except InvalidLayoutError as error:
        # A part of a checkpoint is not a root of others: the error says what to pass instead.
        is_part = error.advice is not None and error.advice[0] == "name"
        if is_part or of_one or error.kind not in _OF_ROOTS:
            raise
        found = _found([text], atomicity)
        entries = [*found.entries]
        # An unfinished save is found, too, and lies where it was looked for.
        others = [entry for entry in entries if entry.path.rstrip("/") != text.rstrip("/")]
        if not (entries if error.kind == "unknown_layout" else others):
            raise
        return _of_fleet(found._replace(entries=entries), of_many, **options)
    page = checkpoint_page(
        text, looked, mesh=mesh, devices_per_host=devices_per_host, budget=budget
    )
    draw = partial(of_checkpoint, page)
    return Report(page.title, html(page.title, [page]), int(page.is_incomplete), 1, draw)


def _of_diff(diff: Diff, budget: int, level: Level | None) -> Report:
    if level is not None:
        message = f"level={level!r}: a diff is shown without a check: leave the level out"
        raise TypeError(message)
    page = comparison_page(diff, budget)
    text = html(page.title, [], comparison=page)
    draw = partial(of_comparison, page)
    return Report(page.title, text, int(page.is_incomplete), len(page.sides), draw)


def _found(roots: list[str], atomicity: Atomicity) -> Fleet:
    return Fleet(begun(roots, ordered=True, atomicity=atomicity), roots, [], is_measured=True)


def _of_fleet(fleet: Fleet, level: Level | None, **options: Any) -> Report:
    if level is not None:
        depth(level, None)
        if not fleet.is_measured:
            message = (
                f"level={level!r}: results of a scan are shown without a check: leave the level out"
            )
            raise TypeError(message)
    overview, pages = overview_page(fleet._replace(level=level), **options)
    number = sum(len(run.rows) for run in overview.runs)
    text, draw = html(overview.title, pages, overview), partial(of_overview, overview, pages)
    return Report(overview.title, text, overview.incomplete, number, draw)
