"""A bucket in the memory of the test, in the dialect of S3.

It has as many objects as a test wants, and any of them can be another one while somebody reads.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.remote.files import Handler, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUCKET = "bucket"
PAGE = 1_000
_TIME = "2026-01-01T00:00:00.000Z"
_HTTP_TIME = "Thu, 01 Jan 2026 00:00:00 GMT"


class Memory:
    """The objects of a bucket.

    Attributes:
        objects: by their keys.
        before: told the key of every object that is asked for, and the header that says which
            range, before the answer is made.
    """

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        """Hold some objects."""
        self.objects: dict[str, bytes] = dict(objects or {})
        self.before: Callable[[str, str], None] = lambda *_: None
        self._sorted: list[str] = []

    def keys(self) -> list[str]:
        """Give the keys in their order."""
        if len(self._sorted) != len(self.objects):
            self._sorted = sorted(self.objects)
        return self._sorted

    def add(self, directory: Path, place: str) -> None:
        """Take in the files below a directory of a disk."""
        for path in directory.rglob("*"):
            if path.is_file():
                name = path.relative_to(directory).as_posix()
                self.objects[f"{place}/{name}"] = path.read_bytes()

    def page(self, prefix: str, after: str, *, delimited: bool) -> tuple[list[str], bool]:
        """Give the keys and the prefixes of one page, and whether there are more."""
        keys, found = self.keys(), list[str]()
        at = bisect_left(keys, prefix)
        if after:
            # Behind all that lies below a prefix, or behind a key.
            at = max(at, bisect_left(keys, after[:-1] + "0" if after[-1] == "/" else after + "\0"))
        while at < len(keys) and keys[at].startswith(prefix):
            if len(found) == PAGE:
                return found, True
            rest = keys[at][len(prefix) :]
            if delimited and "/" in rest:
                below = prefix + rest.partition("/")[0]
                found.append(f"{below}/")
                at = bisect_left(keys, f"{below}0")
            else:
                found.append(keys[at])
                at += 1
        return found, False


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@contextmanager
def serve(memory: Memory) -> Iterator[int]:
    """Serve a bucket until the context ends; gives the port."""

    class S3(_S3):
        held = memory

    server = Server(("127.0.0.1", 0), S3)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _S3(Handler):
    held: Memory
    root = Path()

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        _, _, key = unquote(url.path).lstrip("/").partition("/")
        if "list-type" in query:
            self.answer(HTTPStatus.OK, self._listing(query).encode())
            return
        self.held.before(key, self.headers.get("Range", ""))
        content = self.held.objects.get(key)
        if content is None:
            self.answer(HTTPStatus.NOT_FOUND)
        else:
            mark = {"ETag": f'"{_etag(content)}"', "Last-Modified": _HTTP_TIME}
            self.parts(content, mark)

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def _listing(self, query: dict[str, str]) -> str:
        after = query.get("continuation-token") or query.get("start-after", "")
        delimited = query.get("delimiter") == "/"
        found, more = self.held.page(query.get("prefix", ""), after, delimited=delimited)
        parts = [f"<IsTruncated>{str(more).lower()}</IsTruncated>"]
        if more:
            parts.append(f"<NextContinuationToken>{escape(found[-1])}</NextContinuationToken>")
        for key in found:
            if key.endswith("/"):
                prefix = f"<Prefix>{escape(key)}</Prefix>"
                parts.append(f"<CommonPrefixes>{prefix}</CommonPrefixes>")
                continue
            content = self.held.objects[key]
            parts.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
                f'<LastModified>{_TIME}</LastModified><ETag>"{_etag(content)}"</ETag></Contents>'
            )
        return f"<ListBucketResult>{''.join(parts)}</ListBucketResult>"
