"""Checks of many checkpoints, and what a page of all of them says of each.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

from orbscan.checking.api import verify
from orbscan.errors import OrbscanError
from orbscan.showing.text import counted, printable, within

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.aliases import Atomicity, Level, Severity
    from orbscan.checking.findings import Finding
    from orbscan.checking.report import VerifyReport

_WEIGHTY: tuple[Severity, ...] = ("error", "warning")


class Check(NamedTuple):
    """What a check of one of many checkpoints gave.

    Attributes:
        report: of the check; None if there was none.
        text: the outcome in words; empty for what was not to be checked.
        mark: how it is marked among the steps: `damaged`, `warned`, `unchecked`; empty if all is
            well, or nothing was to be checked.
        note: the first of the findings, or why there was no check.
    """

    report: VerifyReport | None
    text: str
    mark: str = ""
    note: str = ""


UNFINISHED = Check(None, "")
"""For a save that never finished: it is not checked, and its state already says why."""


def told(checks: Iterable[Check]) -> str:
    """Say how many are in which condition.

    >>> told([UNFINISHED])
    'none'
    """
    checks = [*checks]
    reports = [each.report for each in checks if each.report is not None]
    failed = sum(each.report is None and each.mark == "unchecked" for each in checks)
    damaged = sum(report.count("error") > 0 for report in reports)
    sound = sum(report.ok for report in reports)
    rest = len(reports) - damaged - sound
    counts = (
        (sound, "ok"),
        (damaged, "damaged"),
        (rest, "not fully checked"),
        (failed, "not checked"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in counts if count) or "none"


def checked(place: str, known: str, level: Level, atomicity: Atomicity) -> Check:
    """Check one checkpoint.

    Args:
        place: where it lies.
        known: why it could not be read, if the page says so already.
        level: as for `orbscan.verify`.
        atomicity: as for `orbscan.verify`.
    """
    try:
        report = verify(place, level=level, atomicity=atomicity)
    except OrbscanError as error:
        reason = printable(within(place, str(error)))
        note = "" if reason == known else f"it could not be checked: {reason}"
        return Check(None, "not checked", "unchecked", note)
    counts = [counted(report.count(each), each) for each in _WEIGHTY if report.count(each)]
    word, mark = "ok", "warned" if counts else ""
    if report.count("error"):
        word, mark = "damaged", "damaged"
    elif not report.ok:
        word, mark = "not fully checked", "unchecked"
    found = [each for each in report.findings if each.severity in _WEIGHTY]
    more = sum(map(report.count, _WEIGHTY)) - 1
    note = "" if not found else _named(place, found[0]) + (f" and {more:,} more" if more else "")
    return Check(report, ", ".join([word, *counts]), mark, note)


def _named(place: str, finding: Finding) -> str:
    where = finding.leaf or printable(within(place, finding.file or ""))
    return f"{finding.code} {where}".rstrip()
