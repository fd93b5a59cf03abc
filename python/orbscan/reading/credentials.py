"""Logins that the clients of the core do not support themselves, through libraries that do.

boto3 supports AWS profiles, SSO and chains of roles; google-auth supports workload identity
federation and impersonation. Each library is used only if such a login is set up and the library is
installed. Its credentials expire, often after an hour: the core asks for them again every minute,
in a separate thread, and when a store no longer accepts them. The library itself decides when to
renew them.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import os
import time

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from orbscan.reading.made_stores import Grant, Login

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
# Seconds for which the core is told that a grant is good: it asks again five minutes before.
_GOOD_FOR = 360


class Kept:
    """The login of a library.

    It is made again in another process, since a lock of the library may have been held during the
    fork, and if a file that it was made from has changed, because the user has logged in again.
    """

    __slots__ = ("_files", "_made", "_make", "_state")

    def __init__(self, files: tuple[str, ...], make: Callable[[], Any]) -> None:
        """Keep the result of `make`."""
        self._files = files
        self._make = make
        self._made: Any = None
        self._state: object = None

    def made(self) -> Any:
        """Return the login."""
        state = (os.getpid(), _stamps(self._files))
        if state != self._state:
            self._made = self._make()
            self._state = state
        return self._made


# For each scheme the last login and its key: clients are kept for the same login.
_found: dict[str, tuple[object, Kept]] = {}


def found(scheme: str, options: Mapping[str, str]) -> tuple[dict[str, str], Login | None]:
    """Return options of a store, and a login of this machine that the core does not support.

    Args:
        scheme: of the URL.
        options: the given ones; if they are sufficient, no login is looked for.
    """
    if scheme in {"s3", "s3a"}:
        return _of_boto3(options)
    return _of_google(options) if scheme == "gs" else ({}, None)


def _soon() -> float:
    """The time when the core asks again, plus some minutes."""
    return time.time() + _GOOD_FOR  # noqa: TID251 - what expires does so at a time


def _says(options: Mapping[str, str], prefix: str, names: tuple[str, ...]) -> bool:
    return any(name in options or f"{prefix}{name}" in options for name in names)


def _is_set(names: tuple[str, ...]) -> bool:
    return any(os.environ.get(name) for name in names)


def _stamps(files: tuple[str, ...]) -> tuple[object, ...]:
    """A value that changes if one of some files changes."""
    stamps: list[object] = []
    for file in files:
        try:
            stat = os.stat(file)  # noqa: PTH116
        except OSError:
            stamps.append(None)
        else:
            stamps.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(stamps)


def _kept(scheme: str, by: object, files: tuple[str, ...], make: Callable[[], Any]) -> Kept:
    """The login that was found earlier for the same key, or a new one."""
    state = (by, _stamps(files))
    before = _found.get(scheme)
    if before is not None and before[0] == state:
        return before[1]
    kept = Kept(files, make)
    _found[scheme] = (state, kept)
    return kept


def _of_boto3(options: Mapping[str, str]) -> tuple[dict[str, str], Login | None]:
    if _says(options, "aws_", _AWS_OPTIONS) or _is_set(_AWS_VARIABLES):
        return {}, None
    named = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    files = tuple(map(os.path.expanduser, named))
    profile = os.environ.get("AWS_PROFILE")
    if not profile and not any(map(os.path.isfile, files)):
        return {}, None
    try:
        import boto3
    except ImportError:
        # The error of the store then says what is missing.
        return {}, None

    def make() -> tuple[Any, str | None]:
        session = boto3.Session(profile_name=profile)
        return session.get_credentials(), session.region_name

    variables = sorted(pair for pair in os.environ.items() if pair[0].startswith("AWS_"))
    kept = _kept("s3", variables, files, make)
    try:
        credentials, region = kept.made()
    except Exception:  # noqa: BLE001 - whatever it is, it is raised again when the store asks
        return {}, (_asked_of_boto3, kept)
    if credentials is None:
        return {}, None
    has_region = not region or _says(options, "aws_", ("region", "default_region"))
    return {} if has_region else {"region": region}, (_asked_of_boto3, kept)


def _asked_of_boto3(kept: Kept) -> Grant:
    credentials, _ = kept.made()
    # Renewed by boto3 itself ten minutes before it expires, or more.
    frozen = credentials.get_frozen_credentials()
    secrets = {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "token": frozen.token,
    }
    return [(name, value) for name, value in secrets.items() if value], _soon()


def _of_google(options: Mapping[str, str]) -> tuple[dict[str, str], Login | None]:
    if _says(options, "google_", _GOOGLE_OPTIONS) or _is_set(_GOOGLE_VARIABLES):
        return {}, None
    file = _application_default()
    if file is None:
        return {}, None
    kind = _kind_of(file)
    if kind in _KNOWN_TO_CORE:
        return {"application_credentials": file}, None
    try:
        from google.auth import load_credentials_from_file as load
        from google.auth.transport.requests import Request
    except ImportError:
        return {}, None

    def make() -> tuple[Any, Any]:
        credentials, _ = load(file, scopes=[_SCOPE])  # type: ignore[no-untyped-call]
        return credentials, Request

    return {}, (_asked_of_google, _kept("gs", file, (file,), make))


def _asked_of_google(kept: Kept) -> Grant:
    credentials, request = kept.made()
    # Google's library calls it invalid some minutes before it expires.
    if not credentials.valid:
        credentials.refresh(request())
    return [("token", credentials.token)], _soon()


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
