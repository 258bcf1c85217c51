"""Log probabilities: lists beside each other on this wire, kept as the items of chat completions, which say the same.

`text_offset` counts characters of the answer; OpenAI counts them from the prompt's beginning, which nobody else knows.
llama.cpp sends the items of chat completions here, too.
"""

from typing import Final

from keywright.core.json import Json, JsonObject

SHAPE: Final = "openai_chat"
"""The dialect in whose shape they are kept."""


def decode_logprobs(value: Json) -> JsonObject | None:
    """The `logprobs` of a choice; None when there are none."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("content"), list):
        return value
    tokens, chances, tops = (_list(value.get(field)) for field in ("tokens", "token_logprobs", "top_logprobs"))
    items: list[Json] = []
    for index, token in enumerate(tokens):
        top = tops[index] if index < len(tops) else None
        items.append(
            {
                "token": token,
                "logprob": chances[index] if index < len(chances) else None,
                "bytes": None,
                "top_logprobs": [{"token": other, "logprob": chance, "bytes": None} for other, chance in top.items()]
                if isinstance(top, dict)
                else [],
            }
        )
    return {"content": items} if items else None


def encode_logprobs(body: Json, offset: int = 0) -> tuple[JsonObject | None, int]:
    """The `logprobs` of a choice whose text so far has `offset` characters, and how many it has then.

    None when `body` is in another shape.
    """
    items = body.get("content") if isinstance(body, dict) else None
    if not isinstance(items, list):
        return None, offset
    said: dict[str, list[Json]] = {"text_offset": [], "token_logprobs": [], "tokens": [], "top_logprobs": []}
    for item in items:
        if not isinstance(item, dict):
            continue
        token = item.get("token")
        said["text_offset"].append(offset)
        said["token_logprobs"].append(item.get("logprob"))
        said["tokens"].append(token)
        said["top_logprobs"].append(
            {
                str(top.get("token")): top.get("logprob")
                for top in _list(item.get("top_logprobs"))
                if isinstance(top, dict)
            }
        )
        offset += len(token) if isinstance(token, str) else 0
    return {**said}, offset


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
