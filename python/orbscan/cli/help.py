"""The common parts of the arguments and help texts of all commands."""

from __future__ import annotations

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter

from orbscan.showing.text import parsed_size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from argparse import ArgumentParser

_WIDTH = 78

EXIT_CODES = "exit codes: see orbscan help exit-codes\n"
"""The last lines of the help of each command."""


def help_formatter(prog: str) -> RawDescriptionHelpFormatter:
    """Make the formatter of a help text.

    Without a width it would measure the terminal, and import a lot for that, whenever an argument
    is added to a parser.
    """
    return RawDescriptionHelpFormatter(prog, width=_WIDTH)


def add_wide(parser: ArgumentParser) -> None:
    """Add the option that shows tables at full width."""
    parser.add_argument(
        "--wide",
        action="store_true",
        help="on a terminal, show every table in full, however wide",
    )


def add_sort(parser: ArgumentParser, default: str) -> None:
    """Add the option for the order of leaves to a command."""
    parser.add_argument(
        "--sort",
        choices=["size", "name"],
        help="size: the largest first; name: by name, with numbers in names by their value "
        f"(default: {default})",
    )


def whole_number(text: str) -> int:
    """Read the value of an option that counts something.

    Raises:
        ArgumentTypeError: it is not a whole number of at least 0.
    """
    if not (text.isascii() and text.isdecimal()):
        message = f"{text!r} is not a whole number"
        raise ArgumentTypeError(message)
    try:
        return int(text)
    except ValueError as error:
        # Python does not convert numbers of thousands of digits.
        message = f"a number of {len(text):,} digits is too large"
        raise ArgumentTypeError(message) from error


def number_of_bytes(text: str) -> int:
    """Read the value of an option that is a size.

    Raises:
        ArgumentTypeError: it is not a size.
    """
    try:
        return parsed_size(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
