"""How does a stream end that the gateway ends? With a frame that says the text so far, and its length as the reason."""

from typing import Final

import msgspec

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.sse import data_frame
from keywright.dialects.tgi.response import generated_tokens

REASON: Final = "length"


def stopped(index: int, text: str, usage: Usage) -> bytes:
    """The frame that ends an answer of `text`. Its own token is a special one without text, as an end mark is."""
    details: JsonObject = {
        "finish_reason": REASON,
        "generated_tokens": generated_tokens(usage),
        "seed": None,
        "input_length": usage.input_total,
    }
    token: JsonObject = {"id": 0, "text": "", "logprob": 0, "special": True}
    return data_frame(msgspec.json.encode({"index": index, "token": token, "generated_text": text, "details": details}))
