"""What the installed release of Orbax does differently from others, without importing it."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

_STATE_FIRST = (0, 12, 2)
"""The first release that tries `state` before all other names for `AUTO`."""


@cache
def first_name() -> str:
    """Return the name that Orbax tries first for `AUTO`: `state`, or `pytree` before 0.12.2.

    Source: `experimental/v1/_src/layout/orbax_layout.py`, `get_checkpointable_names`. If Orbax is
        not installed, it is the name of the latest releases.
    """
    try:
        version = metadata.version("orbax-checkpoint")
    except metadata.PackageNotFoundError:
        return "state"
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    return "state" if numbers >= _STATE_FIRST else "pytree"
