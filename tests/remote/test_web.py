"""A web server has no listings: what has a name is read, and of the rest it is said."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import orbscan
from orbscan.cli import main
from tests.remote.parity import answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.proxy import Proxy

V1 = "o0.12.8-v1-sharded/chunked"
NAMED = "o0.12.8-v1-named/model"
FLAT = "o0.12.8-flat/ckpt"
# The requests of each round: guesses; what was recorded or found; what those lead to.
ROUNDS = {
    V1: (12, 1),
    NAMED: (12, 5, 1),
    "o0.12.8-v1-typed-keys/ckpt": (12, 1, 8, 1),
    FLAT: (12, 3, 1),
    "o0.12.8-composite/ckpt": (12, 6, 1),
}
CASES = [
    *ROUNDS,
    "o0.12.8-manager/run/10",
    "o0.12.8-no-ocdbt/ckpt",
    "o0.12.8-typed-keys/ckpt",
    "o0.12.8-v1-checkpointables/all",
    "o0.12.8-v1-checkpointables/json",
]


def base(web: Proxy) -> str:
    return f"http://127.0.0.1:{web.port}"


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_of_a_web_server_is_read_as_from_a_disk(
    disk: Path, web: Proxy, case: str
) -> None:
    assert answer(f"{base(web)}/{case}", base(web)) == answer(disk / case, str(disk))


@pytest.mark.parametrize("case", ROUNDS)
def test_guesses_are_made_at_once_and_nothing_is_asked_twice(web: Proxy, case: str) -> None:
    web.reset(*ROUNDS[case])
    orbscan.metadata(f"{base(web)}/{case}")
    assert len(web.requests) == sum(ROUNDS[case]), web.requests
    gets = [request.path for request in web.requests if request.method == "GET"]
    assert len({*gets}) == len(gets)


@pytest.mark.parametrize("case", CASES)
def test_a_page_of_a_directory_is_not_taken_for_a_file(disk: Path, pages: str, case: str) -> None:
    with urllib.request.urlopen(f"{pages}/{case}") as page:  # noqa: S310
        assert page.headers.get_content_type() == "text/html"
    assert answer(f"{pages}/{case}", pages) == answer(disk / case, str(disk))


def test_a_tree_in_one_file_is_not_guessed(web: Proxy) -> None:
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.metadata(f"{base(web)}/o0.3.5-aggregate/all")


def test_what_cannot_be_listed_is_not_called_missing(web: Proxy) -> None:
    for place in (V1, FLAT):
        report = orbscan.verify(f"{base(web)}/{place}")
        assert not report.ok
        assert {finding.code for finding in report.findings} == {"not-checked"}
        assert "cannot be listed" in str(report)
        with pytest.raises(orbscan.FormatError, match="cannot be listed"):
            orbscan.du(f"{base(web)}/{place}")


def test_the_documents_of_a_checkpoint_are_verified(web: Proxy) -> None:
    assert orbscan.verify(f"{base(web)}/{V1}", level="structure").ok


def test_a_checkpoint_whose_url_is_given_is_scanned(web: Proxy) -> None:
    url = f"{base(web)}/{V1}"
    [entry] = orbscan.scan(url)
    assert str(entry.path) == url
    assert pa.table(orbscan.scan(url).leaves()).num_rows == 7


@pytest.mark.parametrize("command", ["steps", "ls", "scan"])
def test_a_directory_of_checkpoints_is_not_called_empty(
    web: Proxy, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, f"{base(web)}/o0.12.8-manager/run"]) in {3, 5}
    assert "give the URL of a checkpoint" in "".join(capsys.readouterr())


def test_a_path_where_nothing_lies_is_not_found(web: Proxy) -> None:
    web.reset(12, 1)
    with pytest.raises(orbscan.CheckpointNotFoundError, match="does not exist"):
        orbscan.metadata(f"{base(web)}/nothing")
    assert len(web.requests) == 13


def test_a_name_with_odd_characters_is_found(disk: Path, web: Proxy) -> None:
    (disk / "ü b+#?%").symlink_to(disk / V1)
    try:
        read = orbscan.metadata(f"{base(web)}/%C3%BC%20b+%23%3F%25")
    finally:
        (disk / "ü b+#?%").unlink()
    assert len(read.metadata) == 7
