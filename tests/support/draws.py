"""How much hypothesis draws."""

from __future__ import annotations

import os

IS_NEW = os.environ.get("ORBSCAN_DRAWS") == "new"
"""Whether each run draws something else."""

_MORE = 10


def examples(usual: int) -> int:
    """The number of examples of a test that takes long for each: more where they are new ones."""
    return usual * _MORE if IS_NEW else usual
