"""The input of a page of many checkpoints: roots to scan, a running scan, or tables.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from orbscan.places import url_scheme
from orbscan.scanning.running import Scan
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from orbscan import _core
    from orbscan.aliases import Level
    from orbscan.reporting.records import Record

TABLES = (".parquet", ".arrow")
CATALOGUE = ".delta"


class Fleet(NamedTuple):
    """Many checkpoints.

    Attributes:
        entries: in the order of their paths.
        roots: the roots that were searched.
        notes: what is not known about them, in sentences.
        is_measured: whether to measure their disk usage.
        level: of the check of each, as for `orbscan.verify`; None for no check.
    """

    entries: Iterable[_core.Entry | Record]
    roots: list[str]
    notes: list[str]
    is_measured: bool
    level: Level | None = None


def is_table(path: Any) -> bool:
    """Whether something is a table of a scan, a catalogue, or the path of one of these."""
    if isinstance(path, (str, os.PathLike)):
        text = os.fspath(path)
        if text.endswith(TABLES):
            return os.path.isfile(text)  # noqa: PTH113 - pathlib takes longer to import
        return text.rstrip("/").endswith(CATALOGUE) and (
            url_scheme(text) is not None or os.path.isdir(os.path.join(text, "_delta_log"))  # noqa: PTH112, PTH118
        )
    return hasattr(path, "__arrow_c_stream__") or _is_catalogue(path)


def fleet_of(given: Any) -> Fleet | None:
    """Return the checkpoints of a running scan, a catalogue or tables; None for anything else.

    Raises:
        TypeError: some of several inputs are tables, and others are not.
        ValueError: a table is not one of a scan.
        ImportError: a library that is needed to read it is not installed.
        OrbscanError: a catalogue cannot be read.
    """
    if isinstance(given, Scan):
        notes = ["Made of a scan: what is on disk was not measured, and nothing was checked."]
        entries = sorted(given._core, key=lambda entry: entry.path)  # noqa: SLF001 - our own
        return Fleet(entries, _roots(entries), notes, is_measured=False)
    if is_table(given):
        return _of_tables([given])
    if isinstance(given, (str, os.PathLike)):
        return None
    several = [is_table(each) for each in given]
    if any(several) and not all(several):
        message = "a report is made of checkpoints or of tables, not of both"
        raise TypeError(message)
    return _of_tables(list(given)) if several and all(several) else None


def _of_tables(given: list[Any]) -> Fleet:
    from orbscan.reporting.records import records

    tables: list[Any] = []
    notes = []
    roots: list[str] = []
    for each in given:
        opened = _opened(each)
        if opened is None:
            tables.append(each)
            continue
        notes.append(f"The catalogue is at version {opened.version:,}.")
        roots += opened.roots
        both = (opened.checkpoints(), opened.leaves())
        tables += [dataset.scanner().to_reader() for dataset in both]
    found, unknown = records(tables)
    return Fleet(found, roots or _roots(found), notes + unknown, is_measured=False)


def _opened(given: Any) -> Any:
    """The catalogue that is given or named; None for anything else."""
    if _is_catalogue(given):
        return given
    if isinstance(given, (str, os.PathLike)) and os.fspath(given).rstrip("/").endswith(CATALOGUE):
        from orbscan.catalogue.api import open_catalogue

        return open_catalogue(given)
    return None


def _is_catalogue(given: Any) -> bool:
    # If there is a catalogue, the module that makes it has been imported already.
    module = sys.modules.get("orbscan.catalogue.opened")
    return module is not None and isinstance(given, module.Catalogue)


def _roots(entries: Iterable[_core.Entry | Record]) -> list[str]:
    return sorted({printable(entry.root) for entry in entries})
