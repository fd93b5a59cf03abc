"""`orbscan best`: the path of the step with the best value of a metric."""

from __future__ import annotations

from orbscan.cli import choice, source
from orbscan.cli.help import EXIT_CODES, help_formatter

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

_EXAMPLES = """\
examples:
  orbscan best checkpoints accuracy
  orbscan show "$(orbscan best checkpoints loss:min)"
  orbscan best checkpoints eval.loss:min

The exit code is 3, and stdout is empty, if the metric is a number in no step.

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "best",
        help="print the path of the step with the best value of a metric",
        description="Print the path of the committed step with the greatest value of a metric, "
        "or with :min the least; ties go to the latest step.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    choice.add_arguments(parser)
    parser.add_argument(
        "metric",
        metavar="METRIC[:min]",
        type=source.best_of,
        help="the name of a metric: the greatest value is best, or with :min the least, as for a "
        "loss; a name with dots reaches into objects: eval.loss:min",
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Find the step, and write its path to stdout."""
    return choice.write(arguments, arguments.metric)
