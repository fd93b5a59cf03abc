"""Runs the examples of the documentation, and records their output.

    python -m tools.examples [PAGE...]

Each page is a session of its own in the directory that `orbscan demo` writes, or beside it if the
page says to write it. The pages are changed in place; a test compares them with the same session.
What cannot be known in advance, such as the age of a checkpoint, is left as it is. In `console`
blocks commands follow a `$`, and their output follows them; `sh` blocks contain only commands. The
`python` blocks of a page are one program, in such a directory of its own; a `text` block below one
of them is its output.
"""

import argparse
import contextlib
import doctest
import io
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches.side_by_side import use_virtual_devices
from orbscan.cli.demo import unpack

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(
    r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)
PYCON = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITES = "orbscan demo demo"
"""With this command a page writes the directory itself, and then enters it."""

NOT_RUN = ("git", "make", "pip", "pipx", "uv", "uvx")
"""Commands that install or build are shown, but not run."""

LEFT_OUT = "..."
"""A line that stands for any number of lines."""

_ENDED = "\x1e%d\x1e"
_FINE = frozenset({0, 1, 5})
"""The possible exit codes of commands whose output is not shown."""
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "SLURM_ARRAY_TASK_ID": "3"}
_AGE = re.compile(r"(?<=  )[0-9.,]+ (s|min|h|d|y)(?=  |$)")


def main() -> int:
    """Records the output in pages again."""
    use_virtual_devices()
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(prog="tools.examples", description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path, nargs="*", default=PAGES)
    for page in parser.parse_args().pages:
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            now = recorded(text, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            now = with_answers(now, page, Path(folder))
        if now != text:
            page.write_text(now, encoding="utf-8")
            print(f"recorded {page}")
    return 0


def recorded(text: str, folder: Path) -> str:
    """The text of a page with the output of its commands, in a session in an empty folder."""
    answers = iter(session(commands(text), begun(text, folder)))

    def block(match: re.Match[str]) -> str:
        lines = []
        for command, shown in steps(*match.groups()):
            status, printed = next(answers) if is_run(command) else (0, shown)
            if match[1] == "console":
                lines += [f"$ {command}", *as_shown(shown, printed)]
            elif status not in _FINE:
                raise ValueError(command, status, printed)
            else:
                lines.append(command)
        return "".join(f"{line}\n" for line in [f"```{match[1]}", *lines]) + "```"

    return BLOCK.sub(block, text)


def with_answers(text: str, page: Path, folder: Path) -> str:
    """The text of a page with the output of its Python, in a session in an empty folder."""
    unpack(str(folder))
    with contextlib.chdir(folder):
        answers = iter(run_python(text, page, folder))

    def block(match: re.Match[str]) -> str:
        answer = next(answers)
        return match[0] if match[2] is None else f"```python\n{match[1]}```\n\n```text\n{answer}```"

    return PYTHON.sub(block, text)


def run_python(text: str, page: Path, tmp: Path) -> list[str]:
    """Run the Python of a page as one program; returns the output of each of its blocks.

    What the page writes to /tmp goes to another directory.
    """
    names: dict[str, object] = {}
    answers = []
    for example in PYTHON.finditer(text):
        # As many lines before it as in the file, so that tracebacks point into the page.
        lines = "\n" * (text.count("\n", 0, example.start()) + 1)
        code = example[1].replace("/tmp/", f"{tmp}/")  # noqa: S108
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(lines + code, page, "exec"), names)  # noqa: S102
        answers.append(printed.getvalue())
    return answers


def failures_of_sessions(text: str, folder: Path) -> list[str]:
    """Where the output of the interactive sessions of a page differs from what is shown."""
    unpack(str(folder))
    found: list[str] = []
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    sessions = "\n".join(PYCON.findall(text))
    with contextlib.chdir(folder):
        runner.run(parser.get_doctest(sessions, {}, "page", None, 0), out=found.append)
    return found


def begun(text: str, folder: Path) -> Path:
    """The directory in which the session of a page begins."""
    if f"$ {WRITES}\n" not in text:
        folder /= "demo"
        unpack(str(folder))
    return folder


def steps(language: str, block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, and the lines that are shown below each."""
    if language == "sh":
        yield from ((line, []) for line in block.splitlines())
        return
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield command, shown


def is_run(command: str) -> bool:
    """Whether a command is one of those that are run."""
    return command.split(maxsplit=1)[0] not in NOT_RUN


def commands(text: str) -> list[str]:
    """The commands of a page that are run."""
    found = (steps(*block) for block in BLOCK.findall(text))
    return [command for block in found for command, _ in block if is_run(command)]


def session(words: list[str], folder: Path) -> list[tuple[int, list[str]]]:
    """The exit code and the output lines of each of some commands, run in one shell."""
    program = f"{sys.executable} -m orbscan"
    lines = [
        f'orbscan() {{ {program} "$@"; }}',
        *(line for command in words for line in (command, f"printf '{_ENDED}' $?")),
    ]
    ended = subprocess.run(
        ["/bin/bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, **_ENVIRONMENT, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=True,
    )
    *pieces, rest = re.split(_ENDED.replace("%d", "([0-9]+)"), ended.stdout)
    if rest or len(pieces) != 2 * len(words):
        raise ValueError(ended.stdout)
    return [
        (int(status), output.rstrip("\n").split("\n") if output else [])
        for output, status in zip(pieces[::2], pieces[1::2], strict=True)
    ]


def as_shown(shown: list[str], printed: list[str]) -> list[str]:
    """What to show of output lines: what was shown before, if it is still true.

    >>> as_shown(["1", "...", "4"], ["1", "2", "3", "5"])
    ['1', '...', '5']
    """
    told = without_age if any(" AGE " in line for line in printed) else str
    if LEFT_OUT not in shown:
        return shown if [*map(told, shown)] == [*map(told, printed)] else printed
    head = shown.index(LEFT_OUT)
    tail = len(printed) - len(shown) + head + 1
    if tail <= head:
        return printed
    kept = [*printed[:head], LEFT_OUT, *printed[tail:]]
    return shown if [*map(told, shown)] == [*map(told, kept)] else kept


def without_age(line: str) -> str:
    """A row without the age in it, and without the width of its column."""
    return re.sub(" {2,}", "  ", _AGE.sub("AGE", line, count=1))


if __name__ == "__main__":
    sys.exit(main())
