"""What a price promises, for any rates and any usage."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from keywright.catalog.price import FREE, Price, Rates, Tier, cost, worst_cost
from keywright.core.usage import NO_USAGE, UNITS, Usage
from tests.catalog.conftest import usages

RATES = st.builds(Rates, **{field: st.integers(0, 10**9) for field in Rates.__struct_fields__})
TIERS = st.lists(
    st.builds(Tier, above=st.integers(0, 400_000), rates=RATES), max_size=2, unique_by=lambda t: t.above
).map(lambda tiers: tuple(sorted(tiers, key=lambda tier: tier.above)))
PRICES = st.builds(Price, id=st.just("a/b@2026-01-01"), rates=RATES, tiers=TIERS)
FEES_BP = st.integers(0, 2_000)


def added(one: Usage, other: Usage) -> Usage:
    return Usage(*(a + b for a, b in zip(msgspec.structs.astuple(one), msgspec.structs.astuple(other), strict=True)))


def tier_of(usage: Usage, price: Price) -> int:
    return sum(usage.input_total > tier.above for tier in price.tiers)


@given(usages(), usages(), PRICES)
def test_costs_add_up_within_a_tier_with_one_price_per_request_each(one: Usage, other: Usage, price: Price) -> None:
    both = added(one, other)
    if tier_of(one, price) == tier_of(other, price) == tier_of(both, price):
        rates = price.tiers[tier_of(one, price) - 1].rates if tier_of(one, price) else price.rates
        assert cost(one, price) + cost(other, price) == cost(both, price) + rates.request


@given(usages(), PRICES, FEES_BP, st.sampled_from(UNITS), st.integers(0, 1000))
def test_more_of_anything_never_costs_less_within_a_tier(
    usage: Usage, price: Price, fee_bp: int, unit: str, more: int
) -> None:
    larger = msgspec.structs.replace(usage, **{unit: getattr(usage, unit) + more})
    if tier_of(usage, price) == tier_of(larger, price):
        assert cost(larger, price, fee_bp) >= cost(usage, price, fee_bp) >= 0


@given(usages(), PRICES, FEES_BP, st.integers(0, 1000), st.integers(0, 1000))
def test_the_worst_cost_is_never_exceeded_within_its_bounds(
    usage: Usage, price: Price, fee_bp: int, spare_input: int, spare_output: int
) -> None:
    worst = worst_cost(
        usage.input_total + spare_input, usage.output_total + spare_output, price, fee_bp, usage.searches
    )
    assert worst >= cost(usage, price, fee_bp)


@given(usages(), PRICES, FEES_BP)
def test_the_fee_is_exact_and_its_fraction_rounds_up(usage: Usage, price: Price, fee_bp: int) -> None:
    exact = Decimal(cost(usage, price)) * (10_000 + fee_bp) / 10_000
    assert 0 <= cost(usage, price, fee_bp) - exact < 1


def test_each_unit_has_its_own_rate() -> None:
    for prime, (unit, rate) in enumerate(
        [
            *((unit, unit) for unit in UNITS if unit != "searches"),
            ("searches", "search"),
        ],
        start=2,
    ):
        rates = msgspec.structs.replace(FREE.rates, **{rate: prime})
        assert cost(Usage(**{unit: 7}), Price(id="x", rates=rates)) == 7 * prime


def test_a_tier_begins_beyond_its_threshold_and_counts_for_the_whole_call_cached_tokens_included() -> None:
    tiered = Price(
        id="x",
        rates=msgspec.structs.replace(FREE.rates, input=1, output=10),
        tiers=(Tier(above=100, rates=msgspec.structs.replace(FREE.rates, input=2, output=20)),),
    )
    assert cost(Usage(input=60, cache_read=40, output=1), tiered) == 60 + 10
    assert cost(Usage(input=60, cache_read=41, output=1), tiered) == 120 + 20


def test_a_price_per_request_is_owed_even_when_nothing_was_used() -> None:
    assert cost(NO_USAGE, Price(id="x", rates=msgspec.structs.replace(FREE.rates, request=5))) == 5


@given(usages())
def test_what_is_free_costs_nothing(usage: Usage) -> None:
    assert cost(usage, FREE, fee_bp=500) == 0
