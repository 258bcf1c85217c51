"""Requests: what a client's body means, and what an upstream is sent. The cases are built, not recorded."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Base64Source,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    PlainSource,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UrlSource,
)
from keywright.core.request import (
    JsonObjectFormat,
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
)
from keywright.dialects import anthropic, openai_chat, openai_responses
from tests.dialects.openai_responses.official import complaint_about_request

Body = dict[str, Any]  # the JSON boundary
ABLE = Abilities(reasoning="effort")
NAME = "openai_responses"
USER = Turn("user", (Text("hi"),))


def decoded(**fields: Any) -> Request:
    return openai_responses.decode_request(json.dumps({"model": "m", "input": "hi", **fields}).encode())


def items(*values: Body, **fields: Any) -> tuple[Turn, ...]:
    return decoded(input=list(values), **fields).turns


def encoded(request: Request, able: Abilities = ABLE) -> tuple[Body, tuple[Loss, ...]]:
    found = openai_responses.encode_request(request, "m", able)
    body: Body = json.loads(found.body)
    assert complaint_about_request(body) is None
    return body, found.losses


def sent(*turns: Turn, able: Abilities = ABLE) -> tuple[list[Body], list[str]]:
    """The items for `turns` of another dialect's client, and the paths of what was lost."""
    body, losses = encoded(Request("m", turns), able)
    return body["input"], [loss.path for loss in losses]


def again(body: Body) -> Body:
    """A body of this dialect, decoded and encoded."""
    return encoded(openai_responses.decode_request(json.dumps(body).encode()))[0]


def test_a_string_is_one_users_message_and_instructions_come_first() -> None:
    request = decoded(instructions="be brief")
    assert [turn.role for turn in request.turns] == ["system", "user"]
    assert request.turns[0].parts == (Text("be brief"),)
    body, _ = encoded(request)
    assert body["instructions"] == "be brief"
    assert [turn.role for turn in decoded(instructions="").turns] == ["user"]
    assert body["input"] == [{"type": "message", "role": "user", "content": "hi"}]


def test_messages_need_no_type_and_what_a_model_made_is_one_turn() -> None:
    turns = items(
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"role": "assistant", "content": "b"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "developer", "content": "d"},
    )
    assert [turn.role for turn in turns] == ["user", "assistant", "tool", "developer"]
    assert [type(part) for part in turns[1].parts] == [RedactedThinking, Text, ToolCall, ToolCall]
    results = [part for part in turns[2].parts if isinstance(part, ToolResult)]
    assert [(part.call_id, part.parts) for part in results] == [("c1", (Text("1"),)), ("c2", (Text("2"),))]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [], "phase": "x"},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "free"},
        {"type": "function_call_output", "call_id": "c", "output": "x", "status": "completed", "id": "fco_1"},
        {"type": "custom_tool_call_output", "call_id": "unknown", "output": "x"},
        {"type": "function_call_output", "call_id": "c", "output": "x", "name": "f"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}] * 2},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "a"}],
            "encrypted_content": "gAAA",
        },
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "u"}},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "novel_item", "anything": [1]},
    ],
    ids=lambda item: item["type"],
)
def test_an_item_of_this_dialect_goes_back_as_it_came(item: Body) -> None:
    body = {"model": "m", "input": [item]}
    if item.get("content") == []:
        item = item | {"content": [{"type": "output_text", "text": "a", "annotations": []}]}
        body = {"model": "m", "input": [item | {"phase": "final_answer"}]}
    found = openai_responses.encode_request(openai_responses.decode_request(json.dumps(body).encode()), "m", ABLE)
    assert not found.losses
    assert json.loads(found.body)["input"] == body["input"]


def test_the_parts_of_a_message_stay_in_it_and_messages_stay_apart() -> None:
    first = {"type": "output_text", "text": "a", "annotations": []}
    refusal = {"type": "refusal", "refusal": "no"}
    messages: list[Body] = [
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [first, refusal]},
        {"type": "message", "id": "msg_2", "status": "incomplete", "role": "assistant", "content": [first]},
    ]
    turns = items(*messages)
    assert [type(part) for part in turns[0].parts] == [Text, Refusal, Text]
    assert again({"model": "m", "input": messages})["input"] == messages


def test_content_of_every_kind_is_read_and_written() -> None:
    data = "data:image/png;base64,AAAA"
    content = [
        {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": data, "detail": "low"},
        {"type": "input_image", "file_id": "file_1", "detail": "auto"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_id": "file_2"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    ]
    (turn,) = items({"role": "user", "content": content})
    assert [part for part in turn.parts[1:] if isinstance(part, Image | Document)] == [
        Image(Base64Source("image/png", "AAAA"), "low"),
        Image(FileSource("file_1", "openai_chat")),
        Document(UrlSource("https://example.com/a.pdf")),
        Document(FileSource("file_2", "openai_chat")),
        Document(Base64Source("application/pdf", "AAAA"), "a.pdf"),
    ]
    body, losses = encoded(decoded(input=[{"role": "user", "content": content}]))
    assert not losses
    assert body["input"][0]["content"] == content


def test_a_breakpoint_of_the_cache_is_a_mark_that_other_dialects_can_set() -> None:
    content = [{"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}]
    request = decoded(input=[{"role": "user", "content": content}])
    (part,) = request.turns[0].parts
    assert isinstance(part, Text)
    assert part.cache == CacheMark("1h")
    found = anthropic.encode_request(request, "m", ABLE)
    assert not found.losses
    (block,) = json.loads(found.body)["messages"][0]["content"]
    assert block["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    body, losses = encoded(request)
    assert not losses
    assert body["input"][0]["content"] == content


def test_a_server_that_wants_the_cache_marked_is_told_where() -> None:
    marked = Text("a", cache=CacheMark())
    turns = (
        Turn("system", (marked,)),
        Turn("user", (Image(UrlSource("u"), cache=CacheMark()), Text("b"))),
        Turn("assistant", (ToolCall("c", "f", "{}"), Text("d", cache=CacheMark()))),
        Turn("tool", (ToolResult("c", (marked,)),)),
    )
    explicit = {"mode": "explicit"}
    (system, user, _, _, result), lost = sent(*turns, able=Abilities(cache_marks=True))
    assert system["content"] == [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": explicit}]
    assert [part.get("prompt_cache_breakpoint") for part in user["content"]] == [explicit, None]
    assert result["output"] == system["content"]
    assert lost == ["turns[2].parts[1].cache"]
    (system, *_), lost = sent(*turns)
    assert system["content"] == "a"
    assert len(lost) == 4


def test_a_content_part_that_is_not_modelled_goes_through_and_to_no_other_dialect() -> None:
    novel: JsonObject = {"type": "input_video", "video_url": "u"}
    request = decoded(input=[{"role": "user", "content": [novel, {"type": "input_text", "text": "a"}]}])
    assert request.turns[0].parts[0] == Opaque(NAME, "input_video", novel)
    found = openai_responses.encode_request(request, "m", ABLE)
    assert json.loads(found.body)["input"][0]["content"][0] == novel
    (loss,) = openai_chat.encode_request(request, "m", ABLE).losses
    assert (loss.path, loss.weight) == ("turns[0].parts[0]", "meaning")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": None}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"instructions": ["x"]}, "instructions"),
        ({"model": None}, "model"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"text": {"format": 5}}, "text.format"),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: Body, param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        decoded(**fields)
    failure = caught.value.failure
    assert (failure.status, failure.code, failure.param) == (400, "invalid_request", param)


def test_tools_are_read_and_written() -> None:
    schema: JsonObject = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    tools: list[Body] = [
        {"type": "function", "name": "f", "description": "d", "parameters": schema, "strict": True},
        {"type": "function", "name": "g", "parameters": schema, "strict": None, "defer_loading": True},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "web_search", "search_context_size": "low"},
    ]
    request = decoded(tools=tools)
    plain, left_open, free, served = request.tools
    assert plain == Tool("f", "d", schema, True)
    assert isinstance(left_open, Tool)
    assert left_open.strict is None
    assert isinstance(free, ServerTool)
    assert (free.origin, free.body["custom"]) == (
        "openai_chat",
        {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}},
    )
    assert served == ServerTool(NAME, "web_search", tools[3])
    assert encoded(request)[0]["tools"] == tools
    chat = json.loads(openai_chat.encode_request(decoded(tools=tools[2:3]), "m", ABLE).body)
    assert again_chat(chat)["tools"] == tools[2:3]


def again_chat(body: Body) -> Body:
    return encoded(openai_chat.decode_request(json.dumps(body).encode()))[0]


def test_a_tool_of_another_dialect_is_not_strict_unless_it_says_so() -> None:
    loose: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}
    body, losses = encoded(Request("m", (USER,), (Tool("f", parameters=loose), Tool("g", None, loose, True))))
    assert [tool["strict"] for tool in body["tools"]] == [False, False]
    assert [loss.path for loss in losses] == ["tools[1].strict"]


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("named", ("f",))),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("allowed", ("f",), True),
        ),
    ],
)
def test_a_choice_of_tools_is_read_and_written(said: Any, choice: ToolChoice) -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}, "strict": False}]
    request = decoded(tools=tools, tool_choice=said, parallel_tool_calls=False)
    assert request.tool_choice is not None
    assert request.tool_choice.parallel is False
    assert (request.tool_choice.mode, request.tool_choice.names) == (choice.mode, choice.names)
    assert encoded(request)[0]["tool_choice"] == said


def test_a_choice_of_a_tool_that_the_provider_runs_is_for_this_dialect_only() -> None:
    request = decoded(tools=[{"type": "file_search", "vector_store_ids": []}], tool_choice={"type": "file_search"})
    assert encoded(request)[0]["tool_choice"] == {"type": "file_search"}
    losses = openai_chat.encode_request(request, "m", ABLE).losses
    assert {loss.path for loss in losses if loss.weight == "meaning"} == {"tool_choice", "tools[0]"}


@pytest.mark.parametrize(
    "field",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"prompt": {"id": "pmpt_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"text": {"format": {"type": "novel"}}},
    ],
    ids=str,
)
def test_what_only_the_state_of_this_api_can_give_is_refused_elsewhere(field: Body) -> None:
    request = decoded(**field)
    for dialect in (openai_chat, anthropic):
        losses = dialect.encode_request(request, "m", ABLE).losses
        assert [loss.weight for loss in losses] == ["meaning"]
    kept = json.loads(openai_responses.encode_request(request, "m", ABLE).body)
    assert all(kept[name] == value for name, value in field.items())


def test_what_any_provider_does_is_no_loss_elsewhere_and_what_none_does_is_a_knob() -> None:
    idle = decoded(store=False, background=False, truncation="disabled", include=["reasoning.encrypted_content"])
    assert not openai_chat.encode_request(idle, "m", ABLE).losses
    stored = decoded(store=True, truncation="auto", prompt_cache_key="k", max_tool_calls=3)
    losses = openai_chat.encode_request(stored, "m", ABLE).losses
    assert {loss.path for loss in losses} == {"store", "truncation", "prompt_cache_key", "max_tool_calls"}
    assert {loss.weight for loss in losses} == {"knob"}


def test_a_client_of_another_dialect_has_nothing_stored_and_its_reasoning_encrypted() -> None:
    body, _ = encoded(Request("m", (USER,)))
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
    body, _ = encoded(Request("m", (USER,)), Abilities())
    assert body["store"] is False
    assert "include" not in body
    body, _ = encoded(decoded())
    assert "store" not in body
    assert "include" not in body


def test_knobs_are_read_and_written() -> None:
    said = {
        "max_output_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_logprobs": 2,
        "include": ["web_search_call.action.sources", "reasoning.encrypted_content", "message.output_text.logprobs"],
        "reasoning": {"effort": "high", "summary": "detailed"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "user": "u",
        "service_tier": "flex",
        "metadata": {"a": "b"},
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "safety_identifier": "s",
    }
    request = decoded(**said)
    assert request.output_tokens_max == 100
    assert request.sampling == Sampling(0.5, 0.9, logprobs=True, top_logprobs=2)
    assert request.reasoning == Reasoning(effort="high", display="summarized")
    assert request.format == JsonObjectFormat()
    assert (request.user, request.service_tier, request.metadata, request.stream) == ("u", "flex", {"a": "b"}, True)
    body, losses = encoded(request)
    assert not losses
    assert {name: body[name] for name in said} == said


def test_a_schema_is_flat_here() -> None:
    schema: JsonObject = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True, "description": "d"}
    request = decoded(text={"format": form})
    assert request.format == JsonSchemaFormat(schema, "n", "d", True)
    assert encoded(request)[0]["text"] == {"format": form}
    body, losses = encoded(Request("m", (USER,), format=JsonSchemaFormat({"type": "object"}, strict=True)))
    assert body["text"]["format"] == {"type": "json_schema", "name": "response", "schema": {"type": "object"}}
    assert [loss.path for loss in losses] == ["format.strict"]


@pytest.mark.parametrize(
    ("reasoning", "said", "lost"),
    [
        (Reasoning(mode="off"), {"effort": "none"}, []),
        (
            Reasoning(mode="on", budget_tokens=5000),
            {"effort": "medium", "summary": "auto"},
            ["reasoning.budget_tokens"],
        ),
        (Reasoning(effort="low"), {"effort": "low"}, []),
        (Reasoning(mode="adaptive", display="omitted"), None, []),
        (Reasoning(effort="low", display="summarized"), {"effort": "low", "summary": "auto"}, []),
    ],
    ids=str,
)
def test_how_much_to_think_is_an_effort(reasoning: Reasoning, said: Body | None, lost: list[str]) -> None:
    body, losses = encoded(Request("m", (USER,), reasoning=reasoning))
    assert body.get("reasoning") == said
    assert [loss.path for loss in losses] == lost
    _, losses = encoded(Request("m", (USER,), reasoning=reasoning), Abilities())
    assert [loss.path for loss in losses] == ["reasoning"]


def test_knobs_that_are_not_there_are_reported_and_several_answers_refused() -> None:
    request = Request(
        "m",
        (USER,),
        output_tokens_max=5,
        stop=("x",),
        sampling=Sampling(top_k=1, seed=1, frequency_penalty=1, presence_penalty=1, logit_bias={"1": 1}),
        choices=2,
        service_tier="novel",
        metadata={"a": 1},
        cache=CacheMark(),
        tool_choice=ToolChoice("required"),
    )
    body, losses = encoded(request)
    assert body["max_output_tokens"] == 16
    assert {loss.path for loss in losses if loss.weight == "meaning"} == {"choices"}
    assert {loss.path for loss in losses if loss.weight == "knob"} == {
        "output_tokens_max",
        "stop",
        "top_k",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "service_tier",
        "metadata.a",
        "cache",
        "tool_choice",
    }


def test_a_model_that_cannot_is_not_asked() -> None:
    turns = (Turn("user", (Image(UrlSource("u")), Document(UrlSource("u")))),)
    request = Request("m", turns, (Tool("f"),), sampling=Sampling(1.0), format=JsonSchemaFormat({}))
    unable = Abilities(images=False, documents=False, tools=False, sampling=False, json_schema=False)
    losses = openai_responses.encode_request(request, "m", unable).losses
    assert {loss.path for loss in losses if loss.weight == "meaning"} == {
        "turns[0].parts[0]",
        "turns[0].parts[1]",
        "tools",
        "format",
    }
    assert {loss.path for loss in losses if loss.weight == "knob"} == {"temperature"}


def test_a_tools_files_go_with_its_result() -> None:
    picture = Image(Base64Source("image/png", "AAAA"))
    result = ToolResult("c", (Text("see"), picture), is_error=True)
    call = Turn("assistant", (ToolCall("c", "f", ""),))
    (_, given, answer), lost = sent(USER, call, Turn("tool", (result,)))
    assert given["arguments"] == "{}"
    assert [part["type"] for part in answer["output"]] == ["input_text", "input_image"]
    assert lost == ["turns[2].parts[0].is_error"]


def test_documents_of_text_are_sent_as_text() -> None:
    (message,), lost = sent(Turn("user", (Document(PlainSource("body"), "title", "context", True),)))
    assert message["content"] == [{"type": "input_text", "text": "body"}]
    assert sorted(lost) == [f"turns[0].parts[0].{field}" for field in ("citations", "context", "title")]


def test_what_another_provider_made_is_refused_or_reported() -> None:
    parts = (
        Thinking("t", "s", "anthropic"),
        RedactedThinking("d", "anthropic"),
        Text("a", (Citation("anthropic", {}, "u"),), CacheMark()),
        Refusal("no"),
        ServerToolCall("anthropic", "i", "web_search", "{}", {}),
    )
    body = openai_responses.encode_request(Request("m", (USER, Turn("assistant", parts, "n"))), "m", ABLE)
    assert {loss.path: loss.weight for loss in body.losses} == {
        "turns[1].name": "knob",
        "turns[1].parts[0]": "knob",
        "turns[1].parts[1]": "knob",
        "turns[1].parts[2].cache": "knob",
        "turns[1].parts[2].citations": "knob",
        "turns[1].parts[3]": "knob",
        "turns[1].parts[4]": "meaning",
    }
    said = [item["content"] for item in json.loads(body.body)["input"]]
    assert said == ["hi", "a", "no"]


def test_sound_is_refused() -> None:
    sound = Audio(Base64Source("audio/wav", "AA=="), "wav")
    (loss,) = openai_responses.encode_request(Request("m", (Turn("user", (sound,)),)), "m", ABLE).losses
    assert (loss.path, loss.weight) == ("turns[0].parts[0]", "meaning")


def test_a_thought_that_is_only_an_id_is_sent_to_whom_it_was_stored_with() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}]}
    request = decoded(input=[thought, {"role": "user", "content": "x"}])
    assert encoded(request)[0]["input"][0] == thought
    (turn, user) = request.turns
    (message,), lost = sent(Turn("assistant", turn.parts), user)
    assert message["role"] == "user"
    assert lost == ["turns[0].parts[0]"]


def test_a_system_turn_is_in_the_role_that_the_model_knows() -> None:
    turns = (Turn("system", (Text("a"),)), Turn("developer", (Text("b"),)), USER)
    assert [item["role"] for item in sent(*turns)[0]] == ["system", "developer", "user"]
    able = Abilities(system_role="developer")
    assert [item["role"] for item in sent(*turns, able=able)[0]] == ["developer", "developer", "user"]


def test_ids_that_were_made_here_are_not_sent_to_a_provider() -> None:
    message = {"type": "message", "id": "msg_kw_0_x", "status": "completed", "role": "assistant"}
    content = [{"type": "output_text", "text": "a", "annotations": []}]
    call = {"type": "function_call", "id": "fc_kw_1_x", "call_id": "c", "name": "f", "arguments": "{}"}
    body, _ = encoded(decoded(input=[{**message, "content": content}, call]))
    assert body["input"] == [
        {"type": "message", "role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]


def test_a_call_of_another_provider_has_an_id_that_openai_takes() -> None:
    long = "x" * 65
    turns = (USER, Turn("assistant", (ToolCall(long, "f", "{}"),)), Turn("tool", (ToolResult(long, (Text("1"),)),)))
    (_, call, result), lost = sent(*turns)
    assert not lost
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64
    assert sent(USER, Turn("assistant", (ToolCall("x" * 64, "f", "{}"),)))[0][1]["call_id"] == "x" * 64


def test_an_answer_that_was_begun_is_not_gone_on_with() -> None:
    _, lost = sent(USER, Turn("assistant", (Text("Once upon"),)))
    assert lost == ["turns[1]"]


def test_a_stored_conversation_may_stand_for_the_input() -> None:
    body = {"model": "m", "previous_response_id": "resp_1"}
    request = openai_responses.decode_request(json.dumps(body).encode())
    assert request.turns == ()
    assert again(body) == body


def test_what_chat_completions_say_in_the_same_words_passes() -> None:
    said = {"prompt_cache_key": "k", "safety_identifier": "s", "verbosity": "low"}
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], **said}
    body, losses = encoded(openai_chat.decode_request(json.dumps(asked).encode()))
    assert not losses
    assert (body["prompt_cache_key"], body["safety_identifier"]) == ("k", "s")
    assert body["text"] == {"verbosity": "low"}
