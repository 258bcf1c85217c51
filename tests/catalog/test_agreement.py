"""Our catalogue and genai-prices agree: on every model, every name and every price.

Where we differ on purpose, `comparable` takes the difference out and says why.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices
from genai_prices.types import Usage as TheirUsage
from genai_prices.units import _get_registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keywright.catalog.catalogue import Catalogue, price_at
from keywright.catalog.importer import COUNTED, NOT_COUNTED, TIERS
from keywright.catalog.price import Price, cost
from keywright.core.usage import Usage
from tests.catalog.conftest import usages

MODELS: list[tuple[Provider, ModelInfo]] = [(provider, model) for provider in providers for model in provider.models]
NO_UNITS = dict.fromkeys((unit for unit in _get_registry().units if unit != "requests"), 0)
LAST_DAY = datetime(2028, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2025, 1, 1), LAST_DAY.replace(tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001 the strategy adds it


def theirs(usage: Usage) -> TheirUsage:
    """`usage` in overlapping units, as genai-prices counts."""
    return TheirUsage(
        **NO_UNITS
        | {
            "input_tokens": usage.input_total,
            "output_tokens": usage.output_total,
            "output_reasoning_tokens": usage.reasoning,
            "cache_read_tokens": usage.cache_read + usage.audio_cache_read,
            "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
            "cache_write_1h_tokens": usage.cache_write_1h,
            "input_audio_tokens": usage.audio_input + usage.audio_cache_read,
            "output_audio_tokens": usage.audio_output,
            "cache_audio_read_tokens": usage.audio_cache_read,
            "input_image_tokens": usage.image_input,
            "output_image_tokens": usage.image_output,
            "web_searches": usage.searches,
        }
    )


def comparable(usage: Usage, prices: ModelPrice) -> Usage:
    """`usage` without what we charge otherwise than genai-prices."""
    quoted = {COUNTED[name] for name, price in vars(prices).items() if price is not None and name in COUNTED}
    left_out: set[str] = set()
    if "cache_write_1h" not in quoted:  # ours: twice the input, Anthropic's multiplier; theirs: the short write's price
        left_out |= {"cache_write_1h"}
    if "search" not in quoted:  # ours: 10 USD per thousand; theirs: nothing
        left_out |= {"searches"}
    if "output" not in quoted:  # ours: the input's price; theirs: nothing
        left_out |= {"output", "reasoning", "audio_output", "image_output"}
    if "input" not in quoted:  # ours: the output's price; theirs: nothing
        left_out |= {"input", "cache_read", "cache_write_5m", "cache_write_1h"}
        left_out |= {"audio_input", "audio_cache_read", "image_input"}
    if {"cache_read", "audio_input"} <= quoted and "audio_cache_read" not in quoted:  # theirs: an error
        left_out |= {"audio_cache_read"}
    return msgspec.structs.replace(usage, **dict.fromkeys(left_out, 0))


def amounts(prices: ModelPrice) -> Iterator[Decimal]:
    for price in vars(prices).values():
        if isinstance(price, TieredPrices):
            yield from (price.base, *(tier.price for tier in price.tiers))
        elif price is not None:
            yield price


def assert_agreement(catalogue: Catalogue, provider: Provider, info: ModelInfo, usage: Usage, when: datetime) -> None:
    prices = info.get_prices(when)
    model = catalogue.find(provider.id, info.id)
    assert model is not None
    ours = price_at(model, int(when.timestamp()))
    if ours is None:
        quoted = {COUNTED[name] for name in vars(prices) if name in COUNTED}
        assert not quoted & {"input", "output"}
        return
    assert_same_cost(ours, prices, usage, f"{provider.id}/{info.id} at {when}")


def assert_same_cost(ours: Price, prices: ModelPrice, usage: Usage, which: str) -> None:
    usage = comparable(usage, prices)
    their_cost = prices.calc_price(theirs(usage))["total_price"] * 10**12
    noise = any(amount != round(amount, 6) for amount in amounts(prices))  # 0.08333333333333334 of a source's division
    tolerance = (usage.input_total + usage.output_total) / 2 if noise else 0
    assert abs(cost(usage, ours) - their_cost) <= tolerance, which


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MODELS), usages(), MOMENTS)
def test_a_call_costs_what_genai_prices_says(
    catalogue: Catalogue, chosen: tuple[Provider, ModelInfo], usage: Usage, when: datetime
) -> None:
    assert_agreement(catalogue, *chosen, usage, when)


@pytest.mark.parametrize("scale", [1, 1_000])
def test_every_model_costs_what_genai_prices_says_on_every_day_a_price_changes(
    catalogue: Catalogue, scale: int
) -> None:
    usage = Usage(*(scale * unit for unit in (997, 211, 31, 503, 61, 17, 13, 11, 7, 5, 3, 2)))
    for provider, info in MODELS:
        rows = info.prices if isinstance(info.prices, list) else []
        days = [getattr(row.constraint, "start_date", None) for row in rows]
        first = [datetime.combine(day, datetime.min.time(), UTC) for day in days if day is not None]
        hours = [LAST_DAY + timedelta(minutes=minute) for minute in (60, 240, 360, 600)] if len(rows) > 1 else []
        for when in (LAST_DAY, *first, *(moment - timedelta(seconds=1) for moment in first), *hours):
            assert_agreement(catalogue, provider, info, usage, when)


def test_every_service_tier_costs_what_genai_prices_says_on_every_day_a_price_changes(catalogue: Catalogue) -> None:
    usage = Usage(*(1_000 * unit for unit in (997, 211, 31, 503, 61, 17, 13, 11, 7, 5, 3, 2)))
    compared = 0
    for provider, info in MODELS:
        for theirs_ in info.price_variants or ():
            (kind, tier), *more = theirs_.when.items()
            model = catalogue.find(provider.id, info.id)
            assert model is not None
            if more or kind not in TIERS or not COUNTED.keys() & vars(theirs_.prices).keys():
                continue
            day = getattr(theirs_.constraint, "start_date", None)
            first = LAST_DAY if day is None else datetime.combine(day, datetime.min.time(), UTC)
            for when in (LAST_DAY, first):
                prices = info.get_prices(when, {kind: tier})
                plain, ours = (price_at(model, int(when.timestamp()), name) for name in ("", tier))
                assert (ours is None) == (plain is None)
                if ours is not None:
                    assert_same_cost(ours, prices, usage, f"{provider.id}/{info.id} {tier} at {when}")
                    compared += 1
    assert compared > 150


def names_of(info: ModelInfo) -> Iterator[str]:
    yield info.id
    yield from clause_texts(info.match)


def clause_texts(clause: object) -> Iterator[str]:
    for value in vars(clause).values():
        if isinstance(value, str):
            yield value
        else:
            for inner in value:
                yield from clause_texts(inner)


def assert_same_model(catalogue: Catalogue, provider: Provider, name: str) -> None:
    expected = provider.find_model(name, all_providers=providers)
    found = catalogue.find(provider.id, name)
    if found is not None and found.id.lower() == name.lower():
        return  # an exact id goes before all clauses; genai-prices has ids that no clause of theirs matches
    assert (found and found.id) == (expected and expected.id), f"{provider.id}/{name}"


def test_every_name_in_the_data_means_the_model_that_it_means_to_genai_prices(catalogue: Catalogue) -> None:
    for provider, info in MODELS:
        for name in names_of(info):
            for variant in (name, name.upper(), f"{name}-20251001", f"x/{name}"):
                assert_same_model(catalogue, provider, variant)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MODELS), st.integers(0, 40), st.text(max_size=8))
def test_a_distorted_name_means_what_it_means_to_genai_prices(
    catalogue: Catalogue, chosen: tuple[Provider, ModelInfo], cut: int, tail: str
) -> None:
    provider, info = chosen
    assert_same_model(catalogue, provider, info.id[:cut] + tail)


def test_every_kind_of_price_in_the_data_is_either_counted_or_known_not_to_be() -> None:
    names = {
        name
        for _, info in MODELS
        for prices in ([row.prices for row in info.prices] if isinstance(info.prices, list) else [info.prices])
        for name in vars(prices)
    }
    assert names - set(COUNTED) == NOT_COUNTED
