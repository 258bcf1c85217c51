"""How does a stream end that the gateway ends? As one that has reached its `max_tokens`."""

from collections.abc import Mapping
from typing import Final

import msgspec

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.cohere.stream_out import DONE, EMPTY
from keywright.dialects.cohere.usage import encode_usage
from keywright.dialects.sse import event_frame

REASON: Final = "MAX_TOKENS"


def stopped(ends: Mapping[str, int | None], usage: Usage, *, has_begun: bool) -> bytes:
    """The frames that end what is open, by the name of the event that ends it and the index, and the answer that has
    begun or has yet to.
    """
    frames: list[JsonObject] = []
    if not has_begun:
        frames.append({"id": "", "type": "message-start", "delta": {"message": EMPTY}})
    frames += [{"type": kind, "index": index} for kind, index in ends.items()]
    frames.append({"type": "message-end", "delta": {"finish_reason": REASON, "usage": encode_usage(usage, None)}})
    return b"".join([event_frame(str(one["type"]).encode(), msgspec.json.encode(one)) for one in frames]) + DONE
