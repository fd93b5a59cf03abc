"""The examples of the documentation run as they stand, and print what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import examples

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {page.relative_to(examples.ROOT).as_posix(): page for page in examples.PAGES}


def pages_with(mark: str) -> list[str]:
    """The pages that have a block of some kind."""
    return [name for name, page in PAGES.items() if f"\n```{mark}\n" in page.read_text("utf-8")]


@pytest.mark.parametrize("name", pages_with("console"))
def test_commands_print_what_is_shown(name: str, tmp_path: Path) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert examples.recorded(text, tmp_path) == text, "python -m tools.examples records it"


@pytest.mark.filterwarnings("ignore:Sharding info not provided")  # of Orbax, which then reads it
@pytest.mark.parametrize("name", pages_with("python"))
def test_programs_run_and_print_what_is_shown(name: str, tmp_path: Path) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert examples.with_answers(text, PAGES[name], tmp_path) == text


@pytest.mark.parametrize("name", pages_with("pycon"))
def test_sessions_give_what_is_shown(name: str, tmp_path: Path) -> None:
    assert examples.failures_of_sessions(PAGES[name].read_text(encoding="utf-8"), tmp_path) == []


def test_no_command_is_shown_without_being_run() -> None:
    for name, page in PAGES.items():
        text = page.read_text(encoding="utf-8")
        shown = {block for _, block in examples.BLOCK.findall(text)}
        for block in text.split("```")[1::2]:
            if "\n$ " in block or "\n>>> " in block:
                assert block.partition("\n")[2] in shown or block.startswith("pycon"), name


def test_shown_output_may_leave_out_lines_and_ages() -> None:
    shown = ["$", "STEP  AGE  KIND", "   1  3 s  v0", "", "3 s"]
    printed = ["$", "STEP     AGE  KIND", "   1  21.0 h  v0", "", "3 s"]
    assert examples.as_shown(shown, printed) == shown
    assert examples.as_shown(shown, [*printed[:-1], "4 s"]) == [*printed[:-1], "4 s"]
    shorter = ["$", "...", "   1  3 s  v0", "", "3 s"]
    assert examples.as_shown(shorter, printed) == shorter
    assert examples.as_shown(["a", "...", "z"], ["b", "c", "d", "z"]) == ["b", "...", "z"]
    assert examples.as_shown(["a", "...", "z"], ["a", "z"]) == ["a", "z"]


def test_a_command_of_which_nothing_is_shown_must_not_be_refused(tmp_path: Path) -> None:
    text = "\n```sh\norbscan show composite --nonsense\n```\n"
    with pytest.raises(ValueError, match="nonsense"):
        examples.recorded(text, tmp_path)
