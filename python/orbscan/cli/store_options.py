"""Options of the command line for the stores of URLs."""

from __future__ import annotations

from argparse import ArgumentTypeError

from orbscan.reading import paths

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Add --store-option to a command."""
    parser.add_argument(
        "--store-option",
        metavar="KEY=VALUE",
        action="append",
        type=_option,
        help="an option of the store of a URL, such as skip_signature=true; can be given several "
        "times (see docs/buckets.md)",
    )


def use_store_options(arguments: argparse.Namespace) -> None:
    """Apply the options to every URL that the command reads."""
    paths.DEFAULTS = dict(getattr(arguments, "store_option", None) or ())


def forget_store_options() -> None:
    """Reset them after the command, in case it was called as a function."""
    paths.DEFAULTS = {}


def _option(text: str) -> tuple[str, str]:
    """Read an option.

    Raises:
        ArgumentTypeError: it is not a key and a value.

    >>> _option("region=us-east-1")
    ('region', 'us-east-1')
    """
    key, separator, value = text.partition("=")
    if not separator or not key:
        # The text may be a secret.
        message = "a store option is KEY=VALUE"
        raise ArgumentTypeError(message)
    return key, value
