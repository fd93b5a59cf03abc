"""Credentials that another library gives are asked for again before and after they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.reading import credentials
from tests.remote.memory import BUCKET
from tests.remote.stores import many_steps, served
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.remote.proxy import Proxy, Spoiled

STEPS = 30
ROOT = f"s3://{BUCKET}/run"
EXPIRED = b"<Error><Code>ExpiredToken</Code></Error>"


class Library:
    """A boto3 in which somebody has logged in.

    Attributes:
        asked: how often it was asked for credentials.
        meanwhile: called by the thread that asks.
    """

    region_name = None

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def get_credentials(self) -> Any:
        return SimpleNamespace(get_frozen_credentials=self._freeze)

    def _freeze(self) -> Any:
        self.asked += 1
        self.meanwhile()
        return SimpleNamespace(access_key="key", secret_key="hidden", token=str(self.asked))  # noqa: S106


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The boto3 that is asked, since there is a profile."""
    made = Library()
    module = ModuleType("boto3")
    vars(module)["Session"] = lambda **_: made
    monkeypatch.setitem(sys.modules, "boto3", module)
    monkeypatch.setattr(credentials, "_found", {})
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    return made


@pytest.fixture
def bucket(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A bucket for which the environment has no credentials."""
    with served(many_steps(disk, STEPS), monkeypatch) as before:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        yield before


@pytest.mark.parametrize("good", [1, 2, 90])
def test_a_scan_outlives_its_credentials(library: Library, bucket: Proxy, good: int) -> None:
    def spoil(number: int, *_: object) -> Spoiled:
        return (400, EXPIRED) if number >= good and library.asked == 1 else None

    bucket.spoil = spoil
    entries = list(orbscan.scan(ROOT))
    assert [entry.error for entry in entries] == [None] * STEPS
    # However many requests were under way when they ended.
    assert library.asked == 2
    assert any(request.status == 400 for request in bucket.requests)


def test_a_question_whose_answer_has_no_body_is_asked_again(
    library: Library, bucket: Proxy
) -> None:
    # The first request is that of a file that nothing was listed of.
    orbscan.metadata(f"{ROOT}/1")
    bucket.reset()
    bucket.spoil = lambda *_: 400 if library.asked == 1 else None
    assert orbscan.dump(f"{ROOT}/1/_CHECKPOINT_METADATA")
    assert library.asked == 2


def test_credentials_are_asked_for_before_each_request_that_they_do_not_outlive(
    library: Library, bucket: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_GOOD_FOR", 0)
    assert orbscan.metadata(f"{ROOT}/1").metadata
    assert library.asked == len(bucket.requests)


def test_credentials_that_never_were_good_are_not_asked_for_again(
    library: Library, bucket: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Too few for guesses beside the listing.
    monkeypatch.setenv("ORBSCAN_MAX_CONCURRENCY", "4")
    bucket.spoil = lambda *_: (400, EXPIRED)
    for count in (1, 2):
        with pytest.raises(orbscan.StoreError, match="the credentials have expired") as raised:
            orbscan.metadata(f"{ROOT}/1")
        assert raised.value.fault == "credentials"
        # Not by the same read, but by the next one: somebody may have logged in.
        assert (library.asked, len(bucket.requests)) == (count, count)


def test_a_library_that_cannot_log_in_is_a_matter_of_credentials(
    library: Library, bucket: Proxy
) -> None:
    class TokenRetrievalError(Exception):
        def __str__(self) -> str:
            return "hidden"

    def fail() -> None:
        raise TokenRetrievalError

    library.meanwhile = fail
    says = r"the login failed \(.*TokenRetrievalError\): no valid credentials"
    with pytest.raises(orbscan.StoreError, match=says) as raised:
        orbscan.metadata(f"{ROOT}/1")
    assert raised.value.fault == "credentials"
    assert "hidden" not in repr(raised.value)
    assert not bucket.requests


@pytest.mark.usefixtures("bucket")
def test_other_threads_run_while_a_login_is_asked(library: Library) -> None:
    both = threading.Barrier(2, timeout=300)
    other = threading.Thread(target=both.wait)
    # The thread that reads waits for the login, and that for another thread.
    library.meanwhile = both.wait
    other.start()
    assert orbscan.metadata(f"{ROOT}/1").metadata
    other.join()


PROGRAM = """
import os, sys, threading
asked = 0

class Session:
    region_name = None

    def __init__(self, **_): ...

    def get_credentials(self):
        return self

    def get_frozen_credentials(self):
        global asked
        asked += 1
        if "HANGS" in os.environ:
            sys.stdout.write("asked\\n")
            sys.stdout.flush()
            while os.environ["HANGS"] == "busily": ...
            threading.Event().wait()
        return Frozen()

class Frozen:
    access_key = secret_key = token = "hidden"
"""


@pytest.fixture
def elsewhere(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that are started have a boto3, too."""
    del library
    (tmp_path / "boto3.py").write_text(PROGRAM)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [known])]))


@pytest.mark.usefixtures("elsewhere", "bucket")
def test_a_process_that_was_forked_logs_in_by_itself() -> None:
    code = (
        "import os, sys, orbscan, boto3\n"
        "read = lambda: len(orbscan.metadata(sys.argv[1]).metadata)\n"
        "read(), read()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    read()\n"
        "    os._exit(boto3.asked)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "print(boto3.asked, os.waitstatus_to_exitcode(status))\n"
    )
    assert processes.output([sys.executable, "-c", code, f"{ROOT}/1"]).split() == ["1", "2"]


@pytest.mark.usefixtures("elsewhere", "bucket")
@pytest.mark.parametrize("hangs", ["busily", "idly"])
def test_a_login_that_takes_its_time_can_be_interrupted(hangs: str) -> None:
    command = [sys.executable, "-m", "orbscan", "show", f"{ROOT}/1"]
    reader = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "HANGS": hangs}
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"asked\n"
        reader.send_signal(signal.SIGINT)
        _, err = reader.communicate(timeout=300)
    finally:
        reader.kill()
        reader.wait()
    assert reader.returncode in {130, -signal.SIGINT}
    assert b"Traceback" not in err
