"""What people type first leads on: to the steps, to the command that was meant, to its usage."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import COMMANDS, main
from orbscan.cli.topics import TABLE_OF_EXIT_CODES
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, 9, 10, 100):
        write_step(tmp_path / "runs" / "long", str(number))
    write_step(tmp_path / "two" / "a", "step_1")
    write_step(tmp_path / "two" / "b", "7")
    for name in ("a_1", "b_2"):
        write_step(tmp_path / "mixed", name)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)


def told(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command line: the exit code, and what stderr says last."""
    try:
        status = main(line.split())
    except SystemExit as ended:
        status = int(ended.code or 0)
    shown = capsys.readouterr()
    assert shown.out == ""
    return status, shown.err.splitlines()[-1].partition("error: ")[2]


IS_RUN = "runs/long: is a directory of 4 steps (0 to 100), not a checkpoint: "
LISTED = "or list them with 'orbscan steps runs/long'"


@pytest.mark.parametrize("command", ["show", "du --depth 1", "plan --mesh x=1"])
def test_a_directory_of_steps_says_which_and_how_to_choose(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = f"{IS_RUN}add --step latest, {LISTED}"
    assert told(f"{command} runs/long", capsys) == (3, expected)


def test_of_two_sides_the_second_has_an_option_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = f"{IS_RUN}add --other-step latest, {LISTED}"
    assert told("diff runs/long/0 runs/long", capsys) == (3, expected)
    # The step of the first would be that of the second, too.
    path = "pass the path of a step, such as $(orbscan latest runs/long)"
    assert told("diff runs/long runs/long/0", capsys) == (3, IS_RUN + path)


def test_the_directory_above_says_where_the_steps_are(capsys: pytest.CaptureFixture[str]) -> None:
    has = 'its directory "long" has 4 steps (0 to 100): pass runs/long --step latest, ' + LISTED
    assert told("show runs", capsys) == (3, f"runs: is not a checkpoint; {has}")
    assert told("show runs --step latest", capsys) == (3, f"runs: has no committed step; {has}")
    several = (
        'two: is not a checkpoint; directories of steps in it: "a": 1 step (step_1), '
        '"b": 1 step (7): pass one of them with --step latest, or list all with '
        "'orbscan ls two'"
    )
    assert told("show two", capsys) == (3, several)


def test_steps_of_several_prefixes_have_no_latest(capsys: pytest.CaptureFixture[str]) -> None:
    expected = 'not a checkpoint: it has "a_1", "b_2"'
    assert told("show mixed", capsys)[1].endswith(expected)


def test_a_listing_of_no_steps_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = "no steps in"
    further = "its directory long has 4 steps (0 to 100): list them with 'orbscan steps runs/long'"
    assert told("steps runs", capsys) == (3, f"{nothing} runs; {further}")
    several = (
        "these directories contain steps: a with 1 step (step_1), b with 1 step (7); "
        "list one with 'orbscan steps two/a'"
    )
    assert told("steps two", capsys) == (3, f"{nothing} two; {several}")
    below = "try 'orbscan ls empty'"
    assert told("steps empty", capsys) == (3, f"{nothing} empty; {below}")


@pytest.mark.parametrize(
    ("path", "reason", "advice"),
    [
        ("runs/long", "is a directory of 4 steps (0 to 100), not a checkpoint", ("step", None)),
        (
            "runs",
            'is not a checkpoint; its directory "long" has 4 steps (0 to 100)',
            ("step_of", "runs/long"),
        ),
        (
            "two",
            (
                "is not a checkpoint; directories of steps in it: "
                '"a": 1 step (step_1), "b": 1 step (7)'
            ),
            ("step_of_one", None),
        ),
    ],
)
def test_in_python_the_advice_is_data(
    path: str, reason: str, advice: tuple[str, str | None]
) -> None:
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.metadata(path)
    error = caught.value
    assert error.advice is not None
    *what, words = error.advice
    assert tuple(what) == advice
    assert 'step="latest"' in words
    assert error.reason == reason + words


def test_without_a_word_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([])
    shown = capsys.readouterr()
    assert "show the leaves of a checkpoint" in shown.out
    assert shown.err == ""
    assert main(["help"]) == 0
    assert capsys.readouterr().out == shown.out


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("shwo x", "'shwo' is not a command: did you mean 'orbscan show x'?"),
        ("stpes", "'stpes' is not a command: did you mean 'orbscan steps'?"),
        (
            "runs/long --step 9",
            "'runs/long' is a path, not a command: did you mean 'orbscan show runs/long --step 9'?",
        ),
        (
            "runs/long/9/_CHECKPOINT_METADATA",
            (
                "'runs/long/9/_CHECKPOINT_METADATA' is a path, not a command: "
                "did you mean 'orbscan dump runs/long/9/_CHECKPOINT_METADATA'?"
            ),
        ),
        ("frobnicate", "'frobnicate' is not a command: 'orbscan help' lists them"),
        ("show x --foo", "unrecognized arguments: --foo (did you mean --fold?)"),
        ("show x y", "unrecognized arguments: y"),
        (
            "ls runs --shard 3",
            "argument --shard: '3' is not a share I/N, such as 0/8 for the first of eight",
        ),
    ],
)
def test_wrong_use_says_what_is_meant(
    line: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(line, capsys) == (2, meant)


def test_wrong_use_of_a_command_shows_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["show", "x", "--foo"])
    assert capsys.readouterr().err.startswith("usage: orbscan show ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_that_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command]) == 0
    shown = capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert shown == capsys.readouterr().out
    assert shown.endswith("\nexit codes: see orbscan help exit-codes\n")


def test_help_explains_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "exit-codes"]) == 0
    shown = capsys.readouterr().out
    for code in TABLE_OF_EXIT_CODES:
        assert f"\n  {code:<4} " in shown
    assert told("help nothing", capsys)[0] == 2


def test_latest_and_best_name_a_root_of_steps(capsys: pytest.CaptureFixture[str]) -> None:
    expected = "pass one of them, such as two/a"
    assert told("latest two", capsys)[1].endswith(expected)
    assert told("best two loss", capsys)[1].endswith(expected)


def test_a_file_is_not_a_broken_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(sys.executable, "notes.jsonl")
    assert told("ls notes.jsonl", capsys) == (3, "notes.jsonl: is a file, expected a directory")


def test_advice_for_one_side_leaves_the_other_as_it_is(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    flat, v1 = copy("o0.12.8-flat/ckpt", "flat"), copy("o0.12.8-v1/ckpt", "v1")
    assert main(["diff", str(flat), str(v1), "--name", "state"]) == 3
    assert capsys.readouterr().err.endswith(": pass --flat --other-name state\n")
    assert main(["diff", str(flat), str(v1), "--flat", "--other-name", "state"]) in {0, 1}


def test_an_item_of_an_intact_checkpoint_is_not_broken(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    item = copy("o0.12.8-manager/run", "run") / "0" / "params"
    for command in ("ls", "show", "verify"):
        assert main([command, str(item)]) == 3
        out, said = capsys.readouterr()
        assert out == ""
        assert "is a part of the checkpoint" in said
