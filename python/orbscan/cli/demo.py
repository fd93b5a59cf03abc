"""`orbscan demo`: writes small checkpoints, on which every example of the documentation runs."""

from __future__ import annotations

import os

from orbscan.cli import source
from orbscan.cli.exits import FINE, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.signals import cleaning_up
from orbscan.showing.text import counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    import tarfile
    from collections.abc import Iterator

_EXAMPLES = """\
examples:
  orbscan demo demo
  cd demo
  orbscan ls .

What it writes was saved by Orbax; nothing else needs to be installed.

"""

_TO_TRY = (
    ("ls {0}", "everything in it"),
    ("show {0}/composite", "the state of a model over a mesh of 4x2 devices"),
    ("steps {0}/runs/base", "a run with metrics, and a save that was never finished"),
    ("diff {0}/models/before {0}/models/after", "a model that was changed"),
    ("verify {0}/damaged", "what damaged copies have lost"),
)

ARCHIVE = os.path.join(os.path.dirname(__file__), "demo.tar.gz")  # noqa: PTH118, PTH120
"""The archive that is written; `tools/demo_checkpoints.py` makes it."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "demo",
        help="write small checkpoints to try the other commands on",
        description="Write small checkpoints into a new directory: the examples of the "
        "documentation run on them.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument("path", metavar="DIR", help="a new or empty directory")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the checkpoints, and suggest commands on stdout."""
    path = source.local_path(arguments, arguments.path)
    with cleaning_up():
        files, nbytes = unpack(path)
    from shlex import quote

    shown = quote(path)
    print(f"wrote {printable(shown)}: {counted(files, 'file')}, {size(nbytes)}\n")
    commands = [(f"orbscan {command.format(shown)}", what) for command, what in _TO_TRY]
    width = max(len(command) for command, _ in commands)
    for command, what in commands:
        print(f"{printable(command):<{width}}  # {what}")
    return FINE


def unpack(path: str) -> tuple[int, int]:
    """Write the checkpoints; count their files and bytes. A failure leaves nothing behind.

    Raises:
        Refusal: the directory is not empty, or something else lies there.
        OSError: the file system refused or failed.
    """
    import tarfile

    is_new = not os.path.lexists(path)
    if not is_new and (not os.path.isdir(path) or os.listdir(path)):  # noqa: PTH112, PTH208
        what = "is not empty" if os.path.isdir(path) else "is not a directory"  # noqa: PTH112
        message = f"{path}: {what}: pass a new or empty directory"
        raise Refusal(message, USAGE)
    os.makedirs(path, exist_ok=True)  # noqa: PTH103
    try:
        with tarfile.open(ARCHIVE) as archive:
            sizes = [*_written(archive, path)]
    except BaseException:
        _take_away(path, also_itself=is_new)
        raise
    return len(sizes), sum(sizes)


def _written(archive: tarfile.TarFile, path: str) -> Iterator[int]:
    """Write the content of an archive, directories first; yields the size of each file."""
    for member in archive:
        place = os.path.join(path, member.name)  # noqa: PTH118
        if member.isdir():
            os.mkdir(place)  # noqa: PTH102
            continue
        # The archive has only one of several equal files, to which the others are links.
        packed = archive.extractfile(member)
        content = b"" if packed is None else packed.read()
        with open(place, "xb") as file:  # noqa: PTH123
            file.write(content)
        yield len(content)


def _take_away(path: str, *, also_itself: bool) -> None:
    import shutil

    if also_itself:
        shutil.rmtree(path, ignore_errors=True)
        return
    for name in os.listdir(path):  # noqa: PTH208
        shutil.rmtree(os.path.join(path, name), ignore_errors=True)  # noqa: PTH118
