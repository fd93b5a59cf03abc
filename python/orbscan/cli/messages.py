"""Errors of the library in the words of the command line."""

from __future__ import annotations

import os

from orbscan.errors import OrbscanError, located

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse


def told(error: Exception, arguments: argparse.Namespace | None = None, side: str = "") -> str:
    """Show an error: its advice names an option, if the command has it.

    Args:
        error: of the library, or any other.
        arguments: of the command; None for one that has no such option.
        side: the prefix of the names of the options, as in --other-name.
    """
    if not isinstance(error, OrbscanError) or error.advice is None:
        return str(error)
    topic, value, words = error.advice
    before, _, after = error.reason.rpartition(words)
    if topic == "name":
        options = _name(value, side) if hasattr(arguments, "name") else ""
    else:
        options = _step(error, side) if hasattr(arguments, "step") else ""
        if hasattr(arguments, "root_of_steps"):
            options = _root_of_steps(topic, value, error.file)
    reason = f"{before}{options}{after}"
    return located(reason, error.file, error.offset, in_body=error.in_body)


def path_of_step(error: OrbscanError) -> str:
    """Show the refusal of a directory of steps if a step can only be given by its path."""
    newest = f"$(orbscan latest {_quoted(error.file)})"
    return f"{told(error)}: pass the path of a step, such as {newest}"


def _root_of_steps(topic: str, root: str | None, searched: str | None) -> str:
    """Say which root of steps to pass."""
    if topic == "step_of":
        return f": pass {_quoted(root)}"
    if topic == "step_of_one" and searched is not None:
        from orbscan import _core

        for name, _ in _core.steps_below(searched):
            # The module pathlib takes longer to import.
            return f": pass one of them, such as {_quoted(os.path.join(searched, name))}"  # noqa: PTH118
    return ""


def _quoted(path: str | None) -> str:
    from shlex import quote

    return quote(path or "")


def _name(name: str | None, side: str) -> str:
    if name is None:
        return f": pass --{side}flat"
    from shlex import quote

    return f", and --{side}name {quote(name)}"


def _step(error: OrbscanError, side: str) -> str:
    from shlex import quote

    topic, path, _ = error.advice or ("step", None, "")
    option = f"--{side}step latest"
    if topic == "step_of_one":
        below = f", or list all with 'orbscan ls {quote(error.file)}'" if error.file else ""
        return f": pass one of them with {option}{below}"
    root = path or error.file
    steps = f", or list them with 'orbscan steps {quote(root)}'" if root else ""
    return f": add {option}{steps}" if path is None else f": pass {quote(path)} {option}{steps}"
