"""Logins that other libraries know are found, and nothing is looked for where enough is said."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, ClassVar

import pytest

from orbscan.reading import credentials, paths

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_000.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory in which nobody has logged in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        *("AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "STORAGE_EMULATOR_HOST"),
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Session:
    """What boto3 makes of a profile."""

    region_name = "eu-west-1"
    made: ClassVar[list[str | None]] = []

    def __init__(self, profile_name: str | None) -> None:
        self.made.append(profile_name)
        self.frozen = 0

    def get_credentials(self) -> object:
        return SimpleNamespace(get_frozen_credentials=self.freeze)

    def freeze(self) -> object:
        self.frozen += 1
        return SimpleNamespace(access_key=f"key {self.frozen}", secret_key="hidden", token=None)  # noqa: S106


@pytest.fixture
def boto3(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """A boto3 that gives what a profile has; the names of the profiles that it was asked for."""
    monkeypatch.setattr(Session, "made", [])
    monkeypatch.setattr(credentials, "_found", {})
    module = ModuleType("boto3")
    vars(module)["Session"] = Session
    monkeypatch.setitem(sys.modules, "boto3", module)
    return Session.made


def profile(home: Path, text: str = "[default]\n") -> None:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / "credentials").write_text(text)


def asked(scheme: str) -> dict[str, str]:
    """The secrets of the login that is found."""
    _, login = credentials.found(scheme, {})
    assert login is not None
    ask, provider = login
    secrets, until = ask(provider)
    # Of an end the library tells nothing: the core asks again soon.
    assert until == NOW + 360
    return dict(secrets)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "time", SimpleNamespace(time=lambda: NOW))


@pytest.mark.usefixtures("boto3")
def test_a_profile_of_aws_is_read_by_boto3(home: Path) -> None:
    profile(home)
    assert credentials.found("s3", {})[0] == {"region": "eu-west-1"}
    assert credentials.found("s3", {"region": "us-east-1"})[0] == {}
    assert asked("s3") == {"access_key_id": "key 1", "secret_access_key": "hidden"}


def test_a_login_is_kept_and_asked_again(home: Path, boto3: list[str | None]) -> None:
    profile(home)
    keys = [asked("s3")["access_key_id"] for _ in range(2)]
    assert keys == ["key 1", "key 2"]
    logins = [credentials.found("s3", {})[1] for _ in range(2)]
    assert logins[0] == logins[1]
    assert boto3 == [None]


def test_a_login_is_made_anew_where_it_would_be_another_one(
    home: Path, boto3: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(home)
    _, first = credentials.found("s3", {})
    monkeypatch.setenv("AWS_PROFILE", "other")
    _, second = credentials.found("s3", {})
    assert first != second
    assert boto3 == [None, "other"]
    # Somebody logs in again: whoever reads meanwhile finds that out, too.
    profile(home, "[default]\nregion = x\n")
    assert first is not None
    first[0](first[1])
    assert boto3 == [None, "other", None]


def test_a_login_is_made_anew_in_a_forked_process(
    home: Path, boto3: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(home)
    asked("s3")
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert asked("s3")["access_key_id"] == "key 1"
    assert boto3 == [None, None]


def test_a_library_that_fails_does_so_when_the_store_asks(
    home: Path, boto3: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError

    profile(home)
    monkeypatch.setattr(Session, "get_credentials", fails)
    options, login = credentials.found("s3", {})
    assert options == {}
    assert login is not None
    with pytest.raises(LookupError):
        login[0](login[1])
    assert boto3 == [None, None]


@pytest.mark.usefixtures("boto3")
def test_boto3_is_not_asked_where_enough_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert credentials.found("s3", {}) == ({}, None)
    profile(home)
    for options in ({"skip_signature": "true"}, {"aws_access_key_id": "x"}):
        assert credentials.found("s3", options) == ({}, None)
    assert credentials.found("az", {}) == ({}, None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    assert credentials.found("s3", {}) == ({}, None)


def test_without_boto3_nothing_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    profile(home)
    assert credentials.found("s3", {}) == ({}, None)


def test_the_file_of_gcloud_is_found_where_it_was_told_to_lie(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "cloud" / "application_default_credentials.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"type": "authorized_user"}))
    assert credentials.found("gs", {}) == ({}, None)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(file.parent))
    assert credentials.found("gs", {}) == ({"application_credentials": str(file)}, None)
    assert credentials.found("gs", {"google_skip_signature": "true"}) == ({}, None)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:1")
    assert credentials.found("gs", {}) == ({}, None)


def test_a_login_that_only_google_auth_knows_is_renewed_by_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "federated.json"
    file.write_text(json.dumps({"type": "external_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    login = SimpleNamespace(token=None, valid=False, renewed=0)

    def refresh(_: object) -> None:
        login.renewed += 1
        login.token, login.valid = f"hidden {login.renewed}", True

    login.refresh = refresh
    auth = ModuleType("google.auth")
    vars(auth)["load_credentials_from_file"] = lambda name, scopes: (login, name and scopes)
    requests = ModuleType("google.auth.transport.requests")
    vars(requests)["Request"] = object
    monkeypatch.setitem(sys.modules, "google.auth", auth)
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", requests)
    assert asked("gs") == asked("gs") == {"token": "hidden 1"}
    login.valid = False
    assert asked("gs") == {"token": "hidden 2"}


@pytest.mark.usefixtures("boto3")
def test_no_secret_is_shown(home: Path) -> None:
    profile(home)
    options = {"region": "x", "bearer_token": "hidden"}
    place = paths.place_of("s3://bucket/run", store_options=options)
    shown = f"{place} {place!r} {getattr(place, 'store', None)!r}"
    assert "hidden" not in shown
    assert "bearer_token" in shown
