"""What a page of many checkpoints is made of: a scan of roots, one that has begun, or tables.

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
    from orbscan.reporting.records import Record

TABLES = (".parquet", ".arrow")
CATALOGUE = ".delta"


class Fleet(NamedTuple):
    """Many checkpoints.

    Attributes:
        entries: in the order of their paths.
        roots: where they were looked for.
        notes: what is not known of them, in sentences.
        is_measured: whether to look what they take on disk.
    """

    entries: Iterable[_core.Entry | Record]
    roots: list[str]
    notes: list[str]
    is_measured: bool


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
    """Give what a scan that has begun, a catalogue or tables say; None if it is something else.

    Raises:
        TypeError: of several things some are tables, and others are not.
        ValueError: a table is not one of a scan.
        ImportError: what is needed to read it is not installed.
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
    """The catalogue that is given or named; None if it is something else."""
    if _is_catalogue(given):
        return given
    if isinstance(given, (str, os.PathLike)) and os.fspath(given).rstrip("/").endswith(CATALOGUE):
        from orbscan.catalogue.api import open_catalogue

        return open_catalogue(given)
    return None


def _is_catalogue(given: Any) -> bool:
    # What makes one has been imported by whoever has one.
    module = sys.modules.get("orbscan.catalogue.opened")
    return module is not None and isinstance(given, module.Catalogue)


def _roots(entries: Iterable[_core.Entry | Record]) -> list[str]:
    return sorted({printable(entry.root) for entry in entries})
