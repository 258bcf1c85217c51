"""The older completions (`/v1/completions`), of OpenAI and of those who copy it: one prompt, texts for answers.

request_in, request_out   requests: from clients, to upstreams
prompt   what may stand in `prompt`
response, stream_in, stream_out   answers
logprobs   log probabilities, kept in the shape of chat completions
verbatim   the lane without translation
locate   where a client finds what a loss speaks of

Errors, usage, and how a stream is counted and asked for its usage are those of chat completions.

Canonically a prompt is one turn of the user's. A prompt of tokens, and several prompts in one request, are an opaque
part that only this wire understands; `suffix`, `echo` and `best_of` are extras, of which the first two mean something.
A limit that a client does not set is not set for it either, though OpenAI's own is 16 tokens.
"""

from typing import Final

from keywright.dialects.openai_chat.error import decode_error, encode_error
from keywright.dialects.openai_chat.tap import tap_response
from keywright.dialects.openai_chat.verbatim import patch
from keywright.dialects.openai_completions.locate import locate
from keywright.dialects.openai_completions.prompt import NAME
from keywright.dialects.openai_completions.request_in import decode_request
from keywright.dialects.openai_completions.request_out import encode_request
from keywright.dialects.openai_completions.response import decode_response, encode_response
from keywright.dialects.openai_completions.stream_in import StreamReader
from keywright.dialects.openai_completions.stream_out import StreamWriter
from keywright.dialects.openai_completions.verbatim import Tap, peek

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
