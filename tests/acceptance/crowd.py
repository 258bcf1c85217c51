"""Many clients at once, who come, read and vanish as they were told. Raw sockets: they do nothing besides."""

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from keywright.core.json import JsonObject
from tests.standin.cloud import Exchange, StandIn

Leaving = Literal["never", "waiting", "reading", "at_the_mark"]
"""When a client goes: never before the end; after so many seconds; after so many bytes of the answer's body; when it
has the stream's end mark, but not the end of HTTP's body."""

CALL = re.compile(rb"<call ([^>]+)>")
END = b"0\r\n\r\n"
VISIT_S = 60.0
"""No visit takes longer."""


@dataclass(frozen=True)
class Visit:
    """What one client does. `after`: seconds or bytes, as `leaves` says. `rudely`: leave by a reset."""

    call: str
    path: str
    body: JsonObject
    key: str
    leaves: Leaving = "never"
    after: float = 0.0
    rudely: bool = False
    starts_s: float = 0.0


@dataclass
class Seen:
    """What came of a visit. `left_at`: when the client left (`time.monotonic`), 0 if it stayed to the end.

    `broke`: the gateway closed before the answer was complete.
    """

    visit: Visit
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    broke: bool = False
    left_at: float = 0.0

    @property
    def request_id(self) -> str:
        return self.headers.get("x-keywright-request-id", "")


async def visits(url: str, all_of_them: Sequence[Visit]) -> list[Seen]:
    """What came of each, all at the same time."""
    async with asyncio.timeout(VISIT_S):
        return list(await asyncio.gather(*(visit(url, one) for one in all_of_them)))


async def visit(url: str, one: Visit) -> Seen:
    """One visit on a connection of its own."""
    await asyncio.sleep(one.starts_s)
    parts = urlsplit(url)
    seen = Seen(one)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except ConnectionError:
        seen.broke = True
        return seen
    try:
        writer.write(request(one))
        async with asyncio.timeout(one.after if one.leaves == "waiting" else VISIT_S):
            await _read(reader, seen)
    except TimeoutError:
        pass
    except ConnectionError:
        seen.broke = True
    finally:
        _leave(writer, seen)
    return seen


def exchanges_by_call(*clouds: StandIn) -> dict[str, Exchange]:
    """What the providers were asked, by the call that each prompt names as `<call NAME>`. None was asked twice."""
    exchanges: dict[str, Exchange] = {}
    for exchange in (each for cloud in clouds for each in cloud.exchanges):
        found = CALL.search(exchange.raw)
        assert found is not None
        assert exchanges.setdefault(found[1].decode(), exchange) is exchange
    return exchanges


def body_bytes(one: Visit) -> int:
    """How long the request's body is."""
    return len(_body(one))


def _body(one: Visit) -> bytes:
    return json.dumps(one.body).encode()


def request(one: Visit) -> bytes:
    """The bytes that a client sends."""
    body = _body(one)
    head = (
        f"POST {one.path} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {one.key}\r\nx-keywright-tags: call={one.call}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _read(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Read the answer until it ends, or until it is time to leave."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        data += await _some(reader)
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    seen.status = int(lines[0].split(" ")[1])
    seen.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    body = bytearray(rest)
    length = int(seen.headers.get("content-length", -1))
    try:
        while True:
            seen.complete = len(body) == length if length >= 0 else body.endswith(END)
            if seen.complete or _has_enough(seen.visit, body):
                return
            body += await _some(reader)
    finally:
        seen.body = bytes(body)


def _has_enough(one: Visit, body: bytearray) -> bool:
    if one.leaves == "reading":
        return len(body) >= one.after
    return one.leaves == "at_the_mark" and has_mark(body)


def has_mark(body: bytes | bytearray) -> bool:
    """Whether a stream has told its end, in whichever dialect."""
    return b"data: [DONE]" in body or body.count(b"message_stop") == 2


async def _some(reader: asyncio.StreamReader) -> bytes:
    piece = await reader.read(65536)
    if not piece:
        raise ConnectionResetError("the gateway closed")
    return piece


def _leave(writer: asyncio.StreamWriter, seen: Seen) -> None:
    if not seen.complete and not seen.broke:
        seen.left_at = time.monotonic()
    if seen.visit.rudely:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
