"""What may stand in `prompt`: a text, several, tokens, or several lists of them."""

from collections.abc import Sequence
from typing import Final

from keywright.core.json import Json
from keywright.core.message import Opaque, Part, Text, Turn
from keywright.dialects.fields import Fields, WrongFieldError

NAME: Final = "openai_completions"
"""The dialect's name in extras, logs and addresses."""

_KIND: Final = "prompt"


def decode_prompt(body: Fields) -> Part:
    """The prompt of a request: a text, also when it is the only one of a list; else opaque.

    Raises:
        WrongFieldError: there is none, or it is malformed.
    """
    prompt = body.json("prompt")
    match prompt:
        case str(text) | [str(text)]:
            return Text(text)
        case [_, *_] if _is_tokens(prompt) or all(isinstance(item, str) or _is_tokens(item) for item in prompt):
            return Opaque(NAME, _KIND, prompt)
        case _:
            raise WrongFieldError("prompt", "a text, an array of texts, or tokens")


def _is_tokens(value: Json) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
    )


def own_prompt(turns: Sequence[Turn]) -> Json:
    """The prompt that only this wire understands; None when `turns` is not one."""
    if len(turns) == 1 and len(turns[0].parts) == 1:
        part = turns[0].parts[0]
        if isinstance(part, Opaque) and part.origin == NAME:
            return part.body
    return None
