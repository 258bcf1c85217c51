"""Asynchronous SDKs: many streams at once are kept apart, and a stream that is left is left at its provider too."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import anthropic
import cohere
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from huggingface_hub import AsyncInferenceClient
from mistralai.client import Mistral

from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.script import Script

STREAMS = 16
Pieces = Callable[[Gateway, str, str], AsyncGenerator[str]]
"""The pieces of the text that a model streams in answer to a text."""


def user(text: str) -> Any:
    return {"role": "user", "content": text}


async def by_openai(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    async with openai.AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        stream = await client.chat.completions.create(
            model=model, messages=[user(text)], max_completion_tokens=200, stream=True
        )
        async with stream:
            async for chunk in stream:
                yield "".join(choice.delta.content or "" for choice in chunk.choices)


async def by_responses(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    async with (
        openai.AsyncOpenAI(
            base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
        ) as client,
        client.responses.stream(model=model, input=text, max_output_tokens=200, store=False) as events,
    ):
        async for event in events:
            if event.type == "response.output_text.delta":
                yield event.delta


async def by_anthropic(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    async with (
        anthropic.AsyncAnthropic(
            base_url=gateway.url, api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
        ) as client,
        client.messages.stream(model=model, max_tokens=200, messages=[user(text)]) as stream,
    ):
        async for piece in stream.text_stream:
            yield piece


async def by_genai(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    options = types.HttpOptions(base_url=gateway.url, timeout=int(TIMEOUT_S * 1000))
    async with genai.Client(api_key=gateway.admin_key, http_options=options).aio as client:
        stream: Any = await client.models.generate_content_stream(model=model, contents=text)
        async with aclosing(stream):
            async for chunk in stream:
                yield chunk.text or ""


async def by_cohere(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
        client = cohere.AsyncClientV2(api_key=gateway.admin_key, base_url=gateway.url, httpx_client=http)
        stream: Any = client.chat_stream(model=model, messages=[user(text)], max_tokens=200)
        async with aclosing(stream):
            async for event in stream:
                if event.type == "content-delta":
                    yield event.delta.message.content.text or ""


async def by_mistral(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
        plain: Any = http  # as the SDK's protocol of clients asks for
        client: Any = Mistral(api_key=gateway.admin_key, server_url=gateway.url, async_client=plain)
        async with await client.chat.stream_async(model=model, messages=[user(text)], max_tokens=200) as stream:
            async for event in stream:
                yield "".join(choice.delta.content or "" for choice in event.data.choices)


async def by_ollama(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    client: Any = ollama.AsyncClient(host=gateway.url, headers=headers, timeout=TIMEOUT_S)
    stream = await client.chat(model, messages=[user(text)], stream=True, options={"num_predict": 200})
    async with aclosing(stream):
        async for chunk in stream:
            yield chunk.message.content or ""
    await client.close()


async def by_huggingface(gateway: Gateway, model: str, text: str) -> AsyncGenerator[str]:
    client: Any = AsyncInferenceClient(base_url=f"{gateway.url}/v1", api_key=gateway.admin_key, timeout=TIMEOUT_S)
    stream = await client.chat_completion([user(text)], model=model, max_tokens=200, stream=True)
    async with aclosing(stream):
        async for chunk in stream:
            yield "".join(choice.delta.content or "" for choice in chunk.choices)


SDKS: dict[str, Pieces] = {
    "openai": by_openai,
    "openai-responses": by_responses,
    "anthropic": by_anthropic,
    "google-genai": by_genai,
    "cohere": by_cohere,
    "mistralai": by_mistral,
    "ollama": by_ollama,
    "huggingface-hub": by_huggingface,
}


@pytest.fixture(params=SDKS)
def pieces(request: pytest.FixtureRequest) -> Pieces:
    """Every SDK in turn."""
    return SDKS[request.param]


async def said(stream: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in stream])


async def test_many_streams_are_kept_apart(every_gateway: Gateway, clouds: dict[str, StandIn], pieces: Pieces) -> None:
    models = [f"{name}/{row.model}" for name, row in PROVIDERS.items()]
    texts = [f"stream {index} of many, in several words" for index in range(STREAMS)]
    streams = (pieces(every_gateway, models[index % len(models)], text) for index, text in enumerate(texts))
    assert await asyncio.gather(*map(said, streams)) == [f"You said: {text}" for text in texts]
    assert [violation for cloud in clouds.values() for violation in cloud.take_violations()] == []


async def test_a_stream_that_is_left_is_left_at_its_provider(
    every_gateway: Gateway, place: Place, pieces: Pieces
) -> None:
    marker = place.cloud.script(Script(words=200, pace_s=0.05))
    async with aclosing(pieces(every_gateway, place.model, marker)) as stream:
        async for piece in stream:
            if piece:
                break
    assert await asyncio.to_thread(place.cloud.wait_for, lambda: place.cloud.last.outcome == "left")
