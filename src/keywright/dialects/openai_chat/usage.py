"""Token counts: from what this wire reports, whose numbers overlap, to disjoint units, and back.

By OpenAI's rule `prompt_tokens` includes cached, audio and image tokens, and `completion_tokens` includes reasoning
and audio tokens. Compatible servers differ, and say nowhere by which rule they count; their own sums do (each case
occurs in recorded traffic):

- reasoning beside the completion: `total_tokens` is prompt + completion + reasoning, or reasoning > completion;
- cached tokens beside the prompt: cached and written tokens together are more than the prompt;
- audio tokens beside the prompt: `total_tokens` is prompt + completion + audio;
- cached tokens that are images or audio at once: each fits into the prompt alone, but not both. The overlap is cached
  (images have no unit of their own for that, audio has).

What contradicts itself after that is an error.
"""

from typing import Final

from msgspec import Struct

from keywright.core.json import Json, JsonObject
from keywright.core.usage import InconsistentUsageError, Usage, checked

_PROMPT: Final = "prompt_tokens_details"
_COMPLETION: Final = "completion_tokens_details"
_CACHED: Final = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens")
_WRITTEN: Final = ("cache_write_tokens", "cache_creation_input_tokens")
_SEARCHES: Final = ("server_tool_use", "server_tool_use_details")
_MODELLED: Final = frozenset(
    ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", _PROMPT, _COMPLETION, *_SEARCHES)
) | {*_CACHED, *_WRITTEN, "prompt_cache_miss_tokens"}
_MODELLED_DETAILS: Final = frozenset(
    ("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "reasoning_tokens")
)


class _Said(Struct, gc=False):
    """The numbers of a `usage` object, wherever in it they stood. `heard` and `drawn`: generated audio and images."""

    prompt: int
    completion: int
    total: int
    cached: int
    audio: int
    reasoning: int
    heard: int
    written: int = 0
    images: int = 0
    drawn: int = 0
    searches: int = 0


def decode_usage(usage: JsonObject) -> Usage:
    """The disjoint units of a `usage` object.

    Raises:
        InconsistentUsageError: its numbers contradict each other, or one is none.
    """
    details, generated = object_or_empty(usage.get(_PROMPT)), object_or_empty(usage.get(_COMPLETION))
    said = _Said(
        prompt=count(usage, "prompt_tokens"),
        completion=count(usage, "completion_tokens"),
        total=count(usage, "total_tokens"),
        cached=_first(details, usage, _CACHED),
        written=_first(details, usage, _WRITTEN),
        audio=count(details, "audio_tokens"),
        images=count(details, "image_tokens"),
        reasoning=count(generated, "reasoning_tokens") or count(usage, "reasoning_tokens"),
        heard=count(generated, "audio_tokens"),
        drawn=count(generated, "image_tokens"),
        searches=sum(count(object_or_empty(usage.get(field)), "web_search_requests") for field in _SEARCHES),
    )
    return _disjoint(said)


class _PromptDetails(Struct, gc=False, forbid_unknown_fields=True):
    cached_tokens: int = 0
    audio_tokens: int = 0


class _CompletionDetails(Struct, gc=False, forbid_unknown_fields=True):
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class PlainUsage(Struct, gc=False, forbid_unknown_fields=True):
    """A `usage` object as OpenAI itself writes it: these fields, and whole numbers in them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


_NO_PROMPT: Final = _PromptDetails()
_NO_COMPLETION: Final = _CompletionDetails()


def usage_of_plain(usage: PlainUsage) -> Usage:
    """The disjoint units of a plain `usage` object, as `decode_usage` has them.

    Raises:
        InconsistentUsageError: its numbers contradict each other.
    """
    details = usage.prompt_tokens_details or _NO_PROMPT
    generated = usage.completion_tokens_details or _NO_COMPLETION
    said = _Said(
        prompt=usage.prompt_tokens,
        completion=usage.completion_tokens,
        total=usage.total_tokens,
        cached=details.cached_tokens,
        audio=details.audio_tokens,
        reasoning=generated.reasoning_tokens,
        heard=generated.audio_tokens,
    )
    return _disjoint(said)


def _disjoint(said: _Said) -> Usage:
    """The units of numbers that overlap."""
    prompt, completion, reasoning = said.prompt, said.completion, said.reasoning
    cached, written, audio, images = said.cached, said.written, said.audio, said.images
    cached_audio = 0
    if audio and said.total == prompt + completion + audio:
        prompt += audio
    if cached + written > prompt:
        plain = prompt - audio - images
    else:
        plain = prompt - cached - written - audio - images
        if plain < 0:
            cached_images = min(-plain, cached, images)
            cached_audio = min(-plain - cached_images, cached, audio)
            images -= cached_images
            plain += cached_images + cached_audio
    beside = reasoning > completion or said.total == prompt + completion + reasoning
    return checked(
        Usage(
            input=plain,
            output=completion - said.heard - said.drawn - (0 if beside else reasoning),
            reasoning=reasoning,
            cache_read=cached - cached_audio,
            cache_write_5m=written,
            audio_input=audio - cached_audio,
            audio_output=said.heard,
            audio_cache_read=cached_audio,
            image_input=images,
            image_output=said.drawn,
            searches=said.searches,
        )
    )


def unmodelled(usage: JsonObject) -> JsonObject:
    """What a `usage` object says beside the tokens (a price, timings), and details that are not zero."""
    rest: JsonObject = {field: value for field, value in usage.items() if field not in _MODELLED}
    for field in (_PROMPT, _COMPLETION):
        details = object_or_empty(usage.get(field))
        more: JsonObject = {name: value for name, value in details.items() if value and name not in _MODELLED_DETAILS}
        if more:
            rest[field] = more
    return rest


def encode_usage(usage: Usage, extra: Json = None) -> JsonObject:
    """A `usage` object by OpenAI's rule. `extra`: what `unmodelled` gave for it."""
    prompt, completion = usage.input_total, usage.output_total
    details: JsonObject = {
        "cached_tokens": usage.cache_read + usage.audio_cache_read,
        "audio_tokens": usage.audio_input + usage.audio_cache_read,
    }
    if written := usage.cache_write_5m + usage.cache_write_1h:
        details["cache_write_tokens"] = written
    if usage.image_input:
        details["image_tokens"] = usage.image_input
    generated: JsonObject = {
        "reasoning_tokens": usage.reasoning,
        "audio_tokens": usage.audio_output,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    if usage.image_output:
        generated["image_tokens"] = usage.image_output
    encoded: JsonObject = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        _PROMPT: details,
        _COMPLETION: generated,
    }
    if usage.searches:
        encoded["server_tool_use"] = {"web_search_requests": usage.searches}
    if isinstance(extra, dict):
        details.update(object_or_empty(extra.get(_PROMPT)))
        generated.update(object_or_empty(extra.get(_COMPLETION)))
        encoded = {**extra, **encoded}
    return encoded


def _first(details: JsonObject, usage: JsonObject, fields: tuple[str, ...]) -> int:
    """The first of `fields` that is not zero, in the details or beside them."""
    for field in fields:
        if found := count(details, field) or count(usage, field):
            return found
    return 0


def count(fields: JsonObject, name: str) -> int:
    """The whole number in the field `name`, 0 where there is none.

    Raises:
        InconsistentUsageError: something else is there.
    """
    value = fields.get(name)
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InconsistentUsageError(f"{name} is no whole number")
    return value


def object_or_empty(value: Json) -> JsonObject:
    """`value`, or an empty object where it is none."""
    return value if isinstance(value, dict) else {}
