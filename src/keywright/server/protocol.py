"""The data plane without ASGI in between: a protocol class for uvicorn that hands its paths straight to the pipeline.

Why. ASGI costs a dict per message, a task that waits for the client to leave, an event per body piece, and header
checks by regular expression: about a third of what a whole call may cost us (docs/rfd/008-edge.md has the figures).
uvicorn lets its protocol class be replaced. This one is uvicorn's own, with data-plane requests taken out at the
end of their headers; everything else, and everything about connections (keep-alive, pipelining, graceful shutdown,
flow control), stays uvicorn's. `data_plane.py` serves the same paths over plain ASGI, and the tests run against
both.

What it relies on in uvicorn's class: `cycle` is the running request and has `response_complete`, `disconnected`,
`message_event` and `keep_alive`; `pipeline` holds the requests that wait for it; `_start_asgi_task` starts one. The
lock pins the version, and `tests/server` fails loudly when these change.

An `Exchange` is one request and its answer. It starts when the request is complete. When the connection is lost,
the task that serves it is cancelled: that is how the pipeline learns that the client has left.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from keywright.core.http import Header
from keywright.pipeline.serve import serve
from keywright.server.data_plane import Edge, Refusal, internal, overloaded, stranger, too_large
from keywright.server.paths import DATA_PATHS, DataPath
from keywright.server.reading import read_call

HEADERS_MAX: Final = 128
HEAD_BYTES_MAX: Final = 64 * 1024
LINGER_S: Final = 2.0
"""How long a client that is refused in the middle of its request may go on sending: it would not see why otherwise,
for a connection that is closed with unread bytes is reset.
"""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"


class DataPlaneProtocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        edge: Edge,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.edge = edge
        self.answering: Exchange | None = None
        self._head_bytes = 0
        self._is_reading = True
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come. It has as long for its first request as for any other."""
        super().connection_made(transport)  # type: ignore[arg-type] # a transport that can be read and written
        self._reading = self.loop.call_later(self.edge.read_s, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a request that is not complete afterwards is given a deadline."""
        super().data_received(data)
        if self._is_reading and self._reading is None:
            self._reading = self.loop.call_later(self.edge.read_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left, or we have closed."""
        self._stop_reading_clock()
        super().connection_lost(exc)
        if self.answering is not None:
            self.answering.client_left()

    def on_url(self, url: bytes) -> None:
        """Part of the request line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_bytes = 0
        self._is_reading = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete: take the request out if it is ours."""
        target, _, query = self.url.partition(b"?")
        path = DATA_PATHS.get(target)
        if path is None or self.parser.get_method() != b"POST":
            super().on_headers_complete()
            return
        exchange = Exchange(self, path, query)
        if self.transport.is_closing():
            self.cycle = exchange  # type: ignore[assignment]
            return
        running = self.cycle
        self.cycle = exchange  # type: ignore[assignment]
        if running is None or running.response_complete:  # type: ignore[redundant-expr] # None before the first
            exchange.its_turn()
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._is_reading = False
        self._stop_reading_clock()
        cycle = self.cycle
        if isinstance(cycle, Exchange):
            cycle.complete()
        else:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # uvicorn's own signature
        if isinstance(cycle, Exchange):
            cycle.its_turn()
        else:
            super()._start_asgi_task(cycle, app)

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES_MAX or len(self.headers) >= HEADERS_MAX:
            raise HeadTooLargeError

    def _too_slow(self) -> None:
        self._reading = None
        self.transport.close()

    def _stop_reading_clock(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None


class HeadTooLargeError(Exception):
    """The request's head is larger than the edge takes. Raised into the parser, which stops there."""


class Exchange:
    """One request on the data plane, and its answer. It is the `Reply` that the pipeline writes to."""

    __slots__ = (
        "_body",
        "_expects_continue",
        "_flow",
        "_headers",
        "_is_chunked",
        "_is_turn",
        "_path",
        "_protocol",
        "_query",
        "_refusal",
        "_size_bytes",
        "_size_bytes_max",
        "_task",
        "_transport",
        "body_complete",
        "disconnected",
        "keep_alive",
        "message_event",
        "response_complete",
        "started",
    )

    def __init__(self, protocol: DataPlaneProtocol, path: DataPath, query: bytes) -> None:
        self.started = False
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NO_EVENT
        self._is_chunked = protocol.parser.get_http_version() != "1.0"
        self.keep_alive: bool = self._is_chunked and protocol.parser.should_keep_alive()
        self.body_complete = False
        self._expects_continue = protocol.expect_100_continue
        self._is_turn = False
        self._protocol = protocol
        self._transport = protocol.transport
        self._flow: FlowControl = protocol.flow
        self._headers = protocol.headers
        self._path = path
        self._query = query
        self._body: list[bytes] = []
        self._size_bytes = 0
        self._size_bytes_max = min(protocol.edge.unproven_bytes_max, protocol.edge.body_bytes_max)
        self._refusal: Refusal | None = None
        self._task: asyncio.Task[None] | None = None

    def feed(self, piece: bytes) -> None:
        """A piece of the body."""
        if self._refusal is not None:
            return
        self._size_bytes += len(piece)
        if self._size_bytes > self._size_bytes_max:
            self._refusal = self._judge_size()
            if self._refusal is not None:
                self._body = []
                if self._is_turn:
                    self._refuse(self._refusal)
                return
        self._body.append(piece)

    def complete(self) -> None:
        """The body is complete."""
        self.body_complete = True
        if self.response_complete:
            self._transport.close()
        elif self._is_turn:
            self._serve()

    def its_turn(self) -> None:
        """Every earlier request on this connection has been answered."""
        self._is_turn = True
        self._protocol.answering = self
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif self.body_complete:
            self._serve()
        elif self._expects_continue:
            self._transport.write(CONTINUE)

    def client_left(self) -> None:
        """The connection is gone."""
        if self._task is not None:
            self._task.cancel()

    async def whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A complete answer, in one write."""
        self._write_whole(status, headers, body)

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """The head of a stream."""
        self.started = True
        head = self._head(status, headers)
        head.append(b"transfer-encoding: chunked\r\n\r\n" if self._is_chunked else b"\r\n")
        self._transport.write(b"".join(head))

    async def write(self, piece: bytes) -> None:
        """A piece of the stream. Waits while the client does not read."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._is_chunked else piece)
        if self._flow.write_paused:
            await self._flow.drain()

    async def finish(self) -> None:
        """The end of the stream."""
        if self._is_chunked:
            self._transport.write(LAST_CHUNK)
        self._done()

    def _judge_size(self) -> Refusal | None:
        """What to say to a body of this size: large ones are taken only from those who have a key."""
        edge = self._protocol.edge
        if self._size_bytes > edge.body_bytes_max:
            return too_large(self._path, edge.body_bytes_max)
        self._size_bytes_max = edge.body_bytes_max
        return stranger(self._path, self._headers, self._query, edge)

    def _serve(self) -> None:
        protocol, edge = self._protocol, self._protocol.edge
        if len(protocol.tasks) >= edge.calls_max:
            self._refuse(overloaded(self._path))
            return
        address = protocol.client[0] if protocol.client else ""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        call = read_call(self._path, self._headers, self._query, body, address, edge.desk.clock, edge.ids)
        self._task = protocol.loop.create_task(serve(call, self, edge.desk))
        protocol.tasks.add(self._task)
        self._task.add_done_callback(self._served)

    def _served(self, task: "asyncio.Task[None]") -> None:
        self._protocol.tasks.discard(task)
        self._task = None
        if task.cancelled():
            if not self.response_complete:
                self._transport.close()
            return
        error = task.exception()
        if error is not None:
            self._protocol.logger.error("a call failed within the gateway", exc_info=error)
            if self.started:
                self._transport.close()
            elif not self._transport.is_closing():
                self._refuse(internal(self._path))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer at once, and close: when the rest of the request has come, or soon."""
        self.keep_alive = False
        self._write_whole(refusal.status, refusal.headers, refusal.body)

    def _write_whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        head = self._head(status, headers)
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        head.append(body)
        self._transport.write(b"".join(head))
        self._done()

    def _head(self, status: int, headers: Sequence[Header]) -> list[bytes]:
        head = [STATUS_LINE[status]]
        for name, value in self._protocol.server_state.default_headers:
            head.append(b"%b: %b\r\n" % (name, value))
        for name, value in headers:
            head.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        return head

    def _done(self) -> None:
        self.response_complete = True
        self._protocol.answering = None
        if not self.keep_alive:
            if self.body_complete:
                self._transport.close()
            else:
                self._protocol.loop.call_later(LINGER_S, self._transport.close)
        self._protocol.on_response_complete()


class _NoEvent:
    """Stands where uvicorn's protocol wakes a reader of the body: nobody waits for it here."""

    def set(self) -> None:
        """Nothing."""


_NO_EVENT: Final = _NoEvent()
