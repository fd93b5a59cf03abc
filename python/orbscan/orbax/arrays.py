"""`orbax.checkpoint.experimental.v1.arrays` under this name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from orbscan.restoring.orbax_types import orbax_v1

if TYPE_CHECKING:
    from orbax.checkpoint.experimental.v1.arrays import *  # noqa: F403

# Code that imports this module gets Orbax's own.
sys.modules[__name__] = orbax_v1().arrays
