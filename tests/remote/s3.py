"""moto's S3, which holds the directories of a directory as buckets before it listens.

Run as a program with a port and the directory: to write thousands of objects through its interface
takes longer than all that is asked of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import main

from tests.remote import buckets


def fill(root: Path) -> None:
    """Make a bucket of each directory below this one."""
    store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for bucket in sorted(root.iterdir()):
        store.create_bucket(bucket.name, "us-east-1")
        for key, content in buckets.files(bucket, bucket).items():
            store.put_object(bucket.name, key, content)


if __name__ == "__main__":
    fill(Path(sys.argv[2]))
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
