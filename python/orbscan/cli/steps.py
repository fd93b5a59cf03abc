"""`orbscan steps`: the contents of a manager root, as a table or as JSON."""

from __future__ import annotations

import sys
from typing import NamedTuple

from orbscan.cli import source
from orbscan.cli.below import steps_below
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINE, NOT_FOUND, PARTIAL, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.messages import told
from orbscan.errors import located
from orbscan.reading import metric
from orbscan.reading.step_choice import LATEST, given_metrics, list_steps, ranked
from orbscan.reading.step_text import METRICS_WIDTH
from orbscan.showing.fitting import Fitting
from orbscan.showing.states import state_of
from orbscan.showing.text import NSECS_PER_SEC, counted, moment, printable, some, within

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from orbscan import _core
    from orbscan.aliases import Mode, StepState
    from orbscan.cli import output
    from orbscan.showing.fitting import Gives

_EXAMPLES = """\
examples:
  orbscan steps checkpoints
  orbscan steps checkpoints -o json | jq '.steps[] | select(.committed | not) | .path'
  orbscan steps checkpoints --prefix step
  orbscan steps checkpoints --sort loss:min      # the best first
  orbscan show checkpoints --step best:loss:min

A step that is committed and of which a part is missing or cannot be read is broken,
and the exit code is then 5. It is 3 if there is neither a step nor another checkpoint.

"""

_COLUMNS = {
    "STEP": "",
    "NAME": "",
    "MARK": "count",
    "STATE": "state",
    "COMMITTED": "",
    "TOOK": "",
    "METRICS": "sharding",
    "NOTE": "fault",
}
_RIGHT = {0, 5}
_GIVES: tuple[Gives, ...] = (
    ("NOTE", 30),
    ("METRICS", 24),
    ("TOOK", 0),
    ("NAME", 16),
    ("NOTE", 16),
    ("COMMITTED", 0),
    ("METRICS", 12),
    ("NAME", 8),
    ("METRICS", 0),
    ("NOTE", 0),
    ("MARK", 0),
    ("NAME", 0),
    ("STATE", 4),
    ("STEP", 4),
)
_SHOWN_OTHERS = 20


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "steps",
        help="show the steps of a manager root",
        description="Show the steps in a directory: which are committed or broken, when they were "
        "saved, and their metrics. Reads no tree.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument(
        "path", metavar="ROOT", help="the directory that holds the steps; - reads it from stdin"
    )
    source.add_atomicity(parser)
    source.add_prefix(parser)
    parser.add_argument(
        "--sort",
        metavar="METRIC[:min]",
        type=source.best_of,
        help="the step with the greatest value of a metric first, or with :min the least, and mark "
        "it as the best (default: by number)",
    )
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the steps, and write the result to stdout."""
    path = source.local_path(arguments, arguments.path)
    root = Root(path, *list_steps(path, arguments.atomicity, arguments.prefix))
    if arguments.sort is not None:
        root = root.sorted_by(*arguments.sort)
    with arguments.output.opened():
        if arguments.output.format == JSON:
            sys.stdout.write(document(root))
        elif root.steps or root.others:
            from orbscan.cli import output

            output.write(table(root, output.fitting(arguments)))
        if not root.steps and not root.others:
            raise _nothing_found(root, arguments)
    return FINE if all(step.error is None for step in root.steps) else PARTIAL


class Root(NamedTuple):
    """The contents of a manager root.

    Attributes:
        path: the path as it was given.
        steps: by number and then by name.
        others: names of other checkpoints.
        not_looked_into: how many more directories may be checkpoints.
        best: the step with the best value of the metric by which they are sorted.
    """

    path: str
    steps: list[_core.Step]
    others: list[str]
    not_looked_into: int
    best: _core.Step | None = None

    def sorted_by(self, name: str, mode: Mode) -> Root:
        """Put the steps with the best values of a metric first, those without it last.

        Raises:
            OrbscanError: it is not a number in any step.
        """
        found = ranked(self.path, self.steps, name, mode)
        rest = [step for step in self.steps if step not in found]
        best = next((step for step in found if step.committed), None)
        return self._replace(steps=[*found, *rest], best=best)

    @property
    def latest(self) -> _core.Step | None:
        """The committed step with the greatest number, if all have one prefix."""
        committed = [step for step in self.steps if step.committed and not step.temporary]
        if len({step.prefix for step in committed}) != 1:
            return None
        return max(committed, key=lambda step: (step.step, step.name))


def _nothing_found(root: Root, arguments: argparse.Namespace) -> Refusal:
    kept = "" if arguments.prefix is ... else " with that prefix"
    message = f"no steps{kept} in {printable(root.path)}"
    if root.not_looked_into:
        message += f", where {_not_looked_into(root)}"
    further = steps_below(root.path)
    if further is None:
        from shlex import quote

        further = f"try 'orbscan ls {quote(printable(root.path))}'"
    return Refusal(f"{message}; {further}", NOT_FOUND)


def _not_looked_into(root: Root) -> str:
    count = root.not_looked_into
    was = "was" if count == 1 else "were"
    return f"{counted(count, 'directory', 'directories')} {was} not looked into"


def table(root: Root, fitting: Fitting | None = None) -> list[output.Line]:
    """Show steps as text: one line for each, the other checkpoints, and their numbers."""
    from orbscan.cli.output import tabular

    fitting = fitting or Fitting()
    metrics = metric.lines([given_metrics(step) for step in root.steps], METRICS_WIDTH)
    marks = (("best", root.best), ("latest", root.latest))
    cells = [tuple(_COLUMNS)]
    for step, line in zip(root.steps, metrics, strict=True):
        mark = ", ".join(word for word, marked in marks if marked is step)
        cells.append(_cells(root.path, step, mark, line))
    lines: list[output.Line] = [[("label", "root       "), ("", printable(root.path))], []]
    if root.steps:
        fitted = fitting.rows(cells, right=_RIGHT, gives=_GIVES)
        lines += tabular(fitted, [*_COLUMNS.values()])
        lines += [[("faint", note)] for note in fitting.note()]
        lines.append([])
    lines += _beside(root)
    finished = sum(step.committed for step in root.steps)
    broken = sum(_state(step) == "broken" for step in root.steps)
    total = f"{counted(len(root.steps), 'step')}, {finished:,} committed"
    total += f", {broken:,} of them broken" if broken else ""
    return [*lines, [("label", "total      "), ("", total)]]


def _beside(root: Root) -> Iterator[output.Line]:
    """The other checkpoints beside the steps."""
    if root.others:
        shown = ", ".join(map(printable, root.others[:_SHOWN_OTHERS]))
        more = len(root.others) - _SHOWN_OTHERS
        shown += f" and {more:,} more" if more > 0 else ""
        shown += "; --step NAME reads one of them"
        # Words that --step does not accept as a name.
        words = [name for name in root.others if name == LATEST or not _is_name(name)]
        shown += f", but {some([*map(printable, words)], 3, ', ')} by path only" if words else ""
        yield [("label", "others     "), ("", shown)]
    if root.not_looked_into:
        yield [("label", "unknown    "), ("", _not_looked_into(root))]
    if root.others or root.not_looked_into:
        yield []


def _is_name(text: str) -> bool:
    from argparse import ArgumentTypeError

    try:
        return source.step_choice(text) == text
    except ArgumentTypeError:
        return False


def document(root: Root) -> str:
    """Compose a JSON document of steps: one line of ASCII text."""
    import json
    import os

    from orbscan.reading.documents import root_document, step_document
    from orbscan.showing.documents import decoded, issue_documents

    steps = [
        step_document(
            step,
            os.path.join(root.path, step.name),  # noqa: PTH118 - as in orbscan.reading.step_choice
            metrics=None if step.metrics is None else decoded(step.metrics),
            custom_metadata=decoded(step.custom_metadata),
            issues=issue_documents(step.issues),
        )
        for step in root.steps
    ]
    whole = root_document(root.path, steps, root.others, root.not_looked_into)
    return json.dumps(whole, allow_nan=False) + "\n"


def _cells(root: str, step: _core.Step, mark: str, metrics: str) -> tuple[str, ...]:
    begun, ended = step.init_timestamp_nsecs, step.commit_timestamp_nsecs
    notes = [*([] if step.committed else [step.commit_reason]), *_faults(root, step)]
    return (
        str(step.step),
        "" if step.name == str(step.step) else printable(step.name),
        mark,
        _state(step),
        "" if ended is None else moment(ended),
        "" if begun is None or ended is None else f"{(ended - begun) / NSECS_PER_SEC:.3f} s",
        printable(metrics),
        "; ".join(notes),
    )


def _state(step: _core.Step) -> StepState:
    return state_of(step.error, committed=step.committed)


def _faults(root: str, step: _core.Step) -> Iterator[str]:
    path = f"{root.rstrip('/')}/{step.name}"
    if step.error is not None:
        yield printable(within(path, told(step.error)))
    for _, file, offset, in_body, reason in step.issues:
        yield printable(within(path, located(reason, file, offset, in_body=in_body)))
