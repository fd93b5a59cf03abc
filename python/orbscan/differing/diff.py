"""The differences of two checkpoints or trees: the result of `orbscan.diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing.changes import Differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.differing.side import Side


class Diff(Differences):
    """The differences of two sides. False if there are none; `str` of it is a report.

    Attributes:
        a: the name of the first side: the path of a checkpoint, or `tree`.
        b: likewise for the second side.
        checkpointables: those that were compared, and those that only one side has: all of both
            sides, or the two that were chosen.
        added: leaves that only the second side has, including those of added checkpointables.
        removed: leaves that only the first side has, likewise.
        changed: leaves that both have, and that differ.
        containers: containers that both have, of different kinds.
        renamed: which removed subtree or checkpointable may have become which added one. This is a
            guess: the leaves stay in `removed` and `added`.
        rules: edits of keypaths that explain many renames at once, `X/value -> X`.
        ambiguous: subtrees that could be paired in several ways.
        unchanged: the number of leaves that do not differ.
        ignored: what was not compared, as given to `orbscan.diff`.
        others: checkpointables that were left out, since one was chosen.
        notes: faults that were tolerated, and what could not be compared.
        values: how many leaves were compared by their values; None if that was not requested.
        param: the pattern of the compared leaves; None if all were compared.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the result, without the trees of both sides."""
        from dataclasses import fields

        found = [getattr(self, each.name) for each in fields(self) if each.name != "_sides"]
        return Diff, tuple(found)

    def __str__(self) -> str:
        from orbscan.differing.text import report

        return "\n".join(report(self))

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.showing.pages import report_html

        return report_html(str(self))

    def __repr__(self) -> str:
        return f"<Diff of {self.a} and {self.b}: {', '.join(self.summary())}>"

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan diff -o json` prints, as values for `json.dumps`."""
        from orbscan.differing.document import document

        return document(self)

    def sides(self) -> tuple[Side, Side]:
        """Return both sides as they were compared.

        Raises:
            ValueError: it was pickled, which drops their trees.
        """
        if self._sides is None:
            message = "this result was pickled, which drops the trees: compare both sides again"
            raise ValueError(message)
        return self._sides

    def summary(self) -> Iterator[str]:
        """Count what differs: `2 changed leaves`, `1 added leaf`; `no difference` if nothing."""
        from orbscan.differing.heading import summary

        return summary(self)
