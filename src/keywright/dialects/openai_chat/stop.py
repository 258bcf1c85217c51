"""How does a stream end that the gateway ends? With a chunk for every choice that is open, its reason the length."""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.json import Json, JsonObject
from keywright.core.usage import Usage
from keywright.dialects.openai_chat.usage import encode_usage
from keywright.dialects.sse import data_frame

DONE: Final = b"data: [DONE]\n\n"
_SAID_BY_ALL: Final = ("id", "provider", "object", "created", "model", "system_fingerprint", "service_tier")
_CHUNK: Final = msgspec.json.Decoder(JsonObject)


class Form(Struct, frozen=True):
    """How the chunks of a wire look: what `object` says, what a choice holds that says no more, and whether the usage
    is told with the last reason, not in a chunk of its own.
    """

    object: str
    nothing: JsonObject
    is_joined: bool = False


CHAT: Final = Form("chat.completion.chunk", {"delta": {}, "logprobs": None})
TEXT: Final = Form("text_completion", {"text": "", "logprobs": None})


def stopped(last: bytes, choices: list[int], usage: Usage | None, form: Form) -> bytes:
    """The chunks that end `choices`, and the stream with them; `usage` is told where there is one. `last`: the data of
    the last frame that came, b"" for none.
    """
    head = _head(last, form)
    told: JsonObject = {} if usage is None else {"usage": encode_usage(usage)}
    frames = []
    for index in choices:
        choice: Json = {"index": index, **form.nothing, "finish_reason": "length"}
        more = told if form.is_joined and index == choices[-1] else {}
        frames.append({**head, "choices": [choice], **more})
    if told and not form.is_joined:
        frames.append({**head, "choices": [], **told})
    return b"".join([data_frame(msgspec.json.encode(frame)) for frame in frames]) + DONE


def _head(last: bytes, form: Form) -> JsonObject:
    """What every chunk of the stream says."""
    try:
        said = _CHUNK.decode(last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = {}
    head: JsonObject = {"id": "", "object": form.object, "created": 0, "model": ""}
    return {**head, **{field: said[field] for field in _SAID_BY_ALL if field in said}}
