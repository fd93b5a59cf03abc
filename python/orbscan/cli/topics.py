"""`orbscan help`: the help of the program, of a command, or on a topic of all commands."""

from __future__ import annotations

from orbscan.cli import exits
from orbscan.cli.exits import FINE
from orbscan.cli.help import EXIT_CODES, help_formatter

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

TABLE_OF_EXIT_CODES = {
    exits.FINE: "fine; tolerated faults are reported as warnings",
    exits.FINDINGS: """\
the answer needs attention: diff, the checkpoints differ; verify, a
checkpoint has an error; plan, the checkpoint does not fit the mesh or
the memory; dump, something is wrong with the file""",
    exits.USAGE: "usage error: an option or argument is wrong",
    exits.NOT_FOUND: """\
nothing was found (no such path, no step, no leaf that matches), or it is
not a checkpoint, or it is too damaged to be read""",
    exits.STORE: "the store (disk or bucket) refused or failed, or memory ran out",
    exits.PARTIAL: """\
a part could not be read, and the output says which: ls and scan, a
checkpoint is not complete; steps, a step is broken; verify, some of
several checkpoints could not be checked; diff, nothing is known to
differ, but something cannot be read; du, it is not known what is unused;
report, a checkpoint or a part of one is not in the page""",
    exits.INTERRUPTED: "interrupted (Ctrl-C)",
    exits.CLOSED_PIPE: "stdout was closed early, as by head; no message is printed",
    exits.TERMINATED: "terminated; an unfinished file of -o is deleted",
}

_CODES = "exit-codes"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "help",
        help="show this help, that of a command, or the table of exit codes",
        description="Show the help of the program or of a command, or the table of exit codes.",
        epilog=EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument(
        "topic",
        metavar="TOPIC",
        nargs="?",
        help=f"a command, or {_CODES}; by default all commands",
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the help to stdout."""
    topic = arguments.topic
    if topic == _CODES:
        print(exit_codes())
        return FINE
    from orbscan.cli import COMMANDS, composed

    if topic is not None and topic not in COMMANDS:
        known = ", ".join([*COMMANDS, _CODES])
        arguments.parser.error(f"no help for {topic!r}; topics: {known}")
    program, parsers = composed([] if topic is None else [topic])
    print((program if topic is None else parsers[topic]).format_help(), end="")
    return FINE


def exit_codes() -> str:
    """Compose the table of exit codes."""
    lines = ["exit codes:"]
    for code, text in TABLE_OF_EXIT_CODES.items():
        first, *more = text.split("\n")
        lines += [f"  {code:<4} {first}", *(f"       {line}" for line in more)]
    return "\n".join(lines)
