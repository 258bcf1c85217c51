"""Three clients of three dialects: real SDKs on a network that answers with given bytes, and what they then hold."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import anthropic
import httpx
import httpx2
import openai
from google import genai
from google.genai import types

from tests.conformance.readings import anthropic as messages
from tests.conformance.readings import gemini, openai_chat
from tests.conformance.readings.answer import Answer

URL = "http://gateway"
TIMEOUT_S = 30.0
QUESTION: Any = [{"role": "user", "content": "x"}]


class Client(Protocol):
    """One SDK. `dialect`: what it speaks; `refusal`: how an answer ends there in which the model refuses in words."""

    name: str
    dialect: str
    refusal: str

    def whole(self, body: bytes) -> Answer:
        """What the SDK holds when it is answered with `body`."""
        ...

    def stream(self, body: bytes) -> Answer:
        """What the SDK holds at the end of the stream `body`."""
        ...


class Network:
    """Answers every request with the same bytes."""

    def __init__(self) -> None:
        self.kind = ""
        self.body = b""

    def answers(self, kind: str, body: bytes) -> None:
        """What is to be answered from now on."""
        self.kind, self.body = kind, body

    def answer(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": self.kind}, content=self.body)

    def answer_old(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": self.kind}, content=self.body)


class OpenAI:
    """`openai`, chat completions."""

    name = "openai"
    dialect = "openai_chat"
    refusal = "refusal"

    def __init__(self, network: Network, http: httpx2.Client) -> None:
        self._network = network
        self._sdk = openai.OpenAI(api_key="k", base_url=URL, http_client=http, max_retries=0)

    def whole(self, body: bytes) -> Answer:
        self._network.answers("application/json", body)
        answer = self._sdk.chat.completions.create(model="m", messages=QUESTION)
        return openai_chat.whole(answer.to_dict(mode="json"))

    def stream(self, body: bytes) -> Answer:
        self._network.answers("text/event-stream", body)
        chunks = self._sdk.chat.completions.create(model="m", messages=QUESTION, stream=True)
        return openai_chat.stream("".join(f"data: {chunk.to_json(indent=None)}\n" for chunk in chunks))


class Anthropic:
    """`anthropic`, messages."""

    name = "anthropic"
    dialect = "anthropic"
    refusal = "content_filter"

    def __init__(self, network: Network, http: httpx2.Client) -> None:
        self._network = network
        self._sdk = anthropic.Anthropic(api_key="k", base_url=URL, http_client=http, max_retries=0)

    def whole(self, body: bytes) -> Answer:
        self._network.answers("application/json", body)
        answer = self._sdk.messages.create(model="m", max_tokens=9, messages=QUESTION)
        return messages.whole(answer.to_dict(mode="json"))

    def stream(self, body: bytes) -> Answer:
        self._network.answers("text/event-stream", body)
        with self._sdk.messages.stream(model="m", max_tokens=9, messages=QUESTION) as stream:
            return messages.whole(stream.get_final_message().to_dict(mode="json"))


class Gemini:
    """`google-genai`, generateContent."""

    name = "google-genai"
    dialect = "gemini"
    refusal = "stop"

    def __init__(self, network: Network, http: httpx.Client) -> None:
        self._network = network
        options = types.HttpOptions(base_url=URL, httpx_client=http)
        self._sdk = genai.Client(api_key="k", http_options=options)

    def whole(self, body: bytes) -> Answer:
        self._network.answers("application/json", body)
        answer = self._sdk.models.generate_content(model="m", contents="x")
        return gemini.answer([plain(answer)])

    def stream(self, body: bytes) -> Answer:
        self._network.answers("text/event-stream", body)
        frames = self._sdk.models.generate_content_stream(model="m", contents="x")
        return gemini.answer([plain(frame) for frame in frames])


def plain(answer: types.GenerateContentResponse) -> dict[str, Any]:
    """What the SDK holds, in the words of the wire."""
    answer.sdk_http_response = None
    held: dict[str, Any] = json.loads(answer.model_dump_json(by_alias=True, exclude_none=True))
    return held


@contextmanager
def clients() -> Iterator[tuple[Client, ...]]:
    """All three, on networks of their own."""
    network = Network()
    with (
        httpx2.Client(transport=httpx2.MockTransport(network.answer)) as http,
        httpx.Client(transport=httpx.MockTransport(network.answer_old)) as old,
    ):
        yield OpenAI(network, http), Anthropic(network, http), Gemini(network, old)
