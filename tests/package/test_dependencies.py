"""What the extension is linked with: only from the registry, and only under known licences."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from functools import cache
from typing import Any

from tests.support.processes import ROOT, output

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


@cache
def packages() -> list[dict[str, Any]]:
    """Every crate of Cargo.lock, those for tests and benches too."""
    cargo = shutil.which("cargo")
    assert cargo is not None
    command = [cargo, "metadata", "--format-version=1", "--locked", "--all-features"]
    found: list[dict[str, Any]] = json.loads(output(command, cwd=ROOT))["packages"]
    return found


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be fulfilled with these licences alone."""
    inner = re.search(r"\(([^()]*)\)", expression)
    if inner is not None:
        # What stands in parentheses becomes one licence, which is allowed or is not.
        word = min(allowed) if is_allowed(inner[1], allowed) else "forbidden"
        return is_allowed(expression.replace(inner[0], word, 1), allowed)
    ways = re.split(r" OR | ?/ ?", expression)
    return any(set(way.split(" AND ")) <= allowed for way in ways)


def test_expressions_are_understood() -> None:
    allowed = {"MIT", "Zlib"}
    for expression in ("MIT", "MIT OR X", "X/MIT", "(X OR MIT) AND Zlib"):
        assert is_allowed(expression, allowed), expression
    for expression in ("X", "MIT AND X", "(MIT OR Zlib) AND X", "MIT WITH X"):
        assert not is_allowed(expression, allowed), expression


def test_licences_are_known() -> None:
    allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    other = {
        crate["name"]: crate["license"]
        for crate in packages()
        if not is_allowed(crate["license"] or "", allowed)
    }
    assert other == {}


def test_crates_come_from_the_registry() -> None:
    own = {"orbscan-arrow", "orbscan-core", "orbscan-py", "orbscan-remote"}
    assert {crate["name"] for crate in packages() if crate["source"] is None} == own
    assert {crate["source"] for crate in packages()} == {None, REGISTRY}


def test_no_crate_is_shipped_in_two_versions() -> None:
    """But for those that the clients of stores bring in twice by themselves."""
    cargo = shutil.which("cargo")
    assert cargo is not None
    command = [
        cargo,
        "tree",
        "--locked",
        "--package=orbscan-py",
        "--no-default-features",
        "--edges=normal,no-proc-macro",
        "--duplicates",
    ]
    assert output(command, cwd=ROOT) == ""
