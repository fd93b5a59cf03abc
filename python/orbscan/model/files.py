"""Files of a checkpoint that are read as they are, on a disk or in a store.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os

from orbscan.places import url_scheme


def is_file(place: str) -> bool:
    """Return whether a file lies at a place.

    Raises:
        OrbscanError: the store refused or failed.
    """
    if url_scheme(place) is None:
        return os.path.isfile(place)  # noqa: PTH113 - pathlib takes longer to import than a read
    return content(place) is not None


def content(place: str) -> bytes | None:
    """Return the content of a file; None if there is none.

    Raises:
        OrbscanError: the store or the file system refused or failed.
    """
    from orbscan import _core

    return _core.read_file(place)
