"""The content of a root as JSON documents whose members are stable.

```
{"schema_version": 1, "path": "runs/7",
 "steps": [{"step": 1000, "prefix": null, "name": "1000", "path": "runs/7/1000",
            "committed": true, "temporary": false, "commit_reason": "...",
            "init_timestamp_nsecs": 1, "commit_timestamp_nsecs": 2,
            "metrics": {"loss": 0.5}, "custom_metadata": {}, "issues": [], "error": null}],
 "others": ["final"], "not_looked_into": 0}
```

Numbers that JSON does not allow, such as NaN, are strings.
"""

from __future__ import annotations

from orbscan.showing.documents import fault_document

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from orbscan.errors import OrbscanError

    class Step(Protocol):
        """The members that columns and values of a step have in common."""

        @property
        def step(self) -> int:
            """Its number."""

        @property
        def prefix(self) -> str | None:
            """Its prefix."""

        @property
        def name(self) -> str:
            """The name of its directory."""

        @property
        def committed(self) -> bool:
            """Whether it is finished."""

        @property
        def temporary(self) -> bool:
            """Whether it would be deleted."""

        @property
        def commit_reason(self) -> str:
            """Why."""

        @property
        def init_timestamp_nsecs(self) -> int | None:
            """When the save began."""

        @property
        def commit_timestamp_nsecs(self) -> int | None:
            """When it finished."""

        @property
        def error(self) -> OrbscanError | None:
            """What is missing."""


SCHEMA_VERSION = 1
"""The version of the JSON documents of roots."""


def root_document(
    path: str, steps: list[dict[str, object]], others: Sequence[str], not_looked_into: int
) -> dict[str, object]:
    """Compose the document of all steps of a root."""
    return {
        "schema_version": SCHEMA_VERSION,
        "path": path,
        "steps": steps,
        "others": list(others),
        "not_looked_into": not_looked_into,
    }


def step_document(
    step: Step,
    path: str,
    *,
    metrics: object,
    custom_metadata: object,
    issues: list[dict[str, object]],
) -> dict[str, object]:
    """Compose the document of one step.

    Args:
        step: what is known of it.
        path: the path of its directory.
        metrics: the metrics that the manager was given, as plain values.
        custom_metadata: what the user stored, likewise.
        issues: the documents of its issues.
    """
    return {
        "step": step.step,
        "prefix": step.prefix,
        "name": step.name,
        "path": path,
        "committed": step.committed,
        "temporary": step.temporary,
        "commit_reason": step.commit_reason,
        "init_timestamp_nsecs": step.init_timestamp_nsecs,
        "commit_timestamp_nsecs": step.commit_timestamp_nsecs,
        "metrics": metrics,
        "custom_metadata": custom_metadata,
        "issues": issues,
        "error": None if step.error is None else fault_document(step.error),
    }
