"""Manager roots made by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGUN, ENDED = 1_795_470_688_469_149_184, 1_795_470_688_711_944_088


def write_step(
    root: Path, name: str, metrics: Mapping[str, object] | None = None, *, committed: bool = True
) -> Path:
    """Write what a listing of steps looks at; what it holds is JSON, and not a pytree."""
    step = root / name
    step.mkdir(parents=True)
    header = {
        "item_handlers": {},
        "metrics": {},
        "performance_metrics": {},
        "init_timestamp_nsecs": BEGUN,
        "commit_timestamp_nsecs": ENDED if committed else None,
        "custom_metadata": {"name": name},
    }
    (step / "_CHECKPOINT_METADATA").write_text(json.dumps(header))
    (step / "config").mkdir()
    (step / "config" / "metadata").write_text("{}")
    if metrics is not None:
        (step / "metrics").mkdir()
        (step / "metrics" / "metrics").write_text(json.dumps(metrics))
    return step
