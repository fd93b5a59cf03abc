"""What an answer can be asked itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from orbscan import ArrayMetadata, CheckpointMetadata, NumpyMetadata, diff, restore_plan


class Pair(NamedTuple):
    """A container with names."""

    left: object
    right: object


ARRAY = ArrayMetadata((2, 3), np.dtype("float32"))
KEY = ArrayMetadata((2,), np.dtype("uint32"), prng_impl="threefry2x32")
TREE = {"a": [ARRAY, {}], "pair": Pair(NumpyMetadata((5,), np.dtype("int8")), KEY), "step": 0}
READ = CheckpointMetadata(Path("c"), metadata=TREE)


def test_the_leaves_come_in_the_order_of_the_tree() -> None:
    assert [*READ.leaves()] == [
        (("a", 0), ARRAY),
        (("a", 1), {}),
        (("pair", "left"), TREE["pair"][0]),  # type: ignore[index]
        (("pair", "right"), KEY),
        (("step",), 0),
    ]


def test_arrays_are_counted_and_keys_are_not_parameters() -> None:
    assert READ.elements == READ.parameters == 6 + 5
    assert READ.nbytes == 24 + 5 + 8


def test_the_trees_of_checkpointables_are_walked_by_name() -> None:
    every = CheckpointMetadata(Path("c"), metadata={"state": {"w": ARRAY}, "notes": None})
    assert [*every.leaves()] == [(("state", "w"), ARRAY), (("notes",), None)]
    assert every.nbytes == 24


def test_reports_are_documents_of_plain_values() -> None:
    found = diff({"w": ARRAY}, {"w": KEY}).to_dict()
    assert json.loads(json.dumps(found))["totals"]["changed"] == 1
    plan = restore_plan({"w": ARRAY}, "x=2").to_dict()
    assert json.loads(json.dumps(plan))["mesh"] == [{"axis": "x", "length": 2}]
