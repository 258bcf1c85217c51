"""AWS Bedrock's Converse API: `POST /model/{modelId}/converse` and `…/converse-stream`.

| module | question |
|---|---|
| `wire` | what is it called, which media types are which formats? |
| `vendors` | whose model is it, and how does that vendor say what Converse has no field for? |
| `ids`, `names` | how does a call's id from elsewhere look here? what may a document be called? |
| `parts`, `blocks`, `citations` | which part is this content block? which block is this part? |
| `turns` | where do system text, tool results and neighbours of one role go? |
| `tools`, `knobs` | which tools may it call? how much should it think? |
| `request_decode`, `request_encode` | what is asked? |
| `usage`, `finish`, `response` | what was used, why did it end, what is the whole answer? |
| `event_reader`, `stream_reader`, `order`, `stream_writer` | what is the answer as it arrives? |
| `locate` | where does the client find what a loss speaks of? |
| `verbatim` | what must be known of bytes that pass through? |

The path says the model and whether a stream is wanted. Errors are those of all of Bedrock (`dialects.aws_error`), the
framing of streams is AWS's (`dialects.aws_eventstream`): nothing can follow a message that broke off in the middle.
"""

from typing import Final

from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.bedrock_converse.locate import locate
from keywright.dialects.bedrock_converse.request_decode import decode_request
from keywright.dialects.bedrock_converse.request_encode import encode_request
from keywright.dialects.bedrock_converse.response import decode_response, encode_response
from keywright.dialects.bedrock_converse.stream_reader import StreamReader
from keywright.dialects.bedrock_converse.stream_writer import StreamWriter
from keywright.dialects.bedrock_converse.verbatim import Tap, patch, peek, tap_response
from keywright.dialects.bedrock_converse.wire import NAME, STREAM_TYPE

CARRIES: Final = frozenset({NAME})
STREAM_BREAK: Final = b""

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
