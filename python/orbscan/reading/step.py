"""What is known of the steps of a manager root, and of the root itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.model.moments import Moments
from orbscan.model.value import Value, as_dataclass
from orbscan.showing.text import counted

if TYPE_CHECKING:
    from orbscan.aliases import AnyPath, StepState
    from orbscan.errors import OrbscanError
    from orbscan.model.result import Issue
    from orbscan.reading.step_text import Facts


@as_dataclass
class Step(Value, Moments, frozen=True):
    """One step of a manager root. It is a path: pass it wherever a checkpoint is expected.

    Attributes:
        path: the path of its directory.
        step: the number in the name of the directory.
        committed: whether Orbax considers it finalized.
        temporary: whether a job that cleans up when it starts would delete it.
        commit_reason: why, in words.
        prefix: the text before the number and an underscore in the name; None for a bare number.
        init_timestamp_nsecs: when the save began, in nanoseconds since 1970 in UTC; None if it is
            not recorded.
        commit_timestamp_nsecs: when the save finished, likewise.
        metrics: what the manager was given for the step, usually a dict; None if there is nothing.
        custom_metadata: what the user stored beside the trees.
        issues: the faults that were tolerated.
        error: what is missing or cannot be read; None if everything is there. The arrays themselves
            are not checked.
    """

    path: AnyPath
    step: int
    committed: bool
    temporary: bool
    commit_reason: str
    prefix: str | None = None
    init_timestamp_nsecs: int | None = None
    commit_timestamp_nsecs: int | None = None
    metrics: Any = None
    custom_metadata: dict[str, Any] | None = None
    issues: tuple[Issue, ...] = ()
    error: OrbscanError | None = None

    def __str__(self) -> str:
        """Show it in a line, as `print` does: path, state, time, metrics."""
        from orbscan.reading.step_text import line

        return line(self.path, self._facts())

    @property
    def state(self) -> StepState:
        """The state in one word: `committed`, `broken` if something is missing, or `uncommitted`.

        `unreadable` if the disk or the bucket denies access.
        """
        from orbscan.showing.states import state_of

        return state_of(self.error, committed=self.committed)

    def _facts(self) -> Facts:
        return self.step, self.name, self.state, self.commit_timestamp_nsecs, self.metrics

    def __fspath__(self) -> str:
        """Return the path as text: `metadata(step)` is `metadata(step.path)`."""
        return str(self.path)

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan steps -o json` prints of it, as values for `json.dumps`."""
        from orbscan.reading.documents import step_document
        from orbscan.showing.documents import fault_document, plain

        return step_document(
            self,
            str(self.path),
            metrics=plain(self.metrics),
            custom_metadata=plain(self.custom_metadata or {}),
            issues=[fault_document(issue) for issue in self.issues],
        )

    @property
    def name(self) -> str:
        """The name of the directory: prefix, padding and number."""
        return self.path.name


@as_dataclass
class RootMetadata(Value, frozen=True):
    """What is stored about all steps of a manager root.

    Attributes:
        path: the path of the root, as it was given.
        custom_metadata: what the user of the manager stored.
        internal_metadata: what Orbax stored for itself.
    """

    path: AnyPath
    custom_metadata: dict[str, Any]
    internal_metadata: dict[str, Any]

    def to_dict(self) -> dict[str, object]:
        """Return it as values for `json.dumps`; the members are stable."""
        from orbscan.reading.documents import SCHEMA_VERSION
        from orbscan.showing.documents import plain

        return {
            "schema_version": SCHEMA_VERSION,
            "path": str(self.path),
            "custom_metadata": plain(self.custom_metadata),
            "internal_metadata": plain(self.internal_metadata),
        }


class Steps(tuple[Step, ...]):  # noqa: SLOT001 - a tuple can have no slots for attributes
    """The steps of a manager root, by number and then by name.

    Attributes:
        path: the path of the root, as it was given.
        others: the names of checkpoints, and of unfinished saves, that lie beside the steps and do
            not have names of steps; `step=` takes such a name.
        not_looked_into: how many directories beside the steps may be checkpoints as well: only the
            first 64 are examined, and some cannot be read.
    """

    path: AnyPath
    others: tuple[str, ...]
    not_looked_into: int

    def __str__(self) -> str:
        """Show them as a table, as `print` does."""
        from orbscan.reading.step_text import table

        return table([step._facts() for step in self])  # noqa: SLF001 - our own

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.showing.pages import report_html

        held = f"{self.path}: {counted(len(self), 'step')}"
        return report_html(f"{held}\n{self}" if self else held)

    def to_dict(self) -> dict[str, object]:
        """Return what `orbscan steps -o json` prints of them, as values for `json.dumps`."""
        from orbscan.reading.documents import root_document

        every = [step.to_dict() for step in self]
        return root_document(str(self.path), every, self.others, self.not_looked_into)
