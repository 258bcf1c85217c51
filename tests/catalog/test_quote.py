"""What a quote means, above all where it is silent."""

import pytest

from keywright.catalog.price import cost, worst_cost
from keywright.catalog.quote import Quote, TierQuote, own_price, price
from keywright.core.usage import Usage


def test_an_amount_is_dollars_per_million_tokens() -> None:
    quoted = own_price("edge/my-model", {"input": "0.10", "output": "0.40"})
    assert cost(Usage(input=1_000_000), quoted) == 100_000_000_000
    assert cost(Usage(output=1), quoted) == 400_000


def test_an_operators_price_names_its_model_and_its_amounts() -> None:
    quoted = own_price("edge/my-model", {"output": "0.40", "input": "0.10", "request": "0.001"})
    assert quoted.id == "edge/my-model@own;input=0.10;output=0.40;request=0.001"
    assert quoted.rates.request == 1_000_000_000


def test_silence_falls_back_to_the_nearest_quoted_kind_and_never_to_nothing() -> None:
    rates = own_price("a/b", {"input": "1", "output": "5"}).rates
    assert rates.reasoning == rates.audio_output == rates.image_output == rates.output == 5_000_000
    assert rates.cache_read == rates.cache_write_5m == rates.cache_write_1h == rates.input == 1_000_000
    assert rates.audio_input == rates.image_input == rates.audio_cache_read == rates.input
    assert rates.search == 10_000_000_000
    assert rates.request == 0


def test_a_one_hour_cache_write_costs_twice_the_input_where_only_the_short_one_is_quoted() -> None:
    rates = own_price("a/b", {"input": "1", "output": "5", "cache_write": "1.25"}).rates
    assert (rates.cache_write_5m, rates.cache_write_1h) == (1_250_000, 2_000_000)
    assert own_price("a/b", {"input": "1", "output": "5", "cache_write_1h": "3"}).rates.cache_write_1h == 3_000_000


def test_cached_audio_costs_the_dearer_of_cached_and_audio() -> None:
    def cached_audio(quote: Quote) -> int:
        quoted = price("x", quote)
        assert quoted is not None
        return quoted.rates.audio_cache_read

    assert cached_audio(Quote(input="2", output="9", cache_read="1", audio_input="8")) == 8_000_000
    assert cached_audio(Quote(input="2", output="9", cache_read="1")) == 1_000_000
    assert cached_audio(Quote(input="2", output="9", audio_cache_read="3")) == 3_000_000


def test_a_quote_without_input_and_output_is_no_price() -> None:
    assert price("x", Quote(search="0.01")) is None
    only = price("x", Quote(input="3"))
    assert only is not None
    assert only.rates.output == 3_000_000


def test_a_tier_keeps_what_it_does_not_mention_and_substitutes_from_its_own_amounts() -> None:
    tiered = price("x", Quote(input="1", output="5", cache_read="0.1"), [TierQuote(above=10, input="2", output="7")])
    assert tiered is not None
    rates = tiered.tiers[0].rates
    assert (rates.input, rates.output, rates.reasoning, rates.cache_read) == (2_000_000, 7_000_000, 7_000_000, 100_000)


def test_the_worst_case_takes_the_dearest_kind_and_only_tiers_within_reach() -> None:
    tiered = price("x", Quote(input="1", output="5", audio_output="50"), [TierQuote(above=100, input="9", output="60")])
    assert tiered is not None
    assert worst_cost(100, 10, tiered) == 100 * 1_000_000 + 10 * 50_000_000
    assert worst_cost(101, 10, tiered) == 101 * 9_000_000 + 10 * 60_000_000


@pytest.mark.parametrize(
    ("quoted", "field"),
    [
        ({"input": "1"}, "output"),
        ({"output": "1"}, "input"),
        ({"input": "1", "output": "1", "video": "3"}, "video"),
        ({"input": "1", "output": "-1"}, "output"),
        ({"input": "1", "output": "1", "cache_read": "cheap"}, "cache_read"),
        ({"input": "1", "output": "1", "cache_write": "NaN"}, "cache_write"),
        ({"input": "1", "output": "1", "reasoning": "Infinity"}, "reasoning"),
        ({"input": "1", "output": "1", "cache_write_1h": ""}, "cache_write_1h"),
        ({"input": "0.0000001", "output": "1"}, "input"),
        ({"input": "1", "output": "1", "request": "0.0000000000001"}, "request"),
        ({"input": "1" * 10_000, "output": "1"}, "input"),
        ({"input": "1e999999999", "output": "1"}, "input"),
    ],
)
def test_a_wrong_amount_is_refused_with_the_name_of_its_field(quoted: dict[str, str], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field} "):
        own_price("edge/my-model", quoted)
