"""A price as people quote it: US dollars per million tokens, in decimal strings.

The catalogue's data and the operator's `[[prices]]` are both written so. Where a quote is silent about a kind of token,
the substitute is chosen here, once, in this order, so that nothing is ever free by omission:

    input ↔ output            each stands in for the other; neither: there is no price
    reasoning                 → output
    cache_read                → input
    cache_write (5 minutes)   → input
    cache_write_1h            → twice the input, if cache writes are priced at all; else input
    audio_input, image_input  → input
    audio_output, image_output→ output
    audio_cache_read          → the dearer of cache_read and audio_input, as far as quoted; else input
    search                    → `SEARCH_USD` each
    request                   → nothing (a price per request is the exception, not the rule)

Twice the input for a one-hour cache write is Anthropic's published multiplier; no other vendor sells that write.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from keywright.catalog.price import Price, Rates, Tier

SEARCH_USD: Final = "0.01"
"""What a web search costs where nothing is quoted: OpenAI's and Anthropic's list price of 10 USD per thousand."""

QUOTE_CHARS_MAX: Final = 24
"""No honest price is longer."""

USD_PLACES: Final = 12
"""Decimals of a US dollar that are counted: a picodollar."""

MILLION_PLACES: Final = 6
"""Decimals that an amount per million tokens has less than one per token."""


class Quote(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """US dollars per million tokens; `search` and `request` US dollars per piece. None: not quoted."""

    input: str | None = None
    output: str | None = None
    reasoning: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    audio_cache_read: str | None = None
    image_input: str | None = None
    image_output: str | None = None
    search: str | None = None
    request: str | None = None


class TierQuote(Quote, frozen=True, omit_defaults=True, kw_only=True):
    """What differs for a call with more than `above` prompt tokens. What it leaves out stays as in the base."""

    above: int


PER_PIECE: Final = frozenset({"search", "request"})
FIELDS: Final = Quote.__struct_fields__
OWN_FIELDS: Final = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "request")
"""What an operator may quote."""


def price(row: str, quote: Quote, tiers: Sequence[TierQuote] = ()) -> Price | None:
    """The price that `quote` states under the id `row`; None if it quotes neither input nor output.

    Raises:
        ValueError: an amount is not a price; names the field.
    """
    base = _amounts(quote)
    if "input" not in base and "output" not in base:
        return None
    return Price(
        id=row,
        rates=_rates(base),
        tiers=tuple(
            Tier(above=tier.above, rates=_rates({**base, **_amounts(tier)}))
            for tier in sorted(tiers, key=lambda tier: tier.above)
        ),
    )


def overlaid(
    quote: Quote, tiers: Sequence[TierQuote], over: Quote, over_tiers: Sequence[TierQuote]
) -> tuple[Quote, tuple[TierQuote, ...]]:
    """`quote` with its `tiers`, but with all that `over` quotes as that has it, tiers and all."""
    said = {field: text for field in FIELDS if (text := getattr(over, field)) is not None}
    steps = {tier.above: _without(tier, said) for tier in tiers}
    for tier in over_tiers:
        steps[tier.above] = {**steps.get(tier.above, {}), **_without(tier, {})}
    merged = {**_without(quote, {}), **said}
    return Quote(**merged), tuple(TierQuote(above=above, **step) for above, step in sorted(steps.items()))


def _without(quote: Quote, fields: Mapping[str, str]) -> dict[str, str]:
    """What `quote` says but of `fields`."""
    return {field: text for field in FIELDS if field not in fields and (text := getattr(quote, field)) is not None}


def own_price(target: str, quoted: Mapping[str, str]) -> Price:
    """The operator's own price of `target` (`provider/model`), from one row of `[[prices]]` without its `model`.

    The row's id repeats the amounts, so that a ledger entry can be checked after the configuration changed.

    Raises:
        ValueError: an unknown field, a missing `input` or `output`, or an amount that is not a price; names the field.
    """
    for field in quoted:
        if field not in OWN_FIELDS:
            raise ValueError(f"{field} is not a price; known are {', '.join(OWN_FIELDS)}")
    for field in ("input", "output"):
        if field not in quoted:
            raise ValueError(f'{field} is missing; write {field} = "0" if it costs nothing')
    amounts = _amounts(Quote(**quoted))
    row = ";".join(f"{field}={quoted[field]}" for field in OWN_FIELDS if field in quoted)
    return Price(id=f"{target}@own;{row}", rates=_rates(amounts))


def _amounts(quote: Quote) -> dict[str, int]:
    """The quoted fields in picodollars per token or piece."""
    return {
        field: _picodollars(field, text)
        for field in FIELDS
        if (text := getattr(quote, field)) is not None  # msgspec has no typed way to walk a struct's fields
    }


def _picodollars(field: str, text: str) -> int:
    """`text` in picodollars per piece or token: one per token is a microdollar per million."""
    places = USD_PLACES if field in PER_PIECE else USD_PLACES - MILLION_PLACES
    whole, _, fraction = text[: QUOTE_CHARS_MAX + 1].partition(".")
    plain = whole.isdecimal() and (fraction or "0").isdecimal() and text.isascii()
    if len(text) > QUOTE_CHARS_MAX or not plain:
        raise ValueError(f'{field} is {text[:QUOTE_CHARS_MAX]!r}, not a plain decimal number of US dollars like "0.25"')
    digits = fraction.rstrip("0")
    if len(digits) > places:
        raise ValueError(f"{field} is {text!r}, more exact than the {places} decimals that can be charged")
    return int(whole + digits.ljust(places, "0"))


def _rates(quoted: dict[str, int]) -> Rates:
    """All rates, from those that are quoted. At least `input` or `output` must be."""
    plain_input = quoted["input"] if "input" in quoted else quoted["output"]
    plain_output = quoted.get("output", plain_input)
    write = quoted.get("cache_write", plain_input)
    long_write = 2 * plain_input if "cache_write" in quoted else plain_input
    cached_audio = [quoted[field] for field in ("cache_read", "audio_input") if field in quoted]
    return Rates(
        input=plain_input,
        output=plain_output,
        reasoning=quoted.get("reasoning", plain_output),
        cache_read=quoted.get("cache_read", plain_input),
        cache_write_5m=write,
        cache_write_1h=quoted.get("cache_write_1h", long_write),
        audio_input=quoted.get("audio_input", plain_input),
        audio_output=quoted.get("audio_output", plain_output),
        audio_cache_read=quoted.get("audio_cache_read", max(cached_audio, default=plain_input)),
        image_input=quoted.get("image_input", plain_input),
        image_output=quoted.get("image_output", plain_output),
        search=quoted["search"] if "search" in quoted else _picodollars("search", SEARCH_USD),
        request=quoted.get("request", 0),
    )
