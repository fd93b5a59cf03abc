"""The disk usage of checkpoints: the results of `orbscan.du`.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.checking.amounts import Amounts, CheckpointUsage


class Usage(Amounts):
    """The disk usage of a checkpoint.

    Attributes:
        place: where the checkpoint is, as text, as it was given.
        path: the same as a path, as `orbscan.metadata` has it.
        leaves: of all its pytrees, in the order of the trees.
        files: all of its files, each once.
        strays: bytes of values that belong to no leaf, including those in nodes of the index.
        issues: the faults that were tolerated.
        alone: the checkpointable that was measured alone, with the names of the others, which are
            not counted; None if all were measured.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Show it as tables: leaves, or subtrees of a large tree, files, and totals."""
        from orbscan.checking.usage_text import lines

        return "\n".join(lines(self))

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.checking.usage_text import headline
        from orbscan.showing.pages import report_html

        return report_html(f"{headline(self)}\n{self}")

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan du -o json` prints of it, as values for `json.dumps`."""
        from orbscan.checking.document import usage_document

        return usage_document(self)


class Usages(tuple[CheckpointUsage, ...]):
    """The disk usage of several checkpoints, ordered by path."""

    __slots__ = ()

    @property
    def total(self) -> int:
        """Bytes of all files of all checkpoints."""
        return sum(row.total for row in self)

    def __str__(self) -> str:
        """Show them as a table, with totals."""
        from orbscan.checking.usage_text import lines_of_several

        return "\n".join(lines_of_several(self))

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.checking.usage_text import headline_of_several
        from orbscan.showing.pages import report_html

        return report_html(f"{headline_of_several(self)}\n{self}")

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan du -o json` prints of them, as values for `json.dumps`."""
        from orbscan.checking.document import usages_document

        return usages_document(self)
