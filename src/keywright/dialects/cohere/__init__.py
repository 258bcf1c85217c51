"""Cohere's chat, version 2: `POST /v2/chat`, as its clients and as its servers speak it.

| module | question |
|---|---|
| `request_in`, `request_out`, `messages_out` | what is asked? |
| `response`, `stream_in`, `stream_out` | what is answered, whole and as it arrives? |
| `plain` | is this frame of a stream more text, and nothing else? |
| `parts` | which part is this content item, this document, this citation? |
| `thinking`, `tools` | how much should the model think? which tools may it call? |
| `finish`, `usage` | why did it end, what was used, what is billed? |
| `error` | what went wrong? |
| `locate` | where does the client find what a loss speaks of? |
| `verbatim` | what must be known of bytes that pass through? |
| `fields`, `target` | the dialect's name and extras, and what an encoder carries |
"""

from typing import Final

from keywright.dialects.cohere.error import decode_error, encode_error
from keywright.dialects.cohere.fields import NAME
from keywright.dialects.cohere.locate import locate
from keywright.dialects.cohere.request_in import decode_request
from keywright.dialects.cohere.request_out import encode_request
from keywright.dialects.cohere.response import decode_response, encode_response
from keywright.dialects.cohere.stream_in import StreamReader
from keywright.dialects.cohere.stream_out import StreamWriter
from keywright.dialects.cohere.verbatim import Tap, patch, peek, tap_response

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
