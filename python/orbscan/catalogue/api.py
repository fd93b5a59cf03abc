"""Catalogues are updated and opened.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orbscan._imports import importing
from orbscan.catalogue import roots as of_roots
from orbscan.catalogue.commit import Committing
from orbscan.catalogue.files import removed
from orbscan.catalogue.found import Found
from orbscan.catalogue.lake import Lake
from orbscan.catalogue.opened import Catalogue
from orbscan.catalogue.state import State
from orbscan.reading.paths import place_in_store
from orbscan.scanning.api import begun
from orbscan.scanning.columns import texts_of
from orbscan.scanning.earlier import fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Unpack

    from orbscan import _core
    from orbscan.aliases import Path
    from orbscan.scanning.options import ScanOptions

_OWN = ("since", "leaves", "ordered", "rich_types")
_FILTERS = ("steps", "latest", "committed", "match", "exclude")
_NEVER = 0
"""A fingerprint that no checkpoint has: one without, or an incomplete one, is read again."""


class CatalogueUpdate(NamedTuple):
    """What an update has done.

    Attributes:
        version: the version of the catalogue; the previous one if nothing has changed.
        changed: how many checkpoints are new or have changed.
        gone: how many were removed.
        unchanged: how many are unchanged.
        incomplete: how many of those that were read could not be read completely.
    """

    version: int
    changed: int
    gone: int
    unchanged: int
    incomplete: int


def update_catalogue(
    target: Path,
    roots: Path | Iterable[Path],
    *,
    add_roots: bool = False,
    storage_options: Mapping[str, str] | None = None,
    **options: Unpack[ScanOptions],
) -> CatalogueUpdate:
    """Bring a catalogue up to date, or make it: a Delta table of leaves and of checkpoints.

    Reads what is new or has changed, writes only that, and removes what is gone, in one
    transaction: a reader of the table sees the previous state or the new one. Several writers may
    update one catalogue at the same time. If anything fails, the previous state remains. See
    docs/catalogue.md.

    Args:
        target: the directory of the table: a path on a disk, or the URL of a bucket.
        roots: as for `scan`; stored from the top of the disk, so that paths are the same from every
            directory. A catalogue is updated with the roots that it was made with, or some of them.
        add_roots: whether new roots may be added to the catalogue.
        storage_options: options for the bucket of the target, as in `deltalake`.
        options: as for `scan`, except `since`, `leaves`, `ordered` and `rich_types`. Checkpoints
            that they leave out stay as they are.

    Raises:
        CheckpointNotFoundError: a root does not exist.
        ValueError: an argument is invalid; the target is something else, is a catalogue of another
            release or of other roots, or lies in a root; or a root lies in another.
        StoreError: the target cannot be read or written.
        ImportError: `deltalake` or `pyarrow` is not installed.
    """
    updating = Updating(
        target, roots, add_roots=add_roots, storage_options=storage_options, **options
    )
    return updating.finish()


def open_catalogue(
    target: Path,
    *,
    version: int | None = None,
    storage_options: Mapping[str, str] | None = None,
) -> Catalogue:
    """Open a catalogue at one version: both tables are of the same state.

    Args:
        target: as for `update_catalogue`.
        version: the number of an older state; None for the newest.
        storage_options: as for `update_catalogue`.

    Raises:
        CheckpointNotFoundError: there is no catalogue.
        ValueError: it is something else, or has no such version.
        StoreError: it cannot be read, or not any more.
        ImportError: `deltalake` or `pyarrow` is not installed.
    """
    lake = Lake(place_in_store(target), storage_options)
    return Catalogue(lake, version)


class Updating:
    """An update in progress.

    Attributes:
        scan: the scan, which also has its progress.
    """

    def __init__(
        self,
        target: Path,
        roots: Path | Iterable[Path],
        *,
        add_roots: bool,
        storage_options: Mapping[str, str] | None,
        **options: Any,
    ) -> None:
        """Read the current state, and begin to search.

        Raises:
            As `update_catalogue`.
        """
        own = [name for name in _OWN if name in options]
        if own:
            message = f"{', '.join(own)}: a catalogue decides that itself"
            raise ValueError(message)
        self._lake = Lake(place_in_store(target), storage_options)
        self._asked = of_roots.asked(
            roots,
            options={"shardings": options.get("shardings", True)},
            store=options.get("store"),
            store_options=options.get("store_options"),
        )
        of_roots.check_outside(self._lake.target, self._asked)
        self._before = State(self._lake, self._lake.opened())
        if self._before.table is not None and not add_roots:
            of_roots.check_known(self._lake.target, self._before.roots, self._asked)
        of_roots.together(self._before.roots, self._asked)
        self._shard = options.get("shard")
        self._is_whole = not any(options.get(name) for name in _FILTERS)
        options["pattern"] = options.pop("match", None)
        searched = [place for root in self._asked.values() for place in root.searched]
        self.scan: _core.Scan = begun(searched, since=self._fingerprints(), ordered=True, **options)

    def _fingerprints(self) -> dict[str, int]:
        known = self._before.known
        trusted = fingerprints(known) if known.num_rows else {}
        return {
            path: trusted.get(path, _NEVER) for path in texts_of(known["path"].combine_chunks())
        }

    def finish(self) -> CatalogueUpdate:
        """Write the results.

        Raises:
            StoreError: the target cannot be written.
        """
        with importing:
            from orbscan import _core

        stream = _core.catalogue_stream(self.scan)
        found = Found()
        files = self._lake.made()
        try:
            with self._lake.told():
                found.write(stream, self._before, files)
            unchanged = {*stream.unchanged(), *found.same}
            changed = {*found.changed}

            def gone(state: State) -> set[str]:
                return self._gone(state, found, unchanged | changed)

            version, taken_out = Committing(files, found, self._asked).run(self._before, gone)
        except BaseException:
            removed(files, [action.path for action in found.added])
            stream.check_interrupt()
            raise
        if stream.lacking is not None:
            raise stream.lacking
        return CatalogueUpdate(
            version, len(changed), taken_out, len(unchanged), stream.checkpoints_incomplete
        )

    def _gone(self, state: State, found: Found, seen: set[str]) -> set[str]:
        """Return which checkpoints of a state do not exist any more."""
        with importing:
            from orbscan import _core

        now = {given: {*root.searched} for given, root in self._asked.items()}
        lost = {
            directory
            for given, root in state.roots.items()
            for directory in root.searched
            if given in now and directory not in now[given]
        }
        searched = set().union(*now.values())
        before = {*texts_of(self._before.known["path"].combine_chunks())}
        gone = set(found.gone)
        columns = (state.known[name].to_pylist() for name in ("path", "root", "kind", "step"))
        for path, root, kind, step in zip(*columns, strict=True):
            if root in lost:
                gone.add(path)
            # The results of another writer in the meantime are not changed.
            if path in seen or root not in searched or path not in before:
                continue
            if self._shard is not None and _core.share_of(path, self._shard[1]) != self._shard[0]:
                continue
            # It is something else now, or can be examined now.
            is_other = self._is_whole or (kind == "unknown" and step is None)
            if is_other and not any(f"{path}/".startswith(f"{top}/") for top in found.unseen):
                gone.add(path)
        return gone - seen
