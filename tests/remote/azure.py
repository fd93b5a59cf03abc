"""A stand-in for Azure Blob Storage over a directory of containers, as its REST reference has it.

Listings with a delimiter and in pages, blobs and ranges of them, blobs that are written and
deleted; signatures are not looked at. Run as a program with a port, the directory and the number of
names on a page.
"""

from __future__ import annotations

import re
import sys
import threading
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.remote.files import Handler, Server, mark_of

ACCOUNT = "devstoreaccount1"
# Held while a blob is written: of two who create one, one is told that it exists.
_writing = threading.Lock()
# Of blobs that are written in parts, until the list of these comes.
_blocks: dict[tuple[Path, str], bytes] = {}


class _Handler(Handler):
    page = 5_000

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        container, blob, query = self._asked()
        if container is None:
            self.refuse(HTTPStatus.NOT_FOUND, "ContainerNotFound")
        elif query.get("comp") == "list":
            self._list(container, query)
        elif blob.is_file():
            self.file(blob, {"x-ms-blob-type": "BlockBlob"})
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound")

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def do_PUT(self) -> None:  # noqa: N802 - named by http.server
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        container, blob, query = self._asked()
        if container is None:
            self.refuse(HTTPStatus.NOT_FOUND, "ContainerNotFound")
            return
        if query.get("comp") == "block":
            with _writing:
                _blocks[blob, query["blockid"]] = content
            self.answer(HTTPStatus.CREATED)
            return
        if query.get("comp") == "blocklist":
            identities = re.findall(r"<(?:Latest|Uncommitted)>([^<]*)<", content.decode())
            content = b"".join(_blocks.pop((blob, identity)) for identity in identities)
        elif query or "x-ms-copy-source" in self.headers:
            # Copies, properties: no writer in these tests needs them.
            self.refuse(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented")
            return
        with _writing:
            if self.headers.get("If-None-Match") == "*" and blob.exists():
                self.refuse(HTTPStatus.CONFLICT, "BlobAlreadyExists")
                return
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            stat = blob.stat()
        when = formatdate(stat.st_mtime, usegmt=True)
        self.answer(HTTPStatus.CREATED, b"", {"ETag": f'"{mark_of(stat)}"', "Last-Modified": when})

    def do_DELETE(self) -> None:  # noqa: N802 - named by http.server
        _, blob, _ = self._asked()
        if not blob.is_file():
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound")
            return
        blob.unlink()
        self.answer(HTTPStatus.ACCEPTED)

    def _asked(self) -> tuple[Path | None, Path, dict[str, str]]:
        """The container, if there is one, the blob and the query of the request."""
        url = urlsplit(self.path)
        parts = unquote(url.path).lstrip("/").split("/")
        parts = parts[1:] if parts[0] == ACCOUNT else parts
        container = self.root / parts[0]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        is_one = bool(parts[0]) and container.is_dir()
        return container if is_one else None, container.joinpath(*parts[1:]), query

    def refuse(self, status: HTTPStatus, code: str) -> None:
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
        self.answer(status, body.encode(), {"x-ms-error-code": code})

    def _list(self, container: Path, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        begin = query.get("marker", "")
        files = (path for path in container.rglob("*") if path.is_file())
        names = sorted(path.relative_to(container).as_posix() for path in files)
        rows: dict[str, str] = {}
        following = ""
        for name in names:
            if not name.startswith(prefix) or name < begin:
                continue
            head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
            shown = f"{prefix}{head}{delimiter}" if found else name
            if shown not in rows and len(rows) == self.page:
                following = name
                break
            rows[shown] = _prefix(shown) if found else _blob(container / name, name)
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<EnumerationResults ServiceEndpoint="/" ContainerName="{container.name}">'
            f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(rows.values())}</Blobs>"
            f"<NextMarker>{escape(following)}</NextMarker></EnumerationResults>"
        )
        self.answer(HTTPStatus.OK, body.encode(), {"Content-Type": "application/xml"})


def _prefix(name: str) -> str:
    return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"


def _blob(path: Path, name: str) -> str:
    stat = path.stat()
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{formatdate(stat.st_mtime, usegmt=True)}</Last-Modified>"
        # Listings have no quotes around it, answers do.
        f"<Etag>{mark_of(stat)}</Etag><Content-Length>{stat.st_size}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type><BlobType>BlockBlob</BlobType>"
        "</Properties></Blob>"
    )


if __name__ == "__main__":
    _Handler.root, _Handler.page = Path(sys.argv[2]), int(sys.argv[3])
    Server(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
