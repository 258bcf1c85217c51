"""OpenAI's Responses API, without the state that its servers may keep.

request_in, request_out, input_out, given_out   requests: from clients, to upstreams
response, stream_in, item_in, output, stream_out, part_out, settings   answers
items, content, reasoning, tools, finish, usage   what both directions share
error   errors, both ways
verbatim, tap   the lane without translation
fields, target, locate   extras and ids, what an encoder carries, paths in the client's words
"""

from typing import Final

from keywright.dialects.openai_responses.error import decode_error, encode_error
from keywright.dialects.openai_responses.fields import NAME
from keywright.dialects.openai_responses.locate import locate
from keywright.dialects.openai_responses.request_in import decode_request
from keywright.dialects.openai_responses.request_out import encode_request
from keywright.dialects.openai_responses.response import decode_response, encode_response
from keywright.dialects.openai_responses.stream_in import StreamReader
from keywright.dialects.openai_responses.stream_out import StreamWriter
from keywright.dialects.openai_responses.tap import Tap, tap_response
from keywright.dialects.openai_responses.verbatim import patch, peek

STREAM_TYPE: Final = b"text/event-stream"
STREAM_BREAK: Final = b"\n\n"
CARRIES: Final = frozenset({NAME})

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
