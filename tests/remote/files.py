"""What the stand-ins for stores have in common: files of a directory, and ranges of them."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from pathlib import Path

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Server(ThreadingHTTPServer):
    """A server whose clients open many connections at once."""

    request_queue_size = 512


class Handler(BaseHTTPRequestHandler):
    """Answers with files and ranges of them."""

    protocol_version = "HTTP/1.1"
    # Small answers in two packets would wait for each other.
    wbufsize = -1
    root: Path

    def file(self, path: Path, others: dict[str, str] | None = None) -> None:
        """Answer with a file, or the range of it that is asked for."""
        content, stat = path.read_bytes(), path.stat()
        mark = f'"{mark_of(stat)}"'
        when = formatdate(stat.st_mtime, usegmt=True)
        self.parts(content, {**(others or {}), "ETag": mark, "Last-Modified": when})

    def parts(self, content: bytes, headers: dict[str, str]) -> None:
        """Answer with some bytes, or the range of them that is asked for."""
        headers = {**headers, "Accept-Ranges": "bytes"}
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted is None:
            self.answer(HTTPStatus.OK, content, headers)
            return
        begin, end = _span(wanted, len(content))
        if begin >= end:
            headers = {"Content-Range": f"bytes */{len(content)}"}
            self.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", headers)
            return
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        self.answer(HTTPStatus.PARTIAL_CONTENT, content[begin:end], headers)

    def answer(
        self, status: HTTPStatus, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Answer with a status, and with a body unless only the head is wanted."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def mark_of(stat: os.stat_result) -> str:
    """What tells two versions of a file apart."""
    return hashlib.sha256(f"{stat.st_mtime_ns} {stat.st_size}".encode()).hexdigest()[:16]


def _span(wanted: re.Match[str], size: int) -> tuple[int, int]:
    """Where a range begins and ends in a file of that size."""
    first, last = wanted.groups()
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size
