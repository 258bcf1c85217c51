"""Requests that pass through, as a raw ASGI callable: for any ASGI server. `raw_exchange.py` is the same without ASGI.

The body is asked of the server a piece at a time, and not before it is wanted. While a piece waits to be taken the
server is not asked, so that a client that leaves just then is noticed when the piece has been taken.
"""

import asyncio
import time
from collections.abc import Sequence

from keywright.core.http import Header
from keywright.pipeline.passage.carry import carry
from keywright.pipeline.types import Call
from keywright.server.data_plane import AsgiReply, Receive, Scope, Send, address_of, attend
from keywright.server.edge import Edge
from keywright.server.paths import DataPath
from keywright.server.raw_paths import RawPath
from keywright.server.raw_reading import cut_short, length_of, patience_s, read_passing, too_long, too_slow
from keywright.server.refusals import overloaded, stopping


async def raw_data_plane(path: RawPath, scope: Scope, receive: Receive, send: Send, edge: Edge) -> None:
    """Answer one request to `path`."""
    reply = RawAsgiReply(send)
    if len(edge.running) >= edge.calls_max:
        await reply.refuse(overloaded(path, edge))
        return
    headers, query = scope["headers"], scope["query_string"]
    body = AsgiBody(receive, length_of(headers), edge)
    passing = read_passing(path, scope["method"].encode(), headers, query, body, address_of(scope), edge)
    serving = asyncio.ensure_future(carry(passing, reply, edge.desk))
    await attend(path, passing.call, serving, body.until_gone(), reply, edge)


class AsgiBody:
    """The body of a request, as `Pieces`. `until_gone` is what asks the server; it must run beside."""

    def __init__(self, receive: Receive, length: int | None, edge: Edge) -> None:
        self.length = length
        self._receive = receive
        self._edge = edge
        self._piece = b""
        self._is_complete = length == 0
        self._wanted = asyncio.Event()
        self._came = asyncio.Event()
        self._passed_bytes = 0
        self._waited_s = 0.0
        if self._is_complete:
            self._wanted.set()

    async def next(self) -> bytes:
        """The next piece of the body, b"" at its end.

        Raises:
            RefusedError: 408, nothing came for too long; 413, it is too long; 400, it is too short.
        """
        if (self.length or 0) > self._edge.passed_bytes_max:
            raise too_long(self._edge)
        if not self._piece and not self._is_complete:
            await self._more()
        piece, self._piece = self._piece, b""
        self._passed_bytes += len(piece)
        if self._passed_bytes > self._edge.passed_bytes_max:
            raise too_long(self._edge)
        if not piece and self._passed_bytes < (self.length or 0):
            raise cut_short()
        return piece

    async def _more(self) -> None:
        """Until there is more of the body, or its end."""
        self._came.clear()
        self._wanted.set()
        began_s = time.monotonic()
        wait_s = patience_s(self._edge, self._waited_s, self._passed_bytes)
        try:
            await asyncio.wait_for(self._came.wait(), wait_s)
        except TimeoutError:
            raise too_slow(self._edge) from None
        finally:
            self._waited_s += time.monotonic() - began_s

    async def until_gone(self) -> None:
        """Give what comes to `next`, piece by piece; return when the client has left."""
        while True:
            await self._wanted.wait()
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            self._piece += message.get("body", b"")
            self._is_complete = self._is_complete or not message.get("more_body", False)
            if self._piece and not self._is_complete:
                self._wanted.clear()
            if self._piece or self._is_complete:
                self._came.set()


class RawAsgiReply(AsgiReply):
    """The client's side, through ASGI: the `PassageReply`."""

    async def begin(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        """The head of an answer whose body follows, if it has one."""
        said = [] if length is None else [(b"content-length", b"%d" % length)]
        await self.start(status, [*headers, *said])

    async def broke(self) -> None:
        """The answer ends here: a server closes the connection when it is not told of an end."""

    async def cut_off(self, path: DataPath, call: Call) -> None:
        """The gateway ends and the call with it. An answer that has begun cannot say so: it breaks off."""
        if not self.started:
            await self.refuse(stopping(path, call.id))
