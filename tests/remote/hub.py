"""A stand-in for the Hugging Face hub, and for the content network that it sends readers to.

Listings come in pages that a header links; files in a directory `d`, as if they were of git-lfs, by
a redirect to the other port, where nobody may show a token. Refusals have the codes of the hub. Run
as a program with both ports, the directory that has one of repositories for each kind, the token
and the number of names on a page.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.remote.files import Handler, Server

SIGNATURE = "Signature=0f0f0f"


REVISIONS = {"main", "v1", "refs/pr/1"}
GATED = "org/gated"
_KINDS = ("datasets", "spaces")


class _Hub(Handler):
    token = ""
    page = 0
    content = 0

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            self._refuse(HTTPStatus.UNAUTHORIZED, "")
            return
        url = urlsplit(self.path)
        # A slash in a revision is no separator.
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        is_api = parts[0] == "api"
        if is_api:
            kind = parts[1]
            parts = parts[2:]
        elif parts[0] in _KINDS:
            kind, *parts = parts
        else:
            kind = "models"
        name, (_, revision, *path) = "/".join(parts[:2]), parts[2:]
        repository = self.root / kind / name
        if name == GATED:
            self._refuse(HTTPStatus.FORBIDDEN, "GatedRepo")
        elif not repository.is_dir():
            self._refuse(HTTPStatus.NOT_FOUND, "RepoNotFound")
        elif revision not in REVISIONS:
            self._refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound")
        elif is_api:
            self._tree(repository, "/".join(path), parse_qs(url.query))
        else:
            self._file(repository / "/".join(path))

    def _refuse(self, status: HTTPStatus, code: str) -> None:
        self.answer(status, b"", {"X-Error-Code": code})

    def _file(self, file: Path) -> None:
        if not file.is_file():
            self._refuse(HTTPStatus.NOT_FOUND, "EntryNotFound")
        elif file.parent.name == "d":
            where = quote(file.relative_to(self.root).as_posix())
            place = f"http://127.0.0.1:{self.content}/{where}?{SIGNATURE}"
            self.answer(HTTPStatus.FOUND, b"", {"Location": place})
        else:
            self.file(file)

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def _tree(self, repository: Path, path: str, query: dict[str, list[str]]) -> None:
        top = repository / path
        if not top.is_dir():
            self._refuse(HTTPStatus.NOT_FOUND, "EntryNotFound")
            return
        recursive = query.get("recursive") == ["true"]
        begin = int(query.get("cursor", ["0"])[0])
        found = sorted(top.rglob("*") if recursive else top.iterdir())
        items = [_item(each, repository) for each in found[begin : begin + self.page]]
        headers = {"Content-Type": "application/json"}
        if len(found) > begin + self.page:
            here = f"http://{self.headers['Host']}{self.path.partition('?')[0]}"
            more = f"recursive={str(recursive).lower()}&cursor={begin + self.page}"
            headers["Link"] = f'<{here}?{more}>; rel="next"'
        self.answer(HTTPStatus.OK, json.dumps(items).encode(), headers)


class _Content(Handler):
    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        path, _, query = self.path.partition("?")
        if "Authorization" in self.headers or query != SIGNATURE:
            self.answer(HTTPStatus.BAD_REQUEST)
        else:
            self.file(self.root / unquote(path).lstrip("/"))

    do_HEAD = do_GET  # noqa: N815 - named by http.server


def _item(path: Path, repository: Path) -> dict[str, object]:
    name = path.relative_to(repository).as_posix()
    if path.is_dir():
        return {"type": "directory", "oid": "0", "size": 0, "path": name}
    content = path.read_bytes()
    oid = hashlib.sha256(content).hexdigest()
    item: dict[str, object] = {"type": "file", "oid": oid[:40], "size": len(content), "path": name}
    if path.parent.name == "d":
        item["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 130}
    return item


if __name__ == "__main__":
    _Hub.root = _Content.root = Path(sys.argv[3])
    _Hub.content, _Hub.token, _Hub.page = int(sys.argv[2]), sys.argv[4], int(sys.argv[5])
    content = Server(("127.0.0.1", int(sys.argv[2])), _Content)
    threading.Thread(target=content.serve_forever, daemon=True).start()
    Server(("127.0.0.1", int(sys.argv[1])), _Hub).serve_forever()
