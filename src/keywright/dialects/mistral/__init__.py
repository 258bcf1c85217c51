"""Mistral's chat completions, as differences from OpenAI's, on which they are modelled.

| module | question |
|---|---|
| `wire` | what is this dialect's own among what was read as OpenAI's? |
| `ids` | how does a tool call's id from elsewhere look here? |
| `request` | what does a client ask, and where does it find what a loss speaks of? |
| `messages_out`, `request_out` | what is the API asked? |
| `response`, `stream` | what is the answer, whole and as it arrives? |
| `error` | what went wrong? |
| `verbatim` | what must be known of bytes that pass through? |

Reading is OpenAI's, since its reader is lenient, and what it found is then renamed. Writing is this dialect's own: the
API refuses every field that it does not know, and half of a conversation looks different.
"""

from typing import Final

from keywright.dialects.mistral.error import decode_error, encode_error
from keywright.dialects.mistral.request import decode_request, locate
from keywright.dialects.mistral.request_out import encode_request
from keywright.dialects.mistral.response import decode_response, encode_response
from keywright.dialects.mistral.stream import StreamReader, StreamWriter
from keywright.dialects.mistral.verbatim import Tap, patch, peek
from keywright.dialects.mistral.wire import NAME
from keywright.dialects.openai_chat import STREAM_BREAK, STREAM_TYPE, tap_response

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
