"""A store that fails is told from a damaged checkpoint, by a sentence that says what to do."""

from __future__ import annotations

import logging
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import main
from tests.remote import servers
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer
from tests.remote.proxy import HOLD
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.proxy import Proxy

BASE = f"gs://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
SECRET = "5ecret5ecret"  # noqa: S105 - of nobody
FAULTS = {
    401: ("credentials", "skip_signature=true"),
    403: ("forbidden", "ask for a role"),
    404: ("bucket", "the bucket does not exist"),
    429: ("throttled", "lower the store option max_concurrency"),
    500: ("server", "try again"),
    503: ("throttled", "lower the store option max_concurrency"),
}


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("status", FAULTS)
def test_each_status_has_its_fault_and_its_advice(
    gcs: Proxy, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fault, advice = FAULTS[status]
    gcs.spoil = lambda *_: status
    with pytest.raises(orbscan.StoreError, match=advice) as raised:
        orbscan.metadata(f"{BASE}/{V1}")
    error = raised.value
    assert (error.kind, error.fault, error.file) == ("store", fault, f"{BASE}/{V1}")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert (str(copy), copy.fault) == (str(error), fault)
    assert main(["show", f"{BASE}/{V1}"]) == 4
    assert advice in capsys.readouterr().err


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("status", [403, 503])
def test_a_file_that_is_refused_is_not_called_missing(gcs: Proxy, status: int) -> None:
    gcs.spoil = lambda _number, _method, path: status if path.endswith("state/_METADATA") else None
    with pytest.raises(orbscan.StoreError) as raised:
        orbscan.metadata(f"{BASE}/{V1}")
    assert raised.value.fault == FAULTS[status][0]


@pytest.mark.usefixtures("once")
def test_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{servers.free_port()}")
    with pytest.raises(orbscan.StoreError, match="nothing answers at the address") as raised:
        orbscan.metadata(f"{BASE}/{V1}")
    assert raised.value.fault == "network"
    assert main(["show", f"{BASE}/{V1}"]) == 4
    assert "look at the network" in capsys.readouterr().err


@pytest.mark.usefixtures("once")
def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://orbscan.invalid")
    with pytest.raises(orbscan.StoreError, match="name of the server was not found") as raised:
        orbscan.metadata(f"{BASE}/{V1}")
    assert raised.value.fault == "network"


def test_what_fails_now_and_then_is_tried_again(disk: Path, gcs: Proxy) -> None:
    gcs.spoil = lambda number, *_: 503 if number % 3 == 0 else None
    assert answer(f"{BASE}/{V1}", BASE) == answer(disk / V1, str(disk))
    assert 503 in {request.status for request in gcs.requests}


SECRETS: list[tuple[str, dict[str, Any]]] = [
    (f"https://me:{SECRET}@127.0.0.1/run", {}),
    (f"https://127.0.0.1/run?X-Amz-Signature={SECRET}", {}),
    (
        "s3://bucket/run",
        {
            "endpoint": "http://127.0.0.1:9",
            "allow_http": "true",
            "region": "us-east-1",
            "access_key_id": "key",
            "secret_access_key": SECRET,
        },
    ),
    ("s3://bucket/run", {"secret_access_key": SECRET, "no_such_option": SECRET}),
    ("hf://org/name/run", {"endpoint": "http://127.0.0.1:9", "token": SECRET}),
    ("hf://org/name/run", {"token": f"{SECRET}\n{SECRET}", "endpoint": "http://127.0.0.1:9"}),
    ("az://container/run", {"account_name": "x", "account_key": f"!{SECRET}"}),
    ("az://container/run", {"account_name": "x", "sas_token": f"sig={SECRET}%"}),
    ("gs://bucket/run", {"service_account_key": f'{{"private_key": "{SECRET}"}}'}),
]


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize(("url", "options"), SECRETS)
def test_no_secret_is_in_an_error(
    url: str,
    options: dict[str, Any],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(orbscan.OrbscanError) as raised:
        orbscan.metadata(url, store_options=options)
    error = raised.value
    arguments = [f"--store-option={name}={value}" for name, value in options.items()]
    assert main(["show", url, *arguments]) != 0
    told = [str(error), repr(error), str(vars(error)), str(error.args), *capfd.readouterr()]
    assert SECRET not in "".join([*told, caplog.text])


@pytest.mark.parametrize(("name", "value"), [("read_timeout", "soon"), ("http1_only", "perhaps")])
def test_an_option_without_a_valid_value_is_no_matter_of_the_store(name: str, value: str) -> None:
    with pytest.raises(orbscan.OrbscanError, match="a store option has no valid value: ") as raised:
        orbscan.metadata(f"{BASE}/{V1}", store_options={name: value})
    assert raised.value.kind == "unsupported"
    assert f'"{value}"' in str(raised.value)
    assert main(["show", f"{BASE}/{V1}", f"--store-option={name}={value}"]) == 3


def test_a_file_that_is_gone_after_the_listing_is_a_change(gcs: Proxy) -> None:
    gcs.spoil = lambda _number, _method, path: 404 if path.endswith("state/_METADATA") else None
    with pytest.raises(orbscan.StoreError, match="changed while it was read") as raised:
        orbscan.metadata(f"{BASE}/{V1}")
    assert raised.value.fault == "changed"
    assert len([request for request in gcs.requests if "prefix=" in request.path]) == 2


def test_a_checkpoint_that_changes_once_is_read_once_more(disk: Path, gcs: Proxy) -> None:
    spoiled = iter([404])

    def spoil(_number: int, _method: str, path: str) -> int | None:
        return next(spoiled, None) if path.endswith("state/_METADATA") else None

    gcs.spoil = spoil
    assert answer(f"{BASE}/{V1}", BASE) == answer(disk / V1, str(disk))


def test_a_process_that_was_forked_reads_with_clients_of_its_own(gcs: Proxy) -> None:
    del gcs
    code = (
        "import os, sys, orbscan\n"
        "read = lambda: len(orbscan.metadata(sys.argv[1]).metadata)\n"
        "first = read()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if read() == first else 1)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "sys.exit(status or read() != first)\n"
    )
    command = [sys.executable, "-c", code, f"{BASE}/{V1}"]
    processes.output(command)


def test_a_read_that_waits_for_an_answer_can_be_interrupted(gcs: Proxy) -> None:
    gcs.spoil = lambda *_: HOLD
    command = [sys.executable, "-m", "orbscan", "show", f"{BASE}/{V1}"]
    reader = subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603
    try:
        assert gcs.held.wait(300)
        reader.send_signal(signal.SIGINT)
        _, err = reader.communicate(timeout=300)
    finally:
        reader.kill()
        reader.wait()
    assert reader.returncode in {130, -signal.SIGINT}
    assert b"Traceback" not in err


def test_many_threads_read_at_once(disk: Path, gcs: Proxy) -> None:
    del gcs
    expected = answer(disk / V1, str(disk))
    threads = 16
    begin = threading.Barrier(threads)

    def read(_: int) -> object:
        begin.wait()
        return answer(f"{BASE}/{V1}", BASE)

    with ThreadPoolExecutor(threads) as pool:
        assert all(got == expected for got in pool.map(read, range(threads)))
