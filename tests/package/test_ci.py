"""`.ci/run`: what it calls, with a browser and without one."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import ROOT, output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOT_TRIED = "NOT TRIED: pages in a browser (make test-pages)"


@pytest.fixture
def ci(tmp_path: Path) -> Callable[..., list[str]]:
    """Run the script where there is nothing but stand-ins; gives what they and it have said."""

    def run(**programs: str) -> list[str]:
        for name in ("bash", "dirname"):
            found = shutil.which(name)
            assert found is not None
            (tmp_path / name).symlink_to(found)
        for name, does in {"make": 'echo "make $*"', **programs}.items():
            file = tmp_path / name.replace("_", "-")
            file.write_text(f"#!{tmp_path}/bash\n{does}\n", "utf-8")
            file.chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if key != "CHROMIUM"}
        command = [str(tmp_path / "bash"), str(ROOT / ".ci" / "run")]
        return output(command, env={**kept, "PATH": str(tmp_path)}).splitlines()

    return run


def test_pages_are_opened_where_there_is_a_browser(ci: Callable[..., list[str]]) -> None:
    assert ci(chromium="exit 0") == ["make test", "make docs", "make test-pages"]


@pytest.mark.parametrize("programs", [{}, {"apt_get": "exit 100"}, {"chromium_browser": "exit 1"}])
def test_without_a_browser_it_says_what_was_not_tried(
    ci: Callable[..., list[str]], programs: dict[str, str]
) -> None:
    said = [line for line in ci(**programs) if not line.startswith("==>")]
    assert said[:2] == ["make test", "make docs"]
    assert said[2].startswith(NOT_TRIED)
    assert "apt-get install -y --no-install-recommends chromium" in said[3]
    assert len(said) == 4


@pytest.mark.parametrize("target", ["test", "docs", "test-pages"])
def test_what_fails_fails_it(ci: Callable[..., list[str]], target: str) -> None:
    fails = f'echo "make $*"; [[ "$1" != {target} ]]'
    with pytest.raises(pytest.fail.Exception, match=f"make {target}"):
        ci(make=fails, chromium="exit 0")
