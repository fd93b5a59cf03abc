"""Suggestions for a command line that cannot be understood; imported only then."""

from __future__ import annotations

import os
from difflib import get_close_matches

from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence


def unknown_command(word: str, rest: Sequence[str], commands: Iterable[str]) -> str:
    """Suggest which command is meant by a word that is not a command.

    >>> unknown_command("shwo", ["a b"], ["show", "scan"])
    "'shwo' is not a command: did you mean 'orbscan show a b'?"
    >>> unknown_command("/", [], ["show", "scan"])
    "'/' is a path, not a command: did you mean 'orbscan show /'?"
    >>> unknown_command("frobnicate", [], ["show", "scan"])
    "'frobnicate' is not a command: 'orbscan help' lists them"
    """
    close = get_close_matches(word, [*commands], n=1)
    is_there = os.path.exists(word)  # noqa: PTH110 - pathlib takes longer to import
    if close and not is_there:
        line = " ".join(["orbscan", close[0], *rest])
        return f"{printable(word)!r} is not a command: did you mean {printable(line)!r}?"
    if is_there or os.sep in word:
        command = "dump" if os.path.isfile(word) else "show"  # noqa: PTH113
        line = printable(" ".join(["orbscan", command, word, *rest]))
        return f"{printable(word)!r} is a path, not a command: did you mean {line!r}?"
    return f"{printable(word)!r} is not a command: 'orbscan help' lists them"


def unknown_words(words: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Say which words a command does not know, and which options may be meant."""
    message = f"unrecognized arguments: {printable(' '.join(words))}"
    options = [*parser._option_string_actions]  # noqa: SLF001 - argparse offers no other way to them
    meant: list[str] = []
    for word in words:
        if word.startswith("-"):
            meant += get_close_matches(word.partition("=")[0], options, n=1)
    return f"{message} (did you mean {', '.join(meant)}?)" if meant else message
