"""`orbscan plan`: what each device and host would hold and read after a restore over a mesh."""

from __future__ import annotations

import sys

from orbscan.cli import source
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINDINGS, FINE, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter, number_of_bytes, whole_number
from orbscan.cli.selection import add_param, chosen
from orbscan.reading import api

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan import _core
    from orbscan.cli.selection import Selection
    from orbscan.planning.plan import RestorePlan

_EXAMPLES = """\
examples:
  orbscan plan checkpoints/1000 --mesh data=4,model=8 --devices-per-host 8
  orbscan plan checkpoints/1000 --mesh data=16 --memory 16GiB
  orbscan plan checkpoints/1000 --mesh data=16 --param 'params/**'
  orbscan plan checkpoints/1000 -o json | jq '.leaves[] | select(.amplification > 2) | .keypath'

The exit code is 1 if the checkpoint does not fit the mesh, or a device's memory.

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "plan",
        help="show what it takes to restore a checkpoint over a mesh",
        description="Show how many bytes each device and host would hold and must read: whole "
        "chunks, uncompressed.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    source.add_arguments(parser)
    parser.add_argument(
        "--mesh",
        metavar="AXES",
        help="names and lengths of the axes, as in data=4,model=8 (default: the saved mesh)",
    )
    parser.add_argument(
        "--devices-per-host",
        metavar="N",
        type=whole_number,
        help="each host has N consecutive devices (default: one host has all)",
    )
    parser.add_argument("--hosts", metavar="N", type=whole_number, help="the number of hosts")
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        type=number_of_bytes,
        help="say whether the arrays fit a device with this much memory, such as 16GiB",
    )
    add_param(parser, "plan for")
    add_output(parser, "a report")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the checkpoint, and write the plan to stdout and warnings to stderr."""
    path, checkpoint = source.read(arguments)
    others = api.others(path, checkpoint)
    plan = _plan(checkpoint, arguments)
    name, _ = checkpoint.items[0]
    with arguments.output.opened():
        if arguments.output.format == JSON:
            from orbscan.planning import document

            sys.stdout.write(
                document.render(path, name, others, plan, arguments.memory, param=arguments.param)
            )
        else:
            from orbscan.cli import output
            from orbscan.planning.text import report

            fitting = output.fitting(arguments)
            lines = report(
                plan,
                arguments.memory,
                name=name,
                others=others,
                param=arguments.param,
                fitting=fitting,
            )
            sys.stdout.write("".join(f"{line}\n" for line in lines))
    source.warn(checkpoint.issues)
    fits = arguments.memory is None or plan.device_memory <= arguments.memory
    return FINE if fits else FINDINGS


def _plan(checkpoint: _core.Checkpoint, arguments: argparse.Namespace) -> RestorePlan:
    """Compute the plan from the columns.

    Raises:
        Refusal: the checkpoint does not fit the mesh, or there is no such mesh.
    """
    from orbscan.planning.build import build
    from orbscan.planning.columns import arrays
    from orbscan.planning.fit import MeshMismatchError

    found, unreadable = arrays(checkpoint.items[:1], _selected(checkpoint, arguments.param))
    try:
        return build(
            found,
            arguments.mesh,
            devices_per_host=arguments.devices_per_host,
            hosts=arguments.hosts,
            unreadable=unreadable,
        )
    except MeshMismatchError as error:
        raise Refusal(str(error), FINDINGS) from error
    except ValueError as error:
        raise Refusal(str(error), USAGE) from error


def _selected(checkpoint: _core.Checkpoint, pattern: str | None) -> Selection | None:
    """The leaves that the plan is for; None for all.

    Raises:
        Refusal: no leaf matches.
    """
    if pattern is None:
        return None
    from orbscan.reading.facts import leaves

    name, tree = checkpoint.items[0]
    keypaths = [] if tree is None else [entries for entries, _, _ in leaves(tree)]
    return chosen(pattern, [(name, entries) for entries in keypaths])
