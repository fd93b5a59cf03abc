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
        place: where the checkpoint lies, as text, as it was given; the first, if the directories
            of several hosts were checked as one.
        path: the same as a path, as `orbscan.metadata` has it.
        level: how deep it went.
        findings: worst first; of each code at most a hundred.
        left_out: by code, how many findings there were beyond those.
        lost_leaves: the leaves that cannot be restored as they were saved, sorted.
        extent: how much was looked at.
        complete: whether everything was looked at that the level asks for.
        part: what is here, if other hosts hold the rest; None for a whole checkpoint, and where
            that was not looked at. `ok` is then about what should be here.
        places: all directories that were checked as one.
        paths: the same as paths.
        alone: the checkpointable that was looked at alone, with the names of the others, of which
            the report says nothing; None if all were.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Show the report: a line of summary, what is lost, every finding."""
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
