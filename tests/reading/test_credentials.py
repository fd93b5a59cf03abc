"""Logins that other libraries know are found, and nothing is looked for where enough is said."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from orbscan.reading import credentials, paths

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.fixture
def boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """A boto3 that gives what a profile has."""
    frozen = SimpleNamespace(access_key="key", secret_key="hidden", token=None)  # noqa: S106

    class Session:
        region_name = "eu-west-1"

        def get_credentials(self) -> object:
            return SimpleNamespace(get_frozen_credentials=lambda: frozen)

    module = ModuleType("boto3")
    vars(module)["Session"] = Session
    monkeypatch.setitem(sys.modules, "boto3", module)


def profile(home: Path) -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[default]\n")


@pytest.mark.usefixtures("boto3")
def test_a_profile_of_aws_is_read_by_boto3(home: Path) -> None:
    profile(home)
    login = {"access_key_id": "key", "secret_access_key": "hidden", "region": "eu-west-1"}
    assert credentials.found("s3", {}) == login
    assert "region" not in credentials.found("s3", {"region": "us-east-1"})


@pytest.mark.usefixtures("boto3")
def test_boto3_is_not_asked_where_enough_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert credentials.found("s3", {}) == {}
    profile(home)
    for options in ({"skip_signature": "true"}, {"aws_access_key_id": "x"}):
        assert credentials.found("s3", options) == {}
    assert credentials.found("az", {}) == {}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    assert credentials.found("s3", {}) == {}


def test_without_boto3_nothing_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    profile(home)
    assert credentials.found("s3", {}) == {}


def test_the_file_of_gcloud_is_found_where_it_was_told_to_lie(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "cloud" / "application_default_credentials.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"type": "authorized_user"}))
    assert credentials.found("gs", {}) == {}
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(file.parent))
    assert credentials.found("gs", {}) == {"application_credentials": str(file)}
    assert credentials.found("gs", {"google_skip_signature": "true"}) == {}
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:1")
    assert credentials.found("gs", {}) == {}


def test_a_login_that_only_google_auth_knows_is_asked_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "federated.json"
    file.write_text(json.dumps({"type": "external_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    login = SimpleNamespace(token="hidden", refresh=lambda _: None)  # noqa: S106
    auth = ModuleType("google.auth")
    vars(auth)["load_credentials_from_file"] = lambda name, scopes: (login, name and scopes)
    requests = ModuleType("google.auth.transport.requests")
    vars(requests)["Request"] = object
    monkeypatch.setitem(sys.modules, "google.auth", auth)
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", requests)
    assert credentials.found("gs", {}) == {"bearer_token": "hidden"}


@pytest.mark.usefixtures("boto3")
def test_no_secret_is_shown(home: Path) -> None:
    profile(home)
    place = paths.place_of("s3://bucket/run", store_options={"region": "x"})
    shown = f"{place} {place!r} {getattr(place, 'store', None)!r}"
    assert "hidden" not in shown
    assert "secret_access_key" in shown
