"""The verbatim lane: as OpenAI's, but that a stream says its usage unasked, so that nothing is added for it, and that
another provider's thoughts stand among the content. A body with calls whose ids another provider gave must be
translated, for this API refuses them.
"""

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.core.errors import NotTranslatableError
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.message import Part
from keywright.dialects import openai_chat
from keywright.dialects.members import walked
from keywright.dialects.mistral.ids import fits
from keywright.dialects.openai_chat import tap
from keywright.dialects.openai_chat.parts import decode_part
from keywright.dialects.openai_chat.stop import Form
from keywright.dialects.openai_chat.verbatim import RELIED
from keywright.dialects.seal import MARK, without_sealed

_RESULT: Final = b'"tool_call_id"'
_CHUNK: Final = Form("chat.completion.chunk", {"delta": {"content": ""}}, is_joined=True)


class _Message(Struct, gc=False):
    """What names a call, in the message with its result."""

    tool_call_id: str | None = None


class _Body(Struct, gc=False):
    """The messages of a request."""

    messages: list[_Message] = []


_IDS: Final = msgspec.json.Decoder(_Body)


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
    if _RESULT in body and not _are_ids_its_own(body):
        raise NotTranslatableError((Loss("turns", "Mistral takes no ids of calls but its own", "meaning"),))
    patched = openai_chat.patch(body, peeked, model)
    if MARK not in patched:
        return patched
    members = walked(patched, RELIED)
    messages = members.values.get("messages")
    if messages is None:
        return patched
    return members.edited({"messages": without_sealed(bytes(messages), "content", _part)})


def Tap(peeked: Peek) -> tap.Tap:  # noqa: N802 - a dialect's name for it
    """Counts a stream that passes through."""
    return tap.Tap(peeked, _CHUNK)


def _are_ids_its_own(body: bytes) -> bool:
    """Whether the ids of all calls that have results are of the form that this API gives and takes."""
    try:
        messages = _IDS.decode(body).messages
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True  # what is wrong with it, the provider says
    return all(fits(message.tool_call_id) for message in messages if message.tool_call_id is not None)


def _part(chunk: Json) -> Part:
    return decode_part(chunk, "content")
