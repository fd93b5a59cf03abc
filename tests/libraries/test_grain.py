"""grain saves where an iterator stands, beside a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grain
import numpy as np
import orbax.checkpoint as ocp

import orbscan
from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def test_an_iterator_beside_a_tree(tmp_path: Path) -> None:
    iterator = iter(grain.MapDataset.range(20).to_iter_dataset())
    taken = [next(iterator) for _ in range(5)]
    with ocp.CheckpointManager(tmp_path) as manager:
        args = ocp.args.Composite(
            data=grain.checkpoint.CheckpointSave(iterator),
            state=ocp.args.StandardSave({"w": np.arange(3.0)}),
        )
        manager.save(5, args=args)
    assert agree(tmp_path) == 1
    assert orbscan.checkpointables_metadata(tmp_path / "5").metadata["data"] is None

    def restored() -> Any:
        again = iter(grain.MapDataset.range(20).to_iter_dataset())
        with ocp.CheckpointManager(tmp_path) as manager:
            args = ocp.args.Composite(
                data=grain.checkpoint.CheckpointRestore(again), state=ocp.args.StandardRestore()
            )
            found = manager.restore(5, args=args)
        return {"next": next(again), "state": found["state"]}

    assert same_with_and_without(restored)["next"] == len(taken)
