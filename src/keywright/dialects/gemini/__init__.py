"""Gemini's `generateContent` family, as the Gemini API and Vertex AI speak it and their clients.

| module | question |
|---|---|
| `wire` | how is its JSON spelled? |
| `ids` | which call does an answer belong to, where no id says it? |
| `parts_in`, `parts_out` | which part is this wire part? which wire part says this part? |
| `contents_in`, `contents_out`, `signatures` | where do system text, functions' responses and signatures go? |
| `schema`, `tools` | what is this schema as JSON Schema? which tools may the model call? |
| `config`, `thinking` | how should it answer? how much should it think? |
| `request_in`, `request_out` | what is asked? |
| `usage`, `finish`, `grounding`, `logprobs`, `response` | what was used, why did it end, what is the whole answer? |
| `stream_in`, `choice_in`, `partial`, `stream_out` | what is the answer as it arrives? |
| `error`, `locate` | what went wrong? where does a client find it? |
| `verbatim`, `tap` | what must be known of bytes that pass through? |

A stream is asked for, and the model named, in the path. This package has the streams of server-sent events
(`alt=sse`); those that are one JSON array are `gemini_array`.
"""

from typing import Final

from keywright.dialects.gemini.error import decode_error, encode_error
from keywright.dialects.gemini.locate import locate
from keywright.dialects.gemini.request_in import decode_request
from keywright.dialects.gemini.request_out import encode_request
from keywright.dialects.gemini.response import decode_response, encode_response
from keywright.dialects.gemini.stream_in import StreamReader
from keywright.dialects.gemini.stream_out import StreamWriter
from keywright.dialects.gemini.tap import Tap, tap_response
from keywright.dialects.gemini.verbatim import patch, peek
from keywright.dialects.gemini.wire import NAME, STREAM_TYPE

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
