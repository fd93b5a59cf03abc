"""`orbscan --print-completion`."""

from __future__ import annotations

import os
import sys

import pytest

from orbscan import cli
from orbscan.cli import main
from tests.support.processes import output, run


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="0"):
        main(["--print-completion", shell])
    return capsys.readouterr().out


def test_bash_completes_options_choices_and_directories(capsys: pytest.CaptureFixture[str]) -> None:
    program = f"""
        {script("bash", capsys)}
        COMP_WORDS=(orbscan show --fo); COMP_CWORD=2; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(orbscan show --fold a); COMP_CWORD=3; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(orbscan p); COMP_CWORD=1; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(orbscan show /us); COMP_CWORD=2; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(orbscan show x -o tex); COMP_CWORD=4; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
    """
    ended = run(["bash", "-c", program])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["--fold", "auto always", "plan", "/usr", "text"]


@pytest.mark.parametrize(
    "words",
    [
        "diff /usr /us",
        "verify /us",
        "verify /usr /us",
        "dump /us",
        "scan /usr --since /us",
        "scan /usr -o /us",
        "scan /usr --output /us",
        "show /usr -o /us",
    ],
)
def test_bash_completes_every_path(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    count = len(words.split())
    program = f"""
        {script("bash", capsys)}
        COMP_WORDS=(orbscan {words}); COMP_CWORD={count}; _shtab_orbscan; echo "${{COMPREPLY[@]}}"
    """
    assert output(["bash", "-c", program]).splitlines() == ["/usr"]


def test_zsh_gets_a_script_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys)
    assert text.startswith("#compdef orbscan")
    assert "_files -/" in text
    assert "_alternative 'formats:format:(text json)' 'files:file:_files'" in text


def test_without_shtab_the_way_to_it_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(cli, "completion", raising=False)
    monkeypatch.delitem(sys.modules, "orbscan.cli.completion", raising=False)
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit, match="2"):
        main(["--print-completion", "bash"])
    assert "pip install 'orbscan[completion]'" in capsys.readouterr().err


def test_fish_gets_a_script_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("fish", capsys)
    assert "complete -c orbscan" in text
    assert "--fold" in text or "-l fold" in text
    assert "text json; __fish_complete_path" in text


def test_a_shell_that_shtab_does_not_know_yet_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shtab.SUPPORTED_SHELLS", ["bash", "zsh"])
    with pytest.raises(SystemExit, match="2"):
        main(["--print-completion", "fish"])
    assert "does not support fish: pip install -U 'orbscan[completion]'" in capsys.readouterr().err


def test_a_script_that_nobody_reads_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "-m", "orbscan", "--print-completion", "bash"]
        ended = run(command, stdout=closed)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_another_shell_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--print-completion", "tcsh"])
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
