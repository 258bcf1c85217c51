"""Ollama's `/api/generate`: one prompt, answered in lines. What it shares with `/api/chat` is in `dialects.ollama`.

request   whole requests, both ways
locate   where a client finds what a loss speaks of
"""

from typing import Final

from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid, Peek
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects.frame_reader import FrameReader
from keywright.dialects.ndjson import LINE_BYTES_MAX
from keywright.dialects.ollama import reading, response, tap, verbatim
from keywright.dialects.ollama.error import decode_error, encode_error
from keywright.dialects.ollama.family import GENERATE
from keywright.dialects.ollama.shape import FIELDS
from keywright.dialects.ollama.stream_out import LineWriter
from keywright.dialects.ollama.tap import tap_response
from keywright.dialects.ollama_generate.locate import locate
from keywright.dialects.ollama_generate.request import decode_request, encode_request

NAME: Final = GENERATE
CARRIES: Final = frozenset({NAME})
STREAM_TYPE: Final = b"application/x-ndjson"
STREAM_BREAK: Final = b"\n"


def decode_response(body: bytes) -> Response:
    """The answer that `body` is.

    Raises:
        UpstreamMalformedError: it is none of this dialect's; says where it differs.
        ProviderError: it is an error, though its status was that of a success.
    """
    return reading.decode_response(body, FIELDS)


def encode_response(answer: Response, request: Request) -> Encoded:
    """The answer for a client."""
    del request
    return response.encode_response(answer, FIELDS)


def StreamReader(line_bytes_max: int = LINE_BYTES_MAX) -> FrameReader[bytes]:  # noqa: N802 - a dialect's name for it
    """A reader of one stream."""
    return reading.line_reader(FIELDS, line_bytes_max)


def StreamWriter(request: Request) -> LineWriter:  # noqa: N802 - a dialect's name for it
    """A writer of one stream."""
    del request
    return LineWriter(FIELDS)


def Tap(peeked: Peek) -> tap.Tap:  # noqa: N802 - a dialect's name for it
    """Counts a stream that passes through."""
    return tap.Tap(peeked, FIELDS)


def peek(body: bytes, _: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return verbatim.peek(body, verbatim.GENERATE_RELIED)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced; all else byte for byte."""
    return verbatim.patch(body, peeked, model, verbatim.GENERATE_RELIED)


__all__ = [
    "CARRIES",
    "NAME",
    "STREAM_BREAK",
    "STREAM_TYPE",
    "StreamReader",
    "StreamWriter",
    "Tap",
    "decode_error",
    "decode_request",
    "decode_response",
    "encode_error",
    "encode_request",
    "encode_response",
    "locate",
    "patch",
    "peek",
    "tap_response",
]
