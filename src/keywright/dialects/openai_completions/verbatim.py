"""The verbatim lane: what policy must know of a body. The edits are those of chat completions."""

from typing import Annotated, Final, NoReturn

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from keywright.core.dialect import BODY_SAYS, PathSaid, Peek
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.dialects.openai_chat.verbatim import peeked_at

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
    values = peeked.members.values
    choices = peeked.choices
    if (best_of := values.get("best_of")) is not None:
        try:
            choices = max(choices, _BEST_OF.decode(best_of) or 1)
        except msgspec.DecodeError as error:
            _refuse("best_of", str(error))
    prompt = values.get("prompt")
    if prompt is not None and bytes(memoryview(prompt)[:1]) == b"[":
        choices *= _prompts(prompt)
    return replace(peeked, choices=choices) if choices != peeked.choices else peeked


def _prompts(prompt: Raw) -> int:
    """How many prompts stand in the array `prompt`: one, when it holds tokens."""
    items = _ITEMS.decode(prompt)
    if not items or bytes(memoryview(items[0])[:1]) not in (b'"', b"["):
        return 1
    if len(items) > PROMPTS_MAX:
        _refuse("prompt", f"it must hold at most {PROMPTS_MAX} prompts")
    return len(items)


def _refuse(field: str, why: str) -> NoReturn:
    message = f"{field} is not as it must be: {why}"
    raise RefusedError(
        Failure(kind="invalid_request", status=400, code="invalid_request", message=message, param=field)
    )
