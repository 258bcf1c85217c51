"""The verbatim lane: as OpenAI's, but that a stream says its usage unasked, so that nothing is added for it, and that
another provider's thoughts stand among the content.
"""

from typing import Final

from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.core.json import Json
from keywright.core.message import Part
from keywright.dialects import openai_chat
from keywright.dialects.members import walked
from keywright.dialects.openai_chat.parts import decode_part
from keywright.dialects.openai_chat.verbatim import RELIED
from keywright.dialects.seal import MARK, without_sealed

_NOTHING_BESIDE: Final[frozenset[str]] = frozenset()


def peek(body: bytes, said: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return replace(openai_chat.peek(body, said), stream_usage=True)


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced, and without other providers' thoughts; all else byte for byte.

    Raises:
        NotTranslatableError: such a body must be translated.
    """
    patched = openai_chat.patch(body, peeked, model)
    if MARK not in patched:
        return patched
    members = walked(patched, RELIED)
    messages = members.values.get("messages")
    if messages is None:
        return patched
    return members.edited({"messages": without_sealed(bytes(messages), "content", _part, _NOTHING_BESIDE)})


def _part(chunk: Json) -> Part:
    return decode_part(chunk, "content")
