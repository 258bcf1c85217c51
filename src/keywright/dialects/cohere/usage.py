"""Token counts: what was used, what is billed, and both back into this wire's object.

Cohere states two counts that differ by a lot, and each is right for its purpose. `tokens` is what the model read and
wrote, with Cohere's own instructions in it (about 500 tokens for a question of seven words); `cached_tokens` is the
part of these that its inference cache had, and is a discount to nobody. `billed_units` is what is paid for: the
client's own words, never the instructions. So `tokens` and `cached_tokens` are the usage, and `billed_units` is what
the price is applied to (recorded: 502 tokens, 448 of them cached, 7 billed).

Of `tokens`, reasoning is within the output. Images are within the input, but for servers that leave them out: there
they are more than all of it. Cached tokens that are images at once (together they are more than the input) count as
cached.
"""

from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.json import Json, JsonObject
from keywright.core.usage import NO_USAGE, InconsistentUsageError, Usage, checked

_MODELLED: Final = frozenset(("billed_units", "tokens", "cached_tokens"))


class Units(Struct, gc=False):
    """`billed_units`."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    search_units: int | None = None
    image_tokens: int | None = None


class Tokens(Struct, gc=False):
    """`tokens`."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    image_tokens: int | None = None
    reasoning_tokens: int | None = None


class Counts(Struct, gc=False):
    """A `usage` object whose numbers all are whole ones."""

    billed_units: Units | None = None
    tokens: Tokens | None = None
    cached_tokens: int | None = None


class Metering(Struct, frozen=True, gc=False):
    """What was used, and what is billed where that is more or less. Both None: not told, or without sense."""

    used: Usage | None = None
    billed: Usage | None = None


NOT_TOLD: Final = Metering()


def usage_of(value: Json) -> Metering:
    """What a `usage` object says. Numbers that make no sense count as not told."""
    if not isinstance(value, dict):
        return NOT_TOLD
    try:
        return usage_of_counts(msgspec.convert(_wholes(value), Counts))
    except msgspec.ValidationError:
        return NOT_TOLD


def _wholes(value: Json) -> Json:
    """`value` with `3.0` as `3`: the API's description says numbers, not whole ones."""
    if isinstance(value, dict):
        return {field: _wholes(item) for field, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def usage_of_counts(counts: Counts) -> Metering:
    """What `counts` say. Numbers that make no sense count as not told."""
    try:
        billed = None if counts.billed_units is None else units_of(counts.billed_units)
        if counts.tokens is None:
            return Metering(billed)
        used = _used(counts.tokens, counts.cached_tokens or 0)
    except InconsistentUsageError:
        return NOT_TOLD
    same = billed is None or (billed.input_total, billed.output_total) == (used.input_total, used.output_total)
    return Metering(used, None if same and not (billed and billed.searches) else billed)


def units_of(units: Units) -> Usage:
    """The billed units as a usage.

    Raises:
        InconsistentUsageError: a number is negative or beyond all sense.
    """
    return checked(
        Usage(
            input=units.input_tokens or 0,
            output=units.output_tokens or 0,
            image_input=units.image_tokens or 0,
            searches=units.search_units or 0,
        )
    )


def _used(tokens: Tokens, cached: int) -> Usage:
    prompt, output = tokens.input_tokens or 0, tokens.output_tokens or 0
    images, reasoning = tokens.image_tokens or 0, tokens.reasoning_tokens or 0
    if images > prompt:
        plain = prompt - cached
    else:
        plain = prompt - cached - images
        if plain < 0:
            overlap = min(-plain, cached, images)
            images -= overlap
            plain += overlap
    return checked(
        Usage(input=plain, output=output - reasoning, reasoning=reasoning, cache_read=cached, image_input=images)
    )


def unmodelled(value: Json) -> JsonObject:
    """What a `usage` object says beside its counts."""
    return {field: item for field, item in value.items() if field not in _MODELLED} if isinstance(value, dict) else {}


def encode_usage(used: Usage | None, billed: Usage | None, extra: Json = None) -> JsonObject:
    """A `usage` object. `extra`: what `unmodelled` gave for it. Without counts, an empty one, as Cohere sends it."""
    encoded: JsonObject = dict(extra) if isinstance(extra, dict) else {}
    if used is None:
        return encoded
    charged = used if billed is None else billed
    units: JsonObject = {"input_tokens": charged.input_total, "output_tokens": charged.output_total}
    if charged.searches:
        units["search_units"] = charged.searches
    tokens: JsonObject = {"input_tokens": used.input_total, "output_tokens": used.output_total}
    if used.reasoning:
        tokens["reasoning_tokens"] = used.reasoning
    if used.image_input:
        tokens["image_tokens"] = used.image_input
    return {
        **encoded,
        "billed_units": units,
        "tokens": tokens,
        "cached_tokens": used.cache_read + used.audio_cache_read,
    }


def encode_units(usage: Usage | None) -> JsonObject:
    """The `billed_units` of an answer that states no tokens."""
    usage = usage or NO_USAGE
    units: JsonObject = {}
    if usage.input_total:
        units["input_tokens"] = usage.input_total
    if usage.output_total:
        units["output_tokens"] = usage.output_total
    if usage.searches:
        units["search_units"] = usage.searches
    return units
