"""A real model behind the gateway: llama.cpp speaks both dialects, so all four ways lead to it.

`local` is spoken to as OpenAI is, `llama` as Anthropic is. Nothing here was made up by us, so these tests look at
shapes and at what agrees with what; which words a model says is its own affair.
"""

from collections.abc import Iterator

import anthropic
import openai
import pytest
from anthropic.types import Message, MessageParam
from openai.types.chat import ChatCompletionMessageParam

from keywright.core.entry import Entry
from keywright.local import ALIAS, LocalModel, LocalModelMissingError, start
from tests.conformance.sdk import TIMEOUT_S, Heard
from tests.gateway import ADMIN_KEY, Gateway, running

TOKENS_MAX = 12
MODELS = (f"local/{ALIAS}", f"llama/{ALIAS}")
ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Answer in a few words."},
    {"role": "user", "content": "What is the capital of France?"},
]
ASKED_OF_ANTHROPIC: list[MessageParam] = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    """The embedded model; the tests skip where it is not installed."""
    try:
        started = start()
    except LocalModelMissingError as missing:
        pytest.skip(str(missing))
    with started:
        yield started


@pytest.fixture(scope="module")
def real(model: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway to it. `local` is free by declaration; what goes by `llama` has a price of our own."""
    config = f"""
[store]
url = "sqlite:///test.db"
[providers.local]
base_url = "{model.base_url}/v1"
models = ["{ALIAS}"]
[providers.llama]
kind = "anthropic"
base_url = "{model.base_url}"
api_key = "env:LLAMA_KEY"
models = ["{ALIAS}"]
[[prices]]
model = "llama/{ALIAS}"
input = "0.10"
output = "0.40"
"""
    variables = {"KEYWRIGHT_ADMIN_KEY": ADMIN_KEY, "LLAMA_KEY": "llama-takes-any-key"}
    with running(tmp_path_factory.mktemp("real"), config, variables) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def chat(real: Gateway, all_heard: Heard) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK."""
    with openai.OpenAI(
        base_url=f"{real.url}/v1",
        api_key=real.admin_key,
        max_retries=0,
        timeout=TIMEOUT_S,
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [all_heard.note]}),
    ) as client:
        yield client


@pytest.fixture(scope="module")
def messages(real: Gateway, all_heard: Heard) -> Iterator[anthropic.Anthropic]:
    """Anthropic's SDK."""
    with anthropic.Anthropic(
        base_url=real.url,
        api_key=real.admin_key,
        max_retries=0,
        timeout=TIMEOUT_S,
        http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [all_heard.note]}),
    ) as client:
        yield client


def text_of(message: Message) -> str:
    """The text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


class Book:
    """The gateway's ledger, opened at the last call."""

    def __init__(self, gateway: Gateway, heard: Heard) -> None:
        self._gateway = gateway
        self._heard = heard

    def settled(self, name: str, dialect: str, *, stream: bool) -> Entry:
        """The last call's entry, which went well and cost what it should."""
        entry = self._gateway.entry(self._heard.request_id)
        assert (entry.outcome, entry.status, entry.served, entry.dialect) == ("ok", 200, name, dialect)
        assert entry.usage_source == "provider"
        assert entry.verbatim == (name.startswith("local") == (dialect == "openai_chat"))
        assert entry.stream == stream
        assert entry.usage.input_total > 0
        assert 0 < entry.usage.output_total <= TOKENS_MAX
        assert (entry.cost_picodollars > 0) == name.startswith("llama")
        return entry


@pytest.fixture
def book(real: Gateway, heard: Heard) -> Book:
    """The ledger of this test."""
    return Book(real, heard)


@pytest.mark.parametrize("name", MODELS)
def test_openai_asks_a_real_model(chat: openai.OpenAI, book: Book, name: str) -> None:
    answer = chat.chat.completions.create(model=name, messages=ASKED, max_tokens=TOKENS_MAX, temperature=0)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    entry = book.settled(name, "openai_chat", stream=False)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == entry.usage.input_total
    assert answer.usage.completion_tokens == entry.usage.output_total


@pytest.mark.parametrize("name", MODELS)
def test_anthropic_asks_a_real_model(messages: anthropic.Anthropic, book: Book, name: str) -> None:
    answer = messages.messages.create(
        model=name, system="Answer in a few words.", messages=ASKED_OF_ANTHROPIC, max_tokens=TOKENS_MAX
    )
    assert text_of(answer)
    assert answer.stop_reason in ("end_turn", "max_tokens")
    entry = book.settled(name, "anthropic", stream=False)
    cached = answer.usage.cache_read_input_tokens or 0
    assert answer.usage.input_tokens + cached == entry.usage.input_total
    assert answer.usage.output_tokens == entry.usage.output_total


def test_a_real_model_says_the_same_by_every_way_and_in_a_stream(
    chat: openai.OpenAI, messages: anthropic.Anthropic
) -> None:
    """At temperature 0 and with the same prompt, what differs would have been lost on the way."""
    said = set()
    for name in MODELS:
        whole = chat.chat.completions.create(model=name, messages=ASKED, max_tokens=TOKENS_MAX, temperature=0)
        chunks = chat.chat.completions.create(
            model=name, messages=ASKED, max_tokens=TOKENS_MAX, temperature=0, stream=True
        )
        said.add(whole.choices[0].message.content)
        said.add("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
        answer = messages.messages.create(
            model=name,
            system="Answer in a few words.",
            messages=ASKED_OF_ANTHROPIC,
            max_tokens=TOKENS_MAX,
            extra_body={"temperature": 0},
        )
        said.add(text_of(answer))
    assert len(said) == 1


@pytest.mark.parametrize("name", MODELS)
def test_openai_streams_a_real_model(chat: openai.OpenAI, book: Book, name: str) -> None:
    chunks = list(
        chat.chat.completions.create(
            model=name, messages=ASKED, max_tokens=TOKENS_MAX, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in ("stop", "length")
    assert chunks[-1].usage is not None
    entry = book.settled(name, "openai_chat", stream=True)
    assert chunks[-1].usage.completion_tokens == entry.usage.output_total


@pytest.mark.parametrize("name", MODELS)
def test_openai_is_told_no_usage_that_it_did_not_ask_for(chat: openai.OpenAI, book: Book, name: str) -> None:
    chunks = list(chat.chat.completions.create(model=name, messages=ASKED, max_tokens=TOKENS_MAX, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    book.settled(name, "openai_chat", stream=True)


@pytest.mark.parametrize("name", MODELS)
def test_anthropic_streams_a_real_model(messages: anthropic.Anthropic, book: Book, name: str) -> None:
    with messages.messages.stream(model=name, messages=ASKED_OF_ANTHROPIC, max_tokens=TOKENS_MAX) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert said == text_of(final) != ""
    assert final.stop_reason in ("end_turn", "max_tokens")
    entry = book.settled(name, "anthropic", stream=True)
    assert final.usage.output_tokens == entry.usage.output_total


@pytest.mark.parametrize("name", MODELS)
def test_a_limit_and_a_stop_sequence_hold(chat: openai.OpenAI, messages: anthropic.Anthropic, name: str) -> None:
    cut = chat.chat.completions.create(model=name, messages=ASKED, max_tokens=2, temperature=0)
    assert (cut.choices[0].finish_reason, cut.usage and cut.usage.completion_tokens) == ("length", 2)
    also_cut = messages.messages.create(model=name, messages=ASKED_OF_ANTHROPIC, max_tokens=2)
    assert (also_cut.stop_reason, also_cut.usage.output_tokens) == ("max_tokens", 2)
    stopped = chat.chat.completions.create(
        model=name, messages=ASKED, max_tokens=TOKENS_MAX, temperature=0, stop=["capital"]
    )
    assert "capital" not in (stopped.choices[0].message.content or "")
    assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("name", MODELS)
def test_several_turns_reach_a_real_model(chat: openai.OpenAI, book: Book, name: str) -> None:
    turns: list[ChatCompletionMessageParam] = [
        *ASKED,
        {"role": "assistant", "content": "Paris."},
        {"role": "user", "content": "And of Spain?"},
    ]
    answer = chat.chat.completions.create(model=name, messages=turns, max_tokens=TOKENS_MAX)
    assert answer.choices[0].message.content
    book.settled(name, "openai_chat", stream=False)


async def test_an_asynchronous_sdk_streams_a_real_model(real: Gateway) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{real.url}/v1", api_key=real.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as client:
        stream = await client.chat.completions.create(
            model=MODELS[0], messages=ASKED, max_tokens=TOKENS_MAX, stream=True
        )
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert said


def test_the_models_that_were_declared_are_listed(chat: openai.OpenAI) -> None:
    assert {model.id for model in chat.models.list()} >= set(MODELS)


def test_what_a_real_server_refuses_is_told(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        chat.chat.completions.create(
            model=MODELS[0], messages=ASKED, max_tokens=TOKENS_MAX, extra_body={"grammar": "not a grammar ::="}
        )
