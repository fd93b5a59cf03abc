"""Filling stores."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

BUCKET = "bucket"
SECRET = "5ecret5ecret"  # noqa: S105 - of nobody
# fake-gcs-server looks at all objects of a bucket to add one.
_OBJECTS = 400


def client(port: int) -> Any:
    """What writes to the S3 at a port of this machine."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
    )


def put(port: int, objects: Mapping[str, bytes]) -> None:
    """Write objects into the bucket."""
    writer = client(port)
    for key, content in objects.items():
        writer.put_object(Bucket=BUCKET, Key=key, Body=content)


def spread(cases: Iterable[Path], data: Path, name: str) -> dict[str, str]:
    """Link directories below buckets of few objects each.

    Args:
        cases: on the same disk as the buckets.
        data: gets a directory for each bucket.
        name: with which those of the buckets begin.

    Returns:
        the bucket of each directory, by its name.
    """
    held, count = {}, 0
    for case in cases:
        held[case.name] = f"{name}-{count // _OBJECTS}"
        linked = data / held[case.name] / case.name
        shutil.copytree(case, linked, copy_function=os.link)
        count += sum(path.is_file() for path in linked.rglob("*"))
    return held


def files(place: Path, root: Path) -> dict[str, bytes]:
    """The files of a directory, by their paths below another."""
    below = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in below}
