"""An S3 that looks at every signature, and fails now and then, is read by whoever has the key."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.remote import servers
from tests.remote.buckets import BUCKET, SECRET
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
RUN = "o0.12.8-manager/run"


@pytest.fixture(scope="module")
def signed_disk(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("signed") / BUCKET
    for case in (V1, RUN):
        shutil.copytree(disk / case, root / case)
    return root


@pytest.fixture(scope="module")
def strict_port(signed_disk: Path) -> Iterator[int]:
    with servers.hadro(signed_disk.parent, SECRET) as port:
        yield port


@pytest.fixture(scope="module")
def failing_port(signed_disk: Path) -> Iterator[int]:
    with servers.hadro(signed_disk.parent, SECRET, fails=0.2) as port:
        yield port


def options(port: int, **others: str) -> dict[str, str]:
    own = {"access_key_id": "key", "secret_access_key": SECRET}
    where = {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "allow_http": "true"}
    return where | own | others


@pytest.mark.parametrize("case", [V1, f"{RUN}/10"])
def test_what_is_signed_is_answered(signed_disk: Path, strict_port: int, case: str) -> None:
    there = answer(f"{BASE}/{case}", BASE, store_options=options(strict_port))
    assert there == answer(signed_disk / case, str(signed_disk))


def test_what_is_signed_by_environment_is_answered(
    strict_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{strict_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert [step.step for step in orbscan.steps(f"{BASE}/{RUN}")] == [0, 10]
    assert orbscan.verify(f"{BASE}/{V1}", level="data").ok


@pytest.mark.parametrize(
    "wrong", [{"secret_access_key": f"x{SECRET}"}, {"access_key_id": "nobody"}]
)
def test_a_signature_that_is_refused_is_a_matter_of_credentials(
    strict_port: int, wrong: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = options(strict_port, **wrong)
    with pytest.raises(orbscan.StoreError, match="does not know the credentials") as raised:
        orbscan.metadata(f"{BASE}/{V1}", store_options=given)
    assert raised.value.fault == "credentials"
    words = [f"--store-option={name}={value}" for name, value in given.items()]
    assert main(["show", f"{BASE}/{V1}", *words]) == 4
    assert SECRET not in str(raised.value) + "".join(capsys.readouterr())


@pytest.mark.usefixtures("once")
def test_what_fails_is_told(failing_port: int) -> None:
    given = options(failing_port)
    entries = [
        entry for _ in range(9) for entry in orbscan.scan(f"{BASE}/{RUN}", store_options=given)
    ]
    faults = {entry.error.fault for entry in entries if isinstance(entry.error, orbscan.StoreError)}
    assert faults == {"throttled"}


def test_what_fails_now_and_then_is_asked_again(signed_disk: Path, failing_port: int) -> None:
    for _ in range(9):
        there = answer(f"{BASE}/{V1}", BASE, store_options=options(failing_port))
        assert there == answer(signed_disk / V1, str(signed_disk))
