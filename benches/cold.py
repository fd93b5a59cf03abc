"""Times the first read of a process from a bucket, where no connection is open yet.

    python -m benches.cold [--ms 20] [--runs 9]

A bucket of fake-gcs-server that speaks TLS, HTTP/1.1 and HTTP/2, behind a proxy that lets every
byte take half a round trip each way, and each new connection a whole one more, as opening it does
over a network. `cold` is the first read of a process, `warm` the median of five that follow; each
is the median of some processes. The last columns are both in round trips. `data` is a check of
64 MiB of chunks: how fast bytes come.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from tests.remote import many, servers
from tests.support import corpus

CASES = {
    "V1": ("o0.12.8-v1-sharded", "chunked"),
    "V0, flat": ("o0.12.8-flat", "ckpt"),
    "V0, items": ("o0.12.8-composite", "ckpt"),
}
DATA = "data"
CHUNKS, CHUNK_ELEMENTS = 16, 1 << 20
PROTOCOLS = {"HTTP/1.1": {}, "HTTP/2": {"http1_only": "false"}}
WARM = 5


def main() -> int:
    """Starts the servers, and prints the table."""
    parser = argparse.ArgumentParser(prog="benches.cold", description=__doc__.splitlines()[0])
    parser.add_argument("--ms", type=float, default=20)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(timed(*json.loads(options.child))))
        return 0
    with ExitStack() as stack:
        environment = stack.enter_context(served(options.ms / 1_000))
        print(f"{'':<24}{'cold ms':>9}{'warm ms':>9}{'rounds':>8}{'':>8}")
        for protocol, said in PROTOCOLS.items():
            places = {name: "/".join(place) for name, place in CASES.items()}
            for name, place in (places | {DATA: DATA}).items():
                asked = json.dumps([f"gs://bucket/{place}", said])
                found = [child(asked, environment) for _ in range(options.runs)]
                cold, warm = (statistics.median(times) for times in zip(*found, strict=True))
                rounds = f"{cold / options.ms:>8.1f}{warm / options.ms:>8.1f}"
                print(f"{f'{name}, {protocol}':<24}{cold:>9.1f}{warm:>9.1f}{rounds}", flush=True)
    return 0


def child(asked: str, environment: dict[str, str]) -> tuple[float, float]:
    """Times reads in a process of their own."""
    command = [sys.executable, "-m", "benches.cold", "--child", asked]
    ended = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    cold, warm = json.loads(ended.stdout)
    return cold, warm


def timed(place: str, said: dict[str, str]) -> tuple[float, float]:
    """Times the first read of this process, and the following ones."""
    import orbscan

    def once() -> float:
        begun = time.perf_counter()
        if place.endswith(f"/{DATA}"):
            orbscan.verify(place, level="data", store_options=said)
        else:
            orbscan.metadata(place, atomicity="atomic_rename", store_options=said)
        return (time.perf_counter() - begun) * 1_000

    # What a read imports is not what is measured.
    from orbscan.reading import credentials, paths  # noqa: F401

    return once(), statistics.median(once() for _ in range(WARM))


@contextmanager
def served(seconds: float) -> Iterator[dict[str, str]]:
    """Runs the server and the proxy; gives the variables that lead there."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for case, _ in CASES.values():
            corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", root / "data" / "bucket")
        many.write(root / "data" / "bucket" / DATA, CHUNKS, merged=True, chunk=CHUNK_ELEMENTS)
        chain = stack.enter_context(issued.cert_chain_pems[0].tempfile())
        key = stack.enter_context(issued.private_key_pem.tempfile())
        trusted = stack.enter_context(authority.cert_pem.tempfile())
        line = start(seconds)
        line.to = stack.enter_context(
            servers.fake_gcs(root / "data", line.port, servers.Certificate(chain, key, trusted))
        )
        yield {
            "STORAGE_EMULATOR_HOST": f"https://127.0.0.1:{line.port}",
            "SSL_CERT_FILE": trusted,
        }


class Line:
    """A long line to a port of this machine."""

    def __init__(self, seconds: float) -> None:
        self.to = self.port = 0
        self._seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes the bytes of a connection on, both ways."""
        beyond = await asyncio.open_connection("127.0.0.1", self.to)
        # Opening a connection takes a round trip, before which nothing can be sent.
        opened = asyncio.get_running_loop().time() + self._seconds
        await asyncio.gather(
            self._pass(reader, beyond[1], opened), self._pass(beyond[0], writer, opened)
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float
    ) -> None:
        loop = asyncio.get_running_loop()
        arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            data = b"."
            while data:
                due, data = await arriving.get()
                await asyncio.sleep(max(due - loop.time(), 0))
                writer.write(data)
            writer.close()

        task = asyncio.create_task(arrive())
        data = b"."
        try:
            while data:
                data = await reader.read(1 << 16)
                await arriving.put((max(loop.time(), opened) + self._seconds / 2, data))
        except OSError:
            await arriving.put((0, b""))
        await task


def start(seconds: float) -> Line:
    """Starts the proxy in a thread, which ends with the program."""
    line = Line(seconds)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(line.serve, "127.0.0.1", 0, backlog=512)
        line.port = server.sockets[0].getsockname()[1]
        ready.set()
        await asyncio.Event().wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait()
    return line


if __name__ == "__main__":
    sys.exit(main())
