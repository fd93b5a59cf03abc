"""The public function: `orbscan.report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.reading.paths import place_of
from orbscan.reporting.checkpoint import checkpoint_page
from orbscan.reporting.looking import look
from orbscan.reporting.pages import html
from orbscan.reporting.value import Report

if TYPE_CHECKING:
    from typing import Any

    from orbscan.aliases import Atomicity, Level, Name, Path, StepChoice, StoreOptions

BUDGET = 1_900_000
"""The most bytes of the leaves of a page; the rest of it takes some 60,000."""


def report(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: Path,
    name: Name = ...,
    *,
    step: StepChoice | None = None,
    mesh: object = None,
    devices_per_host: int | None = None,
    level: Level | None = "index",
    budget: int = BUDGET,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Report:
    """Make a page to look at: what takes the space, what is replicated, whether anything is lost.

    The page is one file. It opens from a disk, can be mailed, and asks no other place for anything.

    Args:
        path: the checkpoint, as for `orbscan.metadata`.
        name: the one checkpointable to show, as for `orbscan.verify`. By default all.
        step: as for `orbscan.metadata`.
        mesh: over which mesh to plan a restore, as for `orbscan.restore_plan`; by default that of
            the checkpoint, if it names one.
        devices_per_host: as for `orbscan.restore_plan`.
        level: how deep to check the checkpoint, as for `orbscan.verify`; None for not at all.
        budget: the most bytes that the leaves take in the page. What there is no room for is summed
            up and counted, the smallest first.
        atomicity: as for `orbscan.metadata`.
        allow_uncommitted: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        CheckpointNotFoundError: the path does not exist, or holds no such step.
        InvalidLayoutError: it is not a finished checkpoint, or has no checkpointable of that name.
        FormatError: a file without which nothing can be told is damaged.
        StoreError: the file system or the store refused or failed.
        ValueError: the mesh is not a mesh, the name or the step is none, or there is no such level.
        ImportError: jinja2 is not installed; says how to install it.
    """
    text = place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)
    looked = look(text, name, level=level, atomicity=atomicity, allow_uncommitted=allow_uncommitted)
    page = checkpoint_page(
        text, looked, mesh=mesh, devices_per_host=devices_per_host, budget=budget
    )
    return Report(page.title, html(page.title, [page]), incomplete=int(page.is_incomplete))
