"""Messages of the command line speak of its options, never of an argument of Python."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan import errors
from orbscan.cli import main
from orbscan.cli.messages import told
from tests.reading.steps.support import write_step
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

TREE = {"w": Array((2,))}
HUGE = "9" * 23

PUBLIC = [getattr(orbscan, name) for name in orbscan.__all__]
ARGUMENTS = sorted(
    {
        name
        for function in filter(inspect.isfunction, PUBLIC)
        for name in inspect.signature(function).parameters
    }
)
AS_PYTHON = re.compile(
    r"\b(?:{any})(?:\s*=| must be\b)|\b(?:{long})\b|\b(?:None|True|False)\b".format(
        any="|".join(ARGUMENTS), long="|".join(name for name in ARGUMENTS if "_" in name)
    )
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    handmade.write(tmp_path / "flat", {None: TREE})
    handmade.write(tmp_path / "composite", {"state": TREE, "dataset": JSON})
    handmade.write(tmp_path / "json", {"dataset": JSON})
    handmade.write(tmp_path / "steps" / "1", {None: TREE})
    handmade.write(tmp_path / "9.orbax-checkpoint-tmp-1", {None: TREE})
    for name in ("a_1", "b_1", "b_01"):
        write_step(tmp_path / "prefixes", name)
    (tmp_path / "steps" / "2").mkdir()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def complaint(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(line.split(" ")))
    assert ended.value.code
    shown = capsys.readouterr()
    return shown.out + shown.err


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        *(
            (f"{command} flat --name x", "the checkpoint itself is a pytree: pass --flat\n")
            for command in ("show", "verify", "du", "plan", "show --recover")
        ),
        ("diff flat composite --name x", "a pytree: pass --flat --other-name x\n"),
        ("diff composite flat --name state", "a pytree: pass --other-flat\n"),
        *(
            (f"{command} composite/state", "pass that path, and --name state\n")
            for command in ("show", "verify", "du", "plan")
        ),
        ("diff flat composite/state", "pass that path, and --other-name state\n"),
        ("ls composite/state", "is a part of the checkpoint composite: pass that path\n"),
        ("show flat --name ", "a name is empty; for a pytree without a name pass --flat\n"),
    ],
)
def test_what_to_give_instead_is_an_option(
    line: str, advice: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here.is_dir()
    shown = complaint(line, capsys)
    assert shown.endswith(advice)
    assert not AS_PYTHON.search(shown)


@pytest.mark.parametrize(
    "line",
    [
        *(f"{command} gone" for command in ("show", "verify", "du", "plan", "ls", "steps", "dump")),
        *(f"{command} empty" for command in ("show", "verify", "du", "plan", "ls", "steps")),
        *(f"{command} steps/2" for command in ("show", "du", "plan", "ls")),
        *(f"show steps --step {step}" for step in ("7", "gone", "latest", "best:loss", HUGE)),
        *(f"show prefixes --step {step}" for step in ("1", "latest", "best:loss:min")),
        "show prefixes --step latest --prefix c",
        "show steps --prefix x",
        "show 9.orbax-checkpoint-tmp-1",
        "show composite --flat",
        "show composite --name metrics",
        "show composite --name a/b",
        "show composite --recover --name gone",
        "show json",
        "show json --recover",
        "show flat --param nothing",
        "show flat --atomicity commit_file --step 1",
        "show file://host/c",
        "plan flat",
        "plan flat --mesh d",
        "plan flat --mesh d=4 --hosts 3",
        f"ls . --latest {HUGE}",
        f"ls . --threads {HUGE}",
        "ls . --shard 3/2",
        "scan . --since gone.parquet -o new.parquet",
        "scan . -o table.txt",
        "verify flat --max-bandwidth 1MB",
        "dump flat/_METADATA --at 9:9",
        "diff flat composite --other-name gone",
    ],
)
def test_no_message_names_an_argument_of_python(
    line: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here.is_dir()
    shown = complaint(line, capsys)
    assert shown
    assert not AS_PYTHON.search(shown), shown


def test_the_words_of_python_are_found() -> None:
    assert {"atomicity", "checkpointable_name", "latest", "step"} <= {*ARGUMENTS}
    for text in ("pass checkpointable_name", "latest must be 1", "step=3", "pass None"):
        assert AS_PYTHON.search(text)


def test_a_name_that_a_shell_would_read_otherwise_is_quoted(
    arguments: argparse.Namespace,
) -> None:
    words = ', and the name "a b"'
    error = errors.error(
        "unknown_layout", f"pass that path{words}", "p", advice=("name", "a b", words)
    )
    assert str(error) == 'p: pass that path, and the name "a b"'
    assert told(error, arguments) == "p: pass that path, and --name 'a b'"


@pytest.fixture
def arguments() -> argparse.Namespace:
    import argparse

    return argparse.Namespace(name=None)


def test_the_library_says_the_same_in_its_own_words(here: Path) -> None:
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.metadata(here / "flat", "x")
    assert caught.value.reason.endswith("the checkpoint itself is a pytree: pass None as the name")
    assert caught.value.advice == ("name", None, ": pass None as the name")
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.verify(here / "composite" / "state")
    assert caught.value.reason.endswith('pass that path, and the name "state"')
    assert caught.value.advice == ("name", "state", ', and the name "state"')
