"""The verbatim lane: what policy must know of a body. The edits are those of chat completions."""

from typing import Annotated, Final

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.dialects.openai_chat import tap
from keywright.dialects.openai_chat.stop import TEXT
from keywright.dialects.openai_chat.verbatim import peeked_at
from keywright.dialects.refusal import refused

RELIED: Final = frozenset(
    ("best_of", "echo", "max_tokens", "model", "n", "prompt", "stream", "stream_options", "suffix", "user")
)
"""The members that policy acts on, here or after decoding."""

ANSWERS_MAX: Final = 128
"""How many answers one request may have computed for each prompt."""

PROMPTS_MAX: Final = 2048
"""How many prompts one request may have."""

_BEST_OF: Final = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0, le=ANSWERS_MAX)] | None)
_ITEMS: Final = msgspec.json.Decoder(list[Raw])


def peek(body: bytes, _: PathSaid = BODY_SAYS) -> Peek:
    """What policy and routing need to know of `body`. `choices` are all the answers that are computed: for each prompt
    as many as are asked for, or as the best is chosen of.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    peeked = peeked_at(body, RELIED)
    choices = max(peeked.choices, peeked.members.value("best_of", _BEST_OF) or 1)
    prompt = peeked.members.values.get("prompt")
    if prompt is not None and bytes(memoryview(prompt)[:1]) == b"[":
        choices *= _prompts(prompt)
    return replace(peeked, choices=choices) if choices != peeked.choices else peeked


def Tap(peeked: Peek) -> tap.Tap:  # noqa: N802 - a dialect's name for it
    """Counts a stream that passes through."""
    return tap.Tap(peeked, TEXT)


def _prompts(prompt: Raw) -> int:
    """How many prompts stand in the array `prompt`: one, when it holds tokens."""
    items = _ITEMS.decode(prompt)
    if not items or bytes(memoryview(items[0])[:1]) not in (b'"', b"["):
        return 1
    if len(items) > PROMPTS_MAX:
        raise refused("invalid_request", f"prompt must hold at most {PROMPTS_MAX} prompts", "prompt")
    return len(items)
