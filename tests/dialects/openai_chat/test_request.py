"""Requests: what each field becomes, and what cannot be said."""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError
from keywright.core.json import Extras
from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    Base64Source,
    BlocksSource,
    CacheMark,
    Citation,
    Document,
    FileSource,
    Image,
    Opaque,
    Part,
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
    JsonSchemaFormat,
    Reasoning,
    Request,
    Sampling,
    ServerTool,
    Tool,
    ToolChoice,
)
from keywright.dialects import openai_chat

USER = Turn("user", (Text("hi"),))
ABLE = Abilities(audio=True, reasoning="effort")
LOOSE: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}


def encoded(request: Request, abilities: Abilities = ABLE) -> tuple[dict[str, Any], list[Loss]]:
    result = openai_chat.encode_request(request, "real", abilities)
    return json.loads(result.body), list(result.losses)


def said(*parts: Part, role: Any = "user") -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    body, losses = encoded(Request("m", (USER, Turn(role, parts))))
    return body["messages"][1:], [(loss.path, loss.weight) for loss in losses]


def decoded(**fields: Any) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return openai_chat.decode_request(json.dumps(body).encode())


def again(**fields: Any) -> dict[str, Any]:
    """What a server of this dialect gets of a client's fields."""
    result = openai_chat.encode_request(decoded(**fields), "m", ABLE)
    assert not result.losses
    return {name: value for name, value in json.loads(result.body).items() if name not in ("model", "messages")}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"[]", "invalid_json", None),
        (b'{"model":"a","model":"b"}', "invalid_json", None),
        (b'{"model":"a","messages":[{"role":"user","content":"\xff"}]}', "invalid_json", None),
        (b'{"messages":[]}', "invalid_request", "model"),
        (b'{"model":"m"}', "invalid_request", "messages"),
        (b'{"model":"m","messages":[3]}', "invalid_request", "messages[0]"),
        (b'{"model":"m","messages":[{"role":"bot"}]}', "invalid_request", "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"user","content":3}]}', "invalid_request", "messages[0].content"),
        (
            b'{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}',
            "invalid_request",
            "messages[0].content[0].text",
        ),
        (
            b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":"hot"}',
            "invalid_request",
            "temperature",
        ),
        (b'{"model":"m","messages":[{"role":"user"}],"tools":[{}]}', "invalid_request", "tools[0].function"),
        (b'{"model":"m","messages":[{"role":"user"}],"tool_choice":{}}', "invalid_request", "tool_choice"),
        (b'{"model":"m","messages":[{"role":"user"}],"max_tokens":true}', "invalid_request", "max_tokens"),
        (b'{"model":"m","messages":[{"role":"user"}],"max_tokens":-1}', "invalid_request", "max_tokens"),
        (b'{"model":"m","messages":[{"role":"user"}],"n":0}', "invalid_request", "n"),
    ],
)
def test_a_malformed_request_is_refused_naming_the_field(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        openai_chat.decode_request(body)
    failure = caught.value.failure
    assert (failure.status, failure.code, failure.param) == (400, code, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt_cache_key": "k", "safety_identifier": "s", "verbosity": "low", "store": True},
        {"top_k": 40, "min_p": 0.1},
        {"reasoning": {"max_tokens": 2000, "exclude": True}},
        {"reasoning_effort": "default"},
        {"service_tier": "on_demand"},
        {"cache_control": {"type": "ephemeral"}},
        {"response_format": {"type": "grammar", "grammar": "x"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "x": 1}}},
        {"stream": True, "stream_options": {"include_obfuscation": False, "include_usage": True}},
        {
            "tools": [{"type": "custom", "custom": {"name": "sql"}}],
            "tool_choice": {"type": "custom", "custom": {"name": "sql"}},
        },
        {"tools": [{"type": "function", "function": {"name": "f", "x": 1}, "cache_control": {"type": "ephemeral"}}]},
        {
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            "parallel_tool_calls": False,
        },
        {"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}},
        {"functions": [{"name": "f"}], "function_call": "auto"},
        {"n": 3, "logprobs": True, "top_logprobs": 2, "logit_bias": {"50": -100}, "seed": 7, "metadata": {"a": "b"}},
    ],
)
def test_what_one_client_of_this_dialect_says_its_servers_hear(fields: dict[str, Any]) -> None:
    assert again(**fields) == fields


def test_a_choice_in_hugging_faces_words_is_said_in_openais() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert again(tools=tools, tool_choice={"function": {"name": "f"}})["tool_choice"] == {
        "type": "function",
        "function": {"name": "f"},
    }


def test_vendors_reasoning_is_understood_and_echoed() -> None:
    assert decoded(reasoning={"effort": "high", "enabled": True}).reasoning == Reasoning("on", "high")
    assert decoded(reasoning={"enabled": False}).reasoning == Reasoning("off")
    assert decoded(reasoning={"max_tokens": 9, "exclude": True}).reasoning == Reasoning(
        budget_tokens=9, display="omitted"
    )


def test_cache_marks_are_understood_on_parts_messages_and_tools() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    request = openai_chat.decode_request(
        json.dumps(
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "s", "cache_control": mark},
                    {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": mark}]},
                ],
                "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": mark}],
            }
        ).encode()
    )
    for node in (request.turns[0].parts[0], request.turns[1].parts[0], request.tools[0]):
        assert getattr(node, "cache") == CacheMark("1h")  # noqa: B009
    body, losses = encoded(request)
    assert not losses
    assert [message.get("cache_control") for message in body["messages"]] == [mark, None]
    assert body["messages"][1]["content"][0]["cache_control"] == mark


def test_a_cache_mark_of_another_dialect_is_reported_once() -> None:
    marked = Text("x", cache=CacheMark())
    body, losses = encoded(Request("m", (Turn("user", (marked, marked)),), tools=(Tool("f", cache=CacheMark()),)))
    assert [loss.path for loss in losses] == ["cache"]
    assert b"cache" not in json.dumps(body).encode()


def test_a_cache_mark_is_sent_where_the_model_wants_it() -> None:
    mark, hour = CacheMark(), CacheMark("1h")
    document = Document(PlainSource("doc"), cache=mark)
    request = Request(
        "m",
        (
            Turn("system", (Text("s", cache=hour),)),
            Turn("user", (document, Image(UrlSource("https://x.example/a.png"), cache=mark), Text("x"))),
            Turn("assistant", (ToolCall("a", "f", "{}"),)),
            Turn("tool", (ToolResult("a", (Text("1"), Text("2")), cache=mark), ToolResult("b", (), cache=mark))),
        ),
        tools=(Tool("f", cache=mark), Tool("g")),
        cache=mark,
    )
    body, losses = encoded(request, Abilities(cache_marks=True))
    said = {"cache_control": {"type": "ephemeral"}}
    system, user, _, *results = body["messages"]
    assert system["content"] == [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    assert [part.get("cache_control") for part in user["content"]] == [*said.values(), *said.values(), None]
    assert [result["content"] for result in results] == [
        [{"type": "text", "text": "1"}, {"type": "text", "text": "2", **said}],
        [{"type": "text", "text": "", **said}],
    ]
    assert [tool.get("cache_control") for tool in body["tools"]] == [said["cache_control"], None]
    assert body["cache_control"] == said["cache_control"]
    assert not losses


def test_a_cache_mark_on_a_call_is_lost_everywhere() -> None:
    request = Request("m", (Turn("assistant", (ToolCall("a", "f", "{}", cache=CacheMark()),)), USER))
    assert [loss.path for loss in encoded(request, Abilities(cache_marks=True))[1]] == ["cache"]


DETAILS = [
    {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "f", "index": 0},
    {"type": "reasoning.summary", "summary": "so", "index": 1},
    {"type": "reasoning.encrypted", "data": "AAAA", "id": "r1", "format": "f", "index": 2},
    {"type": "reasoning.unheard_of", "x": 1},
]


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_details": DETAILS},
        {"reasoning_details": DETAILS, "reasoning": "hmso"},
        {"reasoning_details": DETAILS, "reasoning_content": "hmso"},
        {"reasoning_details": DETAILS[2:], "reasoning": "hm"},
        {"reasoning_details": DETAILS[2:]},
    ],
)
def test_reasoning_is_replayed_as_it_came(message: dict[str, Any]) -> None:
    turn = {"role": "assistant", "content": "yes", **message}
    body, losses = encoded(decoded(messages=[turn]))
    assert not losses
    assert body["messages"] == [turn]


def test_thinking_of_another_dialect_is_dropped_with_its_turn() -> None:
    thoughts = (Thinking("hm", "sig", "anthropic"), RedactedThinking("AA", "anthropic"))
    messages, losses = said(*thoughts, role="assistant")
    assert messages == []
    assert losses == [("turns[1].parts[0]", "knob"), ("turns[1].parts[1]", "knob")]


def test_a_tools_error_and_its_pictures_are_kept_as_far_as_openai_can_say_them() -> None:
    picture = Image(Base64Source("image/png", "AAAA"))
    result = ToolResult("c", (Text("failed"), picture), is_error=True)
    messages, losses = said(result, role="tool")
    assert messages[0] == {"role": "tool", "tool_call_id": "c", "content": "failed"}
    assert messages[1]["role"] == "user"
    assert messages[1]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert losses == [("turns[1].parts[0].is_error", "knob"), ("turns[1].parts[0].parts", "knob")]


@pytest.mark.parametrize(
    "part",
    [
        Document(UrlSource("https://x/y.pdf")),
        Document(FileSource("f", "anthropic")),
        Image(FileSource("f", "anthropic")),
        Audio(UrlSource("https://x/y.wav")),
        Opaque("anthropic", "search_result", {}),
        ServerToolCall("anthropic", "s", "web_search", "{}", {}),
        ToolCall("c", "f", "{}"),
    ],
)
def test_content_that_cannot_be_said_is_a_loss_of_meaning(part: Part) -> None:
    assert said(part)[1] == [("turns[1].parts[0]", "meaning")]


@pytest.mark.parametrize(
    ("part", "abilities"),
    [
        (Image(UrlSource("https://x/y.png")), Abilities(images=False)),
        (Document(Base64Source("application/pdf", "AA")), Abilities(documents=False)),
        (Audio(Base64Source("audio/wav", "AA")), Abilities(audio=False)),
    ],
)
def test_content_that_the_model_cannot_take_is_a_loss_of_meaning(part: Part, abilities: Abilities) -> None:
    _, losses = encoded(Request("m", (Turn("user", (part,)),)), abilities)
    assert [(loss.path, loss.weight) for loss in losses] == [("turns[0].parts[0]", "meaning")]


def test_documents_of_text_become_text() -> None:
    plain = Document(PlainSource("one"), title="t")
    blocks = Document(BlocksSource((Text("two"), Image(UrlSource("https://x/y.png")))), context="c", citations=True)
    messages, losses = said(plain, blocks)
    assert [part["type"] for part in messages[0]["content"]] == ["text", "text", "image_url"]
    assert {weight for _, weight in losses} == {"knob"}
    assert [path.rpartition(".")[2] for path, _ in losses] == ["title", "context", "citations"]


def test_files_go_by_name_or_by_id() -> None:
    for part in (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "https://x/y.pdf", "filename": "y"}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low", "x": 1}},
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}, "x": 1},
    ):
        body, losses = encoded(decoded(messages=[{"role": "user", "content": [part]}]))
        assert body["messages"][0]["content"] == [part]
        assert not losses


def test_deprecated_function_messages_go_out_as_they_came() -> None:
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
    ]
    request = decoded(messages=messages, functions=[{"name": "f"}])
    call = request.turns[1].parts[0]
    result = request.turns[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.call_id
    assert encoded(request)[0]["messages"] == messages


def test_citations_refusals_and_audio_of_an_earlier_answer_go_back() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    for message in (
        {"role": "assistant", "content": "a", "annotations": [note]},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": "a", "audio": {"id": "audio_1"}},
    ):
        body, losses = encoded(decoded(messages=[message, {"role": "user", "content": "b"}]))
        assert body["messages"][0] == message
        assert not losses
    foreign = Text("a", (Citation("anthropic", {}, "https://x"),))
    assert ("turns[1].parts[0].citations", "knob") in said(foreign, role="assistant")[1]


def test_an_answer_that_the_client_began_is_sent_and_reported() -> None:
    messages, losses = said(Text("Once"), role="assistant")
    assert messages == [{"role": "assistant", "content": "Once"}]
    assert losses == [("turns[1]", "knob")]


def test_text_after_a_tool_call_is_put_before_it() -> None:
    messages, losses = said(ToolCall("c", "f", "{}"), Text("then"), role="assistant")
    assert messages[0]["content"] == "then"
    assert losses == [("turns[1].parts", "knob")]


def test_calls_of_one_round_in_several_turns_are_one_message() -> None:
    turns = (
        USER,
        Turn("assistant", (Text("both"), ToolCall("a", "f", "{}"))),
        Turn("assistant", (ToolCall("b", "g", "{}"),)),
        Turn("tool", (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)))),
        Turn("assistant", (ToolCall("c", "f", "{}"),)),
        Turn("assistant", (Text("and more"), ToolCall("d", "f", "{}"))),
    )
    messages = encoded(Request("m", turns))[0]["messages"]
    calls = [[call["id"] for call in message.get("tool_calls", ())] for message in messages]
    assert calls == [[], ["a", "b"], [], [], ["c"], ["d"]]


def test_a_call_without_arguments_is_sent_an_empty_object() -> None:
    messages, losses = said(ToolCall("c", "f", ""), role="assistant")
    assert messages[0]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert not losses


def test_a_refusal_beside_text_stays_a_part() -> None:
    messages, _ = said(Text("a"), Refusal("no"), role="assistant")
    assert [part["type"] for part in messages[0]["content"]] == ["text", "refusal"]


@pytest.mark.parametrize(
    ("reasoning", "effort", "lost"),
    [
        (Reasoning("on", budget_tokens=1024), "low", ["reasoning.budget_tokens"]),
        (Reasoning("on", budget_tokens=8192), "medium", ["reasoning.budget_tokens"]),
        (Reasoning("on", budget_tokens=8193), "high", ["reasoning.budget_tokens"]),
        (Reasoning("off"), "none", []),
        (Reasoning("adaptive"), None, ["reasoning"]),
        (Reasoning(effort="max", display="summarized"), "max", ["reasoning.display"]),
        (Reasoning(effort="low", budget_tokens=9), "low", ["reasoning.budget_tokens"]),
    ],
)
def test_a_budget_of_thinking_becomes_an_effort(reasoning: Reasoning, effort: str | None, lost: list[str]) -> None:
    body, losses = encoded(Request("m", (USER,), reasoning=reasoning))
    assert body.get("reasoning_effort") == effort
    assert [loss.path for loss in losses] == lost


def test_what_the_model_has_no_setting_for_is_dropped_and_reported() -> None:
    abilities = Abilities(
        sampling=False,
        stop=False,
        output_tokens_field="max_completion_tokens",
        system_role="developer",
        stream_usage=False,
    )
    body, losses = encoded(
        Request(
            "m",
            (Turn("system", (Text("s"),)), USER),
            sampling=Sampling(temperature=0.5, top_k=3, logit_bias={"1": 0.5}),
            stop=("a",),
            output_tokens_max=5,
            reasoning=Reasoning(effort="low"),
            stream=True,
            service_tier="standard_only",
            metadata={"a": 1, "b": "c"},
        ),
        abilities,
    )
    assert body == {
        "model": "real",
        "messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": "hi"}],
        "max_completion_tokens": 5,
        "stream": True,
        "metadata": {"b": "c"},
    }
    paths = [
        "stop",
        "temperature",
        "logit_bias",
        "top_k",
        "reasoning",
        "service_tier",
        "metadata.a",
    ]
    assert [loss.path for loss in losses] == paths
    assert {loss.weight for loss in losses} == {"knob"}


def test_tools_and_schemas_that_the_model_cannot_keep_are_losses_of_meaning() -> None:
    request = Request("m", (USER,), tools=(Tool("f"),), format=JsonSchemaFormat(LOOSE))
    _, losses = encoded(request, Abilities(tools=False, json_schema=False))
    assert [(loss.path, loss.weight) for loss in losses] == [("tools", "meaning"), ("format", "meaning")]
    _, losses = encoded(Request("m", (USER,), tools=(ServerTool("anthropic", "web_search", {}),)))
    assert [(loss.path, loss.weight) for loss in losses] == [("tools[0]", "meaning")]


@pytest.mark.parametrize("member", ["schema", "value"])
def test_a_schema_beside_json_object_is_not_lost(member: str) -> None:
    """So llama.cpp's and Together's clients spell it, and so does `huggingface_hub`."""
    asked = [{"role": "user", "content": "hi"}]
    body = {"model": "m", "messages": asked, "response_format": {"type": "json_object", member: LOOSE}}
    assert openai_chat.decode_request(json.dumps(body).encode()).format == JsonSchemaFormat(LOOSE)


def test_strictness_that_openai_would_refuse_is_dropped() -> None:
    request = Request(
        "m", (USER,), tools=(Tool("f", parameters=LOOSE, strict=True),), format=JsonSchemaFormat(LOOSE, strict=True)
    )
    body, losses = encoded(request)
    assert [loss.path for loss in losses] == ["tools[0].strict", "format.strict"]
    assert "strict" not in body["tools"][0]["function"]
    assert body["response_format"]["json_schema"] == {"name": "response", "schema": LOOSE}


def test_more_stop_sequences_than_openai_takes_and_a_choice_without_tools_are_reported() -> None:
    body, losses = encoded(Request("m", (USER,), stop=tuple("abcde"), tool_choice=ToolChoice("required")))
    assert body["stop"] == list("abcd")
    assert "tool_choice" not in body
    assert [loss.path for loss in losses] == ["tool_choice", "stop"]


def test_fields_of_another_dialect_are_reported() -> None:
    extras: Extras = {"anthropic": {"container": "c"}}
    request = Request("m", (Turn("user", (Text("hi", extras=extras),), extras=extras),), extras=extras)
    _, losses = encoded(request)
    assert [loss.path for loss in losses] == [
        "turns[0].container",
        "turns[0].parts[0].container",
        "container",
    ]
