"""A proxy on loopback that counts, holds back and spoils requests: what goes over the wire.

It runs in a thread of the test, so that the test reads the records themselves. Rounds are counted
without a clock: a request of a wave is answered when all of its wave have arrived, so that a reader
which asks one after another waits in vain.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_HEAD_END = b"\r\n\r\n"
_LIMIT = 1 << 20
_WITHOUT_BODY = {204, 304}
# Seconds after which a wave is taken for one that never comes, however busy the machine.
_PATIENCE = 120
HOLD = -1
"""Instead of a status: a request that is never answered."""
CUT = -2
"""Likewise: a request whose connection ends."""

Spoiled: TypeAlias = "int | tuple[int, bytes] | None"
"""The status of an answer, or that and its body; None if it is not spoiled"""

# What a request is answered with whose wave does not come.
_ALONE = 418


class Request(NamedTuple):
    """A request that was answered.

    Attributes:
        number: in the order of arrival, from 0.
        method: of HTTP.
        path: with the query, percent signs resolved.
        status: of the answer.
    """

    number: int
    method: str
    path: str
    status: int


@dataclass
class Proxy:
    """A proxy that is running.

    Attributes:
        port: where it listens.
        requests: what it has passed on, in the order of the answers.
        waves: how many requests each round has; what comes after the last is answered at once.
        delay: seconds that every request waits: for benches.
        spoil: answers a request with a status, and perhaps a body, instead of passing it on; None
            passes it on, `HOLD` never answers, and `CUT` ends the connection.
        held: set once a request is held.
    """

    to: int
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    waves: tuple[int, ...] = ()
    delay: float = 0
    spoil: Callable[[int, str, str], Spoiled] = lambda *_: None
    held: threading.Event = field(default_factory=threading.Event)
    # A loop keeps no task alive that waits for what nobody else has.
    _never: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: int = 0
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def reset(self, *waves: int) -> None:
        """Forget what was passed on, and expect requests in rounds of these sizes."""
        self.requests.clear()
        self.waves = waves
        self.held.clear()
        self._arrived = 0

    def settle(self) -> None:
        """Wait until everything that has arrived is answered, also what no reader waits for."""

        async def settled() -> None:
            async with self._more:
                await self._more.wait_for(lambda: len(self.requests) == self._arrived)

        asyncio.run_coroutine_threadsafe(settled(), self._loop).result(_PATIENCE)

    async def _held_back(self, number: int) -> bool:
        """Wait until the wave of a request has arrived; false if it never does."""
        ends = [*itertools.accumulate(self.waves)]
        end = next((end for end in ends if number < end), 0)
        async with self._more:
            self._more.notify_all()
            arrived = self._more.wait_for(lambda: self._arrived >= end)
            try:
                await asyncio.wait_for(arrived, _PATIENCE)
            except TimeoutError:
                return False
        return True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the requests of one connection on."""
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while True:
                line, headers, head = await _head(reader)
                method, path, _ = line.split(" ", 2)
                number, self._arrived = self._arrived, self._arrived + 1
                came = await self._held_back(number)
                if self.delay:
                    await asyncio.sleep(self.delay)
                spoiled = self.spoil(number, method, unquote(path)) if came else _ALONE
                status, body = spoiled if isinstance(spoiled, tuple) else (spoiled, b"")
                if status == HOLD:
                    self.held.set()
                    await self._never.wait()
                elif status == CUT:
                    break
                elif status is not None:
                    size = len(body)
                    head = b"HTTP/1.1 %d Spoiled\r\nContent-Length: %d\r\n\r\n" % (status, size)
                    answer = head + body
                else:
                    if upstream is None:
                        upstream = await asyncio.open_connection("127.0.0.1", self.to, limit=_LIMIT)
                    status, answer = await _passed(reader, upstream, (method, headers, head))
                # Noted first: whoever has the answer may look at once.
                async with self._more:
                    self.requests.append(Request(number, method, unquote(path), status))
                    self._more.notify_all()
                writer.write(answer)
                await writer.drain()
        except asyncio.CancelledError:
            # TLS is not closed before the other side agrees, for which there is no time.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, *(upstream or ())[1:]):
                each.close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = await reader.readuntil(_HEAD_END)
    line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (each.split(":", 1) for each in lines if ":" in each)
    return line, {name.strip().lower(): value.strip() for name, value in pairs}, head


async def _passed(
    reader: asyncio.StreamReader,
    upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    request: tuple[str, dict[str, str], bytes],
) -> tuple[int, bytes]:
    """Pass a request on; gives the status and the whole answer."""
    method, headers, head = request
    up_reader, up_writer = upstream
    up_writer.write(head + await _body(reader, headers))
    await up_writer.drain()
    line, headers, head = await _head(up_reader)
    status = int(line.split(" ", 2)[1])
    has_body = method != "HEAD" and status not in _WITHOUT_BODY
    return status, head + (await _body(up_reader, headers) if has_body else b"")


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        line = await reader.readline()
        size = int(line.split(b";")[0], 16)
        body += line + await reader.readexactly(size + 2)
        if size == 0:
            return body


def start(to: int, tls: ssl.SSLContext | None = None) -> tuple[Proxy, Callable[[], None]]:
    """Start a proxy before a port of this machine; gives it, and what stops it.

    Args:
        to: the port; what listens there speaks plain HTTP.
        tls: what the proxy shows those who connect to it; None for plain HTTP.
    """
    proxy = Proxy(to)
    loop = proxy._loop
    ready = threading.Event()

    ended = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(
            proxy.serve, "127.0.0.1", 0, limit=_LIMIT, backlog=512, ssl=tls
        )
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()

    def stop() -> None:
        loop.call_soon_threadsafe(ended.set)
        thread.join()

    return proxy, stop
