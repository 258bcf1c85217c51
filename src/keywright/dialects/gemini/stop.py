"""How does a stream end that the gateway ends? With a frame in which every candidate has reached its limit."""

from typing import Final

import msgspec

from keywright.core.json import Json, JsonObject
from keywright.core.usage import Usage
from keywright.dialects.gemini.usage import usage_node

REASON: Final = "MAX_TOKENS"
_SAID_BY_ALL: Final = ("modelVersion", "createTime", "responseId")
_FRAME: Final = msgspec.json.Decoder(JsonObject)


def stopped(last: bytes, candidates: list[int], usage: Usage) -> bytes:
    """The frame that ends `candidates`. `last`: the last frame that came, b"" for none."""
    try:
        said = _FRAME.decode(last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = {}
    content: JsonObject = {"parts": [{"text": ""}], "role": "model"}
    ended: list[Json] = [{"content": content, "finishReason": REASON, "index": index} for index in candidates]
    head = {field: said[field] for field in _SAID_BY_ALL if field in said}
    return msgspec.json.encode({"candidates": ended, "usageMetadata": usage_node(usage), **head})
