"""From the path that a caller passes to the place that the extension module reads.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os

from orbscan._imports import importing
from orbscan.places import Url, url_scheme

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from orbscan import _core
    from orbscan.aliases import AnyPath, Atomicity, Path, Prefix, StepChoice, StoreOptions

DEFAULTS: dict[str, str] = {}
"""Store options of the command line, used if no others are given."""

_ETILS = "etils."


def place_of(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: Path,
    step: StepChoice | None = None,
    *,
    prefix: Prefix = ...,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> str:
    """Return a path or a URL, or that of a step below it, as the extension module takes it.

    Args:
        path: the path that the caller passed.
        step: as for `orbscan.metadata`.
        prefix: as for `step_choice.step_directory`.
        atomicity: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Raises:
        ValueError: it is a `file://` URL of another machine, or without a path; or there are
            options of a store, and the path is on a disk.
        TypeError: the store was not made with `obstore`, or the options are not texts.
        OrbscanError: there is no such step; as `step_choice.step_directory` does.

    >>> place_of("checkpoints/1000/"), place_of("file:///data/run%201"), place_of("gs://bucket/x")
    ('checkpoints/1000/', '/data/run 1', 'gs://bucket/x')
    """
    text = path if type(path) is str else os.fsdecode(path)
    scheme = url_scheme(text)
    if scheme is None or scheme == "file":
        if store is not None or store_options:
            message = f"{text}: store and store_options are for URLs, and this is a path on a disk"
            raise ValueError(message)
        # An empty path is the working directory, as in pathlib.
        place = _local(text) if scheme is None else _path_of_file_url(text)
    elif isinstance(path, Url) and store is None and not store_options:
        place = path
    else:
        place = Url(text, _choice(scheme, store, store_options), _path_type(path))
    if step is None:
        return place
    with importing:
        from orbscan.reading.step_choice import step_directory

    return step_directory(place, step, prefix=prefix, atomicity=atomicity)


def _local(text: str) -> str:
    if text.startswith("~"):
        return os.path.expanduser(text)  # noqa: PTH111 - pathlib takes longer to import than a read
    return text or os.curdir


def place_in_store(
    path: Path,
    step: StepChoice | None = None,
    *,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> str:
    """As `place_of`, but a store and its options are ignored for a path on a disk."""
    if url_scheme(os.fsdecode(path)) in {None, "file"}:
        store = store_options = None
    return place_of(path, step, atomicity=atomicity, store=store, store_options=store_options)


def _choice(scheme: str, store: Any, options: StoreOptions | None) -> _core.StoreChoice | None:
    """What is passed to the extension module about a store; None if there is nothing to pass."""
    given = {**DEFAULTS, **({} if options is None else options)}
    # Libraries also accept numbers and booleans.
    texts = {str(name).lower(): _text(value) for name, value in given.items()}
    with importing:
        from orbscan import _core
        from orbscan.reading import credentials

    if store is None:
        more, login = credentials.found(scheme, texts)
        texts |= more
        return _core.StoreChoice(texts, login) if texts or login else None
    with importing:
        from orbscan.reading.made_stores import taken_apart

    made, login, prefix = taken_apart(store)
    return _core.StoreChoice(made | texts, login, prefix)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        message = f"a store option is a string, a number or a bool, not {type(value).__name__}"
        raise TypeError(message)
    return str(value)


def _path_type(path: Path) -> Callable[[str], AnyPath] | None:
    """Return what makes the path of a result: like the given path, if that is one of etils."""
    if not type(path).__module__.startswith(_ETILS):
        return None
    from etils import epath

    made: Callable[[str], AnyPath] = epath.Path
    return made


def _path_of_file_url(url: str) -> str:
    """Return the path of a `file://` URL, by RFC 8089.

    Raises:
        ValueError: it names another machine, or no absolute path.
    """
    host, separator, path = url.partition("://")[2].partition("/")
    if host.lower() not in {"", "localhost"}:
        message = (
            f"{url}: a file URL names the host {host!r}, but only this machine can be read: "
            "a file URL of an absolute path has three slashes, file:///data"
        )
        raise ValueError(message)
    if not separator:
        message = f"{url}: this URL does not name a path"
        raise ValueError(message)
    from urllib.parse import unquote_to_bytes

    local = os.fsdecode(unquote_to_bytes(os.fsencode(path)))
    has_drive = os.name == "nt" and local[1:2] == ":"
    return local if has_drive else f"/{local}"
