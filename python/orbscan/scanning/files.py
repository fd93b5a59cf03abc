"""Files that have another name until they are complete."""

from __future__ import annotations

import contextlib
import os

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard


def replaced(path: str | os.PathLike[str], write: Callable[[str], int]) -> int:
    """Write a file, which replaces an existing one when it is complete.

    Args:
        path: the path of the file. The target of a link is replaced, not the link.
        write: writes the file at the path that it gets; its result is returned.

    Raises:
        OSError: the file cannot be written. Whatever else `write` raises is raised.
    """
    given = os.fspath(path)
    target = os.path.realpath(given) if os.path.islink(given) else given  # noqa: PTH114 - pathlib takes longer to import
    directory, name = os.path.split(target)
    # Hidden, and in the same directory, so that it can be renamed.
    hidden = f".{name}.{os.getpid()}.tmp"
    unfinished = os.path.join(directory, hidden)  # noqa: PTH118
    try:
        written = write(unfinished)
        os.replace(unfinished, target)  # noqa: PTH105
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(unfinished)  # noqa: PTH108
        if _is_of(error, hidden):
            raise OSError(error.errno, os.strerror(error.errno or 0), given) from error
        raise
    return written


def _is_of(error: BaseException, hidden: str) -> TypeGuard[OSError]:
    """Return whether an error is about the hidden file; that of a full disk has no name."""
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError) or not error.errno:
        return False
    return error.filename is None or hidden in str(error)
