"""Whether a checkpoint is complete and intact: the result of `orbscan.verify`.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.checking.verdict import SEVERITIES, Verdict

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Severity


class VerifyReport(Verdict):
    """The result of a check.

    Attributes:
        place: where the checkpoint is, as text, as it was given; the first directory, if those of
            several hosts were checked as one.
        path: the same as a path, as `orbscan.metadata` has it.
        level: how deep it went.
        findings: worst first; of each code at most a hundred.
        left_out: by code, how many findings there were beyond those.
        lost_leaves: the leaves that cannot be restored as they were saved, sorted.
        extent: how much was checked.
        complete: whether everything that belongs to the level was checked.
        part: the part that is here, if other hosts hold the rest, and then `ok` is about what
            should be here; None for a whole checkpoint, and if that was not checked.
        places: all directories that were checked as one.
        paths: the same as paths.
        alone: the checkpointable that was checked alone, with the names of the others, which the
            report does not cover; None if all were checked.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Show the report: a summary line, the losses, every finding."""
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.showing.pages import report_html

        return report_html(str(self))

    def lines(self, severities: tuple[Severity, ...] = SEVERITIES) -> Iterator[str]:
        """Show the report, with the findings of some severities only."""
        from orbscan.checking.report_text import lines

        return lines(self, severities)

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan verify -o json` prints of it, as values for `json.dumps`."""
        from orbscan.checking.document import report_document

        return report_document(self)
