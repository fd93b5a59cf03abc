"""The word for the state of a checkpoint, in every command, table and report."""

from __future__ import annotations

from orbscan.errors import of_machine

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import CheckpointState, StepState


def state_of(error: Exception | None, *, committed: bool | None) -> StepState:
    """Return the state of a checkpoint or step.

    Args:
        error: why it cannot be read, or why a part of a step cannot.
        committed: whether its save finished; None if that is not known.

    >>> state_of(None, committed=True), state_of(None, committed=False)
    ('committed', 'uncommitted')
    """
    if committed is False:
        return "uncommitted"
    if error is None:
        return "committed"
    return "unreadable" if of_machine(error) else "broken"


def state_of_entry(entry: _core.Entry) -> CheckpointState:
    """Return the state of a checkpoint that a scan has read."""
    if entry.state == "vanished":
        return "gone"
    # Nothing is known about what could not be examined.
    committed = entry.committed or (None if entry.error is not None else False)
    state = state_of(entry.error, committed=committed)
    return "incomplete" if state == "committed" and entry.complete is False else state
