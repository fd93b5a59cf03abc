"""The installer does with uv what pip is configured to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tools import packages

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LISTED = """\
global.index-url='https://mirror.example/simple'
global.timeout='60'
install.find-links='/wheels'
:env:.index-url='https://other.example/simple'
:env:.cert='/certificates.pem'
"""


def test_settings_of_pip_are_those_of_uv_and_the_last_one_counts() -> None:
    assert packages.settings(LISTED) == {
        "UV_SYSTEM_CERTS": "1",
        "UV_DEFAULT_INDEX": "https://other.example/simple",
        "UV_FIND_LINKS": "/wheels",
        "SSL_CERT_FILE": "/certificates.pem",
    }


def test_what_pip_lists_is_heard_also_where_pip_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_QUIET", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    listed = packages._listed([sys.executable, "-m", "pip"])
    assert packages.settings(listed)["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"


def test_where_uv_fails_pip_installs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    called = []

    def done(command: list[str], environment: dict[str, str]) -> bool:
        called.append((command, environment))
        return not command[0].endswith("/uv")

    monkeypatch.setattr(packages, "_done", done)
    monkeypatch.setattr(packages, "_listed", lambda _: LISTED)
    assert packages.install(tmp_path, ["numpy"])
    own, quick, last = called
    assert own[0][-1] == packages.UV
    assert quick[0][0].endswith("/uv")
    assert quick[1]["UV_FIND_LINKS"] == "/wheels"
    assert last[0][-1] == "numpy"
    assert "-m" in last[0]
    assert "pip does it" in capfd.readouterr().out
