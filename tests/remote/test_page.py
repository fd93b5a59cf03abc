"""The example of docs/buckets.md runs as it stands, on a bucket of what `orbscan demo` writes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import orbscan
from orbscan.cli.demo import unpack
from tests.remote import proxy, servers

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "buckets.md"


def test_the_example_gives_what_a_disk_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(str(tmp_path / "buckets" / "runs"))
    disk = tmp_path / "buckets" / "runs"
    (program,) = (block for block in PAGE.read_text("utf-8").split("```") if block[:3] == "py\n")
    given: dict[str, Any] = {}
    with ExitStack() as stack:
        before, stop = proxy.start(0)
        stack.callback(stop)
        before.to = stack.enter_context(servers.fake_gcs(disk.parent, before.port))
        address = f"http://127.0.0.1:{before.port}"
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        # What TensorStore's own driver wants to know.
        monkeypatch.setenv("TENSORSTORE_GCS_HTTP_URL", address)
        monkeypatch.setenv("GOOGLE_AUTH_TOKEN_FOR_TESTING", "none")
        exec(program[3:], given)  # noqa: S102 - it is ours
    assert repr(given["m"].metadata) == repr(orbscan.metadata(disk / "composite").metadata)
    # As in a bucket, a file decides.
    every = orbscan.scan(f"{disk}/*", ordered=True, atomicity="commit_file")
    local = [str(entry.path) for entry in every if entry.committed]
    found = [str(entry.path).replace("gs://runs", str(disk)) for entry in given["found"]]
    assert found == local
    assert given["report"].ok
    alike = orbscan.diff(disk / "models" / "before", disk / "models" / "after")
    assert len(given["changed"].changed) == len(alike.changed)
    array = orbscan.open_array(disk / "composite", "params/embedding")[:2].read().result()
    np.testing.assert_array_equal(given["array"], array)
