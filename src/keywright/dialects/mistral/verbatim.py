"""The verbatim lane: as OpenAI's, but that a stream says its usage unasked, so that nothing is added or taken out."""

from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.dialects import openai_chat


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return replace(openai_chat.peek(body, said), stream_usage=True)
