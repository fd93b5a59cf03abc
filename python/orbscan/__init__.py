"""Reads the metadata of Orbax checkpoints, fast and truthfully.

>>> import orbscan
>>> callable(orbscan.metadata)
True

Importing the package loads no other library: every public name is resolved on first use.
"""

from __future__ import annotations

# The name that type checkers know; importing it from typing would cost more than this whole module.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan._core import ArrowStream, __version__
    from orbscan.abstract import abstract_state
    from orbscan.api import checkpointables_metadata, is_orbax_checkpoint, metadata
    from orbscan.differing.api import diff
    from orbscan.differing.diff import Diff
    from orbscan.dumping import Dump, dump
    from orbscan.errors import (
        CheckpointNotFoundError,
        DeletionInProgressError,
        DeletionRecoveryError,
        FormatError,
        InvalidLayoutError,
        OrbscanError,
        StoreError,
    )
    from orbscan.findings import Finding
    from orbscan.loading import load, load_checkpointables
    from orbscan.orbax._types import to_orbax
    from orbscan.plan import restore_plan
    from orbscan.planning.fit import MeshMismatchError
    from orbscan.planning.value import RestorePlan
    from orbscan.result import CheckpointMetadata, Issue, PyTreeMetadata
    from orbscan.roots import RootMetadata, Step, Steps, best, latest, root_metadata, steps
    from orbscan.scanning import CheckpointEntry, Scan, scan
    from orbscan.sharding import (
        DeviceMesh,
        MissingDevicesError,
        NamedShardingMetadata,
        PositionalShardingMetadata,
        ShardingError,
        SingleDeviceShardingMetadata,
    )
    from orbscan.tables import checkpoint_table, leaf_table, write_table
    from orbscan.types import (
        ArrayMetadata,
        Compression,
        NumpyMetadata,
        StorageMetadata,
        UnreadableLeaf,
        Zarr2Metadata,
        Zarr3Metadata,
    )
    from orbscan.usage import LeafUsage, Usage, du
    from orbscan.values import LeafNotFoundError, open_array
    from orbscan.verification import VerifyReport, verify

__all__ = [
    "ArrayMetadata",
    "ArrowStream",
    "CheckpointEntry",
    "CheckpointMetadata",
    "CheckpointNotFoundError",
    "Chunks",
    "Compression",
    "DeletionInProgressError",
    "DeletionRecoveryError",
    "DeviceMesh",
    "Diff",
    "Dump",
    "Finding",
    "FormatError",
    "InvalidLayoutError",
    "Issue",
    "LeafNotFoundError",
    "LeafUsage",
    "MeshMismatchError",
    "MissingDevicesError",
    "NamedShardingMetadata",
    "NumpyMetadata",
    "OrbscanError",
    "PositionalShardingMetadata",
    "PyTreeMetadata",
    "RestorePlan",
    "RootMetadata",
    "Scan",
    "ShardingError",
    "SingleDeviceShardingMetadata",
    "Step",
    "Steps",
    "StorageMetadata",
    "StoreError",
    "UnreadableLeaf",
    "Usage",
    "VerifyReport",
    "Zarr2Metadata",
    "Zarr3Metadata",
    "__version__",
    "abstract_state",
    "best",
    "checkpoint_table",
    "checkpointables_metadata",
    "diff",
    "du",
    "dump",
    "is_orbax_checkpoint",
    "latest",
    "leaf_table",
    "load",
    "load_checkpointables",
    "metadata",
    "open_array",
    "restore_plan",
    "root_metadata",
    "scan",
    "steps",
    "to_orbax",
    "verify",
    "write_table",
]

_MODULE_OF = {
    "ArrayMetadata": "types",
    "ArrowStream": "_core",
    "CheckpointEntry": "scanning",
    "CheckpointMetadata": "result",
    "CheckpointNotFoundError": "errors",
    "Chunks": "findings",
    "Compression": "types",
    "DeletionInProgressError": "errors",
    "DeletionRecoveryError": "errors",
    "DeviceMesh": "sharding",
    "Diff": "differing.diff",
    "Dump": "dumping",
    "Finding": "findings",
    "FormatError": "errors",
    "InvalidLayoutError": "errors",
    "Issue": "result",
    "LeafNotFoundError": "values",
    "LeafUsage": "usage",
    "MeshMismatchError": "planning.fit",
    "MissingDevicesError": "sharding",
    "NamedShardingMetadata": "sharding",
    "NumpyMetadata": "types",
    "OrbscanError": "errors",
    "PositionalShardingMetadata": "sharding",
    "PyTreeMetadata": "result",
    "RestorePlan": "planning.value",
    "RootMetadata": "roots",
    "Scan": "scanning",
    "ShardingError": "sharding",
    "SingleDeviceShardingMetadata": "sharding",
    "Step": "roots",
    "Steps": "roots",
    "StorageMetadata": "types",
    "StoreError": "errors",
    "UnreadableLeaf": "types",
    "Usage": "usage",
    "VerifyReport": "verification",
    "Zarr2Metadata": "types",
    "Zarr3Metadata": "types",
    "__version__": "_core",
    "abstract_state": "abstract",
    "best": "roots",
    "checkpoint_table": "tables",
    "checkpointables_metadata": "api",
    "diff": "differing.api",
    "du": "usage",
    "dump": "dumping",
    "is_orbax_checkpoint": "api",
    "latest": "roots",
    "leaf_table": "tables",
    "load": "loading",
    "load_checkpointables": "loading",
    "metadata": "api",
    "open_array": "values",
    "restore_plan": "plan",
    "root_metadata": "roots",
    "scan": "scanning",
    "steps": "roots",
    "to_orbax": "orbax._types",
    "verify": "verification",
    "write_table": "tables",
}


if not TYPE_CHECKING:
    # Out of the sight of type checkers, which would otherwise believe in any name.
    def __getattr__(name: str) -> object:
        """Import the module that defines a public name, and remember the name here."""
        if name not in _MODULE_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module

        from orbscan._imports import importing

        with importing:
            from orbscan._annotations import complete

            value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
            complete(value, _MODULE_OF)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
