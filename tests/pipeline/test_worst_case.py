"""The most that a call can cost, and what it does cost: by context, rounds, tiers and other models."""

import pytest
from msgspec.structs import replace

from keywright.catalog.quote import own_price
from keywright.core.dialect import Beyond, Peek, Tapped
from keywright.core.usage import Usage
from keywright.pipeline.routes import Routes, Target
from keywright.pipeline.settle import (
    CONTEXT_TOKENS_ASSUMED,
    TOKENS_ADDED_MAX,
    charge,
    likely_tokens,
    settled,
    worst_case,
)
from tests.routing import routes, source

NOW_S = 1_795_500_000
ASK = Peek("m", stream=False, input_bytes=1000, output_tokens_max=100, tier="")
MILLION = 10**6


@pytest.fixture(scope="module")
def known() -> Routes:
    own = {"edge/m": own_price("edge/m", {"input": "1", "output": "10"})}
    return routes(source("openai"), source("anthropic"), source("edge", kind="openai-compatible"), own=own)


def worst(known: Routes, peek: Peek, name: str = "edge/m") -> int:
    return worst_case(peek, known.find(name), known, NOW_S)


def test_text_costs_at_most_its_bytes_what_a_provider_adds_and_the_answer_s_limit(known: Routes) -> None:
    assert worst(known, ASK) == (1000 + TOKENS_ADDED_MAX) * MILLION + 100 * 10 * MILLION
    assert worst(known, replace(ASK, choices=3)) - worst(known, ASK) == 200 * 10 * MILLION


def test_the_dearest_candidate_counts(known: Routes) -> None:
    both = known.find("openai/gpt-4o-mini") + known.find("openai/gpt-4o")
    assert worst_case(ASK, both, known, NOW_S) == worst(known, ASK, "openai/gpt-4o")


def test_without_a_limit_the_model_s_own_counts_or_all_that_it_takes(known: Routes) -> None:
    free = replace(ASK, output_tokens_max=None)
    assert worst(known, free, "openai/gpt-4o") == worst(known, replace(ASK, output_tokens_max=16_384), "openai/gpt-4o")
    assert worst(known, free) == worst(known, replace(ASK, output_tokens_max=CONTEXT_TOKENS_ASSUMED))


def test_a_picture_s_bytes_are_no_tokens(known: Routes) -> None:
    picture = replace(ASK, input_bytes=900_000, beyond=Beyond(added_tokens=40_000, data_bytes=899_000))
    assert worst(known, picture) == worst(known, replace(ASK, input_bytes=41_000))


def test_an_answer_whose_usage_never_came_is_counted_within_what_was_reserved(known: Routes) -> None:
    picture = replace(ASK, input_bytes=900_000, beyond=Beyond(added_tokens=40_000, data_bytes=899_000))
    for peek in (ASK, picture):
        seen = Tapped(model="m", output_chars=400, complete=True)
        metered, charged = settled(seen, peek, only(known, "edge/m"), known, NOW_S)
        assert metered.source == "counted"
        assert 0 < charged.picodollars < worst(known, peek)
    assert likely_tokens(picture) == 250 + 40_000 + 100


def test_what_nothing_bounds_fills_the_context_and_each_run_of_a_tool_does_so_again(known: Routes) -> None:
    boundless = replace(ASK, beyond=Beyond(boundless=True))
    prompt = worst(known, boundless) - 100 * 10 * MILLION
    assert prompt == CONTEXT_TOKENS_ASSUMED * MILLION
    running = replace(ASK, beyond=Beyond(runs_max=3, searches_max=3))
    assert worst(known, running) == 4 * prompt + 100 * 10 * MILLION + 3 * 10**10  # a search is a cent


def test_a_context_that_is_stated_in_round_numbers_may_be_an_eighth_larger(known: Routes) -> None:
    boundless = replace(ASK, beyond=Beyond(boundless=True))
    (target,) = known.find("openai/gpt-4o-mini")
    assert target.abilities.context_tokens_max == 128_000
    assert worst(known, boundless, "openai/gpt-4o-mini") == worst(
        known, replace(ASK, input_bytes=144_000 - TOKENS_ADDED_MAX), "openai/gpt-4o-mini"
    )


def test_a_tier_that_is_asked_for_or_left_to_the_provider_is_reserved_at_its_price(known: Routes) -> None:
    plain, auto, priority, flex = (worst(known, replace(ASK, tier=tier), "openai/gpt-4.1-mini") for tier in TIERS)
    assert plain == flex
    assert auto == priority > plain


TIERS = ("", "auto", "priority", "flex")


def only(known: Routes, name: str) -> Target:
    (target,) = known.find(name)
    return target


@pytest.mark.parametrize(
    ("name", "tier", "row"),
    [
        ("openai/gpt-4.1-mini", "", "openai/gpt-4.1-mini@2026-11-24"),
        ("openai/gpt-4.1-mini", "priority", "openai/gpt-4.1-mini@2026-11-24+priority:2026-10-12"),
        ("openai/gpt-4.1-mini", "flex", "openai/gpt-4.1-mini@2026-11-24+flex?"),
        ("anthropic/claude-haiku-4-5", "priority", "anthropic/claude-haiku-4-5@2026-11-24+priority?"),
        ("edge/m", "priority", "edge/m@own;input=1;output=10"),
    ],
)
def test_a_tier_without_a_price_is_charged_plainly_and_the_entry_says_so_but_an_own_price_is_for_all(
    known: Routes, name: str, tier: str, row: str
) -> None:
    usage = Usage(input=1000, output=10)
    found = charge(usage, only(known, name), known, NOW_S, Tapped(tier=tier))
    assert found.price == row
    plain = charge(usage, only(known, name), known, NOW_S)
    assert (found.picodollars == plain.picodollars) is ("+" not in row or row.endswith("?"))


def test_other_models_within_a_call_are_paid_at_their_own_prices(known: Routes) -> None:
    sonnet, opus = only(known, "anthropic/claude-sonnet-4-5"), only(known, "anthropic/claude-opus-4-5")
    usage, advice = Usage(input=100, output=10), Usage(input=70, output=7)
    parts = charge(usage, sonnet, known, NOW_S), charge(advice, opus, known, NOW_S)
    both = charge(usage, sonnet, known, NOW_S, Tapped(others=(("claude-opus-4-5", advice),)))
    assert both.picodollars == sum(part.picodollars for part in parts)
    assert both.price == "&".join(part.price for part in parts)
    again = charge(usage, sonnet, known, NOW_S, Tapped(others=(("", advice),)))
    assert again.picodollars == sum(charge(each, sonnet, known, NOW_S).picodollars for each in (usage, advice))


def test_what_a_provider_works_on_without_saying_what_it_bills_costs_its_worst_case(known: Routes) -> None:
    target = only(known, "openai/gpt-4o")
    metered, charged = settled(Tapped(pending=True), ASK, target, known, NOW_S)
    assert (metered.source, charged.picodollars) == ("worst_case", worst(known, ASK, "openai/gpt-4o"))
    assert charged.price
