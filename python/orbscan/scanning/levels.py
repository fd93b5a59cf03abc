"""The levels of checks: for one or many checkpoints, the arguments mean the same.

Importing this module loads nothing else.
"""

from __future__ import annotations

LEVELS = ("structure", "index", "data")
"""The levels of a check; each includes those before it."""

_BYTES_END = 1 << 64


def depth(level: str, max_bandwidth: int | None) -> int:
    """Return the number of a level.

    Raises:
        ValueError: there is no such level, or the bandwidth is not a number of bytes.

    >>> depth("index", None)
    1
    """
    if level not in LEVELS:
        message = f"level {level!r}: expected one of {', '.join(LEVELS)}"
        raise ValueError(message)
    if max_bandwidth is not None and not 0 < max_bandwidth < _BYTES_END:
        message = f"max_bandwidth {max_bandwidth}: expected a positive number of bytes of 64 bits"
        raise ValueError(message)
    return LEVELS.index(level)
