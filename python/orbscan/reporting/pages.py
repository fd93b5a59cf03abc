"""Pages as HTML: one file with everything that it needs, which makes no requests.

The Content-Security-Policy of a page allows its own scripts and its own style, by their hashes, and
nothing else: code in a name of a checkpoint would not run, even if it were not escaped.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING

from orbscan.drawing.palette import PAINTS
from orbscan.extras import need

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

    from orbscan.reporting.checkpoint import CheckpointPage
    from orbscan.reporting.comparison import ComparisonPage
    from orbscan.reporting.overview import Overview

SCRIPTS = (
    "vendor/d3-hierarchy.min.js",
    "base.js",
    "tree.js",
    "layout.js",
    "treemap.js",
    "leaves.js",
    "array.js",
    "controls.js",
    "pair.js",
    "page.js",
)
"""In the order in which they run."""


def asset(name: str) -> str:
    """Return the text of a file of `assets/`."""
    return resources.files("orbscan").joinpath("reporting", "assets", name).read_text("utf-8")


def html(
    title: str,
    pages: Sequence[CheckpointPage],
    overview: Overview | None = None,
    comparison: ComparisonPage | None = None,
) -> str:
    """Compose the page of one or several checkpoints.

    Args:
        title: of the whole file.
        pages: of the checkpoints.
        overview: of all of them; None for the page of a single one.
        comparison: of two checkpoints, instead of their pages.

    Raises:
        ImportError: jinja2 is not installed; says how to install it.
    """
    from orbscan import _core

    style, scripts = _style(), [asset(name) for name in SCRIPTS]
    shown = [*pages, *(() if comparison is None else comparison.sides)]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            pages=pages,
            overview=overview,
            comparison=comparison,
            trees=[*dict.fromkeys(each.data for each in shown)],
            style=style,
            scripts=scripts,
            policy=_policy(style, scripts),
            version=_core.__version__,
        )
    )


def _policy(style: str, scripts: Sequence[str]) -> str:
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_source, scripts)),
        "style-src": _source(style),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{what} {whence}" for what, whence in allowed.items())


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _style() -> str:
    paints = "".join(
        f".{name}{{--fill:{paint.fill};--ink:{paint.ink}}}" for name, paint in PAINTS.items()
    )
    return f"{asset('page.css')}{paints}\n"


@cache
def _environment() -> jinja2.Environment:
    need("jinja2", "a report")
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
