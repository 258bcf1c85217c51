"""One request on the data plane and its answer: the `Reply` that the pipeline writes to, on a client's own connection.

It starts when the request is complete and every earlier one on the connection has been answered. When the
connection is lost, the task that serves it is cancelled: that is how the pipeline learns that the client has left.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from keywright.core.http import Header
from keywright.pipeline.serve import serve
from keywright.pipeline.types import Answer, Call
from keywright.server.edge import Edge
from keywright.server.paths import DataPath
from keywright.server.reading import read_call
from keywright.server.refusals import Refusal, cut, internal, overloaded, stopping, stranger, too_large

LINGER_S: Final = 2.0
"""How long a client that is refused in the middle of its request may go on sending: it would not see why otherwise,
for a connection that is closed with unread bytes is reset.
"""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"


class Connection(Protocol):
    """The client's connection, as an exchange sees it. `answering` is the exchange whose turn it is."""

    answering: "Exchange | None"
    edge: Edge
    loop: asyncio.AbstractEventLoop
    tasks: "set[asyncio.Task[None]]"
    server_state: ServerState
    transport: asyncio.Transport
    flow: FlowControl
    client: tuple[str, int] | None

    def on_response_complete(self) -> None: ...
    def failed(self, call: Call, error: Exception) -> None: ...


class Head(Protocol):
    """What the parser says of a request's head."""

    def get_http_version(self) -> str: ...
    def should_keep_alive(self) -> bool: ...


class Exchange:
    """One request on the data plane, and its answer. It is the `Reply` that the pipeline writes to."""

    __slots__ = (
        "_body",
        "_connection",
        "_expects_continue",
        "_flow",
        "_has_left",
        "_headers",
        "_is_chunked",
        "_is_turn",
        "_path",
        "_query",
        "_refusal",
        "_relayed",
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

    def __init__(
        self, connection: Connection, path: DataPath, query: bytes, head: Head, headers: list[Header], *, expects: bool
    ) -> None:
        self.started = False
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NO_EVENT
        self._is_chunked = head.get_http_version() != "1.0"
        self.keep_alive: bool = self._is_chunked and head.should_keep_alive()
        self.body_complete = False
        self._expects_continue = expects
        self._is_turn = False
        self._has_left = False
        self._connection = connection
        self._transport = connection.transport
        self._flow: FlowControl = connection.flow
        self._headers = headers
        self._path = path
        self._query = query
        self._body: list[bytes] = []
        self._size_bytes = 0
        self._size_bytes_max = min(connection.edge.unproven_bytes_max, connection.edge.body_bytes_max)
        self._refusal: Refusal | None = None
        self._relayed: Answer | None = None
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
        self._connection.answering = self
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif self.body_complete:
            self._serve()
        elif self._expects_continue:
            self._transport.write(CONTINUE)

    def client_left(self) -> None:
        """The connection is gone."""
        self._has_left = True
        if self._task is not None:
            self._task.cancel()

    def client_reads(self) -> None:
        """The client takes more again."""
        if self._relayed is not None:
            self._relayed.resume()

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

    async def relay(self, answer: Answer, through: Callable[[bytes], bytes]) -> None:
        """The rest of `answer`, written from the callback of the upstream's socket: no task wakes up for a piece."""
        transport, flow, is_chunked = self._transport, self._flow, self._is_chunked

        def take(chunk: bytes) -> None:
            piece = through(chunk)
            if piece:
                transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                if flow.write_paused:
                    answer.pause()

        self._relayed = answer
        try:
            await answer.relay(take)
        finally:
            self._relayed = None
        if flow.write_paused:
            await flow.drain()

    async def finish(self) -> None:
        """The end of the stream."""
        if self._is_chunked:
            self._transport.write(LAST_CHUNK)
        self._done()

    def _judge_size(self) -> Refusal | None:
        """What to say to a body of this size: large ones are taken only from those who have a key."""
        edge = self._connection.edge
        if self._size_bytes > edge.body_bytes_max:
            return too_large(self._path, edge)
        self._size_bytes_max = edge.body_bytes_max
        return stranger(self._path, self._headers, self._query, edge)

    def _serve(self) -> None:
        connection, edge = self._connection, self._connection.edge
        if len(connection.tasks) >= edge.calls_max:
            self._refuse(overloaded(self._path, edge))
            return
        address = connection.client[0] if connection.client else ""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        call = read_call(self._path, self._headers, self._query, body, address, edge.desk.clock, edge.ids)
        self._task = connection.loop.create_task(self._run(call))
        connection.tasks.add(self._task)
        self._task.add_done_callback(connection.tasks.discard)  # also when it is cancelled before it begins

    async def _run(self, call: Call) -> None:
        """Serve the call. Whatever it ends with, the connection is left as it can go on, or closed."""
        connection = self._connection
        try:
            await serve(call, self, connection.edge.desk)
        except asyncio.CancelledError:
            if not self.response_complete:
                self._cut_off(call)
            raise
        except Exception as error:  # noqa: BLE001 - not hidden: it is logged, and the client is told
            self._fail(call, error)
        finally:
            self._task = None

    def _fail(self, call: Call, error: Exception) -> None:
        """The call ended with a fault of ours."""
        self._connection.failed(call, error)
        if self.started:
            self._transport.close()
        elif not self._transport.is_closing():
            self._refuse(internal(self._path, call.id))

    def _cut_off(self, call: Call) -> None:
        """The call is served no longer: the client has left, or the gateway ends and says so."""
        if self._has_left:
            self._transport.close()
        elif not self.started:
            self._refuse(stopping(self._path, call.id))
        else:
            self.keep_alive = False
            event = cut(self._path)
            self._transport.write(b"%x\r\n%b\r\n%b" % (len(event), event, LAST_CHUNK) if self._is_chunked else event)
            self._done()

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
        for name, value in self._connection.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        return head

    def _done(self) -> None:
        self.response_complete = True
        self._connection.answering = None
        if not self.keep_alive:
            if self.body_complete:
                self._transport.close()
            else:
                self._connection.loop.call_later(LINGER_S, self._transport.close)
        self._connection.on_response_complete()


class _NoEvent:
    """Stands where uvicorn's protocol wakes a reader of the body: nobody waits for it here."""

    def set(self) -> None:
        """Nothing."""


_NO_EVENT: Final = _NoEvent()
