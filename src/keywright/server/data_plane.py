"""The data plane as a raw ASGI callable: for any ASGI server. `protocol.py` is the same without ASGI in between."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.dialects import DIALECTS
from keywright.pipeline.serve import Desk, serve
from keywright.server.paths import DataPath
from keywright.server.reading import Ids, read_call

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

JSON_TYPE: Final = (b"content-type", b"application/json")


class Edge(Struct, frozen=True, eq=False):
    """What the edge works with. `body_bytes_max` bounds a request, `calls_max` how many run at once."""

    desk: Desk
    ids: Ids
    body_bytes_max: int
    calls_max: int


class BodyTooLargeError(Exception):
    """The request is larger than the edge takes."""


class ClientLeftError(Exception):
    """The client closed before its request was complete."""


async def data_plane(path: DataPath, scope: Scope, receive: Receive, send: Send, edge: Edge) -> None:
    """Answer one POST to `path`."""
    reply = AsgiReply(send)
    try:
        body = await _body(scope["headers"], receive, edge.body_bytes_max)
    except BodyTooLargeError:
        await reply.whole(413, [JSON_TYPE, (b"connection", b"close")], too_large(path, edge.body_bytes_max))
        return
    except ClientLeftError:
        return
    client = scope.get("client")
    address = client[0] if client else ""
    call = read_call(path, scope["headers"], scope["query_string"], body, address, edge.desk.clock, edge.ids)
    serving = asyncio.ensure_future(serve(call, reply, edge.desk))
    watching = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not serving.done():
            serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        if not watching.done():
            raise


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

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """The head of a stream."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, piece: bytes) -> None:
        """A piece of the stream."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self) -> None:
        """The end of the stream."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def too_large(path: DataPath, bytes_max: int) -> bytes:
    """The error of a body over the limit, in the client's dialect."""
    message = f"the request's body is larger than {bytes_max} bytes"
    failure = Failure(kind="too_large", status=413, code="body_too_large", message=message)
    return DIALECTS[path.dialect].encode_error(failure, "")


async def _body(headers: Sequence[Header], receive: Receive, bytes_max: int) -> bytes:
    for name, value in headers:
        if name == b"content-length" and int(value) > bytes_max:
            raise BodyTooLargeError
    pieces: list[bytes] = []
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        size_bytes += len(piece)
        if size_bytes > bytes_max:
            raise BodyTooLargeError
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
