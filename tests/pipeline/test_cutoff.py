"""Where a stream has to end that is to cost no more than was reserved."""

from hypothesis import given
from hypothesis import strategies as st

from keywright.catalog.price import Price, Rates, Tier, cost, worst_cost
from keywright.core.dialect import Tapped
from keywright.core.usage import Usage
from keywright.pipeline.cutoff import CHARS_PER_TOKEN_MAX, Allowance, Cutoff


def rates(token: int, output: int, request: int = 0, reasoning: int = 0) -> Rates:
    return Rates(
        input=token,
        output=output,
        reasoning=reasoning or output,
        cache_read=token // 10,
        cache_write_5m=token,
        cache_write_1h=token,
        audio_input=token,
        audio_output=output,
        audio_cache_read=token,
        image_input=token,
        image_output=output,
        search=0,
        request=request,
    )


PRICE = Price("test", rates(2_500_000, 10_000_000))

prices = st.builds(
    lambda given, made, request, tier: Price("p", rates(given, made, request), tier),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
    st.integers(0, 10**9),
    st.lists(
        st.builds(Tier, st.integers(1, 5_000), st.builds(rates, st.integers(0, 10**8), st.integers(1, 10**8))),
        max_size=1,
    ).map(tuple),
)


def allowance(price: Price, prompt: int, output: int, fee_bp: int = 0) -> Allowance:
    return Allowance(worst_cost(prompt, output, price, fee_bp), price, fee_bp, prompt)


def test_an_answer_may_have_as_many_characters_as_any_text_of_its_tokens() -> None:
    cutoff = Cutoff(allowance(PRICE, 100, 50))
    assert cutoff.chars_max == 50 * CHARS_PER_TOKEN_MAX
    assert not cutoff.is_passed(Tapped(output_chars=cutoff.chars_max))
    assert cutoff.is_passed(Tapped(output_chars=cutoff.chars_max + 1))


def test_what_the_prompt_did_not_use_is_left_to_the_answer() -> None:
    cutoff = Cutoff(allowance(PRICE, 100, 50))
    assert cutoff.chars_within(Usage(input=20)) == (50 + 20) * CHARS_PER_TOKEN_MAX
    assert cutoff.chars_within(Usage(input=20, output=3)) == (50 + 20) * CHARS_PER_TOKEN_MAX


def test_nothing_is_left_when_more_was_used_already() -> None:
    cutoff = Cutoff(allowance(PRICE, 100, 50))
    assert cutoff.chars_within(Usage(input=100, output=51)) == 0
    assert cutoff.charged(Usage(input=100, output=51)).output == 50
    assert cutoff.charged(Usage(input=1000, output=51)).output == 0


def test_what_costs_nothing_has_no_end() -> None:
    cutoff = Cutoff(allowance(Price("free", rates(10, 0)), 100, 50))
    assert not cutoff.is_passed(Tapped(output_chars=10**12))
    assert cutoff.charged(Usage(input=100, output=10**9)).output == 10**9


@given(prices, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 2_000), st.integers(0, 10**6))
def test_what_a_stream_is_charged_that_was_ended_is_never_more_than_was_reserved(
    price: Price, prompt: int, output: int, fee_bp: int, chars: int
) -> None:
    reserved = allowance(price, prompt, output, fee_bp)
    cutoff = Cutoff(reserved)
    counted = Usage(input=-(-prompt // 4), output=-(-chars // 4))
    assert cost(cutoff.charged(counted), price, fee_bp) <= reserved.picodollars


@given(prices, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 2_000), st.integers(0, 10_000))
def test_an_answer_of_as_many_tokens_as_were_reserved_is_never_ended(
    price: Price, prompt: int, output: int, fee_bp: int, used: int
) -> None:
    """Whatever its words are, and whether its provider told meanwhile what it used."""
    cutoff = Cutoff(allowance(price, prompt, output, fee_bp))
    chars = output * CHARS_PER_TOKEN_MAX
    assert not cutoff.is_passed(Tapped(output_chars=chars))
    assert not cutoff.is_passed(Tapped(usage=Usage(input=min(prompt, used)), output_chars=chars))
