"""The options of stores that a user made with obstore, for the extension module.

The extension module creates a client of its own from them: two libraries cannot share one.
Importing this module loads nothing heavy.
"""

from __future__ import annotations

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    Grant = tuple[list[tuple[str, str]], float | None]
    """Names and secrets, and when they expire in seconds since 1970; None means never."""

    Login = tuple[Callable[[Any], Grant], Any]
    """A function that asks a provider, and the provider."""


def taken_apart(store: Any) -> tuple[dict[str, str], Login | None, str | None]:
    """Return the options of a store, its login, and the prefix of its paths.

    Raises:
        TypeError: it is not a store of obstore for a bucket or a web server.
    """
    is_web = hasattr(store, "url")
    if not hasattr(store, "client_options") or not (is_web or hasattr(store, "config")):
        message = (
            "store must be one of obstore for a bucket or a web server, not "
            f"{type(store).__module__}.{type(store).__qualname__}"
        )
        raise TypeError(message)
    options: dict[str, str] = {} if is_web else dict(store.config)
    client = dict(store.client_options or {})
    headers = client.pop("default_headers", None)
    if headers:
        options["default_headers"] = "\n".join(
            f"{name}: {_text(value)}" for name, value in headers.items()
        )
    options |= {name: _text(value) for name, value in client.items()}
    retries = store.retry_config or {}
    if "max_retries" in retries:
        options["max_retries"] = str(retries["max_retries"])
    if "retry_timeout" in retries:
        options["retry_timeout"] = str(int(retries["retry_timeout"].total_seconds()))
    provider = getattr(store, "credential_provider", None)
    login = None if provider is None else (_asked, provider)
    return options, login, getattr(store, "prefix", None) or None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _asked(provider: Callable[[], Any]) -> Grant:
    given = provider()
    if hasattr(given, "__await__"):
        import asyncio

        given = asyncio.run(_awaited(given))
    until = given.get("expires_at")
    return _secrets(given), None if until is None else until.timestamp()


async def _awaited(given: Awaitable[Any]) -> Any:
    return await given


def _secrets(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The secrets of a provider; for a shared access signature the parts of its query."""
    signature = given.get("sas_token")
    if signature is None:
        texts = ((name, value) for name, value in given.items() if isinstance(value, str))
        return list(texts)
    if not isinstance(signature, str):
        return [(name, value) for name, value in signature]
    from urllib.parse import parse_qsl

    return parse_qsl(signature.removeprefix("?"), keep_blank_values=True)
