"""Where the steps are, if a directory above them was given."""

from __future__ import annotations

import os

from orbscan.showing.text import printable, some

_SHOWN_RUNS = 5
_LOOKED_INTO = 64
"""The most directories that are searched for directories of steps."""


def steps_below(path: str) -> str | None:
    """Say which directories have steps, one or two levels below; None if there are none."""
    from orbscan import _core

    found = _core.steps_below(path)
    if not found:
        found = [
            (os.path.join(name, below), held)  # noqa: PTH118 - pathlib takes longer to import
            for name in _directories(path)
            for below, held in _core.steps_below(os.path.join(path, name))  # noqa: PTH118
        ]
    if not found:
        return None
    from shlex import quote

    (name, held), *more = found
    root = quote(printable(os.path.join(path, name)))  # noqa: PTH118
    if more:
        listed = some([f"{printable(name)} with {held}" for name, held in found], _SHOWN_RUNS, ", ")
        return f"these directories contain steps: {listed}; list one with 'orbscan steps {root}'"
    return f"its directory {printable(name)} has {held}: list them with 'orbscan steps {root}'"


def _directories(path: str) -> list[str]:
    """The first directories in a directory, by name; none if access is denied."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    return names[:_LOOKED_INTO]
