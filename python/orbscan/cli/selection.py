"""`--param`: the leaves of a tree that a pattern selects (docs/patterns.md)."""

from __future__ import annotations

from orbscan.showing.keypaths import keypath, leaf_path

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan import _core


def selected_nodes(table: _core.LeafTable, pattern: str, name: str | None = None) -> set[int]:
    """Find the leaves whose readable keypath matches a pattern: the numbers of their nodes.

    Text without wildcards that is not the keypath of a leaf stands for the subtree of that keypath,
    and if there is none, for all keypaths that contain it. If no keypath matches, the `name` of the
    checkpointable may precede it, as in reports about several of them.
    """
    from orbscan import _core
    from orbscan.reading.facts import leaves

    keypaths = [(keypath(entries), node) for entries, node, _ in leaves(table)]
    if name is None:
        ways = [keypaths]
    else:
        ways = [keypaths, [(leaf_path(name, entries), node) for entries, node, _ in leaves(table)]]
    for reading in _readings(pattern):
        matches = _core.KeypathPattern(reading).matches
        for way in ways:
            if found := {node for text, node in way if matches(text)}:
                return found
    return set()


def _readings(pattern: str) -> list[str]:
    """List what a pattern can stand for, in the order in which that is tried.

    >>> _readings("params/"), _readings("params/*")
    (['params/', 'params/**', '**params/**'], ['params/*'])
    """
    if not pattern or "*" in pattern or "?" in pattern:
        return [pattern]
    return [pattern, f"{pattern.rstrip('/')}/**", f"**{pattern}**"]
