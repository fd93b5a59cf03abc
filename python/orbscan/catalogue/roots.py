"""The roots of a catalogue: as they were given, and what patterns among them matched."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from orbscan.errors import error
from orbscan.places import Url, absolute, url_scheme
from orbscan.reading.paths import place_in_store
from orbscan.scanning.roots import expanded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from orbscan.aliases import ErrorKind, Path, StoreOptions

_LISTED = 3


class Root(NamedTuple):
    """A root of a catalogue.

    Attributes:
        searched: the directories that are searched; the root itself unless it is a pattern.
        options: the options on which rows depend, in addition to the files.
    """

    searched: tuple[str, ...]
    options: Mapping[str, Any]


def asked(
    roots: Path | Iterable[Path],
    *,
    options: Mapping[str, Any],
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> dict[str, Root]:
    """Return the directories to search, by the roots as they were given, from the top of the disk.

    Raises:
        CheckpointNotFoundError: a root on a disk does not exist, or a pattern matches nothing.
        ValueError: one lies in another.
    """
    several = [roots] if isinstance(roots, str | os.PathLike) else roots
    found: dict[str, Root] = {}
    for root in several:
        place = place_in_store(root, store=store, store_options=store_options)
        given = _from_the_top(place)
        searched = tuple(expanded(given, store=store, store_options=store_options))
        for directory in searched:
            if url_scheme(directory) is None and not os.path.lexists(directory):
                reason = "does not exist, and the catalogue is left as it is"
                kind: ErrorKind = "not_found"
                raise error(kind, reason, directory)
        found[str(given)] = Root(searched, options)
    _check_apart(found)
    return found


def _from_the_top(place: str) -> str:
    if not isinstance(place, Url):
        return absolute(place)
    return Url(place.rstrip("/"), place.store, place.path_type)


def together(before: Mapping[str, Root], now: Mapping[str, Root]) -> dict[str, Root]:
    """Return the roots of a catalogue after an update.

    Raises:
        ValueError: one lies in another.
    """
    both = {**before, **now}
    _check_apart(both)
    return both


def check_known(target: str, before: Mapping[str, Root], now: Mapping[str, Root]) -> None:
    """Check that a catalogue has these roots, and that its rows were read with the same options.

    Raises:
        ValueError: it has not, or they were not.
    """
    for given, root in now.items():
        earlier = before.get(given)
        if earlier is None:
            message = (
                f"{target}: is a catalogue of {_listed(before)}, not of {given}: add it with"
                " add_roots (--add-roots), or name another catalogue"
            )
            raise ValueError(message)
        for name, value in root.options.items():
            if earlier.options.get(name) != value:
                message = (
                    f"{target}: was made with {name}={earlier.options.get(name)!r} of {given}, and"
                    f" is updated with the same, not with {value!r}"
                )
                raise ValueError(message)


def check_outside(target: str, roots: Mapping[str, Root]) -> None:
    """Check that a catalogue lies in none of the searched directories.

    Raises:
        ValueError: it does.
    """
    place = _resolved(target)
    for root in roots.values():
        for directory in root.searched:
            if f"{place}/".startswith(f"{_resolved(directory)}/"):
                message = (
                    f"{target}: lies in {directory}, which is searched for checkpoints: put the"
                    " catalogue beside it"
                )
                raise ValueError(message)


def _resolved(place: str) -> str:
    return place.rstrip("/") if url_scheme(place) is not None else os.path.realpath(place)


def _check_apart(roots: Mapping[str, Root]) -> None:
    everything = sorted(
        (f"{directory.rstrip('/')}/", given)
        for given, root in roots.items()
        for directory in root.searched
    )
    outer = given_by = ""
    for directory, given in everything:
        if outer and directory.startswith(outer):
            inner = directory.rstrip("/")
            message = (
                f"{given}: {inner} lies in {outer.rstrip('/')}, which {given_by} stands for: a"
                " catalogue has each checkpoint once"
            )
            raise ValueError(message)
        outer, given_by = directory, given


def table_of(roots: Mapping[str, Root]) -> pa.Table:
    """Return roots as rows: each as it was given, with what it matched and its options."""
    import pyarrow as pa

    rows = [
        (given, directory, json.dumps(dict(root.options), sort_keys=True))
        for given, root in sorted(roots.items())
        for directory in root.searched
    ]
    text = pa.string()
    columns = [pa.array([row[at] for row in rows], text) for at in range(3)]
    return pa.table(columns, names=["path", "root", "custom_metadata"])


def of_table(table: pa.Table) -> dict[str, Root]:
    """Return the roots in such rows."""
    searched: dict[str, list[str]] = {}
    options: dict[str, dict[str, Any]] = {}
    columns = (table[name].to_pylist() for name in ("path", "root", "custom_metadata"))
    for given, directory, text in zip(*columns, strict=True):
        searched.setdefault(given, []).append(directory)
        options[given] = json.loads(text)
    return {given: Root(tuple(found), options[given]) for given, found in searched.items()}


def _listed(roots: Mapping[str, Root]) -> str:
    names = sorted(roots)
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
