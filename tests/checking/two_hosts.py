"""Writes `local-of-two-hosts.tar.gz`: what each of two processes holds of a local checkpoint.

Orbax 0.12.8 and JAX 0.10.2, from the root of the repository, both at the same time:

    python -m tests.checking.two_hosts 0 FOLDER & python -m tests.checking.two_hosts 1 FOLDER
    tar -C FOLDER --sort=name --mtime=@0 --owner=0 --group=0 -czf ARCHIVE local-of-two-hosts
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

STEP = 40


def write(process: int, folder: Path) -> None:
    """Save as one of two processes with two devices each, and wait for the other."""
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    import jax
    import numpy as np
    import orbax.checkpoint as ocp
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    from orbax.checkpoint._src.multihost import multihost
    from orbax.checkpoint.experimental.emergency import replicator_checkpoint_manager as replicator

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize("localhost:12399", 2, process)
    multihost.initialize_distributed_to_device_ids()
    devices = np.array(jax.devices())
    line = Mesh(devices, ("data",))
    square = Mesh(devices.reshape(2, 2), ("replica", "data"))
    values = np.arange(64, dtype=np.float32).reshape(8, 8)

    def laid(mesh: Mesh, *spec: str) -> jax.Array:
        sharding = NamedSharding(mesh, PartitionSpec(*spec))
        return jax.make_array_from_callback(values.shape, sharding, lambda index: values[index])

    state = {
        "divided": laid(line, "data"),
        "halves": laid(square, "data"),
        "replicated": laid(square),
        "rows": laid(square, "replica"),
    }
    root = folder / "local-of-two-hosts" / f"host{process}"
    root.mkdir(parents=True, exist_ok=True)
    options = replicator.ReplicatorCheckpointManagerOptions(save_interval_steps=1)
    manager = replicator.ReplicatorCheckpointManager(root, options=options, global_mesh=line)
    manager.save(STEP, args=ocp.args.Composite(state=ocp.args.PyTreeSave(state)))
    manager.wait_until_finished()
    manager.close()


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]).resolve())
