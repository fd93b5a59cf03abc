"""Filling a fake S3."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUCKET = "bucket"
SECRET = "5ecret5ecret"  # noqa: S105 - of nobody
_THREADS = 4


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

    def one(key: str) -> None:
        writer.put_object(Bucket=BUCKET, Key=key, Body=objects[key])

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(one, objects))


def files(place: Path, root: Path) -> dict[str, bytes]:
    """The files of a directory, by their paths below another."""
    below = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in below}
