"""A restore plan as a JSON document whose members are stable. Pure: a plan in, text out.

```
{"schema_version": 1, "path": "...", "checkpointable": "state",
 "others": [{"name": "ema", "is_pytree": true}], "param": null,
 "mesh": [{"axis": "data", "length": 4}], "devices_per_host": 4,
 "totals": {"leaves": 1, "nbytes": 32, "held": 32, "read": 64, "replicated": 0.0, "unplaced": 0},
 "memory": {"nbytes": 64, "most": 8, "fits": true},
 "devices": [{"number": 0, "coordinates": [0], "host": 0, "held": 8, "read": 16}],
 "hosts": [{"number": 0, "held": 32, "read": 32}],
 "leaves": [{"keypath": ["bias"], "nbytes": 32, "on": "device", "copies": 1, "held": 8,
             "read": 64, "read_min": 16, "read_max": 16, "amplification": 2.0}],
 "notes": ["..."]}
```

`param` is the pattern of the leaves in the plan; null if all leaves are. `memory` is null if the
plan was made without one. The checkpointables in `others` are not part of the plan; `is_pytree` is
null if the file system denies access. All amounts are in bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.planning.value import Plan

SCHEMA_VERSION = 1


def render(  # noqa: PLR0913 - the members of the document
    path: str,
    name: str | None,
    others: Iterable[tuple[str | None, bool | None]],
    plan: Plan,
    memory: int | None,
    *,
    param: str | None = None,
) -> str:
    """Compose the document of a checkpoint: one line of ASCII text."""
    head = {
        "path": path,
        "checkpointable": name,
        "others": [{"name": other, "is_pytree": is_pytree} for other, is_pytree in others],
        "param": param,
        "memory": None
        if memory is None
        else {
            "nbytes": memory,
            "most": plan.device_memory,
            "fits": plan.device_memory <= memory,
        },
    }
    return json.dumps({**head, **document(plan)}, allow_nan=False) + "\n"


def document(plan: Plan) -> dict[str, object]:
    """Compose the part of the document about the plan itself, from plain values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "mesh": [{"axis": axis, "length": length} for axis, length in plan.mesh.axes],
        "devices_per_host": plan.mesh.devices_per_host,
        "totals": {
            "leaves": len(plan.leaves),
            "nbytes": plan.nbytes,
            "held": sum(host.held for host in plan.hosts),
            "read": sum(host.read for host in plan.hosts),
            "replicated": plan.replicated,
            "unplaced": plan.unplaced,
        },
        "devices": [device._asdict() for device in plan.devices],
        "hosts": [host._asdict() for host in plan.hosts],
        "leaves": [{**leaf._asdict(), "amplification": leaf.amplification} for leaf in plan.leaves],
        "notes": plan.notes,
    }
