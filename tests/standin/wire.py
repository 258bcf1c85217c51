"""A small HTTP/1.1 server in a thread of its own, with full control over each connection.

One exchange at a time per connection, keep-alive, no pipelining. A handler gets the request and a `Link`, on which it
answers as well or as badly as it likes; it is cancelled the moment the client goes away.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakSet

import httptools

STOP_S = 5.0


@dataclass
class Request:
    """One request, read completely. Header names are lower case."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Gauge:
    """What the sockets did. Written by the server's thread only; reading it from another is safe."""

    open: int = 0
    opened: int = 0
    most_open: int = 0


class Link(asyncio.Protocol):
    """One connection: parses requests, runs the handler, and writes what it says."""

    def __init__(self, handler: "Handler", gauge: Gauge) -> None:
        self.left_at = 0.0
        """When the client closed (`time.monotonic`), 0 while it is there."""
        self._handler = handler
        self._gauge = gauge
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._task: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._gauge.open += 1
        self._gauge.opened += 1
        self._gauge.most_open = max(self._gauge.most_open, self._gauge.open)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.reset()

    def eof_received(self) -> None:
        self._client_left()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gauge.open -= 1
        self._client_left()

    def _client_left(self) -> None:
        self.left_at = self.left_at or time.monotonic()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._request.body += body

    def on_message_complete(self) -> None:
        request, self._request = self._request, Request()
        request.method = self._parser.get_method().decode()
        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            await self._handler(request, self)
        except asyncio.CancelledError:
            self.reset()
        finally:
            self._task = None

    async def write(self, data: bytes) -> None:
        """Send raw bytes, waiting while the client does not read."""
        assert self._transport is not None
        self._transport.write(data)
        await self._may_write.wait()

    async def head(self, status: int, headers: dict[str, str]) -> None:
        """Send a status line and headers."""
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def whole(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send a complete JSON answer in one write."""
        fixed = {"content-type": "application/json", "content-length": str(len(body))}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in {**fixed, **(headers or {})}.items())]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        await self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def cut(self) -> None:
        """Close in an orderly way, wherever the answer stands."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()


Handler = Callable[[Request, Link], Awaitable[None]]


class Server:
    """The listening thread. `close` ends it and drops every connection."""

    def __init__(self, handler: Handler) -> None:
        self.gauge = Gauge()
        self.port = 0
        self._handler = handler
        self._links: WeakSet[Link] = WeakSet()
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="stand-in", daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(STOP_S), "the stand-in did not start"

    def close(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(STOP_S)

    def _link(self) -> Link:
        link = Link(self._handler, self.gauge)
        self._links.add(link)
        return link

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = stopped.set
        server = await self._loop.create_server(self._link, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await stopped.wait()
        server.close()
        for link in list(self._links):
            link.reset()
        while self.gauge.open:
            await asyncio.sleep(0.005)
