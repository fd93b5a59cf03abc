"""Collects the content of the page of a checkpoint: its trees, their disk usage, a check.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from orbscan.checking.api import verify
from orbscan.checking.measuring import measured
from orbscan.errors import OrbscanError, located
from orbscan.reading import api
from orbscan.reading.facts import distinct, leaves
from orbscan.reporting.outline import Tree
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import TypeAlias

    from orbscan import _core
    from orbscan.aliases import Atomicity, Keypath, Level, Name
    from orbscan.checking.measuring import Leaves
    from orbscan.checking.report import VerifyReport
    from orbscan.checking.usage import Usage

    Stored: TypeAlias = dict[str | None, dict[Keypath, int]]


class Looked(NamedTuple):
    """What was found.

    Attributes:
        read: the columns.
        trees: all pytrees.
        usage: their disk usage; None if that could not be measured.
        report: the report of a check; None if there was none.
        faults: faults that were tolerated, and steps that failed, in words.
    """

    read: _core.Checkpoint
    trees: list[Tree]
    usage: Usage | None
    report: VerifyReport | None
    faults: list[str]


def look(
    path: str,
    name: Name,
    *,
    level: Level | None,
    atomicity: Atomicity,
    allow_uncommitted: bool,
) -> Looked:
    """Examine a checkpoint; the arguments are those of `orbscan.report`.

    Raises:
        OrbscanError: as `orbscan.metadata` does. Anything else that cannot be done is a fault.
    """
    if name is ...:
        read = api.read_everything(
            path, rich_types=False, atomicity=atomicity, allow_uncommitted=allow_uncommitted
        )
    else:
        path, read = api.read_pytree(
            path, name, rich_types=False, atomicity=atomicity, allow_uncommitted=allow_uncommitted
        )
        if name is None:
            # The path may have been that of a part of the checkpoint.
            ((name, _),) = read.items
    faults = [_issue(issue) for issue in read.issues]
    usage = report = None
    try:
        usage, _ = measured(path, name, atomicity=atomicity, allow_uncommitted=allow_uncommitted)
    except OrbscanError as error:
        faults.append(f"what is stored could not be measured: {printable(str(error))}")
    try:
        report = None if level is None else verify(path, name, level=level, atomicity=atomicity)
    except OrbscanError as error:
        faults.append(f"it could not be checked: {printable(str(error))}")
    tables = [(each, table) for each, table in read.items if table is not None]
    stored = None if usage is None else _stored(cast("Leaves", usage.leaves))
    trees = [_tree(each, table, stored, report) for each, table in tables]
    return Looked(read, trees, usage, report, faults)


def seen(read: _core.Checkpoint, report: VerifyReport | None) -> Looked:
    """Use only what was read of a checkpoint, and the report of a check if there was one."""
    tables = [(name, table) for name, table in read.items if table is not None]
    trees = [_tree(name, table, None, report) for name, table in tables]
    return Looked(read, trees, None, report, [_issue(issue) for issue in read.issues])


def _tree(
    name: str | None,
    table: _core.LeafTable,
    stored: Stored | None,
    report: VerifyReport | None,
) -> Tree:
    of_nodes = lost = None
    if stored is not None:
        known = stored.get(name, {})
        of_nodes = {node: known[keypath] for keypath, node, _ in leaves(table) if keypath in known}
    if report is not None and report.complete:
        found = {leaf.keypath for leaf in report.lost_leaves if leaf.checkpointable == name}
        lost = {node for keypath, node, _ in leaves(table) if keypath in found} if found else set()
    return Tree(name, table, distinct(table), stored=of_nodes, lost=lost)


def _stored(usage: Leaves) -> Stored:
    """The bytes of the chunks of each leaf, by its checkpointable and its keypath."""
    found: Stored = {}
    for name, keypath, nbytes in usage.stored():
        found.setdefault(name, {})[keypath] = nbytes
    return found


def _issue(issue: _core.Issue) -> str:
    _, file, offset, in_body, reason = issue
    return printable(located(reason, file, offset, in_body=in_body))
