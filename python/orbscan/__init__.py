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
    from orbscan._core import ArrowSchema, ArrowStream, __version__
    from orbscan.catalogue.api import CatalogueUpdate, open_catalogue, update_catalogue
    from orbscan.catalogue.opened import Catalogue, CatalogueContents, CatalogueVersion
    from orbscan.checking.amounts import CheckpointUsage, LeafUsage
    from orbscan.checking.api import verify
    from orbscan.checking.dumping import Dump, dump
    from orbscan.checking.findings import Finding
    from orbscan.checking.measuring import du
    from orbscan.checking.report import VerifyReport
    from orbscan.checking.usage import Usage, Usages
    from orbscan.comparing.api import diff
    from orbscan.differing.diff import Diff
    from orbscan.errors import (
        CheckpointNotFoundError,
        DeletionInProgressError,
        DeletionRecoveryError,
        FormatError,
        InvalidLayoutError,
        OrbscanError,
        OutOfMemoryError,
        StoreError,
    )
    from orbscan.model.leaves import (
        ArrayMetadata,
        Compression,
        NumpyMetadata,
        StorageMetadata,
        UnreadableLeaf,
        UnsupportedLeaf,
        Zarr2Metadata,
        Zarr3Metadata,
    )
    from orbscan.model.result import CheckpointMetadata, Issue, PyTreeMetadata
    from orbscan.model.sharding import (
        DeviceMesh,
        MissingDevicesError,
        NamedShardingMetadata,
        PositionalShardingMetadata,
        ShardingError,
        SingleDeviceShardingMetadata,
    )
    from orbscan.places import UrlPath
    from orbscan.planning.api import restore_plan
    from orbscan.planning.fit import MeshMismatchError
    from orbscan.planning.plan import RestorePlan
    from orbscan.reading.api import checkpointables_metadata, is_orbax_checkpoint, metadata
    from orbscan.reading.step import RootMetadata, Step, Steps
    from orbscan.reading.steps import best, latest, root_metadata, steps
    from orbscan.reporting.api import report
    from orbscan.reporting.value import Report
    from orbscan.restoring.abstract import abstract_state
    from orbscan.restoring.arrays import LeafNotFoundError, open_array
    from orbscan.restoring.loading import load, load_checkpointables
    from orbscan.restoring.orbax_types import to_orbax
    from orbscan.scanning.api import scan
    from orbscan.scanning.entry import CheckpointEntry
    from orbscan.scanning.merging import merge_findings
    from orbscan.scanning.running import Scan
    from orbscan.scanning.shares import Share, shares
    from orbscan.scanning.tables import (
        checkpoint_table,
        finding_table,
        leaf_table,
        schema,
        write_table,
    )

__all__ = [
    "ArrayMetadata",
    "ArrowSchema",
    "ArrowStream",
    "Catalogue",
    "CatalogueContents",
    "CatalogueUpdate",
    "CatalogueVersion",
    "CheckpointEntry",
    "CheckpointMetadata",
    "CheckpointNotFoundError",
    "CheckpointUsage",
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
    "OutOfMemoryError",
    "PositionalShardingMetadata",
    "PyTreeMetadata",
    "Report",
    "RestorePlan",
    "RootMetadata",
    "Scan",
    "ShardingError",
    "Share",
    "SingleDeviceShardingMetadata",
    "Step",
    "Steps",
    "StorageMetadata",
    "StoreError",
    "UnreadableLeaf",
    "UnsupportedLeaf",
    "UrlPath",
    "Usage",
    "Usages",
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
    "finding_table",
    "is_orbax_checkpoint",
    "latest",
    "leaf_table",
    "load",
    "load_checkpointables",
    "merge_findings",
    "metadata",
    "open_array",
    "open_catalogue",
    "report",
    "restore_plan",
    "root_metadata",
    "scan",
    "schema",
    "shares",
    "steps",
    "to_orbax",
    "update_catalogue",
    "verify",
    "write_table",
]

_MODULE_OF = {
    "ArrayMetadata": "model.leaves",
    "ArrowSchema": "_core",
    "ArrowStream": "_core",
    "Catalogue": "catalogue.opened",
    "CatalogueContents": "catalogue.opened",
    "CatalogueUpdate": "catalogue.api",
    "CatalogueVersion": "catalogue.opened",
    "CheckpointEntry": "scanning.entry",
    "CheckpointMetadata": "model.result",
    "CheckpointNotFoundError": "errors",
    "CheckpointUsage": "checking.amounts",
    "Chunks": "checking.findings",
    "Compression": "model.leaves",
    "DeletionInProgressError": "errors",
    "DeletionRecoveryError": "errors",
    "DeviceMesh": "model.sharding",
    "Diff": "differing.diff",
    "Dump": "checking.dumping",
    "Finding": "checking.findings",
    "FormatError": "errors",
    "InvalidLayoutError": "errors",
    "Issue": "model.result",
    "LeafNotFoundError": "restoring.arrays",
    "LeafUsage": "checking.amounts",
    "MeshMismatchError": "planning.fit",
    "MissingDevicesError": "model.sharding",
    "NamedShardingMetadata": "model.sharding",
    "NumpyMetadata": "model.leaves",
    "OrbscanError": "errors",
    "OutOfMemoryError": "errors",
    "PositionalShardingMetadata": "model.sharding",
    "PyTreeMetadata": "model.result",
    "Report": "reporting.value",
    "RestorePlan": "planning.plan",
    "RootMetadata": "reading.step",
    "Scan": "scanning.running",
    "ShardingError": "model.sharding",
    "Share": "scanning.shares",
    "SingleDeviceShardingMetadata": "model.sharding",
    "Step": "reading.step",
    "Steps": "reading.step",
    "StorageMetadata": "model.leaves",
    "StoreError": "errors",
    "UnreadableLeaf": "model.leaves",
    "UnsupportedLeaf": "model.leaves",
    "UrlPath": "places",
    "Usage": "checking.usage",
    "Usages": "checking.usage",
    "VerifyReport": "checking.report",
    "Zarr2Metadata": "model.leaves",
    "Zarr3Metadata": "model.leaves",
    "__version__": "_core",
    "abstract_state": "restoring.abstract",
    "best": "reading.steps",
    "checkpoint_table": "scanning.tables",
    "checkpointables_metadata": "reading.api",
    "diff": "comparing.api",
    "du": "checking.measuring",
    "dump": "checking.dumping",
    "finding_table": "scanning.tables",
    "is_orbax_checkpoint": "reading.api",
    "latest": "reading.steps",
    "leaf_table": "scanning.tables",
    "load": "restoring.loading",
    "load_checkpointables": "restoring.loading",
    "merge_findings": "scanning.merging",
    "metadata": "reading.api",
    "open_array": "restoring.arrays",
    "open_catalogue": "catalogue.api",
    "report": "reporting.api",
    "restore_plan": "planning.api",
    "root_metadata": "reading.steps",
    "scan": "scanning.api",
    "schema": "scanning.tables",
    "shares": "scanning.shares",
    "steps": "reading.steps",
    "to_orbax": "restoring.orbax_types",
    "update_catalogue": "catalogue.api",
    "verify": "checking.api",
    "write_table": "scanning.tables",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, which would otherwise accept any name.
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
