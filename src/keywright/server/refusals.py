"""What the edge itself says no to, before the pipeline or in its place, in the client's dialect."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from keywright.core.clock import SECOND_US
from keywright.core.errors import RefusedError
from keywright.core.event import Failed
from keywright.core.failure import Failure
from keywright.core.http import Header
from keywright.dialects import DIALECTS, WIRES
from keywright.pipeline.authenticate import authenticate
from keywright.pipeline.pass_on import JSON_TYPE, NOTHING
from keywright.server.edge import Edge
from keywright.server.paths import DataPath
from keywright.server.reading import present

AGAIN_S: Final = 1
"""After how many seconds to try again when the gateway is too busy, or stops."""

BUSY: Final = Failure(kind="overloaded", status=503, code="overloaded", message="too many calls are running")
STOPPING: Final = Failure(kind="overloaded", status=503, code="overloaded", message="the gateway is shutting down")
FAULT: Final = Failure(kind="server", status=500, code="internal", message="the gateway failed; its log says why")


class Refusal(Struct, frozen=True):
    """An answer to a request that does not come as far as the pipeline, or not out of it."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


def too_large(path: DataPath, edge: Edge) -> Refusal:
    """To a body over the limit."""
    message = f"the request's body is larger than {edge.body_bytes_max} bytes"
    return _refusal(path, Failure(kind="too_large", status=413, code="body_too_large", message=message), edge.new_id())


def stranger(path: DataPath, headers: Sequence[Header], query: bytes, edge: Edge) -> Refusal | None:
    """To a large body of somebody who proves no key; None for who does. Counted like any call that proves none."""
    desk = edge.desk
    try:
        authenticate(present(headers, query), desk.clock.unix_us() // SECOND_US, desk.snapshot())
    except RefusedError as refused:
        desk.books.meters.unknown(refused.failure.code)
        return _refusal(path, refused.failure, edge.new_id())
    return None


def overloaded(path: DataPath, edge: Edge) -> Refusal:
    """To one call more than may run at once."""
    return _refusal(path, BUSY, edge.new_id())


def stopping(path: DataPath, request_id: str) -> Refusal:
    """To a call that the gateway's end cuts off before its answer began."""
    return _refusal(path, STOPPING, request_id)


def internal(path: DataPath, request_id: str) -> Refusal:
    """To a call that failed by a fault of ours."""
    return _refusal(path, FAULT, request_id)


def cut(path: DataPath) -> bytes:
    """The end of a stream that the gateway's own end cuts off: the dialect's error event, on a line of its own."""
    client = DIALECTS[path.dialect]
    return client.STREAM_BREAK + client.StreamWriter(NOTHING).write(Failed(STOPPING))


def _refusal(path: DataPath, failure: Failure, request_id: str) -> Refusal:
    headers: tuple[Header, ...] = (JSON_TYPE, (b"x-keywright-request-id", request_id.encode()))
    if failure.kind == "overloaded":
        headers += ((b"retry-after", b"%d" % AGAIN_S),)
    return Refusal(failure.status, headers, WIRES[path.dialect].encode_error(failure, request_id))
