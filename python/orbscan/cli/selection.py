"""`--param`: selects leaves by a pattern (docs/patterns.md), by the same rule in all commands."""

from __future__ import annotations

from orbscan.cli.exits import NOT_FOUND, Refusal
from orbscan.showing.keypaths import leaf_path

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence

    from orbscan.aliases import Keypath

    Leaves = Sequence[tuple[str | None, Keypath]]
    """The name of the checkpointable of each leaf, and its keypath."""


class Selection:
    """The leaves that a pattern stands for.

    Attributes:
        pattern: as it was given.
        matches: whether a text matches it.
        places: the numbers of the leaves that match.
        named: whether the texts are keypaths after the names of checkpointables.
    """

    __slots__ = ("matches", "named", "pattern", "places")

    def __init__(
        self,
        pattern: str,
        matches: Callable[[str], bool],
        places: frozenset[int],
        *,
        named: bool,
    ) -> None:
        self.pattern = pattern
        self.matches = matches
        self.places = places
        self.named = named

    def __call__(self, name: str | None, entries: Keypath) -> bool:
        """Whether it has a leaf, of a checkpointable of that name, with that keypath."""
        return self.matches(leaf_path(name if self.named else None, entries))


def add_param(parser: ArgumentParser, verb: str) -> None:
    """Add --param to a command; `verb` is what it does with the leaves."""
    parser.add_argument(
        "--param",
        metavar="GLOB",
        help=f"{verb} only leaves whose keypath matches: * stays within a level, ** does not; a "
        "text without either means a leaf, else a subtree, else all keypaths that contain it",
    )


def chosen(pattern: str, leaves: Leaves, *, named: bool = False) -> Selection:
    """Find the leaves that a pattern stands for.

    Text without wildcards that is not the keypath of a leaf stands for the subtree of that
    keypath, and if there is none, for all keypaths that it is a part of. The name of the
    checkpointable may stand before a keypath, as in reports about several of them.

    Args:
        pattern: of the command line.
        leaves: of all trees that the command reads.
        named: whether the command shows leaves with those names: they are then tried first.

    Raises:
        Refusal: no leaf matches; the message says which nearly do.
    """
    from orbscan import _core

    texts: dict[bool, list[str]] = {}
    for reading in _readings(pattern):
        matches = _core.KeypathPattern(reading).matches
        for with_name in (named, not named):
            if with_name not in texts:
                texts[with_name] = _texts(leaves, named=with_name)
            found = [number for number, text in enumerate(texts[with_name]) if matches(text)]
            if found:
                return Selection(pattern, matches, frozenset(found), named=with_name)
    from orbscan.cli.nearest import suggestion

    near = suggestion(texts[named], pattern) if leaves else ""
    message = f"no leaf matches {pattern!r}{near}"
    raise Refusal(message, NOT_FOUND)


def _texts(leaves: Leaves, *, named: bool) -> list[str]:
    return [leaf_path(name if named else None, entries) for name, entries in leaves]


def _readings(pattern: str) -> list[str]:
    """List what a pattern can stand for, in the order in which that is tried.

    >>> _readings("params/"), _readings("params/*")
    (['params/', 'params/**', '**params/**'], ['params/*'])
    """
    if not pattern or "*" in pattern or "?" in pattern:
        return [pattern]
    return [pattern, f"{pattern.rstrip('/')}/**", f"**{pattern}**"]
