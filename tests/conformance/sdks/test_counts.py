"""Tokens are counted by the provider, whichever SDK asks, and estimated where the provider cannot count."""

from collections.abc import Iterator
from typing import Any, Protocol

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from tests.conformance.sdks.bedrock import runtime
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import TIMEOUT_S, WEATHER
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.reply import TOOL_TOKENS

SYSTEM, TEXT = "be kind", "five words are in here"
TOKENS = 2 + 5 + TOOL_TOKENS
"""What the stand-ins count for SYSTEM, TEXT and one tool."""


class Count(Protocol):
    """Counts the tokens of SYSTEM, TEXT and a tool, with an SDK."""

    def __call__(self, gateway: Gateway, model: str) -> int: ...


def by_anthropic(gateway: Gateway, model: str) -> int:
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        counted = client.messages.count_tokens(
            model=model,
            system=SYSTEM,
            tools=[{"name": "weather", "input_schema": WEATHER}],
            messages=[{"role": "user", "content": TEXT}],
        )
    return counted.input_tokens


def by_openai(gateway: Gateway, model: str) -> int:
    tools: Any = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        counted = client.responses.input_tokens.count(model=model, instructions=SYSTEM, input=TEXT, tools=tools)
    return counted.input_tokens


COUNTERS: dict[str, Count] = {"anthropic": by_anthropic, "openai": by_openai}


@pytest.fixture(params=["openai", "anthropic", "gemini", "bedrock"])
def counting(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Providers that count. A request that breaks their rules fails the test."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []


@pytest.mark.parametrize("count", COUNTERS.values(), ids=COUNTERS)
def test_the_provider_counts(every_gateway: Gateway, counting: Place, count: Count) -> None:
    assert count(every_gateway, counting.model) == TOKENS
    assert len(counting.cloud.exchanges) == 1


def test_the_provider_counts_for_googles_sdk(every_gateway: Gateway, counting: Place) -> None:
    """Which sends texts alone: to this API it refuses to tell of tools."""
    options = types.HttpOptions(base_url=every_gateway.url, timeout=int(TIMEOUT_S * 1000))
    with genai.Client(api_key=every_gateway.admin_key, http_options=options) as client:
        assert client.models.count_tokens(model=counting.model, contents=TEXT).total_tokens == 5


def test_the_provider_counts_for_boto3(
    secure_gateway: tuple[Gateway, str], counting: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, ca_file = secure_gateway
    client = runtime(gateway.url, gateway.admin_key, ca_file, monkeypatch)
    asked = {
        "messages": [{"role": "user", "content": [{"text": TEXT}]}],
        "system": [{"text": SYSTEM}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}]},
    }
    assert client.count_tokens(modelId=counting.model, input={"converse": asked})["inputTokens"] == TOKENS
    client.close()


@pytest.mark.parametrize("name", ["mistral/mistral-large-latest", "ollama/llama3.2"])
def test_tokens_that_nobody_counts_are_estimated_and_said_to_be(every_gateway: Gateway, name: str) -> None:
    with anthropic.Anthropic(
        base_url=every_gateway.url, api_key=every_gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        raw = client.messages.with_raw_response.count_tokens(
            model=name, messages=[{"role": "user", "content": "five words are in here"}]
        )
    assert raw.headers["x-keywright-estimated"] == "1"
    assert 3 <= raw.parse().input_tokens <= 20
    entry = every_gateway.entry(raw.headers["x-keywright-request-id"])
    assert (entry.outcome, entry.endpoint, entry.cost_picodollars) == ("ok", "count", 0)
