"""Trees of very many leaves, as small on disk as they can be: nothing is stored for any leaf."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, leaves: int) -> Path:
    """Write a checkpoint, whose `_METADATA` has about 130 bytes a leaf, and return its path."""
    value = {"value_type": "None", "skip_deserialize": True}
    tree = {
        str((key,)): {"key_metadata": [{"key": key, "key_type": 2}], "value_metadata": value}
        for key in (f"leaf_{number:07d}" for number in range(leaves))
    }
    state = path / "state"
    state.mkdir(parents=True)
    (path / "_CHECKPOINT_METADATA").write_text("{}", "utf-8")
    document = {"tree_metadata": tree, "use_zarr3": True, "use_ocdbt": True}
    (state / "_METADATA").write_text(json.dumps(document), "utf-8")
    return path
