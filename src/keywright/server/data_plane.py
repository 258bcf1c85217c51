"""The data plane as a raw ASGI callable: for any ASGI server. `protocol.py` is the same without ASGI in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from typing import Any, TypeAlias

from keywright.core.http import Header
from keywright.pipeline.serve import serve
from keywright.pipeline.types import Answer, Call
from keywright.server.edge import Edge
from keywright.server.paths import DataPath
from keywright.server.reading import read_call
from keywright.server.refusals import Refusal, cut, internal, overloaded, stopping, stranger, too_large

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("keywright")


class NotTakenError(Exception):
    """The request is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


class ClientLeftError(Exception):
    """The client closed before its request was complete."""


async def data_plane(path: DataPath, scope: Scope, receive: Receive, send: Send, edge: Edge) -> None:
    """Answer one POST to `path`."""
    reply = AsgiReply(send)
    try:
        body = await _body(path, scope, receive, edge)
        if len(edge.running) >= edge.calls_max:
            raise NotTakenError(overloaded(path, edge))
    except NotTakenError as refused:
        await reply.refuse(refused.refusal)
        return
    except ClientLeftError:
        return
    address = address_of(scope)
    call = read_call(path, scope["headers"], scope["query_string"], body, address, edge.desk.clock, edge.ids)
    serving = asyncio.ensure_future(serve(call, reply, edge.desk))
    await attend(path, call, serving, _until_gone(receive), reply, edge)


async def attend(
    path: DataPath,
    call: Call,
    serving: "asyncio.Future[None]",
    until_gone: Coroutine[Any, Any, None],
    reply: "AsgiReply",
    edge: Edge,
) -> None:
    """Let `serving` serve the call until it is done, or the client gone, which `until_gone` tells by its end."""
    edge.running.add(serving)
    serving.add_done_callback(edge.running.discard)
    watching = asyncio.ensure_future(until_gone)
    try:
        await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        serving.cancel()
        await asyncio.wait((serving,))
        await reply.cut_off(path, call)
        raise
    finally:
        watching.cancel()
        serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        pass  # the client has left
    except Exception as error:
        if reply.started:
            raise
        _log.error("the call %s failed within the gateway", call.id, exc_info=error)
        await reply.refuse(internal(path, call.id))


def address_of(scope: Scope) -> str:
    """The client's own address, "" where it is not known."""
    client = scope.get("client")
    return client[0] if client else ""


class AsgiReply:
    """The client's side, through ASGI."""

    def __init__(self, send: Send) -> None:
        self.started = False
        self._send = send

    async def whole(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A complete answer."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, [*headers, length])
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def refuse(self, refusal: Refusal) -> None:
        """A complete answer, and the connection's end."""
        await self.whole(refusal.status, [*refusal.headers, (b"connection", b"close")], refusal.body)

    async def cut_off(self, path: DataPath, call: Call) -> None:
        """The gateway ends and the call with it: say so."""
        if self.started:
            await self.write(cut(path))
            await self.finish()
        else:
            await self.refuse(stopping(path, call.id))

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """The head of a stream."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, piece: bytes) -> None:
        """A piece of the stream."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def relay(self, answer: Answer, through: Callable[[bytes], bytes]) -> None:
        """The rest of `answer`. `send` waits while the client does not read."""
        while chunk := await answer.chunk():
            piece = through(chunk)
            if piece:
                await self.write(piece)

    async def finish(self) -> None:
        """The end of the stream."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(path: DataPath, scope: Scope, receive: Receive, edge: Edge) -> bytes:
    pieces: list[bytes] = []
    size_bytes, more, is_proven = 0, True, False
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        size_bytes += len(piece)
        if size_bytes > edge.body_bytes_max:
            raise NotTakenError(too_large(path, edge))
        if size_bytes > edge.unproven_bytes_max and not is_proven:
            is_proven = True
            refusal = stranger(path, scope["headers"], scope["query_string"], edge)
            if refusal is not None:
                raise NotTakenError(refusal)
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
