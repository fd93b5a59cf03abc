"""The types of the arguments of public functions and of public values, for annotations.

Types with few possible values are `Literal`s, so that a type checker finds a misspelled one. The
values inside reports, plans and differences have their names here, too.

>>> from typing import get_args
>>> get_args(StepState)
('committed', 'uncommitted', 'broken', 'unreadable')
"""

from __future__ import annotations

from orbscan.aliases import (
    AnyMesh,
    Atomicity,
    CheckpointKind,
    CheckpointState,
    EntryState,
    ErrorKind,
    ItemKind,
    Keypath,
    Level,
    Mode,
    Name,
    Outlook,
    Path,
    Prefix,
    Role,
    Severity,
    StepChoice,
    StepState,
    TableName,
    View,
)
from orbscan.checking.amounts import FileUsage
from orbscan.checking.dumping import Field
from orbscan.checking.findings import Restores
from orbscan.checking.verdict import Extent, LostLeaf, Part
from orbscan.differing.changes import (
    AmbiguousRename,
    ContainerChange,
    LeafAt,
    LeafChange,
    Rename,
)
from orbscan.differing.leaf import LeafSummary
from orbscan.model.item import Item
from orbscan.planning.fit import Problem
from orbscan.planning.value import DevicePlan, HostPlan, LeafPlan
from orbscan.scanning.options import ArrowTable, Previous, ScanOptions, Since, StepRange

__all__ = [
    "AmbiguousRename",
    "AnyMesh",
    "ArrowTable",
    "Atomicity",
    "CheckpointKind",
    "CheckpointState",
    "ContainerChange",
    "DevicePlan",
    "EntryState",
    "ErrorKind",
    "Extent",
    "Field",
    "FileUsage",
    "HostPlan",
    "Item",
    "ItemKind",
    "Keypath",
    "LeafAt",
    "LeafChange",
    "LeafPlan",
    "LeafSummary",
    "Level",
    "LostLeaf",
    "Mode",
    "Name",
    "Outlook",
    "Part",
    "Path",
    "Prefix",
    "Previous",
    "Problem",
    "Rename",
    "Restores",
    "Role",
    "ScanOptions",
    "Severity",
    "Since",
    "StepChoice",
    "StepRange",
    "StepState",
    "TableName",
    "View",
]
