"""The command `orbscan`: one module for each of its commands.

Data goes to stdout, warnings and errors to stderr. Nothing here, nor anything it imports, loads
numpy, jax or another library: a command works on the columns of `orbscan._core`. Four libraries are
imported only when they are needed: rich for colours, pyarrow for tables as files, deltalake for
catalogues, shtab for completion.
"""

from __future__ import annotations

import argparse
import io
import sys

from orbscan.cli import exits, streams
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.messages import told
from orbscan.cli.store_options import (
    add_store_option,
    forget_store_options,
    use_store_options,
)
from orbscan.errors import InvalidLayoutError, OrbscanError, StoreError
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    name: name
    for name in (
        *("show", "ls", "steps", "latest", "best", "diff", "verify", "du", "scan"),
        *("catalogue", "plan", "dump", "report", "demo"),
    )
} | {"catalogue": "catalogues", "help": "topics"}
"""The commands in the order of the help, and their modules."""

_WITHOUT_STORE = ("demo", "help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`, by default that of the process, and return the exit code.

    Raises:
        SystemExit: for a usage error (2), and after `--help` and `--version` (0).
    """
    streams.give_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names may contain characters that the terminal's encoding does not have.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _finished(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        streams.discard_output()
        return exits.CLOSED_PIPE
    except OSError as error:
        streams.discard_output()
        _complain(f"standard output: {error.strerror or error}")
        return exits.STORE


def _finished(argv: Sequence[str]) -> int:
    """Run the command, and write its output, even if the command exits.

    Raises:
        OSError: stdout cannot be written.
    """
    try:
        return _run(argv)
    finally:
        forget_store_options()
        sys.stdout.flush()


def _run(argv: Sequence[str]) -> int:
    """Run the command; an error of the library becomes a message and an exit code."""
    arguments = _understood(argv)
    use_store_options(arguments)
    try:
        status: int = arguments.run(arguments)
        return status  # noqa: TRY300 - what comes after the clauses is for one of them
    except BrokenPipeError:
        # An OSError, but one of stdout.
        raise
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except exits.Refusal as refusal:
        # Only the program's own messages have line breaks; names of files are escaped.
        _complain(*str(refusal).split("\n"))
        return refusal.status
    except OrbscanError as error:
        message = told(error, arguments)
        if isinstance(error, InvalidLayoutError) and error.advice is None:
            message += _steps_below(error, arguments)
        _complain(message)
        of_machine = isinstance(error, StoreError | MemoryError)
        return exits.STORE if of_machine else exits.NOT_FOUND
    except OSError as error:
        # Other files that a command writes have a name.
        place = "standard output" if error.filename is None else error.filename
        _complain(f"{place}: {error.strerror or error}")
        return exits.STORE
    except MemoryError:
        # The message takes memory, too: the memory of the command is released with the exception.
        pass
    _complain("not enough memory")
    return exits.STORE


def _steps_below(error: OrbscanError, arguments: argparse.Namespace) -> str:
    """Say where steps are below a path that is not a checkpoint, for a command that reads one."""
    import os

    if not hasattr(arguments, "step") or error.file is None or not os.path.isdir(error.file):  # noqa: PTH112
        return ""
    from orbscan.cli.below import steps_below

    found = steps_below(error.file)
    return "" if found is None else f"; {found}"


def _understood(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; an empty one prints the help.

    Raises:
        SystemExit: a usage error, and the usage was printed; or the help was.
    """
    program, parsers = composed(argv)
    if not argv:
        program.print_help()
        program.exit()
    word, *rest = argv
    if not word.startswith("-") and word not in COMMANDS:
        from orbscan.cli.wrong_use import unknown_command

        program.error(unknown_command(word, rest, COMMANDS))
    arguments, unknown = program.parse_known_args(argv)
    if unknown:
        from orbscan.cli.wrong_use import unknown_words

        # With the parser of the command, whose usage lists the options.
        parser = parsers.get(word, program)
        parser.error(unknown_words(unknown, parser))
    return arguments


class _Version(argparse.Action):
    """Prints the version and exits; unlike argparse's own action, it looks it up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from orbscan import _core

        print(f"orbscan {_core.__version__}")
        parser.exit()


class _Completion(argparse.Action):
    """Prints the completion script of a shell and exits; its imports happen only then."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, shell: object, *__: object
    ) -> None:
        try:
            from orbscan.cli import completion

            script = completion.script(parser, str(shell))
        except ImportError:
            parser.error("completion needs shtab: pip install 'orbscan[completion]'")
        except NotImplementedError as error:
            parser.error(f"{error}: pip install -U 'orbscan[completion]'")
        print(script)
        parser.exit()


def composed(
    argv: Sequence[str],
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Build the parser of a command line, and the parsers of its commands by name.

    If the command is clear, only its parser is built, otherwise all are.
    """
    parser = argparse.ArgumentParser(
        prog="orbscan",
        description="Read the metadata of Orbax checkpoints.",
        epilog=EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_argument(
        "--print-completion",
        action=_Completion,
        metavar="SHELL",
        choices=["bash", "zsh", "fish"],
        help="print a completion script for bash, zsh or fish, and exit",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    # Importing the other commands would take longer than most commands do.
    for name in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        # `importlib` alone takes as long to import as a small command.
        command = __import__(f"orbscan.cli.{COMMANDS[name]}", fromlist=["add_command"])
        command.add_command(commands)
    for word, parser_of_command in commands.choices.items():
        if word not in _WITHOUT_STORE:
            add_store_option(parser_of_command)
    return parser, commands.choices


def _complain(*lines: str) -> None:
    print("orbscan: error:", "\n".join(map(printable, lines)), file=sys.stderr)
