"""What else requests say, in each SDK's own way: instructions, pictures, documents, stop sequences, a temperature."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

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

from tests.conformance.sdk import PDF, PIXEL
from tests.conformance.sdks.bedrock import runtime
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway
from tests.standin.cloud import StandIn

SYSTEM = "be-kind-and-brief"
TEMPERATURE = 0.25
STOP = "three"
ANTHROPIC = "anthropic/"
"""Whose API has no temperature in the version that its SDK speaks; older programs set one."""
DATA_URL = f"data:image/png;base64,{PIXEL}"
Ask = Callable[[str, str, bool, bool], str]
"""The text of the answer of a model to a question with SYSTEM, TEMPERATURE and STOP; with a picture, with a PDF."""


def by_openai(client: openai.OpenAI) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        parts: list[Any] = [{"type": "text", "text": text}]
        parts += [{"type": "image_url", "image_url": {"url": DATA_URL}}] * picture
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        parts += [{"type": "file", "file": file}] * document
        answer = client.chat.completions.create(
            model=model,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}],
            temperature=TEMPERATURE,
            stop=[STOP],
            max_completion_tokens=100,
        )
        return answer.choices[0].message.content or ""

    return ask


def by_responses(client: openai.OpenAI) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        parts: list[Any] = [{"type": "input_text", "text": text}]
        parts += [{"type": "input_image", "image_url": DATA_URL, "detail": "auto"}] * picture
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
        parts += [{"type": "input_file", **file}] * document
        answer = client.responses.create(
            model=model,
            instructions=SYSTEM,
            input=[{"role": "user", "content": parts}],
            temperature=TEMPERATURE,
            max_output_tokens=100,
            store=False,
        )
        return answer.output_text.partition(STOP)[0]  # that API has no stop sequences

    return ask


def by_anthropic(client: anthropic.Anthropic) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        image = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        parts: list[Any] = [{"type": "image", "source": image}] * picture
        parts += [{"type": "document", "source": pdf}] * document
        answer: Any = client.messages.create(
            model=model,
            system=SYSTEM,
            messages=[{"role": "user", "content": [*parts, {"type": "text", "text": text}]}],
            stop_sequences=[STOP],
            max_tokens=100,
            extra_body={} if model.startswith(ANTHROPIC) else {"temperature": TEMPERATURE},
        )
        return "".join(block.text for block in answer.content)

    return ask


def by_genai(client: genai.Client) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        parts = [types.Part(text=text)]
        parts += [types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")] * picture
        parts += [types.Part.from_bytes(data=base64.b64decode(PDF), mime_type="application/pdf")] * document
        config = types.GenerateContentConfig(
            system_instruction=SYSTEM, temperature=TEMPERATURE, stop_sequences=[STOP], max_output_tokens=100
        )
        content = types.Content(role="user", parts=parts)
        return client.models.generate_content(model=model, contents=[content], config=config).text or ""

    return ask


def by_cohere(client: cohere.ClientV2) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        assert not document
        parts: list[Any] = [{"type": "text", "text": text}]
        parts += [{"type": "image_url", "image_url": {"url": DATA_URL}}] * picture
        messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}]
        answer: Any = client.chat(
            model=model, messages=messages, temperature=TEMPERATURE, stop_sequences=[STOP], max_tokens=100
        )
        return "".join(part.text for part in answer.message.content or ())

    return ask


def by_mistral(client: Any) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        parts: list[Any] = [{"type": "text", "text": text}]
        parts += [{"type": "image_url", "image_url": DATA_URL}] * picture
        pdf = {"type": "document_url", "document_url": f"data:application/pdf;base64,{PDF}", "document_name": "a.pdf"}
        parts += [pdf] * document
        messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}]
        answer = client.chat.complete(
            model=model, messages=messages, temperature=TEMPERATURE, stop=[STOP], max_tokens=100
        )
        return str(answer.choices[0].message.content)

    return ask


def by_ollama(client: Any) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        assert not document
        message: dict[str, Any] = {"role": "user", "content": text}
        if picture:
            message["images"] = [PIXEL]
        options = {"temperature": TEMPERATURE, "stop": [STOP], "num_predict": 100}
        answer = client.chat(model, messages=[{"role": "system", "content": SYSTEM}, message], options=options)
        return str(answer.message.content)

    return ask


def by_huggingface(client: Any) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        assert not document
        parts: list[Any] = [{"type": "text", "text": text}]
        parts += [{"type": "image_url", "image_url": {"url": DATA_URL}}] * picture
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}]
        answer = client.chat_completion(messages, model=model, temperature=TEMPERATURE, stop=[STOP], max_tokens=100)
        return str(answer.choices[0].message.content)

    return ask


def by_boto3(client: Any) -> Ask:
    def ask(model: str, text: str, picture: bool, document: bool) -> str:
        parts: list[Any] = [{"text": text}]
        parts += [{"image": {"format": "png", "source": {"bytes": base64.b64decode(PIXEL)}}}] * picture
        pdf = {"format": "pdf", "name": "a", "source": {"bytes": base64.b64decode(PDF)}}
        parts += [{"document": pdf}] * document
        answer = client.converse(
            modelId=model,
            system=[{"text": SYSTEM}],
            messages=[{"role": "user", "content": parts}],
            inferenceConfig={"temperature": TEMPERATURE, "stopSequences": [STOP], "maxTokens": 100},
        )
        return "".join(block["text"] for block in answer["output"]["message"]["content"])

    return ask


SDKS = (
    "openai",
    "openai-responses",
    "anthropic",
    "google-genai",
    "cohere",
    "mistralai",
    "ollama",
    "huggingface-hub",
    "boto3",
)
WITHOUT_DOCUMENTS = ("cohere", "ollama", "huggingface-hub")
"""SDKs in whose API a message holds no document."""


@pytest.fixture(scope="module", params=SDKS)
def asking(request: pytest.FixtureRequest) -> Iterator[tuple[str, Ask]]:
    """Every SDK in turn."""
    if request.param == "boto3":
        secure, ca_file = request.getfixturevalue("secure_gateway")
        with pytest.MonkeyPatch.context() as monkeypatch:
            aws = runtime(secure.url, secure.admin_key, ca_file, monkeypatch)
            yield "boto3", by_boto3(aws)
            aws.close()
        return
    gateway: Gateway = request.getfixturevalue("every_gateway")
    url, key = gateway.url, gateway.admin_key
    with (
        httpx.Client(timeout=TIMEOUT_S) as http,
        openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=TIMEOUT_S) as of_openai,
        anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT_S) as of_anthropic,
        genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url)) as of_google,
    ):
        plain: Any = http  # as the protocol of Mistral's SDK asks for
        of_ollama: Any = ollama.Client(host=url, headers={"authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)
        makers: dict[str, Callable[[], Ask]] = {
            "openai": lambda: by_openai(of_openai),
            "openai-responses": lambda: by_responses(of_openai),
            "anthropic": lambda: by_anthropic(of_anthropic),
            "google-genai": lambda: by_genai(of_google),
            "cohere": lambda: by_cohere(cohere.ClientV2(api_key=key, base_url=url, httpx_client=http)),
            "mistralai": lambda: by_mistral(Mistral(api_key=key, server_url=url, client=plain)),
            "ollama": lambda: by_ollama(of_ollama),
            "huggingface-hub": lambda: by_huggingface(InferenceClient(base_url=f"{url}/v1", api_key=key)),
        }
        yield request.param, makers[request.param]()
        of_ollama.close()


def test_settings_reach_every_provider(asking: tuple[str, Ask], place: Place) -> None:
    name, ask = asking
    assert ask(place.model, "one two three four", False, False).strip() == "You said: one two"
    raw = place.cloud.last.raw
    assert SYSTEM.encode() in raw
    assert (str(TEMPERATURE).encode() in raw) != (name == "anthropic" and place.model.startswith(ANTHROPIC))


@pytest.fixture(params=["openai", "anthropic", "gemini", "bedrock"])
def seeing(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Providers with a model that sees pictures and reads documents."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []


def test_pictures_are_seen(asking: tuple[str, Ask], seeing: Place) -> None:
    _, ask = asking
    assert ask(seeing.model, "look", True, False) == "I see 1 image(s) and 0 document(s)"


def test_documents_are_read(asking: tuple[str, Ask], seeing: Place) -> None:
    name, ask = asking
    if name in WITHOUT_DOCUMENTS:
        pytest.skip("that API has no documents in a message")
    assert ask(seeing.model, "read", True, True) == "I see 1 image(s) and 1 document(s)"
