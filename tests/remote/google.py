"""A stand-in for Google Cloud Storage over a directory of buckets, as its XML reference has it.

By that API deltalake writes, and fake-gcs-server has it for reading only. Listings, objects and
ranges of them, objects that are written at once or in parts, and only if there is none of that name
yet, and deleted; who asks is not looked at. Run as a program with a port and the directory.
"""

from __future__ import annotations

import re
import sys
import threading
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.remote.files import Handler, Server, mark_of

# Held while an object is written: of two who create one, one is told that it exists.
_writing = threading.Lock()
# Of uploads in parts, until they are completed or given up.
_uploads: dict[str, dict[int, bytes]] = {}


class _Handler(Handler):
    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        bucket, path, query = self._asked()
        if not bucket.is_dir():
            self.refuse(HTTPStatus.NOT_FOUND, "NoSuchBucket")
        elif "list-type" in query:
            self._list(bucket, query)
        elif path.is_file():
            self.file(path, _headers(path))
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NoSuchKey")

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def do_PUT(self) -> None:  # noqa: N802 - named by http.server
        content = self._content()
        bucket, path, query = self._asked()
        if not bucket.is_dir():
            self.refuse(HTTPStatus.NOT_FOUND, "NoSuchBucket")
        elif "uploadId" in query:
            with _writing:
                _uploads[query["uploadId"]][int(query["partNumber"])] = content
            self.answer(HTTPStatus.OK, b"", {"ETag": f"part-{query['partNumber']}"})
        elif query or "x-goog-copy-source" in self.headers:
            # Copies and access: no writer in these tests needs them.
            self.refuse(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")
        else:
            self._write(path, content)

    def do_POST(self) -> None:  # noqa: N802 - named by http.server
        content = self._content().decode()
        bucket, path, query = self._asked()
        if "uploads" in query:
            identity = uuid.uuid4().hex
            with _writing:
                _uploads[identity] = {}
            key = path.relative_to(bucket).as_posix()
            named = f"<Bucket>{bucket.name}</Bucket><Key>{escape(key)}</Key>"
            self._xml("InitiateMultipartUploadResult", f"{named}<UploadId>{identity}</UploadId>")
            return
        numbers = [int(number) for number in re.findall(r"<PartNumber>(\d+)<", content)]
        with _writing:
            parts = _uploads.pop(query["uploadId"])
        if numbers != sorted(parts):
            self.refuse(HTTPStatus.BAD_REQUEST, "InvalidPart")
            return
        self._write(path, b"".join(parts[number] for number in numbers), is_whole=False)

    def do_DELETE(self) -> None:  # noqa: N802 - named by http.server
        _, path, query = self._asked()
        if "uploadId" in query:
            with _writing:
                _uploads.pop(query["uploadId"], None)
        elif path.is_file():
            path.unlink()
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NoSuchKey")
            return
        self.answer(HTTPStatus.NO_CONTENT)

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _asked(self) -> tuple[Path, Path, dict[str, str]]:
        """The bucket, the object and the query of the request."""
        url = urlsplit(self.path)
        name, _, key = url.path.lstrip("/").partition("/")
        values = parse_qs(url.query, keep_blank_values=True)
        query = {word: found[0] for word, found in values.items()}
        return self.root / name, self.root / name / unquote(key), query

    def _write(self, path: Path, content: bytes, *, is_whole: bool = True) -> None:
        with _writing:
            if self.headers.get("x-goog-if-generation-match") == "0" and path.exists():
                self.refuse(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            headers = {**_headers(path), "ETag": f'"{mark_of(path.stat())}"'}
        if is_whole:
            self.answer(HTTPStatus.OK, b"", headers)
        else:
            mark = escape(headers["ETag"])
            self._xml("CompleteMultipartUploadResult", f"<ETag>{mark}</ETag>", headers)

    def _list(self, bucket: Path, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("start-after", "")
        files = (path for path in bucket.rglob("*") if path.is_file())
        rows: dict[str, str] = {}
        for name in sorted(path.relative_to(bucket).as_posix() for path in files):
            if not name.startswith(prefix) or name <= after:
                continue
            head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
            shown = f"{prefix}{head}{delimiter}"
            if found:
                rows[shown] = f"<CommonPrefixes><Prefix>{escape(shown)}</Prefix></CommonPrefixes>"
            else:
                rows[name] = _object(bucket / name, name)
        told = f"<Name>{bucket.name}</Name><IsTruncated>false</IsTruncated>"
        self._xml("ListBucketResult", told + "".join(rows.values()))

    def _xml(self, element: str, content: str, headers: dict[str, str] | None = None) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?><{element}>{content}</{element}>'
        headers = {**(headers or {}), "Content-Type": "application/xml; charset=UTF-8"}
        self.answer(HTTPStatus.OK, body.encode(), headers)

    def refuse(self, status: HTTPStatus, code: str) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
        self.answer(status, body.encode())


def _headers(path: Path) -> dict[str, str]:
    return {"x-goog-generation": str(path.stat().st_mtime_ns), "x-goog-storage-class": "STANDARD"}


def _object(path: Path, name: str) -> str:
    stat = path.stat()
    mark = escape(f'"{mark_of(stat)}"')
    when = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (
        f"<Contents><Key>{escape(name)}</Key><Generation>{stat.st_mtime_ns}</Generation>"
        f"<LastModified>{when}</LastModified><ETag>{mark}</ETag>"
        f"<Size>{stat.st_size}</Size></Contents>"
    )


if __name__ == "__main__":
    _Handler.root = Path(sys.argv[2])
    Server(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
