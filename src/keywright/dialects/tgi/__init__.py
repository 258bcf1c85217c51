"""Hugging Face's text generation (TGI: `/`, `/generate`, `/generate_stream`): one text in, one text out.

request_in, request_out   requests: from clients, to upstreams
details   what an answer tells of its tokens and its end
response, stream_in, stream_out   answers
error   errors, both ways
verbatim   the lane without translation
locate   where a client finds what a loss speaks of

No body names a model: the path does, or the server has only one. Such a server has chat completions as well, which a
row of providers should prefer: there it fills in the model's own template. Here a conversation becomes a plain
transcript (see `dialects.transcript`), and tools, pictures and the like are refused.

A whole answer tells how many tokens it has, but not how many the prompt had, so its usage is not told unless the
client asked for the prompt's tokens, too; a stream tells both.
"""

from typing import Final

from keywright.dialects.tgi.details import NAME
from keywright.dialects.tgi.error import decode_error, encode_error
from keywright.dialects.tgi.locate import locate
from keywright.dialects.tgi.request_in import decode_request
from keywright.dialects.tgi.request_out import encode_request
from keywright.dialects.tgi.response import decode_response, encode_response
from keywright.dialects.tgi.stream_in import StreamReader
from keywright.dialects.tgi.stream_out import StreamWriter
from keywright.dialects.tgi.verbatim import Tap, patch, peek, tap_response

CARRIES: Final = frozenset({NAME})
STREAM_TYPE: Final = b"text/event-stream"
STREAM_BREAK: Final = b"\n\n"

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
