"""Libraries that orbscan uses if they are installed, and how to install them.

Importing this module loads nothing else.
"""

from __future__ import annotations

import sys

from orbscan._imports import importing

EXTRA_OF = {
    "jax": "jax",
    "tensorstore": "jax",
    "orbax.checkpoint": "orbax",
    "orbax.checkpoint.experimental.v1": "orbax",
    "deltalake": "delta",
    "pyarrow": "tables",
    "shtab": "completion",
    "ray.data": "ray",
    "jinja2": "report",
    "resvg_py": "report",
    "pyspark.sql.datasource": "spark",
    "dask.dataframe": "dask",
    "apache_beam": "beam",
    "daft": "daft",
}
"""The extra of orbscan that brings a library."""

_NO_MEMORY = ("cannot allocate memory", "failed to map segment")
"""What the loader of shared libraries says if there is no memory for one."""


def need(library: str, what: str) -> None:
    """Check that a library can be imported.

    Args:
        library: its name in `import`.
        what: what needs it, as the beginning of a sentence.

    Raises:
        ImportError: it cannot; the message says how to install it, if it is not installed.
        MemoryError: there is too little memory for it.
    """
    if sys.modules.get(library) is not None:
        return
    from importlib import import_module

    try:
        with importing:
            import_module(library)
    except ImportError as error:
        package = library.partition(".")[0]
        if any(sign in str(error) for sign in _NO_MEMORY):
            message = f"not enough memory to import {package}: {error}"
            raise MemoryError(message) from error
        if not isinstance(error, ModuleNotFoundError):
            message = f"{what} needs {package}, which is installed but does not work: {error}"
            raise ImportError(message, name=error.name, path=error.path) from error  # noqa: TRY004
        extra = EXTRA_OF[library]
        message = f"{what} needs {package} ({error}): pip install 'orbscan[{extra}]'"
        raise ImportError(message, name=error.name, path=error.path) from error
