"""One checkpointable of a checkpoint, of any kind, and its document if it is JSON.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from collections import namedtuple

from orbscan.errors import error
from orbscan.model.files import content
from orbscan.places import url_scheme

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, NamedTuple

    from orbscan.aliases import ErrorKind, ItemKind

    class _Item(NamedTuple):
        name: str | None
        kind: ItemKind
        handler: str | None
        file: str | None

else:
    # `typing`, whose named tuples have types, takes longer to import than a command does.
    _Item = namedtuple("_Item", "name kind handler file")  # noqa: PYI024

PYTREE: Final = "pytree"
JSON: Final = "json"
OTHER: Final = "other"
UNKNOWN: Final = "unknown"


class Item(_Item):
    """One checkpointable of a checkpoint.

    Attributes:
        name: None for the tree of the checkpoint itself.
        kind: `pytree`, `json`, `other` for an item that only its handler can describe, or `unknown`
            if the file system denies access.
        handler: the class that wrote it; None if it is not recorded.
        file: the document of a JSON item; None if it is missing, and for all others.
    """

    __slots__ = ()

    @property
    def document(self) -> Any:
        """The decoded document of a JSON item, read at each access; None for all others.

        Raises:
            FormatError: it is not JSON.
            StoreError: the file system refused or failed.
        """
        return None if self.file is None else read_json(self.file)

    def __str__(self) -> str:
        """Show its kind; for an item of an unknown kind, its handler."""
        return (self.handler or "not a pytree") if self.kind == OTHER else self.kind


def _text(file: str) -> str:
    if url_scheme(file) is None:
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123
            return opened.read()
    found = content(file)
    if found is None:
        reason = "does not exist"
        kind: ErrorKind = "not_found"
        raise error(kind, reason, file)
    return found.decode("utf-8")


def read_json(file: str, decode: Callable[[str], Any] | None = None) -> Any:
    """Read a JSON document in Python's dialect.

    Args:
        file: the document.
        decode: the decoder; None for `json.loads`.

    Raises:
        FormatError: it is not JSON.
        StoreError: the file system refused or failed.
    """
    import json

    try:
        return (decode or json.loads)(_text(file))
    except OSError as failed:
        kind: ErrorKind = "store"
        reason = failed.strerror or str(failed)
        raise error(kind, reason, file, errno=failed.errno) from failed
    except (ValueError, RecursionError) as wrong:
        kind = "malformed"
        reason = f"is not a JSON document: {wrong}"
        raise error(kind, reason, file) from wrong
