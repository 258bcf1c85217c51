"""Each SDK's own way to demand an answer by a schema, whole and streamed, of every provider that has such answers."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeAlias

import anthropic
import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from huggingface_hub import InferenceClient
from mistralai.client import Mistral
from pydantic import BaseModel, ConfigDict

from tests.conformance.sdks.bedrock import runtime
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway
from tests.standin.cloud import StandIn


class City(BaseModel):
    """What is asked for. It forbids other fields, as some providers want it."""

    model_config = ConfigDict(extra="forbid")
    name: str
    people: int


SCHEMA: dict[str, Any] = City.model_json_schema()
CITY = City(name="word", people=7)
QUESTION = "a city"
Asked: TypeAlias = Callable[[Gateway, str, bool], City]
"""Asks the model for a city, whole or in a stream."""


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def by_openai(gateway: Gateway, model: str, stream: bool) -> City:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0) as client:
        if not stream:
            answer = client.chat.completions.parse(model=model, messages=[user(QUESTION)], response_format=City)
        else:
            with client.chat.completions.stream(model=model, messages=[user(QUESTION)], response_format=City) as events:
                answer = events.get_final_completion()
    return answer.choices[0].message.parsed or City(name="", people=0)


def by_responses(gateway: Gateway, model: str, stream: bool) -> City:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0) as client:
        if not stream:
            answer = client.responses.parse(model=model, input=QUESTION, text_format=City, store=False)
        else:
            with client.responses.stream(model=model, input=QUESTION, text_format=City, store=False) as events:
                answer = events.get_final_response()
    assert answer.output_parsed is not None
    return answer.output_parsed


def by_anthropic(gateway: Gateway, model: str, stream: bool) -> City:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.admin_key, max_retries=0) as client:
        if not stream:
            answer = client.messages.parse(model=model, max_tokens=64, messages=[user(QUESTION)], output_format=City)
        else:
            with client.messages.stream(
                model=model, max_tokens=64, messages=[user(QUESTION)], output_format=City
            ) as events:
                answer = events.get_final_message()
    assert answer.parsed_output is not None
    return answer.parsed_output


def by_genai(gateway: Gateway, model: str, stream: bool) -> City:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=SCHEMA)
    with genai.Client(api_key=gateway.admin_key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        if stream:
            chunks = list(client.models.generate_content_stream(model=model, contents=QUESTION, config=config))
        else:
            chunks = [client.models.generate_content(model=model, contents=QUESTION, config=config)]
    return City.model_validate_json("".join(chunk.text or "" for chunk in chunks))


def by_genai_class(gateway: Gateway, model: str, stream: bool) -> City:
    """The SDK's older way, in which the schema is Gemini's own, and it reads the answer."""
    plain = type("City", (BaseModel,), {"__annotations__": City.__annotations__})
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=plain)
    with genai.Client(api_key=gateway.admin_key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        if stream:
            chunks = list(client.models.generate_content_stream(model=model, contents=QUESTION, config=config))
            return City.model_validate_json("".join(chunk.text or "" for chunk in chunks))
        parsed = client.models.generate_content(model=model, contents=QUESTION, config=config).parsed
    assert isinstance(parsed, BaseModel)
    return City.model_validate(parsed.model_dump())


def by_cohere(gateway: Gateway, model: str, stream: bool) -> City:
    form: Any = {"type": "json_object", "json_schema": SCHEMA}
    with httpx.Client(timeout=TIMEOUT_S) as http:
        client = cohere.ClientV2(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        if stream:
            events: list[Any] = list(client.chat_stream(model=model, messages=[user(QUESTION)], response_format=form))
            pieces = [event.delta.message.content.text for event in events if event.type == "content-delta"]
            return City.model_validate_json("".join(pieces))
        answer: Any = client.chat(model=model, messages=[user(QUESTION)], response_format=form)
    return City.model_validate_json(answer.message.content[0].text)


def by_mistral(gateway: Gateway, model: str, stream: bool) -> City:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        plain: Any = http  # as the SDK's protocol of clients asks for
        client: Any = Mistral(api_key=gateway.admin_key, server_url=gateway.url, client=plain)
        if stream:
            events = client.chat.parse_stream(model=model, messages=[user(QUESTION)], response_format=City)
            deltas = [event.data.choices[0].delta.content for event in events if event.data.choices]
            return City.model_validate_json("".join(delta for delta in deltas if delta))
        answer = client.chat.parse(model=model, messages=[user(QUESTION)], response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)
    return answer.choices[0].message.parsed


def by_ollama(gateway: Gateway, model: str, stream: bool) -> City:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    client: Any = ollama.Client(host=gateway.url, headers=headers, timeout=TIMEOUT_S)
    answer = client.chat(model, messages=[user(QUESTION)], format=SCHEMA, stream=stream)
    text = "".join(part.message.content for part in (answer if stream else [answer]))
    client.close()
    return City.model_validate_json(text)


def by_huggingface(gateway: Gateway, model: str, stream: bool) -> City:
    client: Any = InferenceClient(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, timeout=TIMEOUT_S)
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    answer = client.chat_completion([user(QUESTION)], model=model, response_format=form, stream=stream)
    if stream:
        deltas = [choice.delta.content for chunk in answer for choice in chunk.choices]
        return City.model_validate_json("".join(delta for delta in deltas if delta))
    return City.model_validate_json(answer.choices[0].message.content)


WAYS: dict[str, Asked] = {
    "openai": by_openai,
    "openai-responses": by_responses,
    "anthropic": by_anthropic,
    "google-genai": by_genai,
    "google-genai-class": by_genai_class,
    "cohere": by_cohere,
    "mistralai": by_mistral,
    "ollama": by_ollama,
    "huggingface-hub": by_huggingface,
}
SCHEMAS: dict[str, tuple[tuple[str, ...], ...]] = {
    "openai": (("response_format", "json_schema", "schema"), ("text", "format", "schema")),
    "anthropic": (("output_config", "format", "schema"),),
    "gemini": (("generationConfig", "responseJsonSchema"), ("generationConfig", "responseSchema")),
    "cohere": (("response_format", "json_schema"),),
    "mistral": (("response_format", "json_schema", "schema"),),
    "ollama": (
        ("format",),
        ("response_format", "json_schema", "schema"),
        ("text", "format", "schema"),
        ("output_config", "format", "schema"),
    ),
    "bedrock": (
        ("outputConfig", "textFormat", "structure", "jsonSchema", "schema"),
        ("output_config", "format", "schema"),
    ),
}
"""Where in a request each provider may be told the schema."""


@pytest.fixture(params=SCHEMAS)
def place(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Every provider that has such answers."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []


def told(place: Place) -> dict[str, Any]:
    """The schema as the provider was told it, without what describes it."""
    body = place.cloud.last.body
    paths = SCHEMAS[place.model.partition("/")[0]]
    (found,) = [found for path in paths if (found := at(body, path)) is not None]
    schema = json.loads(found) if isinstance(found, str) else found
    names = {name: node["type"].lower() for name, node in schema["properties"].items()}
    return {"properties": names, "required": schema["required"]}


def at(body: Any, path: tuple[str, ...]) -> Any:
    """What stands there; None where there is nothing."""
    for step in path:
        body = body.get(step) if isinstance(body, dict) else None
    return body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asked", WAYS.values(), ids=WAYS)
def test_an_answer_is_of_the_schema(every_gateway: Gateway, place: Place, asked: Asked, stream: bool) -> None:
    assert asked(every_gateway, place.model, stream) == CITY
    assert told(place) == {"properties": {"name": "string", "people": "integer"}, "required": ["name", "people"]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_boto3_has_an_answer_of_the_schema(
    secure_gateway: tuple[Gateway, str], place: Place, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    gateway, ca_file = secure_gateway
    client = runtime(gateway.url, gateway.admin_key, ca_file, monkeypatch)
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "city"}}}
    ask = client.converse_stream if stream else client.converse
    answer = ask(
        modelId=place.model,
        messages=[{"role": "user", "content": [{"text": QUESTION}]}],
        outputConfig={"textFormat": form},
    )
    if stream:
        with closing(answer["stream"]) as events:
            deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        text = "".join(delta["text"] for delta in deltas)
    else:
        text = answer["output"]["message"]["content"][0]["text"]
    client.close()
    assert City.model_validate_json(text) == CITY
    assert told(place) == {"properties": {"name": "string", "people": "integer"}, "required": ["name", "people"]}
