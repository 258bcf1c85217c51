"""A raw server on a real socket whose every byte the test decides, and a pool to meet it."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from keywright.core.http import Deadlines, Header, HttpRequest, Origin, Reach
from keywright.transport import Pool, PoolSettings
from keywright.transport.resolve import Address

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SOON_S = 15.0
"""No wait in these tests is longer; what should happen happens in milliseconds."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number

    async def request(self) -> bytes:
        """One request, head and body; raises IncompleteReadError at the connection's end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length: "):
                length = int(line[16:])
        return head + await self.reader.readexactly(length)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Return when the client has closed its end."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """Close with RST."""
        sock = cast("socket.socket", self.writer.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class Upstream:
    """A listening server. `connections` counts what it accepted; `errors` keeps what scripts raised."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connections = 0
        self.port = 0
        self.errors: list[Exception] = []
        self.listening: asyncio.Server
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self.tasks.add(task)
        self.connections += 1
        try:
            await self._script(Peer(reader, writer, self.connections))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has left, or the test has ended
        except Exception as error:
            self.errors.append(error)
        finally:
            self.tasks.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()

    def reach(
        self,
        *,
        deadlines: Deadlines | None = None,
        connections_max: int = 100,
        host: str = "127.0.0.1",
        ca_file: str | None = None,
        proxy: str | None = None,
        private: bool = True,
    ) -> Reach:
        return Reach(
            origin=Origin("https" if ca_file else "http", host, self.port),
            ca_file=ca_file,
            proxy=proxy,
            private=private,
            deadlines=deadlines or Deadlines(connect_s=2, first_byte_s=2, idle_s=2, total_s=5),
            connections_max=connections_max,
        )


@contextlib.asynccontextmanager
async def upstream(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """A server that runs `script` for each connection, then closes it."""
    served = Upstream(script)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls)
    served.listening = server
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tuple(served.tasks):
            task.cancel()
        await asyncio.gather(*served.tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert not served.errors, served.errors


@contextlib.asynccontextmanager
async def pool(settings: PoolSettings | None = None) -> AsyncIterator[Pool]:
    """A pool without proxies that reaches `private` upstreams only."""
    made = Pool(settings, environment={}, allowed=nowhere)
    try:
        async with asyncio.timeout(SOON_S * 2):
            yield made
    finally:
        await made.aclose()


def nowhere(_: Address) -> bool:
    """No address is public in these tests."""
    return False


def post(body: bytes = b"{}", headers: tuple[Header, ...] = (), target: bytes = b"/v1/x") -> HttpRequest:
    return HttpRequest(method=b"POST", target=target, headers=headers, body=body)


def answering(*answers: bytes) -> Script:
    """Each request on a connection gets the next of `answers`; after the last the connection stays open, silent."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.send(answer)
        await peer.gone()

    return script


def always(answer: bytes = OK) -> Script:
    """Every request gets `answer`."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answer)

    return script


async def fetch(connections: Pool, reach: Reach, request: HttpRequest | None = None) -> tuple[int, bytes]:
    """Status and body of one exchange."""
    answer = await connections.send(reach, request or post())
    try:
        return answer.status, await answer.read(1 << 24)
    finally:
        answer.abort()


async def until(true: Callable[[], bool], within_s: float = SOON_S) -> None:
    """Wait for a condition that no event announces."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.001)
