"""Tools through both SDKs, to both upstreams: choices, whole loops, streams of arguments, errors, strictness."""

import json
from typing import Any

import anthropic
import openai
import pytest
from anthropic.types import Message, MessageParam, ToolChoiceParam, ToolParam, ToolUseBlock
from openai.types.chat import (
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageParam,
    ChatCompletionToolChoiceOptionParam,
    ChatCompletionToolParam,
)
from pydantic import BaseModel, ConfigDict

from tests.conformance.sdk import CITY_SCHEMA, Site
from tests.standin.script import Call, Script

PLACE: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
FUNCTIONS: list[ChatCompletionToolParam] = [
    {"type": "function", "function": {"name": "weather", "description": "How it is there", "parameters": PLACE}},
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
]
TOOLS: list[ToolParam] = [
    {"name": "weather", "description": "How it is there", "input_schema": PLACE},
    {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
]


class Weather(BaseModel):
    """How it is there."""

    model_config = ConfigDict(extra="forbid")
    city: str


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def functions_of(message: ChatCompletionMessage) -> list[ChatCompletionMessageFunctionToolCall]:
    """The calls of a message, all of functions."""
    calls = message.tool_calls or []
    functions = [call for call in calls if call.type == "function"]
    assert len(functions) == len(calls)
    return functions


def uses_of(message: Message) -> list[ToolUseBlock]:
    """The calls in a message."""
    return [block for block in message.content if block.type == "tool_use"]


def text_of(message: Message) -> str:
    """The text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


OPENAI_CHOICES: dict[str, tuple[ChatCompletionToolChoiceOptionParam, Any, list[str]]] = {
    "auto": ("auto", {"type": "auto"}, []),
    "none": ("none", {"type": "none"}, []),
    "required": ("required", {"type": "any"}, ["weather"]),
    "named": (
        {"type": "function", "function": {"name": "clock"}},
        {"type": "tool", "name": "clock"},
        ["clock"],
    ),
}


@pytest.mark.parametrize("mode", OPENAI_CHOICES)
def test_openai_chooses_tools(openai_sdk: openai.OpenAI, site: Site, mode: str) -> None:
    choice, in_anthropic, called = OPENAI_CHOICES[mode]
    text = "use the tool" if mode == "none" else "hello"
    answer = openai_sdk.chat.completions.create(
        model=site.model, messages=user(text), tools=FUNCTIONS, tool_choice=choice
    )
    assert [call.function.name for call in functions_of(answer.choices[0].message)] == called
    assert answer.choices[0].finish_reason == ("tool_calls" if called else "stop")
    assert (answer.choices[0].message.content is None) == bool(called)
    if site.wire == "anthropic":
        assert site.body["tools"] == TOOLS
        assert site.body["tool_choice"] == in_anthropic
    else:
        assert (site.body["tools"], site.body["tool_choice"]) == (FUNCTIONS, choice)
    assert site.losses == ""
    site.settled()


ANTHROPIC_CHOICES: dict[str, tuple[ToolChoiceParam, Any, list[str]]] = {
    "auto": ({"type": "auto"}, "auto", []),
    "none": ({"type": "none"}, "none", []),
    "any": ({"type": "any"}, "required", ["weather"]),
    "tool": ({"type": "tool", "name": "clock"}, {"type": "function", "function": {"name": "clock"}}, ["clock"]),
}


@pytest.mark.parametrize("mode", ANTHROPIC_CHOICES)
def test_anthropic_chooses_tools(anthropic_sdk: anthropic.Anthropic, site: Site, mode: str) -> None:
    choice, in_openai, called = ANTHROPIC_CHOICES[mode]
    text = "use the tool" if mode == "none" else "hello"
    answer = anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": text}],
        tools=TOOLS,
        tool_choice=choice,
    )
    assert [call.name for call in uses_of(answer)] == called
    assert answer.stop_reason == ("tool_use" if called else "end_turn")
    if site.wire == "openai":
        assert site.body["tools"] == FUNCTIONS
        assert site.body["tool_choice"] == in_openai
    else:
        assert (site.body["tools"], site.body["tool_choice"]) == (TOOLS, choice)
    assert site.settled().losses == ()


@pytest.mark.parametrize("parallel", [True, False])
def test_openai_allows_one_call_or_several(openai_sdk: openai.OpenAI, site: Site, *, parallel: bool) -> None:
    answer = openai_sdk.chat.completions.create(
        model=site.model, messages=user("use all tools"), tools=FUNCTIONS, parallel_tool_calls=parallel
    )
    calls = functions_of(answer.choices[0].message)
    assert [call.function.name for call in calls] == (["weather", "clock"] if parallel else ["weather"])
    assert len({call.id for call in calls}) == len(calls)
    if site.wire == "anthropic":
        assert site.body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": not parallel}
    site.settled()


@pytest.mark.parametrize("parallel", [True, False])
def test_anthropic_allows_one_call_or_several(
    anthropic_sdk: anthropic.Anthropic, site: Site, *, parallel: bool
) -> None:
    answer = anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": "use all tools"}],
        tools=TOOLS,
        tool_choice={"type": "auto", "disable_parallel_tool_use": not parallel},
    )
    assert [call.name for call in uses_of(answer)] == (["weather", "clock"] if parallel else ["weather"])
    if site.wire == "openai":
        assert site.body["parallel_tool_calls"] == parallel
    site.settled()


@pytest.mark.parametrize("stream", [True, False])
def test_a_whole_loop_with_parallel_results_by_openai(openai_sdk: openai.OpenAI, site: Site, *, stream: bool) -> None:
    messages = user("use all tools")

    def ask() -> ChatCompletionMessage:
        if not stream:
            answer = openai_sdk.chat.completions.create(model=site.model, messages=messages, tools=FUNCTIONS)
            return answer.choices[0].message
        with openai_sdk.chat.completions.stream(model=site.model, messages=messages, tools=FUNCTIONS) as accumulated:
            return accumulated.get_final_completion().choices[0].message

    asked = ask()
    calls = functions_of(asked)
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("weather", {"city": "word"}),
        ("clock", {}),
    ]
    site.settled()
    messages.append(_spoken(calls) if stream else asked.to_dict())  # type: ignore[arg-type]  # is its own parameter
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} done"} for call in reversed(calls)
    ]
    answer = ask()
    assert answer.content == "The tool said: clock done and weather done"
    if site.wire == "anthropic":
        turns = site.body["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert [block["id"] for block in turns[1]["content"]] == [call.id for call in calls]
        assert [block["type"] for block in turns[2]["content"]] == ["tool_result", "tool_result"]
    site.settled()


def _spoken(calls: list[ChatCompletionMessageFunctionToolCall]) -> ChatCompletionMessageParam:
    """The turn in which they were made. What the helper accumulated has members that OpenAI does not take back."""
    return {
        "role": "assistant",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ],
    }


@pytest.mark.parametrize("stream", [True, False])
def test_a_whole_loop_with_parallel_results_by_anthropic(
    anthropic_sdk: anthropic.Anthropic, site: Site, *, stream: bool
) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "use all tools"}]

    def ask() -> Message:
        if not stream:
            return anthropic_sdk.messages.create(model=site.model, max_tokens=64, messages=messages, tools=TOOLS)
        with anthropic_sdk.messages.stream(
            model=site.model, max_tokens=64, messages=messages, tools=TOOLS
        ) as accumulated:
            return accumulated.get_final_message()

    asked = ask()
    calls = uses_of(asked)
    assert [(call.name, call.input) for call in calls] == [("weather", {"city": "word"}), ("clock", {})]
    site.settled()
    messages.append({"role": "assistant", "content": asked.content})
    messages.append(
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": calls[0].id, "content": "sunny"},
                {"type": "tool_result", "tool_use_id": calls[1].id, "content": [{"type": "text", "text": "noon"}]},
                {"type": "text", "text": "well"},
            ],
        }
    )
    answer = ask()
    assert text_of(answer).startswith("The tool said: sunny and noon")
    if site.wire == "openai":
        turns = site.body["messages"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "tool", "user"]
        assert [call["id"] for call in turns[1]["tool_calls"]] == [call.id for call in calls]
    assert site.settled().losses == ()


def test_a_tools_error_is_told_or_reported_as_lost(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[
            {"role": "user", "content": "use the tool"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "broken", "is_error": True}],
            },
        ],
        tools=TOOLS,
    )
    if site.wire == "anthropic":
        assert text_of(answer) == "The tool said: error broken"
        assert site.settled().losses == ()
    else:
        assert text_of(answer) == "The tool said: broken"
        (loss,) = site.settled().losses
        assert loss.endswith("is_error")
        assert loss in site.losses


@pytest.mark.parametrize("form", ["string", "parts", "empty"])
def test_a_tools_result_in_each_form_of_openai(openai_sdk: openai.OpenAI, site: Site, form: str) -> None:
    content: Any = {"string": "noon", "parts": [{"type": "text", "text": "noon"}], "empty": ""}[form]
    call: Any = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": ""}}
    if site.wire == "openai":
        call["function"]["arguments"] = "{}"  # the verbatim lane carries what OpenAI itself would refuse
    answer = openai_sdk.chat.completions.create(
        model=site.model,
        messages=[
            *user("use the tool"),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": content},
        ],
        tools=FUNCTIONS,
    )
    assert answer.choices[0].message.content == f"The tool said: {'' if form == 'empty' else 'noon'}"
    if site.wire == "anthropic":
        assert site.body["messages"][1]["content"][0]["input"] == {}
    site.settled()


def test_arguments_come_in_pieces_to_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    arguments = {"city": "Paris in spring", "days": [1, 2], "deep": {"er": None}}
    marker = site.cloud.script(Script(calls=(Call("weather", arguments), Call("clock", {}))))  # type: ignore[arg-type]
    pieces: dict[int, list[str]] = {}
    heads: dict[int, tuple[str | None, str | None]] = {}
    ends = []
    for chunk in openai_sdk.chat.completions.create(
        model=site.model, messages=user(marker), tools=FUNCTIONS, stream=True
    ):
        ends.append(chunk.choices[0].finish_reason)
        for call in chunk.choices[0].delta.tool_calls or ():
            assert call.function is not None
            if call.id:
                heads[call.index] = (call.type, call.function.name)
            pieces.setdefault(call.index, []).append(call.function.arguments or "")
    assert heads == {0: ("function", "weather"), 1: ("function", "clock")}
    assert json.loads("".join(pieces[0])) == arguments
    assert json.loads("".join(pieces[1]) or "{}") == {}
    assert len(pieces[0]) > 4
    assert ends[-1] == "tool_calls"
    site.settled()


def test_arguments_come_in_pieces_to_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    arguments = {"city": "Paris in spring", "days": [1, 2], "deep": {"er": None}}
    marker = site.cloud.script(
        Script(text="let me see", calls=(Call("weather", arguments), Call("clock", {})))  # type: ignore[arg-type]
    )
    with anthropic_sdk.messages.stream(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": marker}], tools=TOOLS
    ) as stream:
        events = list(stream)
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["text", "tool_use", "tool_use"]
    assert [call.input for call in uses_of(final)] == [arguments, {}]
    assert final.stop_reason == "tool_use"
    assert [event.snapshot for event in events if event.type == "input_json"][-1] in (arguments, {})
    assert len([event for event in events if event.type == "input_json"]) > 4
    starts = [event.content_block for event in events if event.type == "content_block_start"]
    assert [block.input for block in starts if block.type == "tool_use"] == [{}, {}]
    site.settled()


def test_the_stream_helper_parses_arguments_for_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    with openai_sdk.chat.completions.stream(
        model=site.model,
        messages=user("use the tool"),
        tools=[openai.pydantic_function_tool(Weather, name="weather")],
    ) as stream:
        events = list(stream)
        message = stream.get_final_completion().choices[0].message
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [(event.name, event.parsed_arguments) for event in done] == [("weather", Weather(city="word"))]
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.parsed_arguments == Weather(city="word")
    site.settled()


def test_strict_tools_of_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.parse(
        model=site.model, messages=user("use the tool"), tools=[openai.pydantic_function_tool(Weather)]
    )
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.parsed_arguments == Weather(city="word")
    if site.wire == "anthropic":
        assert site.body["tools"][0]["strict"] is True
        assert site.body["tools"][0]["input_schema"]["additionalProperties"] is False
    else:
        assert site.body["tools"][0]["function"]["strict"] is True
    site.settled()


@pytest.mark.parametrize("keeps_rules", [True, False])
def test_strict_tools_of_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site, *, keeps_rules: bool) -> None:
    schema = CITY_SCHEMA if keeps_rules else PLACE
    anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": "use the tool"}],
        tools=[{"name": "city", "input_schema": schema, "strict": True}],
    )
    entry = site.settled()
    if site.wire == "anthropic":
        assert site.body["tools"][0]["strict"] is True
    elif keeps_rules:
        assert site.body["tools"][0]["function"]["strict"] is True
        assert entry.losses == ()
    else:
        assert "strict" not in site.body["tools"][0]["function"]
        assert entry.losses == ("tools[0].strict",)


def test_a_call_keeps_its_name_and_id_from_one_provider_to_the_other(
    openai_sdk: openai.OpenAI, anthropic_site: Site
) -> None:
    """A conversation that began elsewhere, with an id in letters that Anthropic does not take."""
    call: Any = {"id": "functions.clock:0", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    openai_sdk.chat.completions.create(
        model=anthropic_site.model,
        messages=[
            *user("use the tool"),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "noon"},
        ],
        tools=FUNCTIONS,
    )
    use, result = anthropic_site.body["messages"][1]["content"][0], anthropic_site.body["messages"][2]["content"][0]
    assert use["id"] == result["tool_use_id"]
    assert "." not in use["id"]
    anthropic_site.settled()


def test_a_tool_that_only_the_other_provider_runs_is_refused(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        anthropic_sdk.messages.create(
            model=openai_site.model,
            max_tokens=64,
            messages=[{"role": "user", "content": "search"}],
            tools=[{"type": "web_search_20250305", "name": "web_search"}],
        )
    assert "tools[0]" in refused.value.message
    assert openai_site.cloud.exchanges == []
    assert openai_site.entry().code == "not_translatable"


def test_deprecated_functions_still_work(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    answer = openai_sdk.chat.completions.create(
        model=anthropic_site.model,
        messages=user("use the tool"),
        functions=[{"name": "weather", "parameters": PLACE}],
    )
    call = answer.choices[0].message.function_call
    assert call is not None
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "word"})
    assert answer.choices[0].finish_reason == "function_call"
    anthropic_site.settled()


@anthropic.beta_tool
def weather(city: str) -> str:
    """How it is there.

    Args:
        city: where.
    """
    return f"sunny in {city}"


@pytest.mark.parametrize("stream", [True, False])
def test_anthropics_tool_runner_runs_its_own_loop(
    anthropic_sdk: anthropic.Anthropic, site: Site, *, stream: bool
) -> None:
    runner = anthropic_sdk.beta.messages.tool_runner(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": "use the tool"}],
        tools=[weather],
        stream=stream,
        thread=False,
    )
    final = runner.until_done()
    assert [block.text for block in final.content if block.type == "text"] == ["The tool said: sunny in word"]
    assert len(site.cloud.exchanges) == 2
    site.settled()


def test_a_conversation_that_the_provider_holds_is_sent_whole_to_another(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    """The tool runner's default: threads, of which later requests are only the end. The SDK does without when told."""
    runner = anthropic_sdk.beta.messages.tool_runner(
        model=openai_site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": "use the tool"}],
        tools=[weather],
    )
    final = runner.until_done()
    assert [block.text for block in final.content if block.type == "text"] == ["The tool said: sunny in word"]
    assert [len(exchange.body["messages"]) for exchange in openai_site.cloud.exchanges] == [1, 3]
    openai_site.settled()


def test_a_thread_is_refused_by_name_where_nobody_holds_it(
    anthropic_sdk: anthropic.Anthropic, openai_site: Site
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="thread") as refused:
        anthropic_sdk.beta.messages.create(
            model=openai_site.model,
            max_tokens=64,
            messages=[{"role": "user", "content": "and then"}],
            thread={"type": "continue", "previous_message_id": "msg_1"},
        )
    assert refused.value.error_code == "thread_unsupported_request"
    assert openai_site.cloud.exchanges == []
    assert openai_site.entry().outcome == "refused"
