"""Replaces the content of a catalogue by new results, even if there are several writers at once.

A writer that commits has seen the whole state: if another one was faster, the change is computed
again for the newer state. For one checkpoint, the last writer wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.catalogue import files as of_files
from orbscan.catalogue import roots as of_roots
from orbscan.catalogue.files import CHECKPOINTS, LEAVES, ROOTS, stem_of
from orbscan.catalogue.lake import Conflict
from orbscan.catalogue.state import FILE, State
from orbscan.scanning.columns import array_of, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    import pyarrow.fs
    from deltalake.transaction import AddAction

    from orbscan.catalogue.found import Found
    from orbscan.catalogue.lake import File
    from orbscan.catalogue.roots import Root

_LOOSE = 16
"""This many small groups become one."""

_SMALL = 1 << 8
"""A group with fewer checkpoints is small."""

_ATTEMPTS = 1_000


class Change:
    """What is added to a state and what is removed from it.

    Attributes:
        added: files.
        removed: files of the state.
        gone: how many checkpoints no longer have rows.
    """

    def __init__(self) -> None:
        self.added: list[AddAction] = []
        self.removed: list[File] = []
        self.gone = 0


class Committing:
    """Commits new results to a catalogue."""

    def __init__(
        self, files: pyarrow.fs.FileSystem, found: Found, asked: Mapping[str, Root]
    ) -> None:
        self._files = files
        self._found = found
        self._asked = asked
        self._own = {action.path for action in found.added}
        self._written: set[str] = set()

    def run(self, state: State, gone: Callable[[State], set[str]]) -> tuple[int, int]:
        """Commit, with as many attempts as it takes.

        Args:
            state: the state when the scan began.
            gone: returns which checkpoints of a state are to be removed.

        Returns:
            the version that has the change, and how many checkpoints were removed.

        Raises:
            StoreError: it cannot be read or written; the previous state remains.
            ValueError: another writer has replaced it by another catalogue.
        """
        lake = state.lake
        committed: set[str] = set()
        try:
            for _ in range(_ATTEMPTS):
                change = self._change(state, gone(state))
                if not change.added and not change.removed:
                    committed = {*state.files}
                    return state.version, 0
                try:
                    version = lake.commit(state.table, change.added, change.removed)
                except Conflict:
                    state = State(lake, lake.opened())
                    continue
                committed = {action.path for action in change.added}
                return version, change.gone
        finally:
            # Files of an earlier attempt, or of one that failed.
            of_files.removed(self._files, (self._own | self._written) - committed)
        message = f"{lake.target}: {_ATTEMPTS:,} other writers were faster, one after the other"
        raise RuntimeError(message)

    def _change(self, state: State, gone: set[str]) -> Change:
        change = Change()
        roots = of_roots.together(state.roots, self._asked)
        if roots != state.roots:
            change.removed += [state.files[path] for path in state.paths(ROOTS)]
            change.added.append(self._put(ROOTS, of_files.new_stem(), of_roots.table_of(roots)))
        # If a commit only seemed to fail, they are there already.
        change.added += [one for one in self._found.added if one.path not in state.files]
        taken_out = array_of([*self._found.changed, *gone])
        hit = of_files.within(state.known, taken_out)
        holders = set(texts_of(hit[FILE].combine_chunks())) - self._own
        change.gone = len(gone.intersection(texts_of(hit["path"].combine_chunks())))
        small = self._small(state, holders)
        self._rewrite(state, change, [*sorted(holders), *small], taken_out)
        return change

    def _small(self, state: State, others: set[str]) -> list[str]:
        """Find the groups that are to become one; none, unless there are many."""
        paths = [path for path in state.paths(CHECKPOINTS) if path not in others | self._own]
        small = [path for path in paths if state.files[path].rows < _SMALL]
        return sorted(small) if len(small) >= _LOOSE else []

    def _rewrite(
        self, state: State, change: Change, holders: list[str], taken_out: pa.Array
    ) -> None:
        """Write groups again without some checkpoints, several small ones as one."""
        import pyarrow as pa

        twins = {stem_of(path): path for path in state.leaf_files(holders)} if holders else {}
        change.removed += [state.files[path] for path in [*holders, *twins.values()]]
        pending: dict[str, list[pa.Table]] = {CHECKPOINTS: [], LEAVES: []}

        def write() -> None:
            stem = of_files.new_stem()
            for rows_of, tables in pending.items():
                if sum(table.num_rows for table in tables):
                    change.added.append(self._put(rows_of, stem, pa.concat_tables(tables)))
                tables.clear()

        def kept(path: str) -> pa.Table:
            return of_files.without(state.rows(path, self._files), taken_out)

        for path in holders:
            pending[CHECKPOINTS].append(kept(path))
            if leaves := twins.pop(stem_of(path), None):
                pending[LEAVES].append(kept(leaves))
            if sum(table.num_rows for table in pending[CHECKPOINTS]) >= _SMALL:
                write()
        # Checkpoints whose rows another program has moved to other files.
        pending[LEAVES] += map(kept, twins.values())
        write()

    def _put(self, rows_of: str, stem: str, table: pa.Table) -> AddAction:
        action = of_files.written(self._files, rows_of, stem, table)
        self._written.add(action.path)
        return action
