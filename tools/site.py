"""Builds the documentation: `make docs`.

    python -m tools.site [OUTPUT]

The pages are those of the repository. They are gathered in one folder, in which links that lead out
of `docs/` are changed, together with pages that are generated from the code: the public names, and
the help of each command. Sphinx makes HTML of them, and a warning is an error.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import orbscan
from orbscan import cli

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "target" / "site-source"
OUTPUT = ROOT / "target" / "site"
BESIDE = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages at the top of the repository that are also part of the documentation."""

HOME_ENDS = "\n## Use\n"
"""Where the first screen of the README ends."""

ANCHORS = {
    "install": "install.md",
    "use": "api.md",
    "restoring": "restoring.md",
    "many-checkpoints": "scan.md",
    "is-it-whole-is-it-the-same": "verify.md",
    "on-the-command-line": "command-line.md",
    "contribute": "contributing.md",
}
"""The page with the content of a section of the README."""

GROUPS = {
    "Read": ("metadata", "checkpointables_metadata", "is_orbax_checkpoint", "open_array"),
    "Steps": ("steps", "latest", "best", "root_metadata"),
    "Many checkpoints": ("scan", "leaf_table", "checkpoint_table", "finding_table", "schema"),
    "Check and compare": ("verify", "du", "dump", "diff", "report"),
    "Restore": ("abstract_state", "load", "load_checkpointables", "restore_plan", "to_orbax"),
}
"""The most important functions by topic; the others follow."""


def main() -> int:
    """Gathers the pages, and builds them."""
    parser = argparse.ArgumentParser(prog="tools.site", description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, nargs="?", default=OUTPUT)
    options = parser.parse_args()
    from sphinx.cmd.build import build_main

    gather(SOURCE)
    shutil.rmtree(options.output, ignore_errors=True)
    words = ["-q", "-E", "-W", "--keep-going", "-b", "html", str(SOURCE), str(options.output)]
    status = int(build_main(words))
    if status == 0:
        print(f"wrote {os.path.relpath(options.output)}/index.html")
    return status


def gather(folder: Path) -> None:
    """Puts everything that Sphinx needs into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("site"))
    for file in (ROOT / "docs" / "site").iterdir():
        shutil.copy(file, folder)
    for name in BESIDE:
        (folder / name.lower()).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    home, _, _ = (ROOT / "README.md").read_text("utf-8").partition(HOME_ENDS)
    index = folder / "index.md"
    home = re.sub(
        r"\]\(#([a-z-]+)\)", lambda found: f"]({ANCHORS.get(found[1], found[0][2:-1])})", home
    )
    index.write_text(f"{home}\n\n{index.read_text('utf-8')}", "utf-8")
    (folder / "api.md").write_text("".join(api()), "utf-8")
    (folder / "commands.md").write_text("".join(commands()), "utf-8")
    texts = {page: linked(page.read_text("utf-8")) for page in folder.glob("*.md")}
    titles = {page.name: title(text) for page, text in texts.items()}
    for page, text in texts.items():
        page.write_text(titled(text, titles), "utf-8")


def linked(text: str) -> str:
    """A page whose links lead to the pages beside it.

    >>> linked("[a](docs/scan.md) [b](ARCHITECTURE.md) [c](../CHANGELOG.md#x)")
    '[a](scan.md) [b](architecture.md) [c](changelog.md#x)'
    """
    text = re.sub(r"\]\((?:\.\./)?docs/", "](", text)
    names = "|".join(name.removesuffix(".md") for name in BESIDE)
    return re.sub(rf"\]\((?:\.\./)?({names})\.md", lambda found: f"]({found[1].lower()}.md", text)


def title(text: str) -> str:
    r"""The first heading of a page.

    >>> title("# Engines\n\nOne machine ...")
    'Engines'
    """
    found = re.search(r"^# (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def titled(text: str, titles: dict[str, str]) -> str:
    """A page whose links to others have their titles, where the repository has the names of files.

    >>> titled("[scan.md](scan.md#x), [scans](scan.md)", {"scan.md": "Many checkpoints"})
    '[“Many checkpoints”](scan.md#x), [scans](scan.md)'
    """

    def of(found: re.Match[str]) -> str:
        named = titles.get(found[1])
        return f"[“{named}”]({found[1]}{found[2]})" if named else found[0]

    return re.sub(r"\[(?:docs/)?[A-Za-z-]+\.md\]\(([a-z-]+\.md)([^)]*)\)", of, text)


def api() -> Iterator[str]:
    """The page of the public names, in groups."""
    yield "# Python\n\nEvery public name, from its docstring. The types of arguments are those of "
    yield "`orbscan.types`.\n"
    every = [name for name in orbscan.__all__ if not name.startswith("_")]
    functions = [name for name in every if not isinstance(getattr(orbscan, name), type)]
    classes = [name for name in every if name not in functions]
    errors = [name for name in classes if issubclass(getattr(orbscan, name), Exception)]
    named = {name for group in GROUPS.values() for name in group}
    groups = {title: [*names] for title, names in GROUPS.items()}
    groups["Further functions"] = [name for name in functions if name not in named]
    groups["Values"] = [name for name in classes if name not in errors]
    groups["Errors"] = errors
    for title, names in groups.items():
        yield f"\n## {title}\n\n"
        for name in names:
            yield directive(name, is_class=name in classes)


def directive(name: str, *, is_class: bool) -> str:
    """The directive that makes Sphinx document a public name."""
    if not is_class:
        return f"```{{eval-rst}}\n.. autofunction:: orbscan.{name}\n```\n\n"
    members = "   :members:\n   :inherited-members: Exception,tuple\n"
    return f"```{{eval-rst}}\n.. autoclass:: orbscan.{name}\n{members}```\n\n"


def commands() -> Iterator[str]:
    """The page of the help of each command."""
    yield "# Commands\n\nWhat `orbscan COMMAND --help` prints.\n"
    program, parsers = cli.composed([])
    yield f"\n```text\n{program.format_help()}```\n"
    for name, parser in parsers.items():
        yield f"\n## {name}\n\n```text\n{parser.format_help()}```\n"


if __name__ == "__main__":
    sys.exit(main())
