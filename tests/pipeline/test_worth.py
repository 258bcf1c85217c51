"""What may cost something, and whose price is known."""

import pytest

from keywright.catalog.quote import own_price
from keywright.core.dialect import Peek
from keywright.pipeline.routes import Routes
from keywright.pipeline.settle import likely_tokens
from keywright.pipeline.worth import costs_nothing, priced_targets, unpriced
from keywright.providers.provider import EndpointKind
from tests.routing import routes, source

NOW_S = 1_795_500_000


@pytest.fixture(scope="module")
def known() -> Routes:
    own = {"azure/mine": own_price("azure/mine", {"input": "1", "output": "2"})}
    return routes(source("openai"), source("azure", {"resource": "r"}), source("ollama"), own=own)


@pytest.mark.parametrize(
    ("name", "priced"),
    [
        ("openai/gpt-4o", True),
        ("azure/mine", True),
        ("azure/yours", False),
        ("ollama/anything", True),
        ("openai/whisper-1", False),
        ("openai/omni-moderation-latest", False),
    ],
)
def test_a_target_is_priced_when_the_catalogue_the_operator_or_the_provider_says_so(
    known: Routes, name: str, *, priced: bool
) -> None:
    targets = known.find(name)
    assert targets
    assert priced_targets(targets, known, NOW_S) == (targets if priced else ())
    assert unpriced(targets, known, NOW_S) == (() if priced else targets)


def test_where_a_provider_charges_nothing_no_price_is_missed(known: Routes) -> None:
    moderation = known.find("openai/omni-moderation-latest")
    assert not unpriced(moderation, known, NOW_S, "moderations")
    assert unpriced(moderation, known, NOW_S, "chat") == moderation


@pytest.mark.parametrize(
    ("name", "tier", "priced"),
    [
        ("openai/gpt-4.1-mini", "priority", True),
        ("openai/gpt-4.1-mini", "flex", True),
        ("openai/gpt-4.1-mini", "auto", True),
        ("openai/gpt-4", "priority", False),
        ("openai/gpt-4", "fast-us", False),
        ("azure/mine", "priority", True),
        ("ollama/anything", "priority", True),
    ],
)
def test_a_dearer_tier_that_is_asked_for_must_have_a_price_too(
    known: Routes, name: str, tier: str, *, priced: bool
) -> None:
    targets = known.find(name)
    assert priced_targets(targets, known, NOW_S, tier=tier) == (targets if priced else ())


def test_candidates_are_told_apart(known: Routes) -> None:
    both = known.find("azure/yours") + known.find("openai/gpt-4o")
    assert unpriced(both, known, NOW_S) == both[:1]
    assert priced_targets(both, known, NOW_S) == both[1:]


@pytest.mark.parametrize(
    ("endpoint", "method", "model", "tail", "free"),
    [
        ("models", b"GET", "", b"", True),
        ("count", b"POST", "gpt-4o", b"", True),
        ("files", b"POST", "", b"", True),
        ("native", b"GET", "", b"", True),
        ("native", b"HEAD", "", b"", True),
        ("native", b"DELETE", "", b"", True),
        ("native", b"POST", "", b"", False),
        ("native", b"PUT", "", b"", False),
        ("native", b"POST", "gpt-4o", b"", False),
        ("batches", b"GET", "", b"/batch_1", True),
        ("batches", b"POST", "", b"", False),
        ("batches", b"POST", "", b"/batch_1/cancel", True),
        ("responses_items", b"GET", "", b"/resp_1", True),
        ("responses_items", b"POST", "", b"/resp_1/cancel", True),
        ("responses_items", b"POST", "gpt-5", b"/compact", False),
        ("chat", b"POST", "gpt-4o", b"", False),
        ("images", b"POST", "", b"/generations", False),
        ("moderations", b"POST", "", b"", False),
    ],
)
def test_reading_and_counting_cost_nothing_and_what_is_not_known_may_cost(
    endpoint: EndpointKind, method: bytes, model: str, tail: bytes, *, free: bool
) -> None:
    assert costs_nothing(endpoint, method, model, tail) is free


@pytest.mark.parametrize(
    ("peek", "tokens"),
    [
        (Peek("m", stream=False, input_bytes=400, output_tokens_max=50), 150),
        (Peek("m", stream=False, input_bytes=401), 101 + 1024),
        (Peek("m", stream=True, input_bytes=4, output_tokens_max=10, choices=3), 31),
    ],
)
def test_the_tokens_that_a_call_will_likely_use(peek: Peek, tokens: int) -> None:
    assert likely_tokens(peek) == tokens
