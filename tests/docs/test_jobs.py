"""The jobs for Kubernetes that docs/scan.md shows do what is said of them, here on this machine."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import orbscan
from orbscan.cli.demo import unpack
from tests.support import processes
from tools import examples

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (examples.ROOT / "docs" / "scan.md").read_text("utf-8")
JOBS = {
    job["kind"]: job
    for job in map(
        yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    )
}
COUNT = 64
SHARES = 2


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoints, and beside them an `orbscan` that a shell finds."""
    unpack(str(tmp_path))
    program = tmp_path / "bin" / "orbscan"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m orbscan "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def run(job: dict[str, Any], **variables: object) -> None:
    """Do what the only container of a job does, with few shares and on a disk."""
    [container] = job["spec"]["template"]["spec"]["containers"]
    words = [
        word.replace("gs://bucket/", "").replace(f"/{COUNT}", f"/{SHARES}")
        for word in (*container["command"], *container["args"])
    ]
    words[0] = {"python": sys.executable}.get(words[0], words[0])
    told = {name: str(value) for name, value in variables.items()}
    processes.output(words, env={**os.environ, **told})


def test_shares_are_as_many_as_pods() -> None:
    parts = JOBS["JobSet"]["spec"]["replicatedJobs"][0]["template"]
    for job in (JOBS["Job"], parts):
        spec = job["spec"]
        [container] = spec["template"]["spec"]["containers"]
        assert (spec["completionMode"], spec["completions"]) == ("Indexed", COUNT)
        assert f'--shard "$JOB_COMPLETION_INDEX/{COUNT}"' in " ".join(container["args"])


def test_the_jobs_of_a_set_follow_each_other_and_share_a_volume() -> None:
    parts, merge = JOBS["JobSet"]["spec"]["replicatedJobs"]
    assert merge["dependsOn"] == [{"name": parts["name"], "status": "Complete"}]
    for job in (parts, merge):
        pod = job["template"]["spec"]["template"]["spec"]
        [volume], [container] = pod["volumes"], pod["containers"]
        [mount] = container["volumeMounts"]
        assert mount["name"] == volume["name"]
        assert container["workingDir"] == mount["mountPath"]
        assert pod["restartPolicy"] == "OnFailure"


@pytest.mark.usefixtures("runs")
def test_the_parts_of_a_set_are_merged_into_the_table(tmp_path: Path) -> None:
    parts, merge = JOBS["JobSet"]["spec"]["replicatedJobs"]
    for index in range(SHARES):
        run(parts["template"], JOB_COMPLETION_INDEX=index)
    run(merge["template"])
    assert rows(pq.read_table(tmp_path / "leaves.parquet")) == rows(
        pa.table(orbscan.leaf_table("runs"))
    )


def test_a_job_updates_a_catalogue(runs: Path) -> None:
    for index in range(SHARES):
        run(JOBS["Job"], JOB_COMPLETION_INDEX=index)
    found = orbscan.open_catalogue("fleet.delta").leaves().to_table()
    assert rows(found) == rows(pa.table(orbscan.leaf_table(runs)))


def rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))
