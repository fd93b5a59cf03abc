"""Logins that the clients of the core do not know themselves, through libraries that do.

AWS profiles, SSO and chains of roles are read through boto3; workload identity federation and
impersonation through google-auth. Each is called only if such a login is set up and the library is
installed; its credentials are valid for some time, and the next call requests them again.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

# With one of these options, no other credentials are needed.
_AWS_OPTIONS = ("access_key_id", "skip_signature", "token", "session_token")
_AWS_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_GOOGLE_OPTIONS = (
    *("service_account", "service_account_path", "service_account_key", "bearer_token"),
    *("application_credentials", "skip_signature"),
)
_GOOGLE_VARIABLES = (
    *("STORAGE_EMULATOR_HOST", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"),
    *("GOOGLE_BEARER_TOKEN", "GOOGLE_SKIP_SIGNATURE", "SERVICE_ACCOUNT"),
)
# Kinds of files that the core reads itself.
_KNOWN_TO_CORE = ("authorized_user", "service_account")
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"


def found(scheme: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a store for a login of this machine that the core does not know.

    Args:
        scheme: of the URL.
        options: the given options; nothing is looked for if they suffice.

    Raises:
        Exception: whatever the library raises.
    """
    if scheme in {"s3", "s3a"}:
        return _of_boto3(options)
    return _of_google(options) if scheme == "gs" else {}


def _says(options: Mapping[str, str], prefix: str, names: tuple[str, ...]) -> bool:
    return any(name in options or f"{prefix}{name}" in options for name in names)


def _is_set(names: tuple[str, ...]) -> bool:
    return any(os.environ.get(name) for name in names)


def _of_boto3(options: Mapping[str, str]) -> dict[str, str]:
    if _says(options, "aws_", _AWS_OPTIONS) or _is_set(_AWS_VARIABLES):
        return {}
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    expanded = map(os.path.expanduser, files)
    if not os.environ.get("AWS_PROFILE") and not any(map(os.path.isfile, expanded)):
        return {}
    try:
        import boto3
    except ImportError:
        # If something is missing then, the error of the store says so.
        return {}
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        return {}
    frozen = credentials.get_frozen_credentials()
    login = {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "session_token": frozen.token,
        "region": session.region_name,
    }
    has_region = _says(options, "aws_", ("region", "default_region"))
    return {
        name: value
        for name, value in login.items()
        if value and not (name == "region" and has_region)
    }


def _of_google(options: Mapping[str, str]) -> dict[str, str]:
    if _says(options, "google_", _GOOGLE_OPTIONS) or _is_set(_GOOGLE_VARIABLES):
        return {}
    file = _application_default()
    if file is None:
        return {}
    kind = _kind_of(file)
    if kind in _KNOWN_TO_CORE:
        return {"application_credentials": file}
    try:
        from google.auth import load_credentials_from_file as load
        from google.auth.transport.requests import Request
    except ImportError:
        return {}
    credentials, _ = load(file, scopes=[_SCOPE])  # type: ignore[no-untyped-call]
    credentials.refresh(Request())
    return {"bearer_token": credentials.token}


def _application_default() -> str | None:
    """Return the file of the application default credentials, where Google's libraries look."""
    given = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    directory = os.environ.get("CLOUDSDK_CONFIG") or "~/.config/gcloud"
    file = given or os.path.join(directory, "application_default_credentials.json")  # noqa: PTH118
    file = os.path.expanduser(file)  # noqa: PTH111
    return file if os.path.isfile(file) else None  # noqa: PTH113


def _kind_of(file: str) -> str | None:
    import json

    try:
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123
            kind = json.load(opened).get("type")
    except (OSError, ValueError, AttributeError):
        return None
    return kind if isinstance(kind, str) else None
