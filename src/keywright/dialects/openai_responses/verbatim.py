"""The verbatim lane: what policy must know of a body, and the two edits that it may get.

The second edit: thoughts of another dialect's provider, which this client got from an earlier answer and sends back,
are taken out (see `dialects.seal`). OpenAI would refuse the whole request over one that it cannot decrypt.
"""

from typing import Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.dialects.members import FLAG, MODEL, NONE_REMOVED, TOKENS, Members, Peeked, members_of, walked
from keywright.dialects.openai_responses.reasoning import kept
from keywright.dialects.seal import MARK, holds_seal

RELIED: Final = frozenset(
    ("model", "input", "instructions", "tools", "stream", "max_output_tokens", "service_tier", "user", "metadata")
)
"""The members that policy acts on, here or after decoding."""


def peek(body: bytes, _: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    members = walked(body, RELIED)
    return Peeked(
        model=members.needed("model", MODEL),
        stream=bool(members.value("stream", FLAG)),
        input_bytes=len(body),
        output_tokens_max=members.value("max_output_tokens", TOKENS),
        members=members,
    )


def patch(body: bytes, peeked: Peek, model: str) -> bytes:
    """`body` with the model's name replaced, and without other providers' thoughts; all else byte for byte."""
    members = members_of(peeked, body, RELIED)
    changes, _ = without_foreign(members)
    return members.edited({**changes, "model": msgspec.json.encode(model)})


def without_foreign(members: Members) -> tuple[dict[str, bytes], frozenset[str]]:
    """What has to be exchanged, and what to go, so that the API reads no other provider's thoughts."""
    items = members.values.get("input")
    if items is None or MARK not in members.body:
        return {}, NONE_REMOVED
    return {"input": _without_sealed(bytes(items))}, NONE_REMOVED


def _without_sealed(items: bytes) -> bytes:
    """The input without the reasoning items that hold a seal; other items as they came."""
    try:
        found = msgspec.json.decode(items, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return items
    return b"[%b]" % b",".join([item for each in found if not holds_seal(item := bytes(each), kept)])
