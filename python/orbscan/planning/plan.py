"""The amounts that a restore would hold and read: the result of `orbscan.restore_plan`."""

from __future__ import annotations

from orbscan.planning.value import Plan
from orbscan.showing.text import counted


class RestorePlan(Plan):
    """The amounts that a restore over a mesh would hold and read. `str` of it is a report.

    Attributes:
        mesh: the devices.
        devices: in row-major order of the mesh.
        hosts: in the order of their devices.
        leaves: in the order of the tree; without strings, None, empty containers and leaves whose
            metadata cannot be read.
        unplaced: bytes of arrays of jax without a named sharding, which each host restores as a
            whole and which are not counted for any device.
        notes: assumptions and other information about the numbers.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """Return the content of `orbscan plan -o json`, as values for `json.dumps`."""
        from orbscan.planning.document import document

        return document(self)

    def __str__(self) -> str:
        from orbscan.planning.text import report

        return "\n".join(report(self))

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.showing.pages import report_html

        return report_html(str(self))

    def __repr__(self) -> str:
        leaves = counted(len(self.leaves), "leaf", "leaves")
        hosts = counted(len(self.hosts), "host")
        return f"<RestorePlan of {leaves} over {self.mesh} on {hosts}>"
