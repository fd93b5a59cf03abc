"""The types of the arguments and attributes of public names, under one name each.

Modules that are imported at every start of the command line import these for type checkers only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import EllipsisType
from typing import (
    TYPE_CHECKING,
    Any,
    ForwardRef,
    Literal,
    SupportsIndex,
    TypeAlias,
    Union,
)

from orbscan.places import UrlPath

if TYPE_CHECKING:
    import pathlib

    import jax

    AnyPath: TypeAlias = pathlib.Path | UrlPath
    """The path of a result: on a disk, or a URL."""

    AnyMesh: TypeAlias = jax.sharding.Mesh | jax.sharding.AbstractMesh
    """A mesh of jax, with devices or without."""
else:
    from orbscan._imports import Library

    jax, pathlib = Library("jax"), Library("pathlib")
    # Looked up in this module, and only when they are resolved: `|` makes no union of references.
    AnyPath = Union[ForwardRef("pathlib.Path", module=__name__), UrlPath]  # noqa: UP007
    AnyMesh = Union[  # noqa: UP007
        ForwardRef("jax.sharding.Mesh", module=__name__),
        ForwardRef("jax.sharding.AbstractMesh", module=__name__),
    ]

Atomicity: TypeAlias = Literal[
    "auto", "atomic_rename", "commit_file", "commit_file_or_atomic_rename"
]
"""What makes a checkpoint a finished one."""

CheckpointKind: TypeAlias = Literal["v1", "v0", "safetensors", "temporary", "unknown"]
"""What a checkpoint is for a scan: its layout, or a save that never finished."""

TableName: TypeAlias = Literal["leaves", "checkpoints", "findings"]
"""Which table of a scan: a row for each leaf, each checkpoint, or each finding of a check."""

EntryState: TypeAlias = Literal["read", "unchanged", "vanished", "unread", "failed"]
"""The state of a checkpoint in a scan."""

StepState: TypeAlias = Literal["committed", "uncommitted", "broken", "unreadable"]
"""Whether the save of a step finished, and the step is whole; `unreadable` if the store does not
say."""

CheckpointState: TypeAlias = Literal[
    "committed", "uncommitted", "incomplete", "broken", "unreadable", "gone"
]
"""The same of a checkpoint: `incomplete` if some of its leaves cannot be read, `broken` if none
can, `gone` if an earlier scan found it."""

ItemKind: TypeAlias = Literal["pytree", "json", "other", "unknown"]
"""What a checkpointable is."""

ErrorKind: TypeAlias = Literal[
    "not_found",
    "unknown_layout",
    "uncommitted",
    "no_such_checkpointable",
    "deletion_in_progress",
    "deletion_record",
    "malformed",
    "checksum",
    "unsupported",
    "limit",
    "store",
    "memory",
]
"""What went wrong; `orbscan.errors` has the class of each."""

Mode: TypeAlias = Literal["max", "min"]
"""Which of the values of a metric is the best."""

Prefix: TypeAlias = str | EllipsisType | None
"""The text before the underscore in the name of a step: ... for any, None for none."""

StepChoice: TypeAlias = SupportsIndex | str | tuple[str, Mode]
"""One of the steps of a root: a number, `latest`, a metric with its mode, or a name."""

Name: TypeAlias = str | EllipsisType | None
"""A checkpointable: ... for all of them, None for the pytree of the checkpoint itself."""

Keypath: TypeAlias = tuple[str | int, ...]
"""Names of members of dicts and objects, and indices of members of lists."""

Advice: TypeAlias = tuple[Literal["name", "step", "step_of", "step_of_one"], str | None, str]
"""What to pass instead: which argument, its value or the path to pass it with, and in words."""

StoreFault: TypeAlias = Literal[
    "bucket", "credentials", "forbidden", "throttled", "network", "timeout", "changed", "server"
]
"""Why a store gave no answer."""

Severity: TypeAlias = Literal["error", "warning", "note"]
"""The severity of a finding."""

Outlook: TypeAlias = Literal["works", "may fail", "fails"]
"""The outcome of a restore."""

Level: TypeAlias = Literal["structure", "index", "data"]
"""The level of a check."""

Role: TypeAlias = Literal["document", "data", "chunk", "unused", "unknown", "other"]
"""The role of a file of a checkpoint."""

View: TypeAlias = Literal["treemap", "mesh", "steps"]
"""What a picture of a report shows."""

Path: TypeAlias = str | os.PathLike[str]
"""A path or a URL."""

StoreOptions: TypeAlias = Mapping[str, str | int | float | bool]
"""The options for the store of a URL."""

Metrics: TypeAlias = dict[str, Any]
"""The metrics that a manager was given for a step."""
