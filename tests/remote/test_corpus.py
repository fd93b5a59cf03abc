"""A scan of every real checkpoint at hand in buckets gives what a scan of the disk gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import orbscan
from tests.remote import servers
from tests.remote.parity import is_in_a_bucket
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

# fake-gcs-server looks at all objects of a bucket to add one, so each has few.
CASES_OF_A_BUCKET = 20
# One in so many checkpoints is looked at closely.
SHARE = 60
TABLES = ["leaves", "checkpoints"]
# What tells versions of a checkpoint apart is of another kind in each store.
OF_THE_STORE = ["fingerprint"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories that become buckets, of all cases that a bucket can hold."""
    root = tmp_path_factory.mktemp("corpus")
    kept = left_out = 0
    for number, case in enumerate(corpus.cases()):
        folder = root / f"bucket-{number // CASES_OF_A_BUCKET:02}" / case.id
        corpus.unpack(case.archive, folder.parent)
        for place in filter(Path.is_dir, folder.iterdir()):
            if is_in_a_bucket(place):
                kept += 1
            else:
                left_out += 1
                shutil.rmtree(place)
        if not any(folder.iterdir()):
            folder.rmdir()
    assert left_out < kept / 10, f"{left_out} are left out of {left_out + kept}"
    return root


@pytest.fixture
def roots(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The buckets."""
    with servers.fake_gcs(data, 0) as port:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        yield [f"gs://{bucket.name}" for bucket in sorted(data.iterdir())]


def test_a_scan_of_buckets_gives_the_tables_of_the_disk(data: Path, roots: list[str]) -> None:
    local = sorted(str(bucket) for bucket in data.iterdir())
    for kind in TABLES:
        there = table(roots, kind, "gs://", pool_max_idle_per_host="1")
        here = table(local, kind, f"{data}/")
        assert there.num_rows > len(corpus.cases())
        assert there.column_names == here.column_names
        for name in there.column_names:
            assert there[name].equals(here[name]), difference(there, here, name)
    paths = sorted(set(there["path"].to_pylist()))[::SHARE]
    assert paths
    for path in paths:
        for ask in (verified, used):
            assert ask(f"gs://{path}", "gs://") == ask(f"{data}/{path}", f"{data}/"), path


def table(roots: list[str], kind: str, place: str, **options: str) -> pa.Table:
    """A table of all that lies below the roots, by what comes after the place."""
    found = orbscan.scan(roots, ordered=True, atomicity="atomic_rename", store_options=options)
    read = pa.table(getattr(found, kind)()).drop_columns(OF_THE_STORE)
    if kind == "checkpoints":
        # Of safetensors it is when their file was changed.
        is_file = pc.equal(read["kind"].cast("string"), "safetensors")
        for name in ("commit_timestamp", "commit_timestamp_nsecs"):
            times = pc.if_else(is_file, None, read[name])
            read = read.drop_columns([name]).append_column(name, times)
    for number, field in enumerate(read.schema):
        if pa.types.is_string(field.type):
            column = pc.replace_substring(read[field.name], place, "")
        elif pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type):
            rows = read[field.name].to_pylist()
            column = pa.array([row and [text.replace(place, "") for text in row] for row in rows])
        else:
            continue
        read = read.set_column(number, field.name, column)
    return read


def difference(there: pa.Table, here: pa.Table, name: str) -> list[Any]:
    """The first rows in which two tables differ, by the path."""
    columns = (there["path"].to_pylist(), there[name].to_pylist(), here[name].to_pylist())
    # One may be shorter.
    rows = zip(*columns, strict=False)
    return [name, *[row for row in rows if row[1] != row[2]][:5]]


def verified(path: str, place: str) -> str:
    """What `verify` says of a checkpoint."""
    report = orbscan.verify(path, level="data", atomicity="atomic_rename")
    return str(report).replace(place, "")


def used(path: str, place: str) -> str:
    """What `du` says of a checkpoint."""
    try:
        return str(orbscan.du(path, atomicity="atomic_rename")).replace(place, "")
    except orbscan.OrbscanError as error:
        return repr(error).replace(place, "")
