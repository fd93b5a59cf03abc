"""Errors of the library in the words of the command line."""

from __future__ import annotations

from orbscan.errors import OrbscanError, located

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse


def told(error: Exception, arguments: argparse.Namespace | None = None, side: str = "") -> str:
    """Show an error: what it advises is an option, if the command has it.

    Args:
        error: of the library, or any other.
        arguments: of the command; None for one that has no such option.
        side: what stands before the names of the options, as in --other-name.
    """
    if not isinstance(error, OrbscanError) or error.advice is None:
        return str(error)
    name, words = error.advice
    before, _, after = error.reason.rpartition(words)
    options = _in_options(name, side) if hasattr(arguments, "name") else ""
    reason = f"{before}{options}{after}"
    return located(reason, error.file, error.offset, in_body=error.in_body)


def _in_options(name: str | None, side: str) -> str:
    if name is None:
        return f": pass --{side}flat"
    from shlex import quote

    return f", and --{side}name {quote(name)}"
