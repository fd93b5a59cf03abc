"""`orbscan latest`: the path of the newest step."""

from __future__ import annotations

from orbscan.cli import choice
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.reading.step_choice import LATEST

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

_EXAMPLES = """\
examples:
  orbscan latest checkpoints
  orbscan show "$(orbscan latest checkpoints)"
  cp -r "$(orbscan latest checkpoints)" /backup

The exit code is 3, and stdout is empty, if no step is committed.

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "latest",
        help="print the path of the newest step",
        description="Print the path of the committed step with the greatest number, from which an "
        "Orbax manager would resume. orbscan steps shows whether it is whole.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    choice.add_arguments(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Find the step, and write its path to stdout."""
    return choice.write(arguments, LATEST)
