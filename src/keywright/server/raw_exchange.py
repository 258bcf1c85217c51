"""One request that passes through, and its answer: an exchange whose body is handed on as it comes.

It starts when the request's head is complete. Of the body no more is taken from the client's socket than is taken here:
beyond `HELD_BYTES_MAX` the socket is not read. Who waits to be asked for a body (`expect: 100-continue`) is asked when
the first of it is wanted, so neither a stranger nor a path that is refused makes a client send.

A client that leaves while its socket is not read is noticed when it is read again, or by the deadline of the upstream
that did not take.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from keywright.core.http import Header
from keywright.pipeline.passage.carry import carry
from keywright.pipeline.passage.way import Passing
from keywright.pipeline.types import Call
from keywright.server.exchange import CONTINUE, Connection, Exchange, Head
from keywright.server.raw_paths import RawPath
from keywright.server.raw_reading import cut_short, length_of, patience_s, read_passing, too_long, too_slow
from keywright.server.refusals import overloaded

BODYLESS: Final = frozenset({204, 304})
"""Statuses whose answers have no body."""
HELD_BYTES_MAX: Final = 64 * 1024
"""How much of a body may wait here before the client's socket is read no further."""


class RawHead(Head, Protocol):
    """What the parser says of a request's head."""

    def get_method(self) -> bytes: ...


class RawExchange(Exchange):
    """One request that passes through, and its answer. It is the `PassageReply`, and the `Pieces` of its body."""

    __slots__ = ("_has_length", "_method", "_passed_bytes", "_raw", "_waited_s", "_waiter", "length")

    def __init__(
        self,
        connection: Connection,
        path: RawPath,
        query: bytes,
        head: RawHead,
        headers: list[Header],
        *,
        expects: bool,
    ) -> None:
        super().__init__(connection, path, query, head, headers, expects=expects)
        self.length = length_of(headers)
        self._raw = path
        self._method = head.get_method()
        self._has_length = False
        self._passed_bytes = 0
        self._waited_s = 0.0
        self._waiter: asyncio.Future[None] | None = None

    # The connection's side.

    def feed(self, piece: bytes) -> None:
        """A piece of the body."""
        if self.response_complete:
            return
        self._body.append(piece)
        self._size_bytes += len(piece)
        if self._size_bytes > HELD_BYTES_MAX:
            self._flow.pause_reading()
        self._wake()

    def complete(self) -> None:
        """The body is complete."""
        self.body_complete = True
        if self.response_complete:
            self._transport.close()
        self._wake()

    def its_turn(self) -> None:
        """Every earlier request on this connection has been answered."""
        self._is_turn = True
        self._connection.answering = self
        self._serve()

    # The body, for who sends it on.

    async def next(self) -> bytes:
        """The next piece of the body, b"" at its end.

        Raises:
            RefusedError: 408, nothing came for too long; 413, it is too long; 400, it is too short.
        """
        edge = self._connection.edge
        if (self.length or 0) > edge.passed_bytes_max:
            raise too_long(edge)
        if not self._body and not self.body_complete:
            await self._more()
        pieces, self._body = self._body, []
        self._passed_bytes += self._size_bytes
        self._size_bytes = 0
        if self._passed_bytes > edge.passed_bytes_max:
            raise too_long(edge)
        if not self.body_complete:
            self._flow.resume_reading()
        elif not pieces and self._passed_bytes < (self.length or 0):
            raise cut_short()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _more(self) -> None:
        """Until there is more of the body, or its end."""
        if self._expects_continue and not self.started:
            self._expects_continue = False
            self._transport.write(CONTINUE)
        self._flow.resume_reading()
        loop = self._connection.loop
        waiter = self._waiter = loop.create_future()
        edge, began_s = self._connection.edge, loop.time()
        wait_s = patience_s(edge, self._waited_s, self._passed_bytes)
        deadline = loop.call_later(wait_s, self._expire, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            self._waited_s += loop.time() - began_s
            deadline.cancel()

    def _expire(self, waiter: "asyncio.Future[None]") -> None:
        if not waiter.done():
            waiter.set_exception(too_slow(self._connection.edge))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The answer.

    async def whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A complete answer, in one write."""
        self.keep_alive = self.keep_alive and self.body_complete
        self._write_whole(status, headers, body)

    async def begin(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        """The head of an answer whose body follows, if it has one."""
        self.started = True
        self.keep_alive = self.keep_alive and self.body_complete
        head = self._head(status, headers)
        if length is not None and status not in BODYLESS:
            head.append(b"content-length: %d\r\n" % length)
            self._is_chunked, self._has_length = False, True
        elif status in BODYLESS or self._method == b"HEAD":
            self._is_chunked = False
        elif self._is_chunked:
            head.append(b"transfer-encoding: chunked\r\n")
        head.append(b"\r\n")
        self._transport.write(b"".join(head))

    async def broke(self) -> None:
        """The answer ends here, and the connection with it: a client sees that it is not whole."""
        self.keep_alive = False
        self.response_complete = True
        self._connection.answering = None
        if self._is_chunked or self._has_length:
            self._transport.close()
        else:
            self._transport.abort()
        self._connection.on_response_complete()

    # Within.

    def _serve(self) -> None:
        connection, edge = self._connection, self._connection.edge
        if len(connection.tasks) >= edge.calls_max:
            self._refuse(overloaded(self._path, edge))
            return
        address = connection.client[0] if connection.client else ""
        passing = read_passing(self._raw, self._method, self._headers, self._query, self, address, edge)
        self._task = connection.loop.create_task(self._carry(passing))
        connection.tasks.add(self._task)
        self._task.add_done_callback(connection.tasks.discard)  # also when it is cancelled before it begins

    async def _carry(self, passing: Passing) -> None:
        """Serve the call. Whatever it ends with, the connection is left as it can go on, or closed."""
        try:
            await carry(passing, self, self._connection.edge.desk)
        except asyncio.CancelledError:
            if not self.response_complete:
                self._cut_off(passing.call)
            raise
        except Exception as error:  # noqa: BLE001 - not hidden: it is logged, and the client is told
            self._fail(passing.call, error)
        finally:
            self._task = None

    def _cut_off(self, call: Call) -> None:
        """The call is served no longer. An answer that has begun cannot say so: it breaks off."""
        if self.started:
            self._transport.close()
        else:
            super()._cut_off(call)

    def _write_whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        if self._method != b"HEAD":
            super()._write_whole(status, headers, body)
            return
        head = self._head(status, headers)
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        self._transport.write(b"".join(head))
        self._done()
