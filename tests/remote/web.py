"""aiohttp's server of static files over a directory, with pages that list directories or without.

Run as a program with a port, the directory, and `pages` or `bare`.
"""

from __future__ import annotations

import sys

from aiohttp import web


def main() -> None:
    """Serve until somebody ends it."""
    port, root, kind = sys.argv[1:]
    app = web.Application()
    app.router.add_static("/", root, show_index=kind == "pages", follow_symlinks=True)
    web.run_app(app, host="127.0.0.1", port=int(port), print=None, backlog=512)


if __name__ == "__main__":
    main()
