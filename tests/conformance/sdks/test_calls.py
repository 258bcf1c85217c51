"""What SDKs have beside a chat's one turn: prompts to go on with, middles to fill in, chats that remember, thoughts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from tests.conformance.sdks.book import Book
from tests.conformance.sdks.conftest import Place
from tests.conformance.sdks.sdk import TIMEOUT_S
from tests.conformance.sdks.test_every_sdk import used
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.script import Script

LIMIT_TOKENS = 20


@pytest.fixture(scope="module")
def openai_client(every_gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{every_gateway.url}/v1", api_key=every_gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        yield client


@pytest.fixture(scope="module")
def ollama_client(every_gateway: Gateway) -> Iterator[Any]:
    headers = {"authorization": f"Bearer {every_gateway.admin_key}"}
    client: Any = ollama.Client(host=every_gateway.url, headers=headers, timeout=TIMEOUT_S)
    yield client
    client.close()


@pytest.fixture(scope="module")
def genai_client(every_gateway: Gateway) -> Iterator[genai.Client]:
    with genai.Client(
        api_key=every_gateway.admin_key, http_options=types.HttpOptions(base_url=every_gateway.url)
    ) as client:
        yield client


@pytest.fixture(scope="module")
def anthropic_client(every_gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=every_gateway.url, api_key=every_gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        yield client


@contextmanager
def mistral(gateway: Gateway) -> Iterator[Any]:
    with httpx.Client(timeout=TIMEOUT_S) as http:
        plain: Any = http  # as the SDK's protocol of clients asks for
        yield Mistral(api_key=gateway.admin_key, server_url=gateway.url, client=plain)


def skip_native(place: Place, dialect: str) -> None:
    if place.model.startswith("ollama/"):
        pytest.skip(f"Ollama itself speaks {dialect}; its stand-in does not")


def test_openais_completions_are_answered_by_chats(openai_client: openai.OpenAI, place: Place) -> None:
    skip_native(place, "OpenAI's completions")
    answer = openai_client.completions.create(model=place.model, prompt="hello", max_tokens=200)
    (choice,) = answer.choices
    assert (choice.text, choice.finish_reason, choice.index) == ("You said: hello", "stop", 0)
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == used(place)


def test_openais_completions_are_streamed_by_chats(openai_client: openai.OpenAI, place: Place) -> None:
    skip_native(place, "OpenAI's completions")
    words = [str(number) for number in range(30)]
    chunks: list[Any] = list(
        openai_client.completions.create(
            model=place.model,
            prompt=" ".join(words),
            max_tokens=LIMIT_TOKENS,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.text for choice in choices) == " ".join(["You", "said:", *words[: LIMIT_TOKENS - 2]])
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["length"]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == used(place)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_ollamas_clients_generate_by_chats(ollama_client: Any, place: Place, stream: bool) -> None:
    skip_native(place, "/api/generate")
    answer = ollama_client.generate(place.model, "hello", system="be kind", options={"num_predict": 200}, stream=stream)
    parts = list(answer) if stream else [answer]
    assert "".join(part.response for part in parts) == "You said: hello"
    last = parts[-1]
    assert (last.done, last.done_reason, last.prompt_eval_count, last.eval_count) == (True, "stop", *used(place))


def test_googles_chat_remembers(genai_client: genai.Client, place: Place) -> None:
    chat = genai_client.chats.create(model=place.model)
    assert chat.send_message("one").text == "You said: one"
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("two")) == "You said: two"
    assert chat.send_message("three").text == "You said: three"
    history = "".join(part.text or "" for turn in chat.get_history() for part in turn.parts or ())
    assert history == "oneYou said: onetwoYou said: twothreeYou said: three"
    assert len(place.cloud.exchanges) == 3


def test_googles_sdk_calls_functions_by_itself(genai_client: genai.Client, place: Place) -> None:
    heard: list[str] = []

    def weather(city: str) -> str:
        """Tell the weather."""
        heard.append(city)
        return "it is cold"

    answer = genai_client.models.generate_content(
        model=place.model, contents="use the tool", config=types.GenerateContentConfig(tools=[weather])
    )
    assert heard == ["word"]
    assert "it is cold" in (answer.text or "")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_mistrals_sdk_has_a_middle_filled_in(every_gateway: Gateway, clouds: dict[str, StandIn], stream: bool) -> None:
    cloud = clouds["mistral"]
    cloud.reset()
    book = Book(every_gateway)
    asked = {"model": "mistral/codestral-latest", "prompt": "def f(", "suffix": "return x", "max_tokens": 100}
    with mistral(every_gateway) as client:
        if stream:
            chunks = [event.data for event in client.fim.stream(**asked)]
            text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
            finish, usage = chunks[-1].choices[0].finish_reason, chunks[-1].usage
        else:
            answer = client.fim.complete(**asked)
            text, finish, usage = answer.choices[0].message.content, answer.choices[0].finish_reason, answer.usage
    assert (text, finish) == ("You said: def f( ... return x", "stop")
    assert (usage.prompt_tokens, usage.completion_tokens) == (4, 7)
    assert cloud.last.body["model"] == "codestral-latest"
    assert cloud.take_violations() == []
    entry = book.entry()
    assert (entry.outcome, entry.endpoint, entry.verbatim) == ("ok", "fim", True)


def test_no_middle_is_filled_in_by_who_cannot(every_gateway: Gateway) -> None:
    with mistral(every_gateway) as client, pytest.raises(MistralError) as caught:
        client.fim.complete(model="openai/gpt-4o", prompt="def f(", suffix="return x")
    assert caught.value.status_code == 400
    assert "not_translatable" in caught.value.body


@anthropic.beta_tool
def weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: Where
    """
    return f"it is cold in {city}"


def test_anthropics_sdk_runs_tools_by_itself(anthropic_client: anthropic.Anthropic, place: Place) -> None:
    """Where nobody holds a conversation it is sent whole; only Anthropic and its like hold some."""
    asked: list[Any] = [{"role": "user", "content": "use the tool"}]
    unheld: dict[str, Any] = {"thread": False} if place.model.startswith(("anthropic/", "ollama/")) else {}
    runner = anthropic_client.beta.messages.tool_runner(
        model=place.model, max_tokens=500, tools=[weather], messages=asked, **unheld
    )
    final = runner.until_done()
    text = "".join(block.text for block in final.content if block.type == "text")
    assert text == "The tool said: it is cold in word"


THOUGHT = "one step and another step"
THINKERS = {
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-2.5-pro",
    "gemini-3": "gemini-3-pro-preview",
    "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "cohere": "command-a-reasoning-08-2025",
}
"""Providers that show their thoughts, and a model that has some."""


@pytest.fixture(params=THINKERS)
def thinker(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{THINKERS[request.param]}", cloud)
    assert cloud.take_violations() == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_anthropics_sdk_sees_thoughts_and_sends_them_back(
    anthropic_client: anthropic.Anthropic, thinker: Place, stream: bool
) -> None:
    marker = thinker.cloud.script(Script(thinking=THOUGHT, text="well"))
    asked: dict[str, Any] = {
        "model": thinker.model,
        "max_tokens": 4096,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    first: Any = {"role": "user", "content": marker}
    answer: Any
    if stream:
        with anthropic_client.messages.stream(**asked, messages=[first]) as events:
            answer = events.get_final_message()
    else:
        answer = anthropic_client.messages.create(**asked, messages=[first])
    shown = [block for block in answer.content if block.type != "redacted_thinking"]  # a seal beside an answer
    assert [block.type for block in shown] == ["thinking", "text"]
    assert (shown[0].thinking, shown[1].text) == (THOUGHT, "well")
    history: Any = [first, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "and then?"}]
    again = anthropic_client.messages.create(**asked, messages=history)
    assert [block.text for block in again.content if block.type == "text"] == ["You said: and then?"]
