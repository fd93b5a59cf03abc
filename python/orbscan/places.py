"""Where a checkpoint is: a path on a disk, or a URL of a store.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any, Self

SCHEMES = frozenset({"gs", "s3", "s3a", "az", "abfs", "abfss", "http", "https", "hf"})
"""The schemes of URLs besides `file`, as `rust/orbscan-remote/src/url.rs` has them."""

_OTHERS_IN_SCHEMES = str.maketrans("", "", "+-.")


class Url(str):
    """The URL of a place in a store, with the user's options for the store.

    As a string it is the URL as it was given, so code that shows paths shows it.

    Attributes:
        store: options and the store itself, a `StoreChoice` of the extension module, or None.
        path_type: makes the path of results.
    """

    __slots__ = ("path_type", "store")

    store: Any
    path_type: Callable[[str], Path | UrlPath]

    def __new__(
        cls,
        text: str,
        store: Any = None,
        path_type: Callable[[str], Path | UrlPath] | None = None,
    ) -> Self:
        """Make a URL from a text."""
        made = super().__new__(cls, text)
        made.store = store
        made.path_type = UrlPath if path_type is None else path_type
        return made


class UrlPath(os.PathLike[str]):
    """A URL as a path: it joins, prints as it was given, and never loses a slash.

    >>> run = UrlPath("gs://bucket/run")
    >>> run / "7" / "state", (run / "7").name, run.parent
    (UrlPath('gs://bucket/run/7/state'), '7', UrlPath('gs://bucket'))
    >>> str(run), run == UrlPath("gs://bucket/run/")
    ('gs://bucket/run', True)
    """

    __slots__ = ("_text",)

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._text = os.fspath(url)

    def __fspath__(self) -> str:
        """Give the URL as text."""
        return self._text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._text)!r})"

    def __truediv__(self, name: str | os.PathLike[str]) -> UrlPath:
        """Return the path of something below."""
        return UrlPath(join(self._text, os.fspath(name)))

    def joinpath(self, *names: str | os.PathLike[str]) -> UrlPath:
        """Return the path of something below, level by level."""
        return UrlPath(join(self._text, *(os.fspath(name) for name in names)))

    @property
    def name(self) -> str:
        """The last part."""
        return self._key().rpartition("/")[2]

    @property
    def parent(self) -> UrlPath:
        """The directory above; for the top of a store, the top itself."""
        key = self._key()
        if not key:
            return self
        text = self._text.rstrip("/")
        return UrlPath(text[: len(text) - len(key)].rstrip("/") + _below(key.rpartition("/")[0]))

    def _key(self) -> str:
        """The part after the bucket or the host."""
        rest = self._text.partition("://")[2].rstrip("/")
        return rest.partition("/")[2].strip("/")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UrlPath):
            return NotImplemented
        return self._text.rstrip("/") == other._text.rstrip("/")

    def __lt__(self, other: UrlPath) -> bool:
        """Compare as strings."""
        return self._text.rstrip("/") < other._text.rstrip("/")

    def __hash__(self) -> int:
        return hash(self._text.rstrip("/"))


def _below(key: str) -> str:
    return f"/{key}" if key else ""


def url_scheme(text: str) -> str | None:
    """Return the scheme of a URL in lower case; None if the text is a path.

    >>> url_scheme("gs://bucket/run"), url_scheme("a:b/c"), url_scheme("a/b://c")
    ('gs', None, None)
    """
    if "://" not in text:
        return None
    scheme, separator, _ = text.partition("://")
    is_scheme = separator and scheme.translate(_OTHERS_IN_SCHEMES).isalnum()
    return scheme.lower() if is_scheme else None


def join(place: str, *names: str) -> str:
    """Return the place of something below another, in the same store.

    >>> join("gs://bucket/run/", "7", "state"), join("run", "7")
    ('gs://bucket/run/7/state', 'run/7')
    """
    if url_scheme(place) is None:
        return os.path.join(place, *names)  # noqa: PTH118 - pathlib takes longer to import than a read
    text = "/".join([place.rstrip("/"), *names])
    return Url(text, place.store, place.path_type) if isinstance(place, Url) else text


def in_store_of(roots: Iterable[str], place: str) -> str:
    """Return a place that was found below a root, with the store options of the root."""
    for root in roots:
        if isinstance(root, Url) and f"{place}/".startswith(f"{root.rstrip('/')}/"):
            return Url(place, root.store, root.path_type)
    return place


def absolute(place: str) -> str:
    """Return a place from the top of its disk or store."""
    return place if url_scheme(place) is not None else os.path.abspath(place)  # noqa: PTH100 - as in `join`


def path_of(place: str) -> Path | UrlPath:
    """Return the path of a place for results: a `pathlib.Path` if it lies on a disk.

    >>> path_of("run/7"), path_of("s3://bucket/run/7")
    (PosixPath('run/7'), UrlPath('s3://bucket/run/7'))
    """
    if isinstance(place, Url):
        return place.path_type(place)
    if url_scheme(place) is not None:
        return UrlPath(place)
    from pathlib import Path

    return Path(place)


class PathAttribute:
    """The attribute `path` of a value that has a place, made when it is first looked at.

    In a read, `pathlib` would take as long as the listing of a directory. A value that has a path
    from the start is never asked for its place, `_place`.
    """

    __slots__ = ()

    def __get__(self, owner: object | None, cls: type) -> Path | UrlPath:
        """Return the path; AttributeError for the class, which has none."""
        if owner is None:
            message = f"{cls.__name__} has no path: only its values have one"
            raise AttributeError(message)
        made = path_of(owner.__dict__["_place"])
        owner.__dict__["path"] = made
        return made
