"""SDKs, unmodified, ask for vectors, rankings and counts of providers that speak another wire."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import anthropic
import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from mistralai.client import Mistral

from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.vectors import vector

TEXTS = ["one text", "another, longer text", "서울"]


class Embedder(Protocol):
    """Asks for vectors with an SDK."""

    def __call__(self, gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]: ...


def by_openai(gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0) as client:
        answer = client.embeddings.create(model=model, input=texts)
    return [item.embedding for item in answer.data]


def by_genai(gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]:
    options = types.HttpOptions(base_url=gateway.url, timeout=int(TIMEOUT_S * 1000))
    client = genai.Client(api_key=gateway.admin_key, http_options=options)
    answer = client.models.embed_content(model=model, contents=list(texts))
    client.close()
    return [item.values or [] for item in answer.embeddings or ()]


def by_cohere(gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        answer = client.embed(model=model, texts=texts, input_type="search_document", embedding_types=["float"])
    return answer.embeddings.float_ or []


def by_mistral(gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = Mistral(api_key=gateway.admin_key, server_url=gateway.url, client=http)  # type: ignore[arg-type]  # an httpx client, as its protocol asks for
        answer = client.embeddings.create(model=model, inputs=texts)
    return [item.embedding or [] for item in answer.data]


def by_ollama(gateway: Gateway, model: str, texts: list[str]) -> list[list[float]]:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    client: Any = ollama.Client(host=gateway.url, headers=headers, timeout=TIMEOUT_S)
    answer = client.embed(model, texts)
    client.close()
    return [list(each) for each in answer.embeddings]


EMBEDDERS: dict[str, Embedder] = {
    "openai": by_openai,
    "google-genai": by_genai,
    "cohere": by_cohere,
    "mistralai": by_mistral,
    "ollama": by_ollama,
}
MODELS: dict[str, tuple[str, str, int]] = {
    "openai": ("openai", "text-embedding-3-small", 1536),
    "gemini": ("gemini", "gemini-embedding-001", 3072),
    "cohere": ("cohere", "embed-v4.0", 1536),
}
"""By provider: its cloud, its model, and how long that one's vectors are."""


@pytest.fixture(params=MODELS)
def source(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[tuple[str, int]]:
    """Every model in turn, and how long its vectors are. A request that breaks its provider's rules fails the test."""
    name, model, dimensions = MODELS[request.param]
    clouds[name].reset()
    yield f"{name}/{model}", dimensions
    assert clouds[name].take_violations() == []


@pytest.mark.parametrize("embed", EMBEDDERS.values(), ids=EMBEDDERS)
def test_each_text_has_its_vector(every_gateway: Gateway, source: tuple[str, int], embed: Embedder) -> None:
    model, dimensions = source
    found = embed(every_gateway, model, TEXTS)
    assert [len(each) for each in found] == [dimensions] * len(TEXTS)
    for text, each in zip(TEXTS, found, strict=True):
        assert each == pytest.approx(vector(text, dimensions), abs=1e-6)


def test_titan_makes_one_vector_for_a_client_of_another_wire(
    every_gateway: Gateway, clouds: dict[str, StandIn]
) -> None:
    clouds["bedrock"].reset()
    (found,) = by_openai(every_gateway, "bedrock/amazon.titan-embed-text-v2:0", ["one text"])
    assert found == pytest.approx(vector("one text", 1024), abs=1e-6)
    assert clouds["bedrock"].take_violations() == []


def test_coheres_sdk_has_documents_ranked(every_gateway: Gateway, clouds: dict[str, StandIn]) -> None:
    clouds["cohere"].reset()
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=every_gateway.admin_key, base_url=every_gateway.url, httpx_client=http)
        answer = client.rerank(
            model="cohere/rerank-v3.5", query="a red rose", documents=["a blue sky", "a red rose", "red"], top_n=2
        )
    assert [(each.index, round(each.relevance_score, 2)) for each in answer.results] == [(1, 1.0), (0, 0.33)]
    assert clouds["cohere"].take_violations() == []


def counted_by_genai(gateway: Gateway, model: str, text: str) -> int:
    options = types.HttpOptions(base_url=gateway.url, timeout=int(TIMEOUT_S * 1000))
    client = genai.Client(api_key=gateway.admin_key, http_options=options)
    counted = client.models.count_tokens(model=model, contents=text)
    client.close()
    return counted.total_tokens or 0


def counted_by_anthropic(gateway: Gateway, model: str, text: str) -> int:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.admin_key, max_retries=0) as client:
        return client.messages.count_tokens(model=model, messages=[{"role": "user", "content": text}]).input_tokens


def counted_by_openai(gateway: Gateway, model: str, text: str) -> int:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0) as client:
        return client.responses.input_tokens.count(model=model, input=text).input_tokens


COUNTERS: dict[str, Callable[[Gateway, str, str], int]] = {
    "google-genai": counted_by_genai,
    "anthropic": counted_by_anthropic,
    "openai": counted_by_openai,
}


@pytest.mark.parametrize("count", COUNTERS.values(), ids=COUNTERS)
@pytest.mark.parametrize("provider", ["gemini", "bedrock"])
def test_the_provider_counts_for_clients_of_each_wire(
    every_gateway: Gateway, clouds: dict[str, StandIn], provider: str, count: Callable[[Gateway, str, str], int]
) -> None:
    models = {"gemini": "gemini/gemini-2.5-pro", "bedrock": "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0"}
    clouds[provider].reset()
    assert count(every_gateway, models[provider], "five words are in here") == 5
    assert clouds[provider].take_violations() == []
