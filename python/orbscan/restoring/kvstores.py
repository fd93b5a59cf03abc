"""A place as TensorStore names it; its own drivers read stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan.places import Url, url_scheme

if TYPE_CHECKING:
    from orbscan.aliases import ErrorKind

_UNSUPPORTED: ErrorKind = "unsupported"
_PUBLIC = {"true", "1", "yes", "on"}


def kvstore_of(place: str) -> dict[str, Any]:
    """Return the key-value store of a directory or a file, which may end with a slash.

    Raises:
        FormatError: TensorStore has no driver for the store.
    """
    scheme = url_scheme(place)
    if scheme is None:
        return {"driver": "file", "path": place}
    bucket, _, key = place.partition("://")[2].partition("/")
    if scheme == "gs":
        return {"driver": "gcs", "bucket": bucket, "path": key}
    if scheme in {"s3", "s3a"}:
        return {"driver": "s3", "bucket": bucket, "path": key, **_of_s3(_options(place))}
    if scheme in {"http", "https"}:
        return {"driver": "http", "base_url": f"{scheme}://{bucket}", "path": f"/{key}"}
    reason = (
        f"TensorStore, which opens arrays, cannot read {scheme}://: copy the checkpoint to a disk"
    )
    raise errors.error(_UNSUPPORTED, reason, place)


def _options(place: str) -> dict[str, str]:
    """Return the user's options for a store, by their names in the object_store library."""
    store = place.store if isinstance(place, Url) else None
    return {} if store is None else store.options()


def _of_s3(options: dict[str, str]) -> dict[str, Any]:
    """Return the members of a specification of S3, from the names that other tools use."""

    def said(*names: str) -> str | None:
        given = (options.get(f"aws_{name}", options.get(name)) for name in names)
        known = (os.environ.get(f"AWS_{name.upper()}") for name in names)
        return next((value for value in (*given, *known) if value), None)

    spec: dict[str, Any] = {}
    if endpoint := said("endpoint_url_s3", "endpoint_url", "endpoint"):
        spec["endpoint"] = endpoint
    if region := said("region", "default_region"):
        spec["aws_region"] = region
    if (said("skip_signature") or "").lower() in _PUBLIC:
        spec["aws_credentials"] = {"type": "anonymous"}
    return spec
