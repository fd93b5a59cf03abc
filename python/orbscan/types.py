"""The types of what public functions take and public values have, to annotate with.

Those of one value among a few are `Literal`s, so that a type checker finds a misspelled one.

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
)
from orbscan.scanning.options import ArrowTable, Previous, ScanOptions, Since, StepRange

__all__ = [
    "AnyMesh",
    "ArrowTable",
    "Atomicity",
    "CheckpointKind",
    "CheckpointState",
    "EntryState",
    "ErrorKind",
    "ItemKind",
    "Keypath",
    "Level",
    "Mode",
    "Name",
    "Outlook",
    "Path",
    "Prefix",
    "Previous",
    "Role",
    "ScanOptions",
    "Severity",
    "Since",
    "StepChoice",
    "StepRange",
    "StepState",
    "TableName",
]
