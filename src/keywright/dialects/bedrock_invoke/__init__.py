"""AWS Bedrock's InvokeModel: `POST /model/{modelId}/invoke` and `…/invoke-with-response-stream`.

The body is in the words of the model's vendor, so this dialect is a family of shapes, told apart by a body's members
and a model's id. A client is answered in the shape in which it asked, whatever model answers; a model is asked in the
shape of its vendor, whatever the client speaks.

| module | question |
|---|---|
| `wire` | what is a shape? how are bodies taken apart? |
| `shapes` | which shape is this body, model, answer, chunk? |
| `anthropic`, `nova`, `chat` | how do Claude, Nova and chat-shaped models look, each by another dialect's hands? |
| `titan`, `llama`, `mistral`, `command`, `claude_text` | what differs between those with a prompt and a text? |
| `pieces`, `templates`, `texts`, `prompted`, `prompted_stream` | what is the same for all of these? |
| `command_r`, `command_r_tools`, `command_r_answer`, `command_r_stream` | how does Cohere's first chat look? |
| `faces`, `stream` | the dialect's names, handed on to shapes |
| `verbatim`, `tap` | what must be known of bytes that pass through? |
| `kind` | is a call a chat at all? |

Extras stay those of the dialect whose hands read them: `anthropic` for Claude's bodies, `bedrock_converse` for Nova's.
"""

from typing import Final

from keywright.dialects.aws_error import decode_error, encode_error
from keywright.dialects.bedrock_invoke.faces import (
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    locate,
)
from keywright.dialects.bedrock_invoke.kind import embedding_wire, kind_of
from keywright.dialects.bedrock_invoke.stream import StreamReader, StreamWriter
from keywright.dialects.bedrock_invoke.verbatim import Tap, patch, peek, speaks_alike, tap_response
from keywright.dialects.bedrock_invoke.wire import NAME, STREAM_TYPE

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
    "embedding_wire",
    "encode_error",
    "encode_request",
    "encode_response",
    "kind_of",
    "locate",
    "patch",
    "peek",
    "speaks_alike",
    "tap_response",
]
