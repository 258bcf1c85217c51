"""Requests: what another dialect's clients say and Cohere takes in another form, or not at all."""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.errors import RefusedError
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
from keywright.dialects import cohere

Body = dict[str, Any]
HI = Turn("user", (Text("hi"),))
THINKS = Abilities(reasoning="budget")
TOOLS = (Tool("f", parameters={"type": "object"}), Tool("g"))


def sent(request: Request, abilities: Abilities = ABLE) -> Body:
    body: Body = json.loads(cohere.encode_request(request, "m", abilities).body)
    return body


def lost(request: Request, abilities: Abilities = ABLE) -> dict[str, str]:
    return {loss.path: loss.weight for loss in cohere.encode_request(request, "m", abilities).losses}


def asking(*parts: Part, **fields: Any) -> Request:
    return Request("m", (Turn("user", parts or (Text("hi"),)),), **fields)


def decoded(**fields: Any) -> Request:
    body = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}], **fields}
    return cohere.decode_request(json.dumps(body).encode())


def test_a_plain_question_is_a_string_and_says_whether_it_wants_a_stream() -> None:
    assert sent(asking()) == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_documents_of_text_stand_beside_the_messages() -> None:
    request = asking(
        Document(PlainSource("The sky is green."), "Sky", "a poem"),
        Document(BlocksSource((Text("a"), Text("b")))),
        Text("What colour?"),
    )
    body = sent(request)
    assert body["documents"] == [
        {"data": {"title": "Sky", "context": "a poem", "text": "The sky is green."}},
        {"data": {"text": "a\nb"}},
    ]
    assert body["messages"] == [{"role": "user", "content": "What colour?"}]
    assert not lost(request)


def test_a_text_that_came_as_bytes_is_a_document_of_text() -> None:
    source = Base64Source("text/markdown", "eMOkeQ==")
    body = sent(Request("m", (Turn("user", (Document(source), Text("read it"))),)))
    assert body["documents"] == [{"data": {"text": "xäy"}}]


def test_a_document_of_an_earlier_turn_is_said_in_its_place() -> None:
    early = Turn("user", (Document(PlainSource("long ago"), "Title"), Text("see?")))
    request = Request("m", (early, Turn("assistant", (Text("yes"),)), HI))
    assert sent(request)["messages"][0]["content"] == [
        {"type": "text", "text": "long ago"},
        {"type": "text", "text": "see?"},
    ]
    assert lost(request) == {"turns[0].parts[0].title": "knob"}
    assert "documents" not in sent(request)


def test_a_turn_of_nothing_but_a_document_says_its_text() -> None:
    assert sent(asking(Document(PlainSource("read me"))))["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "read me"}]}
    ]


def test_a_clients_documents_stand_before_the_users_last_words_and_go_out_as_they_came() -> None:
    documents = [{"id": "d", "data": {"text": "x", "title": "T"}}, {"data": {"a": "1", "b": "2"}}, "plain"]
    request = decoded(documents=documents)
    parts = request.turns[0].parts
    assert [(part.source, part.title) for part in parts if isinstance(part, Document)] == [
        (PlainSource("x"), "T"),
        (PlainSource('{"a":"1","b":"2"}'), None),
        (PlainSource("plain"), None),
    ]
    assert parts[-1] == Text("hi")
    assert sent(request)["documents"] == documents


@pytest.mark.parametrize(
    "part",
    [
        Document(Base64Source("application/pdf", "AA==")),
        Document(UrlSource("https://example.com/a.pdf")),
        Audio(Base64Source("audio/wav", "AA=="), "wav"),
        Image(FileSource("f", "anthropic")),
        Opaque("gemini", "executableCode", {}),
        ServerToolCall("anthropic", "s", "web_search", "{}", {}),
    ],
)
def test_content_that_cohere_cannot_be_shown_is_refused(part: Part) -> None:
    assert lost(asking(part, Text("?"))) == {"turns[0].parts[0]": "meaning"}


def test_images_go_by_address_or_as_data_to_models_that_see() -> None:
    request = asking(Image(UrlSource("https://e.com/a.png"), "low"), Image(Base64Source("image/png", "AA==")))
    assert sent(request)["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    assert set(lost(request, Abilities(images=False)).values()) == {"meaning"}


def conversation(*results: Part, **fields: Any) -> Request:
    calls = Turn("assistant", (Text("look"), ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "")))
    return Request("m", (HI, calls, Turn("tool", results)), tools=TOOLS, **fields)


def test_each_result_is_a_message_that_names_its_call() -> None:
    request = conversation(
        ToolResult("c1", (Text("one"),)), ToolResult("c2", (Text("a"), Text("b")), is_error=True, name="g")
    )
    assert sent(request)["messages"][1:] == [
        {
            "role": "assistant",
            "content": "look",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
    ]
    assert lost(request) == {"turns[2].parts[1].is_error": "knob"}


def test_a_result_may_hold_documents_and_its_images_follow() -> None:
    picture = Image(UrlSource("https://e.com/a.png"))
    request = conversation(ToolResult("c1", (Document(PlainSource("x"), "T"), picture)))
    assert sent(request)["messages"][2:] == [
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [{"type": "document", "document": {"data": {"title": "T", "text": "x"}}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Attached below are the files that the tools returned."},
                {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
            ],
        },
    ]
    assert lost(request) == {"turns[2].parts[0].parts[1]": "knob"}


def test_a_tools_document_is_its_text_and_goes_out_as_it_came() -> None:
    content = [{"type": "document", "document": {"id": "d", "data": {"output": "60"}}}]
    request = cohere.decode_request(
        json.dumps(
            {"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": content}], "stream": False}
        ).encode()
    )
    result = request.turns[0].parts[0]
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.parts if isinstance(part, Text)] == ["60"]
    assert sent(request)["messages"][0]["content"] == content


def test_a_plan_thinking_and_citations_come_back_as_they_were() -> None:
    message = {
        "role": "assistant",
        "tool_plan": "first",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}],
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "citations": [
            {"start": 0, "end": 2, "text": "so", "sources": [], "content_index": 1},
            {"start": 0, "end": 5, "text": "first", "sources": [], "type": "PLAN"},
        ],
    }
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}, message], "stream": False}
    request = cohere.decode_request(json.dumps(body).encode())
    assert [type(part).__name__ for part in request.turns[1].parts] == ["Thinking", "Thinking", "Text", "ToolCall"]
    assert sent(request) == body


def test_what_another_provider_thought_or_cited_is_not_sent_back() -> None:
    cited = Text("so", (Citation("anthropic", {}, url="u"),))
    turn = Turn("assistant", (Thinking("hm", "s", "anthropic"), cited, Refusal("no")), name="bob")
    request = Request("m", (HI, turn))
    assert sent(request)["messages"][1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "so"}, {"type": "text", "text": "no"}],
    }
    assert lost(request) == {
        "turns[1].name": "knob",
        "turns[1].parts[0]": "knob",
        "turns[1].parts[1].citations": "knob",
    }


@pytest.mark.parametrize(
    ("choice", "said", "names", "losses"),
    [
        (ToolChoice("auto"), None, ["f", "g"], {}),
        (ToolChoice("required"), "REQUIRED", ["f", "g"], {}),
        (ToolChoice("none", parallel=False), "NONE", ["f", "g"], {}),
        (ToolChoice("named", ("g",)), "REQUIRED", ["g"], {"tool_choice.names": "knob"}),
        (ToolChoice("allowed", ("f",)), None, ["f"], {"tool_choice.names": "knob"}),
        (ToolChoice("allowed", ("f",), required=True), "REQUIRED", ["f"], {"tool_choice.names": "knob"}),
        (ToolChoice("auto", parallel=False), None, ["f", "g"], {"tool_choice.parallel": "knob"}),
    ],
)
def test_a_tool_that_must_be_called_is_the_only_one_shown(
    choice: ToolChoice, said: str | None, names: list[str], losses: dict[str, str]
) -> None:
    body = sent(asking(tools=TOOLS, tool_choice=choice))
    assert body.get("tool_choice") == said
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert all("parameters" in tool["function"] for tool in body["tools"])
    assert lost(asking(tools=TOOLS, tool_choice=choice)) == losses


def test_strictness_is_of_all_tools_or_of_none() -> None:
    strict, lax = Tool("f", strict=True), Tool("g")
    assert sent(asking(tools=(strict,)))["strict_tools"] is True
    assert "strict_tools" not in sent(asking(tools=(strict, lax)))
    assert lost(asking(tools=(strict, lax))) == {"tools[0].strict": "knob"}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    assert decoded(tools=tools, strict_tools=True).tools == (Tool("f", parameters={}, strict=True),)


def test_tools_that_cohere_cannot_be_given_are_refused() -> None:
    assert lost(asking(tools=(ServerTool("anthropic", "web_search", {}),))) == {"tools[0]": "meaning"}
    assert lost(asking(tools=TOOLS), Abilities(tools=False)) == {"tools": "meaning"}
    assert lost(asking(tool_choice=ToolChoice("required"))) == {"tool_choice": "knob"}
    free = Turn("assistant", (ToolCall("c", "sh", "ls", custom=True),))
    assert lost(Request("m", (HI, free))) == {"turns[1].parts[0]": "meaning"}


@pytest.mark.parametrize(
    ("reasoning", "said", "losses"),
    [
        (Reasoning("off"), {"type": "disabled"}, set()),
        (Reasoning(effort="none"), {"type": "disabled"}, set()),
        (Reasoning("on", budget_tokens=99), {"type": "enabled", "token_budget": 99}, set()),
        (Reasoning("on"), {"type": "enabled"}, set()),
        (Reasoning("adaptive"), {"type": "enabled"}, {"reasoning.mode"}),
        (Reasoning(effort="low"), {"type": "enabled", "token_budget": 2048}, {"reasoning.effort"}),
        (Reasoning(effort="max"), {"type": "enabled"}, {"reasoning.effort"}),
        (
            Reasoning("on", "low", 7, "omitted"),
            {"type": "enabled", "token_budget": 7},
            {"reasoning.effort", "reasoning.display"},
        ),
    ],
)
def test_how_much_to_think_is_a_switch_and_a_budget(reasoning: Reasoning, said: Body, losses: set[str]) -> None:
    assert sent(asking(reasoning=reasoning), THINKS)["thinking"] == said
    assert set(lost(asking(reasoning=reasoning), THINKS)) == losses
    assert "thinking" not in sent(asking(reasoning=reasoning))


def test_knobs_are_brought_to_the_nearest_limit_and_that_is_told() -> None:
    sampling = Sampling(0.7, 1.0, 999, -0.5, 1.5, 3, {"1": 2.0}, True, 2)
    request = asking(sampling=sampling, stop=tuple("abcdef"), output_tokens_max=5)
    body = sent(request)
    assert (body["temperature"], body["p"], body["k"], body["seed"], body["logprobs"]) == (0.7, 0.99, 500, 3, True)
    assert (body["frequency_penalty"], body["presence_penalty"]) == (0.0, 1.0)
    assert (body["stop_sequences"], body["max_tokens"]) == (list("abcde"), 5)
    assert set(lost(request)) == {
        "top_p", "top_k", "frequency_penalty", "presence_penalty", "logit_bias", "top_logprobs", "stop",
    }  # fmt: skip


def test_a_form_of_the_answer_is_json_with_or_without_a_schema() -> None:
    assert sent(asking(format=JsonObjectFormat()))["response_format"] == {"type": "json_object"}
    schema = JsonSchemaFormat({"type": "object"}, "n", "d", strict=True)
    assert sent(asking(format=schema))["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}
    assert lost(asking(format=schema)) == {"format.description": "knob"}
    assert lost(asking(format=schema), Abilities(json_schema=False)) == {"format": "meaning"}
    older = decoded(response_format={"type": "json_object", "schema": {"type": "object"}})
    assert older.format == JsonSchemaFormat({"type": "object"})
    assert decoded(response_format={"type": "text"}).format is None


def test_who_asks_and_on_which_terms_is_lost() -> None:
    request = asking(user="u", metadata={"a": "b"}, service_tier="flex", choices=2, cache=CacheMark())
    assert lost(request) == {
        "user": "knob",
        "metadata": "knob",
        "service_tier": "knob",
        "choices": "meaning",
        "cache": "knob",
    }
    assert not lost(asking(service_tier="auto", choices=1))
    assert lost(asking(Text("a", cache=CacheMark()))) == {"turns[0].parts[0].cache": "knob"}


def test_fields_that_nobody_modelled_go_back_to_cohere_and_are_lost_to_others() -> None:
    fields = {"citation_options": {"mode": "OFF"}, "safety_mode": "NONE", "priority": 3, "raw": 1}
    request = decoded(**fields)
    assert request.extras == {"cohere": fields}
    assert {name: sent(request)[name] for name in fields} == fields
    assert lost(asking(extras={"openai_chat": {"web_search_options": {}, "store": True}})) == {
        "web_search_options": "meaning",
        "store": "knob",
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "f"}, "tool_choice"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"p": "much"}, "p"),
        ({"thinking": {"type": "enabled", "token_budget": "all"}}, "thinking.token_budget"),
    ],
)
def test_a_wrong_field_is_named(fields: Body, param: str) -> None:
    with pytest.raises(RefusedError) as caught:
        decoded(**fields)
    assert caught.value.failure.param == param
    assert caught.value.failure.status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"a","model":"b"}', b'{"Model":"a"}'])
def test_what_is_no_unambiguous_object_is_refused(body: bytes) -> None:
    for read in (cohere.decode_request, cohere.peek):
        with pytest.raises(RefusedError) as caught:
            read(body)
        assert caught.value.failure.code == "invalid_json"


@pytest.mark.parametrize("field", ["model", "stream", "max_tokens"])
def test_a_peek_names_the_field_that_is_wrong(field: str) -> None:
    with pytest.raises(RefusedError) as caught:
        cohere.peek(json.dumps({"model": "m", field: []}).encode())
    assert caught.value.failure.param == field


def test_a_peek_tells_what_policy_needs() -> None:
    peeked = cohere.peek(b'{"model":"m","stream":true,"max_tokens":9}')
    assert (peeked.model, peeked.stream, peeked.output_tokens_max, peeked.stream_usage) == ("m", True, 9, True)


MESSAGES: list[Body] = [
    {"role": "user", "content": "a"},
    {
        "role": "assistant",
        "tool_plan": "p",
        "content": [{"type": "text", "text": "t"}],
        "tool_calls": [{"id": "c", "function": {"name": "f"}}, {"id": "d", "function": {"name": "f"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "1"},
    {"role": "tool", "tool_call_id": "d", "content": [{"type": "document", "document": {"data": {"a": "1"}}}]},
    {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("turns[0].parts[0]", "messages[0].content[0]"),
        ("turns[1]", "messages[1]"),
        ("turns[1].parts[0]", "messages[1].tool_plan"),
        ("turns[1].parts[1].citations", "messages[1].citations"),
        ("turns[1].parts[1]", "messages[1].content[0]"),
        ("turns[1].parts[3].arguments", "messages[1].tool_calls[1].function.arguments"),
        ("turns[2].parts[1].call_id", "messages[3].tool_call_id"),
        ("turns[2].parts[1].parts[0]", "messages[3].content[0].document"),
        ("turns[3].parts[1]", "documents[1]"),
        ("turns[3].parts[3].cache", "messages[4].content[1].cache"),
        ("turns[9]", "messages[9]"),
        ("tools[0].strict", "strict_tools"),
        ("tools[0].description", "tools[0].function.description"),
        ("tools[0]", "tools[0]"),
        ("tool_choice.names", "tool_choice"),
        ("output_tokens_max", "max_tokens"),
        ("top_p", "p"),
        ("top_k", "k"),
        ("stop", "stop_sequences"),
        ("format.description", "response_format.description"),
        ("reasoning.budget_tokens", "thinking.token_budget"),
        ("reasoning.effort", "thinking.effort"),
        ("safety_mode", "safety_mode"),
    ],
)
def test_a_loss_is_told_in_the_clients_words(path: str, found: str) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    request = decoded(messages=MESSAGES, documents=["x", "y"], tools=tools)
    assert cohere.locate(path, request).replace("turns[9]", "messages[9]") == found


def test_a_loss_is_one_thing() -> None:
    assert cohere.encode_request(asking(user="u"), "m", ABLE).losses == (
        Loss("user", "Cohere does not ask who the user is"),
    )
