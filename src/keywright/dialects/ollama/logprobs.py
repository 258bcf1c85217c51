"""Log probabilities. Each item is the item of OpenAI's chat completions, so they are kept in that shape."""

from typing import Final

from keywright.core.json import Json, JsonObject

SHAPE: Final = "openai_chat"
"""The dialect in whose shape they are kept."""


def decode_logprobs(items: Json) -> JsonObject | None:
    """The `logprobs` of a line; None when there are none."""
    if not isinstance(items, list) or not items:
        return None
    decoded: list[Json] = []
    for item in items:
        if isinstance(item, dict):
            tops = item.get("top_logprobs")
            decoded.append({"bytes": None, **item, "top_logprobs": tops if isinstance(tops, list) else []})
    return {"content": decoded}


def encode_logprobs(body: Json) -> list[Json]:
    """The `logprobs` of a line; empty when `body` is in another shape."""
    items = body.get("content") if isinstance(body, dict) else None
    if not isinstance(items, list):
        return []
    return [_item(item) for item in items if isinstance(item, dict)]


def _item(item: JsonObject) -> Json:
    """An item without what is null or empty: this wire leaves that out."""
    return {name: value for name, value in item.items() if value is not None and value != []}
