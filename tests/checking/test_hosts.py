"""Local checkpoints: what each of several hosts holds, and what they hold together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from orbax.checkpoint._src.serialization import type_handler_registry, type_handlers
from orbax.checkpoint.experimental.emergency import process_metadata_checkpoint_handler as processes

import orbscan
from tests.checking.store_damages import database
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from orbscan.checking.report import VerifyReport

ARCHIVE = Path(__file__).with_name("local-of-two-hosts.tar.gz")
STEP = "40"
TWO = [[0, 1, 2, 3], [4, 5, 6, 7]]
FOUR = [[0, 1], [2, 3], [4, 5], [6, 7]]

LINE = (8,), ("data",)
REPLICAS = (2, 4), ("replica", "data")
"""Two replicas of four devices."""


def laid(mesh: tuple[tuple[int, ...], tuple[str, ...]], *spec: str | None) -> jax.Array:
    """An array of eight rows over eight devices."""
    shape, axes = mesh
    devices = Mesh(np.array(jax.devices()).reshape(shape), axes)
    values = np.arange(64, dtype=np.float32).reshape(8, 8) + 1
    array: jax.Array = jax.device_put(values, NamedSharding(devices, PartitionSpec(*spec)))
    return array


def save(
    folder: Path,
    state: dict[str, jax.Array],
    devices: list[list[int]],
    *,
    use_ocdbt: bool = True,
) -> list[Path]:
    """What each process has of a local checkpoint, by where JAX says that the shards are."""
    whole_shards = type_handlers.ArrayHandler(
        primary_host=None, replica_id=None, use_replica_parallel=False
    )
    registry = type_handler_registry.create_type_handler_registry((jax.Array, whole_shards))
    handler = ocp.CompositeCheckpointHandler(
        state=ocp.PyTreeCheckpointHandler(use_ocdbt=use_ocdbt, type_handler_registry=registry),
        process_metadata=processes.ProcessMetadataCheckpointHandler(
            distributed_to_device_ids_fn=lambda: devices
        ),
    )
    mesh = Mesh(np.array(jax.devices()), ("data",))
    with ocp.Checkpointer(handler) as checkpointer:
        arguments = ocp.args.Composite(
            state=ocp.args.PyTreeSave(state),
            process_metadata=processes.ProcessMetadataSaveArgs(global_mesh=mesh),
        )
        checkpointer.save(folder / "all" / STEP, arguments)
    hosts = []
    for number, own in enumerate(devices):
        host = folder / f"host{number}" / STEP
        shutil.copytree(folder / "all" / STEP, host)
        kept = {key for name, array in state.items() for key in keys(name, array, own)}
        # Each process has such an array of its own.
        kept |= {key for name in state for key in keys(name, state[name]) if is_single(state[name])}
        everything = {key for name, array in state.items() for key in keys(name, array)}
        drop(host, everything - kept)
        hosts.append(host)
    return hosts


def is_single(array: jax.Array) -> bool:
    return len(array.sharding.device_set) == 1


def forget_processes(host: Path) -> None:
    """Leave a directory as a save without `process_metadata` does."""
    shutil.rmtree(host / "process_metadata")
    metadata = host / "_CHECKPOINT_METADATA"
    document = json.loads(metadata.read_text("utf-8"))
    del document["item_handlers"]["process_metadata"]
    metadata.write_text(json.dumps(document), "utf-8")


def keys(name: str, array: jax.Array, devices: Sequence[int] | None = None) -> Iterable[str]:
    """The keys of the chunks on some devices, or on all."""
    shard = array.sharding.shard_shape(array.shape)
    places: Mapping[Any, Any] = array.sharding.devices_indices_map(array.shape)
    for device, index in places.items():
        if devices is None or device.id in devices:
            starts = [(along.start or 0) for along in index]
            chunk = [start // length for start, length in zip(starts, shard, strict=True)]
            yield f"{name}/{'.'.join(map(str, chunk))}"


def drop(host: Path, chunks: Iterable[str]) -> None:
    item = host / "state"
    if not (item / "manifest.ocdbt").exists():
        for key in chunks:
            (item / key).unlink()
        return
    for key in chunks:
        database(item).write(key, None).result()


def codes(report: VerifyReport) -> list[str]:
    """Without what deleting from a database leaves behind."""
    found = [finding.code for finding in report.findings]
    return [code for code in found if code != "data-file-unused"]


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    """What two processes of Orbax wrote: the shards of replicas on both hosts."""
    corpus.unpack(ARCHIVE, tmp_path)
    return [tmp_path / "local-of-two-hosts" / f"host{number}" / STEP for number in (0, 1)]


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """Two hosts, half of an array each."""
    return save(tmp_path, {"w": laid(LINE, "data")}, TWO)


@pytest.mark.parametrize("level", ["index", "data"])
def test_each_host_of_a_real_save_holds_its_share(written: list[Path], level: str) -> None:
    for number, host in enumerate(written):
        report = orbscan.verify(host, level=level)  # type: ignore[arg-type]
        assert report.ok
        assert codes(report) == ["chunk-elsewhere"]
        assert report.part == (2, (number,), 6, 9)
    report = orbscan.verify(written, combined=True, level=level)  # type: ignore[arg-type]
    assert (report.findings, report.ok, report.part) == ((), True, None)
    assert report.places == tuple(map(str, written))


@pytest.mark.parametrize("use_ocdbt", [True, False], ids=["database", "files"])
def test_four_hosts_of_two_replicas(tmp_path: Path, *, use_ocdbt: bool) -> None:
    state = {"w": laid(REPLICAS, "data"), "b": laid(REPLICAS), "s": laid(REPLICAS, None, "data")}
    hosts = save(tmp_path, state, FOUR, use_ocdbt=use_ocdbt)
    for number, host in enumerate(hosts):
        report = orbscan.verify(host, level="data")
        assert (report.ok, codes(report)) == (True, ["chunk-elsewhere"])
        assert report.part is not None
        assert report.part.here == (number % 2, number % 2 + 2)
    for some in (hosts, hosts[:2], hosts[2:], [hosts[0], hosts[3]]):
        assert codes(orbscan.verify(some, combined=True, level="data")) == []
    report = orbscan.verify([hosts[0], hosts[2]], combined=True)
    assert codes(report) == ["chunk-missing", "chunk-missing"]
    assert {leaf.param_name for leaf in report.lost_leaves} == {"w", "s"}
    assert all(finding.file is None for finding in report.findings if finding.param_name)


@pytest.mark.parametrize("use_ocdbt", [True, False], ids=["database", "files"])
def test_a_chunk_that_every_host_should_hold_is_lost(tmp_path: Path, *, use_ocdbt: bool) -> None:
    state = {"w": laid(LINE, "data"), "b": laid(REPLICAS), "one": jax.numpy.ones(3)}
    for gone in ("b/0.0", "one/0"):
        hosts = save(tmp_path / gone[0], state, TWO, use_ocdbt=use_ocdbt)
        drop(hosts[1], [gone])
        report = orbscan.verify(hosts[1])
        assert codes(report) == ["chunk-missing", "chunk-elsewhere"]
        (lost,) = report.lost_leaves
        assert lost.param_name == gone.split("/")[0]
        (finding,) = (f for f in orbscan.verify(hosts, combined=True).findings if f.param_name)
        assert (finding.code, finding.file) == ("chunk-missing", str(hosts[1]))


def test_a_damaged_chunk_of_one_host_is_an_error_with_its_path(tmp_path: Path) -> None:
    hosts = save(tmp_path, {"w": laid(LINE, "data")}, TWO, use_ocdbt=False)
    chunk = hosts[1] / "state" / "w" / "5.0"
    chunk.write_bytes(b"no chunk")
    alone = orbscan.verify(hosts[1], level="data")
    assert codes(alone) == ["chunk-damaged", "chunk-elsewhere"]
    together = orbscan.verify(hosts, combined=True, level="data")
    (finding,) = together.findings
    assert (finding.code, finding.file) == ("chunk-damaged", str(chunk))
    assert not together.ok


def test_a_host_without_process_metadata_is_damaged_as_ever(pair: list[Path]) -> None:
    for host in pair:
        forget_processes(host)
        assert codes(orbscan.verify(host)) == ["chunk-missing"]
    assert codes(orbscan.verify(pair, combined=True)) == []


def test_hosts_of_different_steps_are_no_one_checkpoint(pair: list[Path]) -> None:
    other = pair[1].rename(pair[1].with_name("60"))
    report = orbscan.verify([pair[0], other], combined=True)
    assert codes(report) == ["hosts-differ"]
    (finding,) = (found for found in report.findings if found.code == "hosts-differ")
    assert (finding.file, finding.expected, finding.found) == (str(other), "step 40", "step 60")
    # Names of directories beside each other may well number the hosts.
    beside = [pair[0].rename(pair[0].parent / "0"), shutil.move(other, pair[0].parent / "1")]
    assert codes(orbscan.verify(beside, combined=True)) == []


def test_hosts_with_other_trees_are_no_one_checkpoint(tmp_path: Path, pair: list[Path]) -> None:
    more = {"w": laid(LINE, "data"), "b": laid(LINE, "data")}
    other = save(tmp_path / "other", more, TWO)
    report = orbscan.verify([pair[0], other[1]], combined=True)
    assert "hosts-differ" in codes(report)
    (finding,) = (found for found in report.findings if found.code == "hosts-differ")
    assert (finding.param_name, finding.expected) == ("b", "no such leaf")


def test_wrong_uses_of_combined_say_what_is_wrong(pair: list[Path]) -> None:
    one, other = map(str, pair)
    with pytest.raises(TypeError, match="combined=True needs a list"):
        orbscan.verify(one, combined=True)
    with pytest.raises(TypeError, match="only with combined=True"):
        orbscan.verify([one, other])
    with pytest.raises(ValueError, match="two hosts or more"):
        orbscan.verify([one], combined=True)
    with pytest.raises(ValueError, match="is listed twice"):
        orbscan.verify([one, f"{one}/."], combined=True)
