"""Anthropic's Messages API: `POST /v1/messages`, as its clients and as its servers speak it.

| module | question |
|---|---|
| `wire` | how are members of its JSON read and written? |
| `ids` | how does a tool call's id from elsewhere look here? |
| `parts`, `blocks` | which part is this content block? which block is this part? |
| `turns` | where do system text, tool results and neighbours of one role go? |
| `thinking`, `tools` | how much should the model think? which tools may it call? |
| `request_decode`, `request_encode` | what is asked? |
| `usage`, `finish`, `response` | what was used, why did it end, what is the whole answer? |
| `stream_reader`, `stream_writer` | what is the answer as it arrives? |
| `error` | what went wrong? |
| `locate` | where does a client find what a loss speaks of? |
| `verbatim` | what must be known of bytes that pass through? |

What a request needs and a client of another dialect did not say: `max_tokens` is then the most that the model can
write, and `thinking.OUTPUT_TOKENS_DEFAULT` where the catalogue does not know that.
"""

from typing import Final

from keywright.dialects.anthropic.error import decode_error, encode_error
from keywright.dialects.anthropic.locate import locate
from keywright.dialects.anthropic.request_decode import decode_request
from keywright.dialects.anthropic.request_encode import encode_request
from keywright.dialects.anthropic.response import decode_response, encode_response
from keywright.dialects.anthropic.stream_reader import StreamReader
from keywright.dialects.anthropic.stream_writer import StreamWriter
from keywright.dialects.anthropic.verbatim import Tap, patch, peek, tap_response
from keywright.dialects.anthropic.wire import NAME, STREAM_TYPE

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
