"""An upstream in a thread of its own that takes and says, byte by byte, what a script of the test decides.

Without a script it takes the whole request and answers what it got, as JSON. Every request's head is remembered, and
its body where it was taken whole.
"""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection

STOP_S = 5.0
SETTLED = "/settled"


@dataclass
class Seen:
    """One request as it came. Header names are lower case; `size` counts the bytes of the body that were taken."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    size: int = 0
    complete: bool = False
    gone: bool = False
    digest: str = ""

    def header(self, name: str) -> str | None:
        found = [value for known, value in self.headers if known == name]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None


@dataclass
class Guest:
    """One request on one connection, for a script."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: Seen

    async def pieces(self, keep: bool = True) -> None:
        """Take the whole body."""
        length, digest = self.seen.header("content-length"), hashlib.sha256()
        if self.seen.header("transfer-encoding") == "chunked":
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                await self._take(size, digest, keep)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif length is not None:
            await self._take(int(length), digest, keep)
        self.seen.digest = digest.hexdigest()
        self.seen.complete = True

    async def some(self) -> bytes:
        """Whatever of the body comes next, with its framing."""
        data = await self.reader.read(65_536)
        self.seen.size += len(data)
        return data

    async def _take(self, size: int, digest: "hashlib._Hash", keep: bool) -> None:
        while size:
            piece = await self.reader.read(min(size, 65_536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(piece)
            self.seen.size += len(piece)
            digest.update(piece)
            if keep:
                self.seen.body += piece

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes, *headers: str) -> None:
        """A whole answer with a content-length."""
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers]
        await self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    async def left(self) -> None:
        """Until the gateway has closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass
        self.seen.gone = True


Script = Callable[[Guest], Awaitable[None]]


async def mirror(guest: Guest) -> None:
    """Take all, and answer what came."""
    await guest.pieces()
    seen = guest.seen
    said = {"method": seen.method, "target": seen.target, "size": seen.size}
    await guest.answer(200, json.dumps(said).encode(), "content-type: application/json")


@dataclass
class Mill:
    """The listening thread."""

    script: Script = mirror
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="mill", daemon=True)
        self._thread.start()
        assert self._ready.wait(STOP_S)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)

    def reset(self) -> None:
        """Forget what came, once all that is on its way has come: what asks last is answered last."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=STOP_S)) as connection:
            connection.request("GET", SETTLED)
            connection.getresponse().read()
        self.script = mirror
        self.seen = []
        self.errors = []

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.transport.set_write_buffer_limits(high=0)
        seen = None
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                if target == SETTLED:
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    continue
                pairs = (line.partition(": ") for line in head[1:-2])
                seen = Seen(method, target, [(name.lower(), value) for name, _, value in pairs])
                self.seen.append(seen)
                await self.script(Guest(reader, writer, seen))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            if seen is not None:
                seen.gone = True
        except Exception as error:
            self.errors.append(error)
        finally:
            writer.close()
