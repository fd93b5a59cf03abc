"""A bucket of S3 is read as a disk is, by every function and command."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import obstore
import pytest

import orbscan
from orbscan.cli import main
from tests.remote import buckets, proxy, servers
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.remote.proxy import Proxy

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
RUN = "o0.12.8-manager/run"
FILES = "o0.12.8-no-ocdbt/ckpt"
MANY = "many/ckpt"
# A page has 1,000 keys.
ARRAYS = 1_000
CASES = [
    V1,
    f"{RUN}/10",
    FILES,
    "o0.12.8-flat/ckpt",
    "o0.12.8-v1-typed-keys/ckpt",
    "o0.12.8-damaged-v1-store/flipped_nodes",
    "o0.4.8-unmerged/ckpt",
]
# What consoles, mounts and people leave in buckets.
ODD_NAMES = ["ü b", "100%", "a%20b", "a+b", "a#b", "a?b", "a&b=c"]


@pytest.fixture(scope="session")
def s3_disk(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies in the bucket, on a disk."""
    root = tmp_path_factory.mktemp("s3") / BUCKET
    for case in {case.partition("/")[0] for case in CASES}:
        shutil.copytree(disk / case, root / case)
    for name in ODD_NAMES:
        shutil.copytree(disk / V1, root / "odd" / name)
    _write_many(root / FILES, root / MANY)
    return root


def _write_many(source: Path, target: Path) -> None:
    """Write a checkpoint of more arrays in files than a page of a listing has."""
    shutil.copytree(source, target)
    document = json.loads((target / "_METADATA").read_text())
    tree = document["tree_metadata"]
    key, leaf = next((key, leaf) for key, leaf in tree.items() if _array_of(target, leaf))
    array = _array_of(target, leaf)
    assert array is not None, key
    for number in range(ARRAYS):
        name = f"zz{number:04}"
        tree[str((name,))] = {**leaf, "key_metadata": [{"key": name, "key_type": 2}]}
        (target / name).mkdir()
        shutil.copy(array, target / name / ".zarray")
    (target / "_METADATA").write_text(json.dumps(document))


def _array_of(target: Path, leaf: Any) -> Path | None:
    name = ".".join(str(part["key"]) for part in leaf["key_metadata"])
    array = target / name / ".zarray"
    return array if array.is_file() else None


@pytest.fixture(scope="session")
def s3_server(s3_disk: Path) -> Iterator[Proxy]:
    with ExitStack() as stack:
        before, stop = proxy.start(stack.enter_context(servers.moto(s3_disk.parent)))
        stack.callback(stop)
        yield before


@pytest.fixture
def s3(s3_server: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_server.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", buckets.SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3_server.spoil = lambda *_: None
    s3_server.reset()
    return s3_server


@pytest.fixture
def s3_options(s3_server: Proxy) -> dict[str, str]:
    s3_server.spoil = lambda *_: None
    s3_server.reset()
    return {
        "endpoint": f"http://127.0.0.1:{s3_server.port}",
        "region": "us-east-1",
        "access_key_id": "key",
        "secret_access_key": buckets.SECRET,
        "allow_http": "true",
    }


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_of_s3_is_read_as_from_a_disk(s3_disk: Path, s3: Proxy, case: str) -> None:
    del s3
    assert answer(f"{BASE}/{case}", BASE) == answer(s3_disk / case, str(s3_disk))


def test_a_listing_of_several_pages_hides_nothing(s3_disk: Path, s3: Proxy) -> None:
    read = answer(f"{BASE}/{MANY}", BASE)
    assert read == answer(s3_disk / MANY, str(s3_disk))
    listings = [request for request in s3.requests if "list-type=2" in request.path]
    assert len(listings) <= 4, listings
    assert f"zz{ARRAYS - 1:04}" in str(read)


FUNCTIONS: dict[str, Callable[[Any], object]] = {
    "steps": lambda run: list(orbscan.steps(run)),
    "latest": orbscan.latest,
    "best": lambda run: orbscan.best(run, "loss"),
    "scan": lambda run: sorted((entry.step, entry.error) for entry in orbscan.scan(run)),
    "step": lambda run: repr(orbscan.metadata(run, step="latest").metadata),
    "root_metadata": lambda run: orbscan.root_metadata(run).custom_metadata,
    "is_orbax_checkpoint": lambda run: orbscan.is_orbax_checkpoint(f"{run}/10"),
    "is_another": lambda run: orbscan.is_orbax_checkpoint(f"{run}/11"),
    "structure": lambda run: str(orbscan.verify(f"{run}/10", level="structure")),
    "index": lambda run: str(orbscan.verify(f"{run}/10", level="index")),
    "data": lambda run: str(orbscan.verify(f"{run}/10", level="data")),
    "du": lambda run: str(orbscan.du(f"{run}/10")),
    "checkpointables": lambda run: repr(orbscan.checkpointables_metadata(f"{run}/10").metadata),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_as_for_a_disk(s3_disk: Path, s3: Proxy, name: str) -> None:
    del s3

    def told(place: str) -> str:
        try:
            return str(FUNCTIONS[name](place)).replace(place, "").replace("UrlPath", "PosixPath")
        except orbscan.OrbscanError as error:
            return repr(error).replace(place, "")

    assert told(f"{BASE}/{RUN}") == told(str(s3_disk / RUN))


def test_a_bucket_and_a_disk_do_not_differ(s3_disk: Path, s3: Proxy) -> None:
    del s3
    assert orbscan.diff(f"{BASE}/{V1}", s3_disk / V1, values=True).same


def test_an_array_is_opened_by_tensorstore(s3_disk: Path, s3: Proxy) -> None:
    del s3
    there = orbscan.open_array(f"{BASE}/{V1}", "joint").read().result()
    np.testing.assert_array_equal(there, orbscan.open_array(s3_disk / V1, "joint").read().result())


def test_options_lead_to_the_store(s3_disk: Path, s3_options: dict[str, str]) -> None:
    there = answer(f"{BASE}/{V1}", BASE, store_options=s3_options)
    assert there == answer(s3_disk / V1, str(s3_disk))


def _obstore(s3_options: dict[str, str], **others: Any) -> obstore.store.S3Store:
    http: Any = {"allow_http": s3_options["allow_http"] == "true"}
    retries: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=9)}
    words: Any = {name: word for name, word in s3_options.items() if name != "allow_http"} | others
    return obstore.store.S3Store(BUCKET, client_options=http, retry_config=retries, **words)


def test_a_store_of_obstore_is_read(s3_disk: Path, s3_options: dict[str, str]) -> None:
    store = _obstore(s3_options)
    there = answer(f"{BASE}/{V1}", BASE, store=store)
    assert there == answer(s3_disk / V1, str(s3_disk))
    assert buckets.SECRET not in repr(store)


def test_a_prefix_of_a_store_of_obstore_is_where_paths_begin(
    s3_disk: Path, s3_options: dict[str, str]
) -> None:
    above, _, name = V1.partition("/")
    store = _obstore(s3_options, prefix=above)
    there = answer(f"{BASE}/{name}", BASE, store=store)
    assert there == answer(s3_disk / V1, f"{s3_disk}/{above}")


@pytest.mark.parametrize("is_awaited", [False, True])
def test_the_login_of_a_store_of_obstore_is_asked(
    s3_disk: Path, s3_options: dict[str, str], *, is_awaited: bool
) -> None:
    del s3_options["access_key_id"], s3_options["secret_access_key"]
    asked = []

    def login() -> dict[str, Any]:
        asked.append(True)
        until = datetime.now(UTC) + timedelta(hours=1)
        secrets = {"access_key_id": "key", "secret_access_key": buckets.SECRET}
        return {**secrets, "token": None, "expires_at": until}

    async def awaited() -> dict[str, Any]:
        return login()

    provider = awaited if is_awaited else login
    there = answer(f"{BASE}/{V1}", BASE, store=_obstore(s3_options, credential_provider=provider))
    assert there == answer(s3_disk / V1, str(s3_disk))
    assert asked == [True]


def test_a_login_is_asked_once_and_told_from_others(s3_options: dict[str, str]) -> None:
    del s3_options["access_key_id"], s3_options["secret_access_key"]
    asked = []

    def login(name: str) -> Callable[[], dict[str, Any]]:
        def ask() -> dict[str, Any]:
            asked.append(name)
            secrets = {"access_key_id": name, "secret_access_key": buckets.SECRET}
            return {**secrets, "token": None, "expires_at": datetime.now(UTC) + timedelta(hours=1)}

        return ask

    first, second = (_obstore(s3_options, credential_provider=login(name)) for name in "ab")
    for store in (first, second, first, second):
        assert orbscan.metadata(f"{BASE}/{V1}", store=store).metadata
    assert asked == ["a", "b"]


def test_a_login_that_fails_says_nothing_secret(s3_options: dict[str, str]) -> None:
    del s3_options["access_key_id"], s3_options["secret_access_key"]

    def login() -> dict[str, Any]:
        raise ValueError(buckets.SECRET)

    says = r"the login failed \(ValueError\): no valid credentials"
    with pytest.raises(orbscan.StoreError, match=says) as raised:
        orbscan.metadata(f"{BASE}/{V1}", store=_obstore(s3_options, credential_provider=login))
    assert buckets.SECRET not in str(raised.value)


@pytest.mark.parametrize("store", [obstore.store.MemoryStore(), object()])
def test_other_stores_are_refused(store: object) -> None:
    with pytest.raises(TypeError, match="must be one of obstore for a bucket or a web server"):
        orbscan.metadata(f"{BASE}/{V1}", store=store)


@pytest.mark.parametrize(
    "command",
    [
        ["show", f"{BASE}/{V1}"],
        ["verify", "--level", "data", f"{BASE}/{V1}"],
        ["du", f"{BASE}/{V1}"],
        ["dump", f"{BASE}/{V1}/state/manifest.ocdbt"],
        ["steps", f"{BASE}/{RUN}"],
        ["ls", f"{BASE}/{RUN}"],
        ["scan", f"{BASE}/{RUN}"],
        ["diff", f"{BASE}/{RUN}/0", f"{BASE}/{RUN}/10"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_takes_options_of_the_store(
    s3_options: dict[str, str], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--store-option={name}={value}" for name, value in s3_options.items()]
    assert main([*command, *options]) in {0, 1}
    out, err = capsys.readouterr()
    assert out
    assert not err
    assert buckets.SECRET not in out


def test_a_bucket_that_does_not_exist_is_called_so(s3: Proxy) -> None:
    del s3
    with pytest.raises(orbscan.StoreError, match="the bucket does not exist") as raised:
        orbscan.metadata("s3://nobucket/run")
    assert raised.value.fault == "bucket"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_key_is_taken_as_it_is(s3_disk: Path, s3: Proxy, name: str) -> None:
    del s3
    source = s3_disk / V1
    place = f"{BASE}/odd/{name}"
    assert answer(place, place) == answer(source, str(source))
    assert place in {str(entry.path) for entry in orbscan.scan(f"{BASE}/odd")}


def test_marks_of_directories_are_not_files(s3_disk: Path, s3: Proxy) -> None:
    source = s3_disk / V1
    objects = {f"marked/7/{key}": body for key, body in buckets.files(source, source).items()}
    marks = ["marked/", "marked/7/", "marked/7/state/", "marked/7/state/d/", "marked/7/x_$folder$"]
    buckets.put(s3.to, objects | dict.fromkeys(marks, b""))
    place = f"{BASE}/marked/7"
    assert answer(place, place) == answer(source, str(source))
    assert [step.step for step in orbscan.steps(f"{BASE}/marked")] == [7]
    assert orbscan.verify(place, level="data").ok


def test_a_key_with_an_empty_part_does_not_hide_the_others(s3_disk: Path, s3: Proxy) -> None:
    source = s3_disk / V1
    objects = {f"holes/7/{key}": body for key, body in buckets.files(source, source).items()}
    buckets.put(s3.to, objects | {"holes/7//x": b"x"})
    place = f"{BASE}/holes/7"
    assert answer(place, place) == answer(source, str(source))
    assert not orbscan.verify(place).ok
