"""OpenAI chat completions, and what the many servers speak that copy them.

request_in, request_out, messages_out   requests: from clients, to upstreams
response, stream_in, choice_in, stream_out   answers
parts, thinking, tools, finish, usage   what both directions share
error   errors, both ways
locate   where a client finds what a loss speaks of
verbatim, tap   the lane without translation
fields, target   reading an object, and what an encoder carries
"""

from typing import Final

from keywright.dialects.openai_chat.error import decode_error, encode_error
from keywright.dialects.openai_chat.fields import NAME
from keywright.dialects.openai_chat.locate import locate
from keywright.dialects.openai_chat.request_in import decode_request
from keywright.dialects.openai_chat.request_out import encode_request
from keywright.dialects.openai_chat.response import decode_response, encode_response
from keywright.dialects.openai_chat.stream_in import StreamReader
from keywright.dialects.openai_chat.stream_out import StreamWriter
from keywright.dialects.openai_chat.tap import Tap, tap_response
from keywright.dialects.openai_chat.verbatim import patch, peek

STREAM_TYPE: Final = b"text/event-stream"

CARRIES: Final = frozenset({NAME})
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
