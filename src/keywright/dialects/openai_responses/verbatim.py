"""The verbatim lane: what policy must know of a body, and the two edits that it may get.

The second edit: thoughts of another dialect's provider, which this client got from an earlier answer and sends back,
are taken out (see `dialects.seal`). OpenAI would refuse the whole request over one that it cannot decrypt.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Struct

from keywright.core.dialect import BODY_SAYS, PLAIN, TEXT, Beyond, PathSaid, Peek
from keywright.core.tier import AUTO, asked_tier
from keywright.dialects.extent import KEPT, RUNS_ASSUMED, Part, content_extent, holds, joined, tools_extent
from keywright.dialects.members import FLAG, MODEL, NONE_REMOVED, TOKENS, WORD, Members, Peeked, members_of, walked
from keywright.dialects.openai_chat.verbatim import CLIENT_TOOLS
from keywright.dialects.openai_responses.reasoning import kept
from keywright.dialects.seal import MARK, holds_seal

RELIED: Final = frozenset(
    ("model", "input", "instructions", "tools", "stream", "max_output_tokens", "service_tier", "user", "metadata")
)
"""The members that policy acts on, here or after decoding."""

_EXPLAINING: Final = frozenset({"tools", "text"})
"""Members for which a provider adds instructions to the prompt."""


class _Item(Struct, gc=False):
    """The little of an item that tells whether all of it is text."""

    type: str | None = None
    content: str | list[Part] | None = None
    output: str | list[Part] | None = None


_INPUT: Final = msgspec.json.Decoder(str | list[_Item])
_TEXTS: Final = frozenset({"input_text", "output_text", "refusal", "reasoning_text", "summary_text", "text"})
"""The parts that are text, and below the items that hold nothing else."""
_ITEMS: Final = frozenset(
    {
        None,
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
    }
)
_KEPT: Final = ("previous_response_id", "conversation", "prompt")
"""Members that refer to what OpenAI keeps."""
_EXPLAINED: Final = ("local_shell", "apply_patch", "computer")
"""How the types of tools begin that a client runs, but that only OpenAI knows."""
_RUNS: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0)] | None)


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
        beyond=_beyond(members),
        tier=asked_tier(members.value("service_tier", WORD)) if "service_tier" in members.values else AUTO,
        members=members,
    )


def _beyond(members: Members) -> Beyond:
    """What a prompt is beside text: its pictures and files, what is kept, and what OpenAI's own tools may find."""
    values = members.values
    asked = values.get("input")
    content = TEXT if asked is None or _is_text(asked) else content_extent((asked,))
    tools = TEXT
    if "tools" in values:
        runs_max = members.value("max_tool_calls", _RUNS)
        limit = RUNS_ASSUMED if runs_max is None else min(runs_max, RUNS_ASSUMED)
        tools = tools_extent(values["tools"], CLIENT_TOOLS, _EXPLAINED, limit)
    if not values.keys().isdisjoint(_KEPT) and holds(values, _KEPT):
        content = joined(content, KEPT)
    if content is TEXT and tools is TEXT:
        return PLAIN if values.keys().isdisjoint(_EXPLAINING) else TEXT
    return joined(content, tools)


def _is_text(asked: msgspec.Raw) -> bool:
    """Whether the input is known to be nothing but text."""
    try:
        items = _INPUT.decode(asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if items.__class__ is str:
        return True
    for item in items:
        if item.type not in _ITEMS:
            return False
        for parts in (item.content, item.output):
            if parts.__class__ is list:
                for part in parts:
                    if part.type not in _TEXTS:
                        return False
    return True


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
