"""Libraries that orbscan uses where they are installed, and how to install them.

Importing this module loads nothing else.
"""

from __future__ import annotations

import sys

from orbscan._imports import importing

EXTRA_OF = {
    "jax": "jax",
    "tensorstore": "jax",
    "orbax.checkpoint.experimental.v1": "orbax",
    "pyarrow": "tables",
    "shtab": "completion",
}
"""The extra of orbscan that brings a library."""


class Library:
    """A library that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> object:
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


def need(library: str, what: str) -> None:
    """Check that a library can be imported.

    Args:
        library: as `import` names it.
        what: what needs it, the beginning of a sentence.

    Raises:
        ImportError: it cannot; says how to install it.
    """
    if sys.modules.get(library) is not None:
        return
    from importlib import import_module

    try:
        with importing:
            import_module(library)
    except ImportError as error:
        package = library.partition(".")[0]
        extra = EXTRA_OF[library]
        message = f"{what} needs {package} ({error}): pip install 'orbscan[{extra}]'"
        raise ImportError(message, name=error.name, path=error.path) from error
