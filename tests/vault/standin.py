"""A small real HTTP server that stands for a token service: it keeps what it received and answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import parse_qsl

from msgspec import Struct


class Received(Struct):
    """A request as it arrived. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form, each of which may come once."""
        assert self.headers["content-type"] == "application/x-www-form-urlencoded"
        pairs = parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


class Say(Struct):
    """An answer."""

    body: bytes | str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Handler: TypeAlias = Callable[[Received], Say | Awaitable[Say]]


class Service:
    """One running server. `handler` may be changed while it runs."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.received: list[Received] = []
        self.url = ""
        self.broken: list[BaseException] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode().strip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Received(method, target, headers, body)
                self.received.append(request)
                writer.write(await self._answer(request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Received) -> bytes:
        try:
            said = self.handler(request)
            answer = said if isinstance(said, Say) else await said
        except Exception as error:
            self.broken.append(error)
            answer = Say(f"the stand-in refuses: {error!r}", 400)
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        lines = [f"HTTP/1.1 {answer.status} Said", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@asynccontextmanager
async def service(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """A server on a free port of this machine, over TLS if given. What its handler found wrong fails the test."""
    running = Service(handler)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    running.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
    if running.broken:
        raise running.broken[0]
