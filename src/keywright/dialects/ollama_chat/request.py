"""A whole request, both ways."""

import msgspec

from keywright.core.ability import Abilities
from keywright.core.dialect import BODY_SAYS, Encoded, PathSaid
from keywright.core.json import JsonObject
from keywright.core.request import Request
from keywright.dialects.ollama.family import CHAT, GENERATE_ONLY
from keywright.dialects.ollama.request_in import request_of
from keywright.dialects.ollama.request_out import settings_of
from keywright.dialects.ollama.target import Target
from keywright.dialects.ollama.tools import encode_tools
from keywright.dialects.ollama.verbatim import CHAT_RELIED
from keywright.dialects.ollama_chat.messages_in import decode_messages
from keywright.dialects.ollama_chat.messages_out import Messages
from keywright.dialects.whole import asked


def decode_request(body: bytes, _: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` says. Without messages it asks to load the model: it has no turns then.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    return asked(body, CHAT_RELIED, lambda fields: request_of(fields, decode_messages(fields), CHAT))


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that says `request` to the provider's `model`."""
    target = Target(abilities)
    body: JsonObject = {"model": model, "messages": Messages(target).of(request.turns)}
    if tools := encode_tools(request, target):
        body["tools"] = tools
    settings = settings_of(request, target)
    for field in sorted(GENERATE_ONLY & settings.keys()):
        del settings[field]
        target.meaning(field, "only Ollama's /api/generate takes it")
    return Encoded(msgspec.json.encode({**body, **settings}), tuple(target.losses.values()))
