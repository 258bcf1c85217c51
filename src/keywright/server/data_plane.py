"""The data plane as a raw ASGI callable: for any ASGI server. `protocol.py` is the same without ASGI in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct, field

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.dialects import DIALECTS
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.serve import Desk, serve
from keywright.pipeline.types import Answer
from keywright.server.paths import DataPath
from keywright.server.reading import Ids, present, read_call

Scope: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("keywright")

JSON_TYPE: Final = (b"content-type", b"application/json")


UNPROVEN_BYTES_MAX: Final = 256 * 1024
"""How much of a body is taken before its key is looked at."""
READ_S: Final = 60.0
"""How long a client may take to send a request, from its first byte to its last."""
BUSY_S: Final = 1
"""After how many seconds to try again when too many calls are running."""


class Edge(Struct, frozen=True, eq=False):
    """What the edge works with. `body_bytes_max` bounds a request, `unproven_bytes_max` what is taken of it before its
    key is looked at, `calls_max` how many calls run at once, `read_s` how long a request may take to come. `running`:
    the calls that `data_plane` serves just now.
    """

    desk: Desk
    ids: Ids
    body_bytes_max: int
    calls_max: int
    unproven_bytes_max: int = UNPROVEN_BYTES_MAX
    read_s: float = READ_S
    running: set[asyncio.Future[None]] = field(default_factory=set)


class Refusal(Struct, frozen=True):
    """An answer to a request that does not come as far as the pipeline."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


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
            raise NotTakenError(overloaded(path))
    except NotTakenError as refused:
        await reply.refuse(refused.refusal)
        return
    except ClientLeftError:
        return
    client = scope.get("client")
    address = client[0] if client else ""
    call = read_call(path, scope["headers"], scope["query_string"], body, address, edge.desk.clock, edge.ids)
    serving = asyncio.ensure_future(serve(call, reply, edge.desk))
    edge.running.add(serving)
    serving.add_done_callback(edge.running.discard)
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
    except Exception as error:
        if reply.started:
            raise
        _log.error("a call failed within the gateway", exc_info=error)
        await reply.refuse(internal(path))


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

    async def refuse(self, refusal: "Refusal") -> None:
        """A complete answer, and the connection's end."""
        await self.whole(refusal.status, [*refusal.headers, (b"connection", b"close")], refusal.body)

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


def too_large(path: DataPath, bytes_max: int) -> Refusal:
    """To a body over the limit."""
    message = f"the request's body is larger than {bytes_max} bytes"
    return _refusal(path, Failure(kind="too_large", status=413, code="body_too_large", message=message))


def stranger(path: DataPath, headers: Sequence[Header], query: bytes, edge: Edge) -> Refusal | None:
    """To a large body of somebody who proves no key; None for who does. Counted like any call that proves none."""
    desk = edge.desk
    try:
        authenticate(present(headers, query), desk.clock.unix_us() // 1_000_000, desk.snapshot())
    except RefusedError as refused:
        desk.books.meters.unknown(refused.failure.code)
        return _refusal(path, refused.failure)
    return None


def overloaded(path: DataPath) -> Refusal:
    """To one call more than may run at once."""
    message = "too many calls are running"
    failure = Failure(kind="overloaded", status=503, code="overloaded", message=message)
    return _refusal(path, failure, (b"retry-after", b"%d" % BUSY_S))


def internal(path: DataPath) -> Refusal:
    """To a call that failed by a fault of ours."""
    message = "the gateway failed; its log says why"
    return _refusal(path, Failure(kind="server", status=500, code="internal", message=message))


def _refusal(path: DataPath, failure: Failure, *headers: Header) -> Refusal:
    body = DIALECTS[path.dialect].encode_error(failure, "")
    return Refusal(failure.status, (JSON_TYPE, *headers), body)


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
            raise NotTakenError(too_large(path, edge.body_bytes_max))
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
