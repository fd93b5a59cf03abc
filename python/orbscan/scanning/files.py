"""Files that have another name until they are complete."""

from __future__ import annotations

import contextlib
import os

from orbscan.errors import OrbscanError

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeGuard


def replaced(path: str | os.PathLike[str], write: Callable[[str], int]) -> int:
    """Write a file, which replaces an existing one when it is complete.

    Args:
        path: the path of the file. The target of a link is replaced, not the link.
        write: writes the file at the path that it gets; its result is returned.

    Raises:
        OSError: the file cannot be written. Whatever else `write` raises is raised.
    """
    with replacing(path) as unfinished:
        return write(unfinished)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give the path to write to; at the end that file replaces what is at `path`.

    What is raised before the end leaves `path` as it is.

    Args:
        path: of the file. The file that a link leads to is replaced, not the link.

    Raises:
        OSError: the file cannot be written.
    """
    given = os.fspath(path)
    target = os.path.realpath(given) if os.path.islink(given) else given  # noqa: PTH114 - pathlib takes longer to import
    directory, name = os.path.split(target)
    # Hidden, and in the same directory, so that it can be renamed.
    hidden = f".{name}.{os.getpid()}.tmp"
    unfinished = os.path.join(directory, hidden)  # noqa: PTH118
    try:
        yield unfinished
        os.replace(unfinished, target)  # noqa: PTH105
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(unfinished)  # noqa: PTH108
        if _is_of(error, hidden):
            raise OSError(error.errno, os.strerror(error.errno or 0), given) from error
        raise


def _is_of(error: BaseException, hidden: str) -> TypeGuard[OSError]:
    """Whether an error is one of the hidden file; that of a full disk has no name."""
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError | OrbscanError):
        return False
    if not error.errno:
        return False
    return error.filename is None or hidden in str(error)
