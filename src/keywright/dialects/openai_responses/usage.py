"""Token counts: from what this wire reports, whose numbers overlap, to disjoint units, and back.

`input_tokens` includes cached and written tokens, `output_tokens` includes reasoning. A server that counts reasoning or
cached tokens beside them is known by its own sums, as in chat completions: then they are more than the whole, or the
total says so. How often the web was searched stands outside of `usage`, in `tool_usage`.
"""

from typing import Final

from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked
from keywright.dialects.openai_chat.usage import count, object_or_empty

_INPUT: Final = "input_tokens_details"
_OUTPUT: Final = "output_tokens_details"
_MODELLED: Final = frozenset(("input_tokens", "output_tokens", "total_tokens", _INPUT, _OUTPUT))
_MODELLED_DETAILS: Final = frozenset(("cached_tokens", "cache_write_tokens", "reasoning_tokens"))


def read_usage(value: Json, tools: Json = None) -> Usage | None:
    """The units of a `usage` object, with the searches that `tool_usage` tells.

    None when there is none, or its numbers contradict each other: such a call is settled by what was seen of it.
    """
    if not isinstance(value, dict) or not value:
        return None
    try:
        return decode_usage(value, tools)
    except InconsistentUsageError:
        return None


def decode_usage(usage: JsonObject, tools: Json = None) -> Usage:
    """The disjoint units of a `usage` object.

    Raises:
        InconsistentUsageError: its numbers contradict each other, or one is none.
    """
    given, generated = object_or_empty(usage.get(_INPUT)), object_or_empty(usage.get(_OUTPUT))
    prompt, completion, total = (count(usage, f"{what}_tokens") for what in ("input", "output", "total"))
    cached, written = count(given, "cached_tokens"), count(given, "cache_write_tokens")
    reasoning = count(generated, "reasoning_tokens")
    beside = reasoning > completion or total == prompt + completion + reasoning
    searches = object_or_empty(object_or_empty(tools).get("web_search"))
    return checked(
        Usage(
            input=prompt if cached + written > prompt else prompt - cached - written,
            output=completion if beside else completion - reasoning,
            reasoning=reasoning,
            cache_read=cached,
            cache_write_5m=written,
            searches=count(searches, "num_requests"),
        )
    )


def unmodelled(usage: JsonObject) -> JsonObject:
    """What a `usage` object says beside the tokens (a price, sources), and details that are not zero."""
    rest: JsonObject = {field: value for field, value in usage.items() if field not in _MODELLED}
    for field in (_INPUT, _OUTPUT):
        details = object_or_empty(usage.get(field))
        more: JsonObject = {name: value for name, value in details.items() if value and name not in _MODELLED_DETAILS}
        if more:
            rest[field] = more
    return rest


def encode_usage(usage: Usage, extra: Json = None) -> JsonObject:
    """A `usage` object. `extra`: what `unmodelled` gave for it."""
    given: JsonObject = {
        "cached_tokens": usage.cache_read + usage.audio_cache_read,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
    }
    generated: JsonObject = {"reasoning_tokens": usage.reasoning}
    more = object_or_empty(extra)
    return {
        **more,
        "input_tokens": usage.input_total,
        _INPUT: {**object_or_empty(more.get(_INPUT)), **given},
        "output_tokens": usage.output_total,
        _OUTPUT: {**object_or_empty(more.get(_OUTPUT)), **generated},
        "total_tokens": usage.input_total + usage.output_total,
    }
