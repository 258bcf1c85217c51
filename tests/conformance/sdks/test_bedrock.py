"""boto3's calls beside chats: vectors by InvokeModel, and tokens counted, of providers that are none of Bedrock's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.sdks.bedrock import runtime
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.vectors import vector

MODELS = {
    "openai": ("text-embedding-3-small", 1536),
    "gemini": ("gemini-embedding-001", 3072),
    "cohere": ("embed-v4.0", 1536),
    "mistral": ("mistral-embed", 1024),
    "ollama": ("nomic-embed-text", 768),
}
"""By provider: its model, and how long that one's vectors are."""
USER = {"role": "user", "content": [{"text": "five words are in here"}]}


@pytest.fixture(scope="module")
def client(secure_gateway: tuple[Gateway, str]) -> Iterator[Any]:
    """boto3."""
    gateway, ca_file = secure_gateway
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = runtime(gateway.url, gateway.admin_key, ca_file, monkeypatch)
        yield made
        made.close()


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[tuple[str, int]]:
    """Every model in turn, and how long its vectors are."""
    name, length = MODELS[request.param]
    clouds[request.param].reset()
    yield f"{request.param}/{name}", length
    assert clouds[request.param].take_violations() == []


def invoked(client: Any, model: str, body: dict[str, Any]) -> Any:
    return json.loads(client.invoke_model(modelId=model, body=json.dumps(body))["body"].read())


def test_titans_body_has_a_vector_of_any_model(client: Any, model: tuple[str, int]) -> None:
    name, length = model
    told = invoked(client, name, {"inputText": "one text"})
    assert told["embedding"] == pytest.approx(vector("one text", length), abs=1e-6)
    assert told["inputTextTokenCount"] == 2


def test_coheres_body_has_vectors_of_any_model(client: Any, model: tuple[str, int]) -> None:
    name, length = model
    body = {"texts": ["one text", "two"], "input_type": "search_document", "embedding_types": ["float"]}
    told = invoked(client, name, body)
    for text, found in zip(body["texts"], told["embeddings"]["float"], strict=True):
        assert found == pytest.approx(vector(text, length), abs=1e-6)


def test_an_invocation_is_counted_too(client: Any, clouds: dict[str, StandIn]) -> None:
    clouds["gemini"].reset()
    messages = [{"role": "user", "content": "five words are in here"}]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": messages}
    asked = {"invokeModel": {"body": json.dumps(body).encode()}}
    assert client.count_tokens(modelId="gemini/gemini-2.5-pro", input=asked)["inputTokens"] == 5
    assert clouds["gemini"].take_violations() == []


def test_tokens_that_nobody_counts_are_estimated(client: Any) -> None:
    answer = client.count_tokens(modelId="mistral/mistral-large-latest", input={"converse": {"messages": [USER]}})
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-keywright-estimated"] == "1"
    assert 3 <= answer["inputTokens"] <= 20


@pytest.mark.parametrize("body", [{"anything": 1}, {}])
def test_a_body_of_no_shape_is_a_validation_exception(client: Any, body: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        invoked(client, "openai/gpt-4o", body)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
