"""The stand-ins speak the providers' wire: the providers' own unmodified SDKs work against them."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.standin import chat, messages
from tests.standin.cloud import StandIn
from tests.standin.script import Call, Fault, Script, failing

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK: ChatCompletionToolParam = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class City(BaseModel):
    name: str
    people: int


@pytest.fixture
def chat_client(openai_cloud: StandIn) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=openai_cloud.base_url, api_key=openai_cloud.key, max_retries=0, timeout=5) as client:
        yield client


@pytest.fixture
def messages_client(anthropic_cloud: StandIn) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=anthropic_cloud.base_url, api_key=anthropic_cloud.key, max_retries=0, timeout=5
    ) as client:
        yield client


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_chat_answers_with_text_and_counted_usage(chat_client: openai.OpenAI, openai_cloud: StandIn) -> None:
    answer = chat_client.chat.completions.create(model="gpt-4o", messages=user("four words are here"))
    assert answer.choices[0].message.content == "You said: four words are here"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 6)
    assert openai_cloud.last.outcome == "complete"


def test_chat_streams_word_by_word_with_usage_at_the_end(chat_client: openai.OpenAI) -> None:
    stream = chat_client.chat.completions.create(
        model="gpt-4o", messages=user("hello there"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello there"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 4


def test_chat_calls_several_tools_and_reads_their_results(chat_client: openai.OpenAI) -> None:
    history = user("use all tools")
    asked = chat_client.chat.completions.create(model="gpt-4o", messages=history, tools=[WEATHER, CLOCK])
    calls = asked.choices[0].message.tool_calls
    assert calls is not None
    assert [call.type == "function" and call.function.name for call in calls] == ["weather", "clock"]
    history.append(asked.choices[0].message.to_dict())  # type: ignore[arg-type]  # a message is its own parameter
    history += [{"role": "tool", "tool_call_id": call.id, "content": f"it is {call.id}"} for call in calls]
    answer = chat_client.chat.completions.create(model="gpt-4o", messages=history, tools=[WEATHER, CLOCK])
    assert answer.choices[0].message.content == f"The tool said: it is {calls[0].id} and it is {calls[1].id}"


def test_chat_answers_with_an_instance_of_the_schema(chat_client: openai.OpenAI) -> None:
    answer = chat_client.chat.completions.parse(model="gpt-4o", messages=user("a city"), response_format=City)
    assert answer.choices[0].message.parsed == City(name="word", people=7)


def test_chat_stops_at_a_stop_sequence_and_at_the_token_limit(chat_client: openai.OpenAI) -> None:
    stopped = chat_client.chat.completions.create(model="gpt-4o", messages=user("one STOP two"), stop="STOP")
    assert stopped.choices[0].message.content == "You said: one "
    limited = chat_client.chat.completions.create(model="gpt-4o", messages=user("a b c d"), max_completion_tokens=3)
    assert limited.choices[0].finish_reason == "length"


def test_chat_sees_an_image(chat_client: openai.OpenAI) -> None:
    answer = chat_client.chat.completions.create(
        model="gpt-4o",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            }
        ],
    )
    assert answer.choices[0].message.content == "I see 1 image(s) and 0 document(s)"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 101


def test_chat_caches_the_prefix_of_a_repeated_conversation(chat_client: openai.OpenAI) -> None:
    history: list[ChatCompletionMessageParam] = [{"role": "system", "content": "one two three"}, *user("four")]

    def cached() -> int | None:
        answer = chat_client.chat.completions.create(model="gpt-4o", messages=history, prompt_cache_key="again")
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        return answer.usage.prompt_tokens_details.cached_tokens

    assert [cached(), cached()] == [0, 3]


@pytest.mark.parametrize(
    "bad",
    [
        {"messages": [{"role": "user"}]},
        {"unheard_of": 1},
        {"messages": [{"role": "user", "content": "x", "mood": "good"}]},
        {"stream_options": {"include_usage": True}},
        {"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]},
        {"model": "o3-mini", "max_tokens": 5},
    ],
)
def test_a_chat_request_that_breaks_the_rules_is_refused_and_remembered(
    chat_client: openai.OpenAI, openai_cloud: StandIn, bad: dict[str, Any]
) -> None:
    with pytest.raises(openai.BadRequestError):
        chat_client.chat.completions.create(model="gpt-4o", messages=user("x"), extra_body=bad)
    assert len(openai_cloud.take_violations()) == 1


def test_a_wrong_key_is_refused_by_both(openai_cloud: StandIn, anthropic_cloud: StandIn) -> None:
    with (
        openai.OpenAI(base_url=openai_cloud.base_url, api_key="sk-wrong", max_retries=0) as chat_client,
        pytest.raises(openai.AuthenticationError),
    ):
        chat_client.chat.completions.create(model="gpt-4o", messages=user("x"))
    with (
        anthropic.Anthropic(base_url=anthropic_cloud.base_url, api_key="wrong", max_retries=0) as messages_client,
        pytest.raises(anthropic.AuthenticationError),
    ):
        messages_client.messages.create(
            model="claude-opus-4-5", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    assert openai_cloud.take_violations()
    assert anthropic_cloud.take_violations()


def test_both_list_their_models(chat_client: openai.OpenAI, messages_client: anthropic.Anthropic) -> None:
    assert "gpt-4o" in [model.id for model in chat_client.models.list()]
    assert "claude-opus-4-5" in [model.id for model in messages_client.models.list()]


def test_messages_answer_with_text_and_counted_usage(messages_client: anthropic.Anthropic) -> None:
    answer = messages_client.messages.create(
        model="claude-opus-4-5", max_tokens=64, system="be brief", messages=[{"role": "user", "content": "hello there"}]
    )
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "You said: hello there"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 4)
    assert answer.stop_reason == "end_turn"


def test_messages_stream_thinking_with_a_signature_that_must_come_back(
    messages_client: anthropic.Anthropic, anthropic_cloud: StandIn
) -> None:
    def ask(history: list[anthropic.types.MessageParam]) -> anthropic.types.Message:
        with messages_client.messages.stream(
            model="claude-opus-4-5",
            max_tokens=2000,
            thinking={"type": "enabled", "budget_tokens": 1024},
            messages=history,
        ) as stream:
            return stream.get_final_message()

    history: list[anthropic.types.MessageParam] = [{"role": "user", "content": "think"}]
    first = ask(history)
    assert [block.type for block in first.content] == ["thinking", "text"]
    history += [{"role": "assistant", "content": first.content}, {"role": "user", "content": "again"}]
    assert ask(history).stop_reason == "end_turn"
    thought = first.content[0]
    assert thought.type == "thinking"
    thought.signature = thought.signature[::-1]
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        ask(history)
    assert anthropic_cloud.take_violations()


def test_messages_call_tools_and_read_their_results(messages_client: anthropic.Anthropic) -> None:
    tools: list[anthropic.types.ToolParam] = [
        {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
        {"name": "clock", "input_schema": {"type": "object"}},
    ]
    history: list[anthropic.types.MessageParam] = [{"role": "user", "content": "use all tools"}]
    asked = messages_client.messages.create(model="claude-opus-4-5", max_tokens=64, messages=history, tools=tools)
    calls = [block for block in asked.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("weather", {"city": "word"}), ("clock", {})]
    history.append({"role": "assistant", "content": asked.content})
    history.append(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": calls[0].id, "content": "sunny"},
                {"type": "tool_result", "tool_use_id": calls[1].id, "content": "broken", "is_error": True},
            ],
        }
    )
    answer = messages_client.messages.create(model="claude-opus-4-5", max_tokens=64, messages=history, tools=tools)
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "The tool said: sunny and error broken"


def test_messages_answer_with_an_instance_of_the_schema(messages_client: anthropic.Anthropic) -> None:
    answer = messages_client.messages.parse(
        model="claude-opus-4-5", max_tokens=64, messages=[{"role": "user", "content": "a city"}], output_format=City
    )
    assert answer.parsed_output == City(name="word", people=7)


def test_messages_write_to_the_cache_then_read_from_it(messages_client: anthropic.Anthropic) -> None:
    def ask() -> anthropic.types.Usage:
        return messages_client.messages.create(
            model="claude-opus-4-5",
            max_tokens=64,
            system=[{"type": "text", "text": "five words of long context", "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": "hello there"}],
        ).usage

    first, second = ask(), ask()
    assert (first.input_tokens, first.cache_creation_input_tokens, first.cache_read_input_tokens) == (2, 5, 0)
    assert (second.input_tokens, second.cache_creation_input_tokens, second.cache_read_input_tokens) == (2, 0, 5)


@pytest.mark.parametrize(
    "bad",
    [
        {"unheard_of": 1},
        {"temperature": 1.5},
        {"messages": [{"role": "user", "content": " "}]},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "y"}]}]},
        {"tool_choice": {"type": "any"}},
    ],
)
def test_a_messages_request_that_breaks_the_rules_is_refused_and_remembered(
    messages_client: anthropic.Anthropic, anthropic_cloud: StandIn, bad: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError):
        messages_client.messages.create(
            model="claude-opus-4-5", max_tokens=64, messages=[{"role": "user", "content": "x"}], extra_body=bad
        )
    assert len(anthropic_cloud.take_violations()) == 1


def test_sampling_knobs_are_accepted_in_the_old_version_of_messages_only(
    messages_client: anthropic.Anthropic, anthropic_cloud: StandIn
) -> None:
    def ask(version: str) -> None:
        messages_client.messages.create(
            model="claude-opus-4-5",
            max_tokens=64,
            messages=[{"role": "user", "content": "x"}],
            extra_body={"temperature": 0.5},
            extra_headers={"anthropic-version": version},
        )

    ask("2023-06-01")
    for version in ("2026-10-21", "1999-01-01"):
        with pytest.raises(anthropic.BadRequestError):
            ask(version)
    assert len(anthropic_cloud.take_violations()) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
def test_a_scripted_failure_has_the_providers_shape(
    chat_client: openai.OpenAI,
    messages_client: anthropic.Anthropic,
    openai_cloud: StandIn,
    anthropic_cloud: StandIn,
    status: int,
) -> None:
    with pytest.raises(openai.APIStatusError) as chat_error:
        chat_client.chat.completions.create(model="gpt-4o", messages=user(openai_cloud.script(*failing(status))))
    assert chat_error.value.status_code == status
    marker = anthropic_cloud.script(*failing(status))
    with pytest.raises(anthropic.APIStatusError) as messages_error:
        messages_client.messages.create(
            model="claude-opus-4-5", max_tokens=9, messages=[{"role": "user", "content": marker}]
        )
    assert messages_error.value.status_code == status
    assert messages_error.value.type == messages.ERROR_TYPES.get(status, "api_error")


def test_a_script_runs_out_and_the_request_is_answered(openai_cloud: StandIn) -> None:
    marker = openai_cloud.script(*failing(429, 2, retry_after="0.01"))
    with openai.OpenAI(base_url=openai_cloud.base_url, api_key=openai_cloud.key, max_retries=2) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=user(marker))
    assert answer.choices[0].message.content == f"You said: {marker}"
    assert [exchange.status for exchange in openai_cloud.exchanges] == [429, 429, 200]


@pytest.mark.parametrize("fault", ["cut", "reset", "error_event", "malformed"])
def test_a_stream_breaks_as_scripted(chat_client: openai.OpenAI, openai_cloud: StandIn, fault: Fault) -> None:
    marker = openai_cloud.script(Script(words=20, fault=fault, after=3))
    stream = chat_client.chat.completions.create(model="gpt-4o", messages=user(marker), stream=True)
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the SDK's own affair
        list(stream)
    assert openai_cloud.last.outcome == "faulted"
    assert openai_cloud.last.sent == 3


@pytest.mark.parametrize("script", [Script(fault="hang"), Script(words=9, fault="stall", after=2)])
def test_a_client_that_leaves_is_noticed_at_once(openai_cloud: StandIn, script: Script) -> None:
    marker = openai_cloud.script(script)
    connection = http.client.HTTPConnection("127.0.0.1", int(openai_cloud.base_url.split(":")[2].split("/")[0]))
    body = json.dumps({"model": "gpt-4o", "stream": True, "messages": user(marker)})
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {openai_cloud.key}"})
    assert openai_cloud.wait_for(lambda: openai_cloud.running == 1)
    left_at = time.monotonic()
    connection.close()
    if script.fault == "stall":
        connection.sock = None
    assert openai_cloud.wait_for(lambda: openai_cloud.running == 0)
    assert openai_cloud.last.outcome == "left"
    assert 0 <= openai_cloud.last.left_at - left_at < 0.1


def test_the_sockets_are_counted(chat_client: openai.OpenAI, openai_cloud: StandIn) -> None:
    before = openai_cloud.sockets.open
    chat_client.chat.completions.create(model="gpt-4o", messages=user("x"))
    assert openai_cloud.sockets.open == before + 1
    chat_client.close()
    assert openai_cloud.wait_for(lambda: openai_cloud.sockets.open == before)


def test_a_scripted_call_and_thinking_are_said(messages_client: anthropic.Anthropic, anthropic_cloud: StandIn) -> None:
    marker = anthropic_cloud.script(Script(thinking="deep", redacted=True, calls=(Call("f", {"a": [1, {"b": None}]}),)))
    answer = messages_client.messages.create(
        model="claude-opus-4-5", max_tokens=9, messages=[{"role": "user", "content": marker}]
    )
    assert [block.type for block in answer.content] == ["thinking", "redacted_thinking", "tool_use"]


def test_prompt_tokens_of_a_request_can_be_computed_by_a_test() -> None:
    assert chat.prompt_tokens({"messages": [{"role": "user", "content": "a b c"}], "tools": [WEATHER]}) == 13
    assert messages.prompt_tokens({"system": "a b", "messages": [{"role": "user", "content": "c"}]}) == 3
