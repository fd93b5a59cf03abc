"""What a read gives, so that two of them can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orbscan

if TYPE_CHECKING:
    from pathlib import Path


def answer(path: Any, root: str, **options: Any) -> object:
    """What a read gives, or raises, as text; the place is cut from it."""
    try:
        read = orbscan.metadata(path, atomicity="atomic_rename", **options)
    except orbscan.OrbscanError as error:
        return type(error), str(error).replace(root, "")
    told = [(issue.kind, str(issue).replace(root, "")) for issue in read.issues]
    return (
        repr(read.metadata),
        read.init_timestamp_nsecs,
        read.commit_timestamp_nsecs,
        read.custom_metadata,
        told,
    )


def is_in_a_bucket(place: Path) -> bool:
    """Whether a bucket can hold what lies there: no empty directory, no odd name."""
    below = [*place.rglob("*")]
    is_empty = any(path.is_dir() and not any(path.iterdir()) for path in [place, *below])
    return place.is_dir() and not is_empty and all(path.name.isprintable() for path in below)
