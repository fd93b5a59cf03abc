"""The rows of docs/differences.md, and what other pages say of Orbax, each as a situation.

A situation makes checkpoints, asks the installed Orbax about them, and compares its answers and
those of orbscan with what the row says of both. `situation.py` says how one is written.
"""

import pytest

_MODULES = ("reads_more", "refuses", "chooses", "sentences")

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))
