"""`orbscan du`: what a checkpoint takes on disk, by leaf, element type and file."""

from __future__ import annotations

import sys
from dataclasses import replace

from orbscan.cli import source, stdin
from orbscan.cli.exits import FINE, NOT_FOUND, PARTIAL, Refusal
from orbscan.cli.help import EXIT_CODES, add_output, add_sort, help_formatter, whole_number
from orbscan.errors import InvalidLayoutError
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import by_level, counted, labelled, natural, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from orbscan import _core
    from orbscan.checking.usage import FileUsage, LeafUsage, Usage
    from orbscan.cli import output
    from orbscan.showing.fitting import Gives

_EXAMPLES = """\
examples:
  orbscan du checkpoints/1000
  orbscan du checkpoints/1000 --depth 1
  orbscan du checkpoints/1000 --files
  orbscan du checkpoints/1000 --sort size | head -20
  orbscan du checkpoints/1000 --name params
  orbscan du checkpoints/1000 -o json | jq '.totals'
  orbscan du runs --sort size                     # all checkpoints below, and their sum

STORED is the bytes of chunks, from the index of the store; MEMORY is what they
take in memory, and RATIO is MEMORY divided by STORED. UNUSED is what nothing of
the newest version refers to. The lines from "data" to "other" add up to "on
disk"; short chunks lie in the index, so that "data" can be less than "chunks".

"""

_SHOWN_IN_FULL = 100
_DEPTH_OF_LARGE = 2
_RIGHT = {2, 3, 4, 5}
_GIVES: tuple[Gives, ...] = (
    ("LEAF", 40),
    ("FILE", 40),
    ("RATIO", 0),
    ("NODES", 0),
    ("VALUES", 0),
    ("CHUNKS", 0),
    ("LEAF", 20),
    ("FILE", 20),
    ("TYPE", 0),
    ("ROLE", 0),
    ("LEAF", 12),
    ("FILE", 12),
    ("UNUSED", 0),
    ("MEMORY", 0),
    ("STORED", 0),
    ("SIZE", 0),
    ("LEAF", 1),
    ("FILE", 1),
)
_FILES_SHOWN = 20


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "du",
        help="show what a checkpoint, or all below directories, take on disk",
        description="Show what a checkpoint takes on disk, by leaf, element type and file; of "
        "several checkpoints, or directories of them, what each takes and what all do.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a checkpoint, or directories of checkpoints; - reads paths from stdin",
    )
    source.add_step(parser)
    source.add_name(
        parser,
        "measure this checkpointable alone (default: all)",
        "measure the pytree alone that lies in PATH itself, without a name",
    )
    source.add_commit_rules(parser)
    parser.add_argument(
        "--depth",
        metavar="N",
        type=whole_number,
        help="show each subtree below a keypath of N entries as one line (default: 2, if there "
        "are more than 100 leaves)",
    )
    parser.add_argument(
        "--files",
        action="store_true",
        help="show every file, not only the largest, and each of those that hold one chunk",
    )
    add_sort(parser, "leaves in the order of the trees, files by size")
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the checkpoint, and write the answer to stdout and warnings to stderr."""
    if arguments.output == "json" and (arguments.depth is not None or arguments.files):
        arguments.parser.error("--depth and --files are for the table, not for JSON")
    paths = stdin.paths(arguments.paths)
    source.check_name(arguments, arguments.name)
    paths = [source.local_path(arguments, path) for path in paths]
    if len(paths) == 1:
        # What goes wrong from here on is no wrong use.
        path = source.step_path(arguments, paths[0])
        from orbscan.checking.measuring import measured

        try:
            usage, issues = measured(path, arguments.name, **source.rules(arguments))
        except InvalidLayoutError as error:
            is_root = error.kind == "unknown_layout" and not _of_one(arguments)
            if not is_root:
                raise
            from orbscan.cli import du_roots

            return du_roots.run(arguments, paths, error)
        return _write(arguments, usage, issues)
    if given := _of_one(arguments):
        arguments.parser.error(f"{given} is for one checkpoint")
    if not paths:
        message = "there is nothing to measure: no path on stdin"
        raise Refusal(message, NOT_FOUND)
    from orbscan.cli import du_roots

    return du_roots.run(arguments, paths, None)


def _of_one(arguments: argparse.Namespace) -> str:
    """An option that is given and makes sense for a single checkpoint only."""
    options = {
        "--step": arguments.step is not None,
        "--name or --flat": arguments.name is not ...,
        "--depth": arguments.depth is not None,
        "--files": arguments.files,
    }
    return next((option for option, is_given in options.items() if is_given), "")


def _write(arguments: argparse.Namespace, usage: Usage, issues: list[_core.Issue]) -> int:
    if arguments.output == "json":
        import json

        from orbscan.showing.documents import ISSUE

        faults = [dict(zip(ISSUE, issue, strict=True)) for issue in issues]
        document = {**_sorted(usage, arguments.sort).to_dict(), "issues": faults}
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    else:
        from orbscan.cli import output

        view = View(arguments.depth, all_files=arguments.files, sort=arguments.sort)
        output.write(table(usage, view, output.fitting(arguments)))
    source.warn(issues)
    unknown = any(file.role == "unknown" or file.unknown_bytes for file in usage.files)
    return PARTIAL if unknown else FINE


class View:
    """What is shown of a usage, and how.

    Attributes:
        depth: subtrees below keypaths of this length are one line; None for the program's choice.
        all_files: whether every file is shown.
        sort: `size` or `name`; None for leaves in the order of the trees, and files by size.
    """

    __slots__ = ("all_files", "depth", "sort")

    def __init__(self, depth: int | None, *, all_files: bool, sort: str | None) -> None:
        self.depth = depth
        self.all_files = all_files
        self.sort = sort


def table(usage: Usage, view: View, fitting: Fitting | None = None) -> list[output.Line]:
    """Show a usage: leaves or subtrees, element types, files, totals."""
    fitting = fitting or Fitting()
    of_leaves = ("LEAF", "TYPE", "CHUNKS", "MEMORY", "STORED", "RATIO")
    of_files = ("FILE", "ROLE", "VALUES", "NODES", "SIZE", "UNUSED")
    blocks = [
        _table(of_leaves, _leaf_rows(usage, view), fitting),
        _table(of_files, _file_rows(usage, view), fitting),
        [[("faint", note)] for note in fitting.note()],
        _labelled(_totals(usage)),
    ]
    lines: list[output.Line] = []
    for block in filter(None, blocks):
        lines += [[], *block] if lines else block
    return lines


class _Sum:
    """What a leaf or a subtree takes."""

    def __init__(self) -> None:
        self.leaves: list[LeafUsage] = []

    @property
    def stored(self) -> int:
        """Bytes of its chunks."""
        return sum(leaf.stored for leaf in self.leaves)

    def row(self, name: str) -> tuple[str, ...]:
        """Show it; several leaves as their number."""
        nbytes = sum(leaf.nbytes for leaf in self.leaves)
        stored = self.stored
        (first, *more) = self.leaves
        known = all(leaf.readable for leaf in self.leaves)
        one = first.dtype or ("" if known else "unreadable")
        return (
            name,
            counted(len(self.leaves), "leaf", "leaves") if more else one,
            f"{sum(leaf.chunks for leaf in self.leaves):,}",
            size(nbytes) if known else "unknown",
            size(stored),
            f"{nbytes / stored:.2f}" if stored and known else "",
        )


def _sorted(usage: Usage, sort: str | None) -> Usage:
    """Put leaves and files into another order than that of the checkpoint."""
    leaves, files = list(usage.leaves), list(usage.files)
    if sort == "size":
        leaves.sort(key=lambda leaf: -leaf.stored)
        files.sort(key=lambda file: -(file.size or 0))
    elif sort == "name":
        leaves.sort(key=lambda leaf: (natural(leaf.checkpointable or ""), by_level(leaf.keypath)))
        files.sort(key=lambda file: [natural(part) for part in _path(file).split("/")])
    return replace(usage, leaves=tuple(leaves), files=tuple(files))


def _leaf_rows(usage: Usage, view: View) -> Iterator[tuple[str, ...]]:
    depth = view.depth
    if depth is None and len(usage.leaves) > _SHOWN_IN_FULL:
        depth = _DEPTH_OF_LARGE
    sums: dict[str, _Sum] = {}
    if view.sort == "name":
        usage = _sorted(usage, view.sort)
    for leaf in usage.leaves:
        name = leaf.path if depth is None else leaf.subtree(depth)
        sums.setdefault(name, _Sum()).leaves.append(leaf)
    rows = [*sums.items()]
    if view.sort == "size":
        rows.sort(key=lambda row: -row[1].stored)
    for name, held in rows:
        yield held.row(name)


def _file_rows(usage: Usage, view: View) -> Iterator[tuple[str, ...]]:
    files = [*_sorted(usage, view.sort or "size").files]
    chunks: list[FileUsage] = []
    if not view.all_files:
        chunks = [file for file in files if file.role == "chunk"]
        files = [file for file in files if file.role != "chunk"]
    shown = files if view.all_files else files[:_FILES_SHOWN]
    for file in shown:
        yield _file_row(file)
    for rest, noun in ((files[len(shown) :], "more file"), (chunks, "chunk file")):
        if rest:
            yield _rest_row(rest, noun)


def _rest_row(files: list[FileUsage], noun: str) -> tuple[str, ...]:
    return (
        f"({counted(len(files), noun)})",
        "",
        f"{sum(file.values for file in files):,}",
        f"{sum(file.nodes for file in files):,}",
        size(sum(file.size or 0 for file in files)),
        size(sum(file.free_bytes for file in files)),
    )


def _path(file: FileUsage) -> str:
    return file.path if file.checkpointable is None else f"{file.checkpointable}/{file.path}"


def _file_row(file: FileUsage) -> tuple[str, ...]:
    return (
        printable(_path(file)),
        file.role,
        f"{file.values:,}" if file.values else "",
        f"{file.nodes:,}" if file.nodes else "",
        "missing" if file.size is None else size(file.size),
        size(file.free_bytes) if file.free_bytes else "",
    )


def _totals(usage: Usage) -> Iterator[tuple[str, str]]:
    yield "path", printable(usage.path)
    if usage.alone is not None:
        yield "measured", str(usage.alone)
        if usage.alone.others:
            yield "others", f"not measured: {usage.alone.shown_others()}"
    unreadable = [leaf for leaf in usage.leaves if not leaf.readable]
    known = usage.stored and not unreadable
    ratio = f", ratio {usage.nbytes / usage.stored:.2f}" if known else ""
    yield "chunks", f"{size(usage.stored)} for {size(usage.nbytes)} in memory{ratio}"
    label = "types"
    for dtype, (count, nbytes, stored) in usage.dtypes().items():
        leaves = counted(count, "leaf", "leaves")
        yield label, f"{dtype}: {leaves}, {size(stored)} for {size(nbytes)}"
        label = ""
    if unreadable:
        leaves = counted(len(unreadable), "leaf", "leaves")
        yield label, f"unreadable: {leaves}, {size(sum(leaf.stored for leaf in unreadable))}"
    if usage.strays:
        yield "stray", f"{size(usage.strays)} of values that belong to no leaf"
    yield "data", f"{size(usage.data)} of values in files"
    yield "index", f"{size(usage.index)} of documents and nodes"
    yield "unused", f"{size(usage.free)} that nothing of the newest version refers to"
    if usage.unknown:
        yield "unknown", f"{size(usage.unknown)} that may be unused: the index is damaged or gone"
    if usage.others:
        yield "other", f"{size(usage.others)} of other files"
    yield "on disk", f"{size(usage.total)} in {counted(len(usage.files), 'file')}"


def _table(
    heading: tuple[str, ...], rows: Iterator[tuple[str, ...]], fitting: Fitting
) -> list[output.Line]:
    from orbscan.cli.output import tabular

    below = [*rows]
    if not below:
        return []
    cells = fitting.rows([heading, *below], right=_RIGHT, gives=_GIVES)
    return tabular(cells, [""] * len(heading))


def _labelled(pairs: Iterator[tuple[str, str]]) -> list[output.Line]:
    from orbscan.showing.text import LABEL

    return [[("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(pairs)]
