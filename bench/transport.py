"""CPU per request of HTTP clients towards an upstream, for docs/rfd/002-transport.md.

`make bench-transport` runs it in an environment of its own. An upstream in another process, on another core, answers
each POST with a fixed 700-byte completion, by HTTP and by TLS. Every client is a process of its own, pinned to one
core, sixteen calls at a time over kept connections; what is counted is that process's own CPU time (user and system)
for the calls alone. Rounds go through all clients in turn, so that a noisy minute hits each; the table has medians.
"""

import argparse
import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp  # type: ignore[import-not-found]  # in this benchmark's own environment
import httpx
import trustme
import uvloop

from keywright.core.http import HttpRequest, Origin, Reach
from keywright.transport import Pool, dial

CONCURRENCY: Final = 16
ROUNDS: Final = 7
CALLS: Final = 8_000
CALLS_SLOW: Final = 800
"""For clients of which one call costs milliseconds."""

BODY: Final = b'{"model":"m","messages":[{"role":"user","content":"' + b"q" * 240 + b'"}]}'
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nserver: nginx\r\ndate: Tue, 24 Nov 2026 10:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"content-length: 700\r\nconnection: keep-alive\r\nx-request-id: req_0123456789\r\n\r\n" + b"x" * 700
)

Call = Callable[[], Awaitable[bytes]]
Client = Callable[[str, str | None], Awaitable[tuple[Call, Callable[[], Awaitable[None]]]]]
"""Given the address and the CA file, how to make one call, and how to close."""


class Answering(asyncio.Protocol):
    """The upstream: an answer when a body's end has come, however many writes brought it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(BODY[-4:]):
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


async def serve(folder: Path) -> None:
    """Listen on two ports, tell them on stdout, and answer until killed."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    loop = asyncio.get_running_loop()
    plain = await loop.create_server(Answering, "127.0.0.1", 0)
    tls = await loop.create_server(Answering, "127.0.0.1", 0, ssl=context)
    ports = [server.sockets[0].getsockname()[1] for server in (plain, tls)]
    print(json.dumps({"http": ports[0], "https": ports[1]}), flush=True)
    await asyncio.Event().wait()


class LoopSockets:
    """The loop's own transports in place of aiofastnet's."""

    @staticmethod
    async def create_connection(
        loop: asyncio.AbstractEventLoop, make: Any, *, sock: Any, ssl: Any = None, server_hostname: Any = None, **_: Any
    ) -> Any:
        return await loop.create_connection(make, sock=sock, ssl=ssl, server_hostname=server_hostname)


async def own(address: str, ca_file: str | None) -> tuple[Call, Callable[[], Awaitable[None]]]:
    scheme, _, place = address.partition("://")
    host, _, port = place.partition(":")
    origin = Origin("https" if scheme == "https" else "http", host, int(port))
    reach = Reach(origin, ca_file=ca_file, private=True)
    request = HttpRequest(
        b"POST",
        b"/v1/chat/completions",
        ((b"content-type", b"application/json"), (b"authorization", b"Bearer sk-test"), (b"accept", b"*/*")),
        BODY,
    )
    pool = Pool(environment={}, allowed=lambda _: False)

    async def call() -> bytes:
        answer = await pool.send(reach, request)
        return await answer.read(1 << 20)

    return call, pool.aclose


async def own_on_loop_sockets(address: str, ca_file: str | None) -> tuple[Call, Callable[[], Awaitable[None]]]:
    dial.aiofastnet = LoopSockets  # type: ignore[attr-defined, assignment]
    return await own(address, ca_file)


async def with_aiohttp(address: str, ca_file: str | None) -> tuple[Call, Callable[[], Awaitable[None]]]:
    context = ssl.create_default_context(cafile=ca_file) if ca_file else True
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test"}

    async def call() -> bytes:
        async with session.post(f"{address}/v1/chat/completions", data=BODY, headers=headers) as answer:
            return bytes(await answer.read())

    return call, session.close


async def with_httpx(address: str, ca_file: str | None) -> tuple[Call, Callable[[], Awaitable[None]]]:
    context = ssl.create_default_context(cafile=ca_file) if ca_file else True
    client = httpx.AsyncClient(verify=context, trust_env=False)
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test"}

    async def call() -> bytes:
        answer = await client.post(f"{address}/v1/chat/completions", content=BODY, headers=headers)
        return bytes(answer.content)

    return call, client.aclose


CLIENTS: Final[dict[str, tuple[Client, str, int]]] = {
    "own, aiofastnet on uvloop": (own, "uvloop", CALLS),
    "own, uvloop's sockets": (own_on_loop_sockets, "uvloop", CALLS),
    "own, aiofastnet on asyncio": (own, "asyncio", CALLS),
    "own, asyncio's sockets": (own_on_loop_sockets, "asyncio", CALLS),
    "aiohttp on uvloop": (with_aiohttp, "uvloop", CALLS),
    "httpx on uvloop": (with_httpx, "uvloop", CALLS_SLOW),
}


async def measure(client: Client, address: str, ca_file: str | None, calls: int) -> float:
    """CPU microseconds per call, after a warm-up that opens the connections."""
    call, close = await client(address, ca_file)

    async def some(count: int) -> None:
        for _ in range(count):
            assert len(await call()) == 700

    await asyncio.gather(*(some(20) for _ in range(CONCURRENCY)))
    began = time.process_time()
    await asyncio.gather(*(some(calls // CONCURRENCY) for _ in range(CONCURRENCY)))
    used = time.process_time() - began
    await close()
    return used / (calls // CONCURRENCY * CONCURRENCY) * 1e6


def run_client(name: str, address: str, ca_file: str | None) -> None:
    """The child's part: measure one client and print the figure."""
    client, loop, calls = CLIENTS[name]
    if loop == "uvloop":
        figure = uvloop.run(measure(client, address, ca_file, calls))
    else:
        figure = asyncio.run(measure(client, address, ca_file, calls))
    print(figure)


def child(*words: str, core: int) -> list[str]:
    """The command of a child pinned to `core`, where the system can pin."""
    pin = ["taskset", "-c", str(core)] if sys.platform == "linux" and (os.cpu_count() or 1) > 1 else []
    return [*pin, sys.executable, "-m", "bench.transport", *words]


def main() -> None:
    """Measure all and print a table."""
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        upstream = subprocess.Popen(child("serve", folder, core=1), stdout=subprocess.PIPE)
        try:
            assert upstream.stdout is not None
            ports = json.loads(upstream.stdout.readline())
            for _ in range(ROUNDS):
                for name in CLIENTS:
                    for scheme, ca_file in (("http", ""), ("https", f"{folder}/ca.pem")):
                        words = ("client", name, f"{scheme}://localhost:{ports[scheme]}", ca_file)
                        done = subprocess.run(child(*words, core=0), capture_output=True, text=True, check=True)
                        figures.setdefault((name, scheme), []).append(float(done.stdout))
        finally:
            upstream.kill()
            upstream.wait()
    print("| CPU µs per request | HTTP | TLS |\n|---|---|---|")
    for name in CLIENTS:
        row = [statistics.median(figures[name, scheme]) for scheme in ("http", "https")]
        print(f"| {name} | {row[0]:.1f} | {row[1]:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    match parser.parse_args().words:
        case ["serve", folder]:
            uvloop.run(serve(Path(folder)))
        case ["client", name, address, ca_file]:
            run_client(name, address, ca_file or None)
        case []:
            main()
        case words:
            parser.error(f"unknown words {words}")
