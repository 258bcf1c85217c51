"""What the edge takes from the head of a request that passes through."""

from collections.abc import Sequence

from msgspec.structs import replace

from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Header, Pieces
from keywright.pipeline.passage.way import Passing
from keywright.server.edge import BODY_BYTES_PER_S_MIN, Edge
from keywright.server.raw_paths import RawPath
from keywright.server.reading import read_call


def read_passing(
    path: RawPath, method: bytes, headers: Sequence[Header], query: bytes, body: Pieces, address: str, edge: Edge
) -> Passing:
    """The call that a request's head makes, its body still to come. Nothing in it is checked here."""
    call = read_call(path, headers, query, b"", address, edge.desk.clock, edge.ids)
    return Passing(
        call=replace(call, dialect=path.way.dialect),
        way=path.way,
        method=method,
        query=query,
        body=body,
        kept_bytes_max=edge.body_bytes_max,
    )


def length_of(headers: Sequence[Header]) -> int | None:
    """How long the body is by its head, which a parser has found sound; None when only its end tells."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


def patience_s(edge: Edge, waited_s: float, passed_bytes: int) -> float:
    """How long the next piece of a body may be waited for, when `waited_s` have been for the `passed_bytes` before."""
    return max(0.0, min(edge.read_s, edge.read_s + passed_bytes / BODY_BYTES_PER_S_MIN - waited_s))


def too_long(edge: Edge) -> RefusedError:
    """What a body is refused with that is longer than any that passes."""
    message = f"the request's body is larger than {edge.passed_bytes_max} bytes"
    return RefusedError(Failure(kind="too_large", status=413, code="body_too_large", message=message))


def cut_short() -> RefusedError:
    """What a body is refused with that has ended before its length: of a request that asked to switch protocols."""
    message = "the request's body is shorter than its content-length"
    return RefusedError(Failure(kind="invalid_request", status=400, code="invalid_request", message=message))


def too_slow(edge: Edge) -> RefusedError:
    """What a body is refused with that does not come, or by drops."""
    message = f"nothing of the request's body came for {edge.read_s:g} s, or too little for longer"
    return RefusedError(Failure(kind="timeout", status=408, code="request_timeout", message=message))
