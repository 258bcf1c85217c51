"""How vectors are asked for: in base64, shorter, of one text or many; and what a provider cannot give is told."""

import base64
import struct
from collections.abc import Iterator
from typing import Any

import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.vectors import vector

MODELS: dict[str, tuple[str, int]] = {
    "openai": ("text-embedding-3-small", 1536),
    "gemini": ("gemini-embedding-001", 3072),
    "cohere": ("embed-v4.0", 1536),
    "mistral": ("mistral-embed", 1024),
    "ollama": ("nomic-embed-text", 768),
}
"""By provider: its model, and how long that one's vectors are."""
SHORTER = 512
"""A length that all of them give that can give others at all."""


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[str]:
    """Every model in turn. A request that breaks its provider's rules fails the test."""
    clouds[request.param].reset()
    yield f"{request.param}/{MODELS[request.param][0]}"
    assert clouds[request.param].take_violations() == []


def length_of(model: str) -> int:
    return MODELS[model.partition("/")[0]][1]


@pytest.fixture(scope="module")
def client(every_gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{every_gateway.url}/v1", api_key=every_gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        yield client


def test_openais_sdk_has_vectors_in_base64(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=["one text", "two"], encoding_format="base64")
    read = [struct.unpack(f"<{length_of(model)}f", base64.b64decode(str(each.embedding))) for each in answer.data]
    for text, found in zip(["one text", "two"], read, strict=True):
        assert list(found) == pytest.approx(vector(text, length_of(model)), abs=1e-6)
    assert answer.usage.prompt_tokens == 3


@pytest.mark.parametrize("form", ["float", "base64"])
def test_one_text_has_one_vector(client: openai.OpenAI, model: str, form: Any) -> None:
    answer = client.embeddings.create(model=model, input="one text", encoding_format=form)
    assert len(answer.data) == 1
    assert answer.model


def test_vectors_can_be_shorter(client: openai.OpenAI, model: str) -> None:
    if model.startswith("mistral/"):
        pytest.skip("that model has one length only")
    answer = client.embeddings.create(model=model, input="one text", dimensions=SHORTER)
    assert answer.data[0].embedding == pytest.approx(vector("one text", SHORTER), abs=1e-6)


def test_googles_sdk_says_what_vectors_are_for(every_gateway: Gateway, clouds: dict[str, StandIn]) -> None:
    clouds["cohere"].reset()
    options = types.HttpOptions(base_url=every_gateway.url)
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=SHORTER)
    with genai.Client(api_key=every_gateway.admin_key, http_options=options) as client:
        answer = client.models.embed_content(model="cohere/embed-v4.0", contents="one text", config=config)
    assert [each.values for each in answer.embeddings or ()] == [pytest.approx(vector("one text", SHORTER), abs=1e-6)]
    asked = clouds["cohere"].last.body
    assert (asked["input_type"], asked["output_dimension"]) == ("search_query", SHORTER)
    assert clouds["cohere"].take_violations() == []


def test_coheres_sdk_says_what_vectors_are_for(every_gateway: Gateway, clouds: dict[str, StandIn]) -> None:
    clouds["gemini"].reset()
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=every_gateway.admin_key, base_url=every_gateway.url, httpx_client=http)
        answer = client.embed(
            model="gemini/gemini-embedding-001",
            texts=["one text"],
            input_type="search_query",
            embedding_types=["float"],
            output_dimension=SHORTER,
        )
    assert answer.embeddings.float_ is not None
    (found,) = answer.embeddings.float_
    assert found == pytest.approx(vector("one text", SHORTER), abs=1e-6)
    (asked,) = clouds["gemini"].last.body["requests"]
    assert (asked["taskType"], asked["outputDimensionality"]) == ("RETRIEVAL_QUERY", SHORTER)
    assert clouds["gemini"].take_violations() == []


def test_coheres_sdk_is_told_that_others_have_floats_only(every_gateway: Gateway, model: str) -> None:
    if model.startswith(("cohere/", "mistral/")):
        pytest.skip("it has a word for others, too")
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=every_gateway.admin_key, base_url=every_gateway.url, httpx_client=http)
        with pytest.raises(cohere.BadRequestError) as caught:
            client.embed(
                model=model,
                texts=["one text"],
                input_type="search_query",
                embedding_types=["ubinary"],
                request_options={"max_retries": 0},
            )
    assert "embedding_types" in str(caught.value.body)


def test_ollamas_sdk_has_a_vector_of_one_text(every_gateway: Gateway, model: str) -> None:
    headers = {"authorization": f"Bearer {every_gateway.admin_key}"}
    client: Any = ollama.Client(host=every_gateway.url, headers=headers, timeout=TIMEOUT_S)
    answer = client.embed(model, "one text")
    client.close()
    assert list(answer.embeddings[0]) == pytest.approx(vector("one text", length_of(model)), abs=1e-6)
    assert answer.prompt_eval_count == 2
