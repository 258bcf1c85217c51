"""What clients of the API say, and how they are told that it is wrong."""

import json
from typing import Any

import pytest

from keywright.core.errors import RefusedError
from keywright.core.json import JsonObject
from keywright.core.message import (
    CacheMark,
    Document,
    FileSource,
    Image,
    Opaque,
    ServerToolCall,
    Text,
    Thinking,
    ToolResult,
    Turn,
)
from keywright.core.request import JsonSchemaFormat, Reasoning, Request, ServerTool, ToolChoice
from keywright.dialects.anthropic import decode_request, encode_request
from tests.dialects.anthropic.strategies import ABLE

BASE: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}


def decoded(**fields: Any) -> Request:
    return decode_request(json.dumps({**BASE, **fields}).encode())


def said(*content: Any) -> tuple[Turn, ...]:
    return decoded(messages=[{"role": "user", "content": list(content)}]).turns


def again(**fields: Any) -> dict[str, Any]:
    encoded = encode_request(decoded(**fields), "m", ABLE)
    assert not encoded.losses
    body: dict[str, Any] = json.loads(encoded.body)
    return body


def test_system_text_is_the_first_turn_in_either_form() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert decoded(system="Be brief.").turns[0] == Turn("system", (Text("Be brief."),))
    blocks = [{"type": "text", "text": "Be brief.", "cache_control": mark}]
    assert decoded(system=blocks).turns[0] == Turn("system", (Text("Be brief.", cache=CacheMark("1h")),))


def test_tool_results_are_a_turn_of_their_own_before_what_the_user_says_with_them() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}], "is_error": True}
    turns = said(result, {"type": "text", "text": "so?"})
    assert turns == (
        Turn("tool", (ToolResult("a", (Text("1"),), is_error=True),)),
        Turn("user", (Text("so?"),)),
    )


def test_results_in_neighbouring_messages_are_one_turn() -> None:
    results = [{"type": "tool_result", "tool_use_id": name} for name in ("a", "b")]
    turns = decoded(messages=[{"role": "user", "content": [result]} for result in results]).turns
    assert turns == (Turn("tool", (ToolResult("a", ()), ToolResult("b", ()))),)


def test_an_empty_signature_proves_nothing() -> None:
    thinking = {"type": "thinking", "thinking": "t", "signature": ""}
    assert decoded(messages=[{"role": "assistant", "content": [thinking]}]).turns[0].parts == (Thinking("t"),)


def test_blocks_that_nobody_modelled_are_kept_whole() -> None:
    search: JsonObject = {"type": "search_result", "source": "s", "title": "t", "content": []}
    image: JsonObject = {"type": "image", "source": {"type": "novel", "x": 1}, "cache_control": {"type": "ephemeral"}}
    document: JsonObject = {
        "type": "document",
        "source": {"type": "url", "url": "u"},
        "citations": {"enabled": True, "x": 1},
    }
    (turn,) = said(search, image, document)
    assert turn.parts == (
        Opaque("anthropic", "search_result", search),
        Opaque("anthropic", "image", image),
        Opaque("anthropic", "document", document),
    )
    assert again(messages=[{"role": "user", "content": [search, image, document]}])["messages"][0]["content"] == [
        search,
        image,
        document,
    ]


def test_files_name_the_dialect_whose_provider_holds_them() -> None:
    (turn,) = said(
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "file", "file_id": "g"}, "context": "c"},
    )
    assert turn.parts == (Image(FileSource("f", "anthropic")), Document(FileSource("g", "anthropic"), context="c"))


def test_a_server_tools_call_is_kept_whole_with_its_arguments_beside_it() -> None:
    block = {"type": "mcp_tool_use", "id": "i", "name": "n", "server_name": "s", "input": {"q": 1}}
    body = again(messages=[{"role": "assistant", "content": [block]}])
    assert body["messages"][0]["content"] == [block]
    (part,) = decoded(messages=[{"role": "assistant", "content": [block]}]).turns[0].parts
    assert isinstance(part, ServerToolCall)
    assert (part.arguments, part.body["server_name"]) == ('{"q":1}', "s")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9, "display": "omitted"}},
            Reasoning("on", None, 9, "omitted"),
        ),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Reasoning("adaptive", "max")),
        ({"thinking": {"type": "disabled"}}, Reasoning("off")),
        ({"output_config": {"effort": "low"}}, Reasoning(effort="low")),
        ({"output_config": {"effort": "novel"}}, None),
        ({"thinking": {"type": "between_tools"}}, None),
    ],
)
def test_every_way_to_ask_for_thinking_is_understood(fields: dict[str, Any], expected: Reasoning | None) -> None:
    assert decoded(**fields).reasoning == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "between_tools"}},
        {"thinking": {"type": "novel", "level": 3}},
        {"tool_choice": {"type": "novel", "name": "f"}, "tools": [{"type": "novel_1", "name": "f"}]},
        {"tool_choice": {"type": "auto", "novel": 1}, "tools": [{"name": "f", "input_schema": {"type": "object"}}]},
        {"output_config": {"effort": "novel", "task_budget": {"type": "tokens", "total": 9}}},
        {"output_config": {"effort": "low", "task_budget": {"type": "tokens", "total": 9}}},
        {"output_config": {"format": {"type": "novel"}}},
        {"metadata": {"user_id": "u", "novel": 1}},
        {"cache_control": {"type": "novel"}},
        {"container": {"id": "c"}, "mcp_servers": [], "speed": "fast", "inference_geo": None},
        {"tools": [{"type": "novel_1", "name": "n", "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}]},
    ],
)
def test_what_nobody_modelled_goes_up_as_it_came(fields: dict[str, Any]) -> None:
    assert again(**fields) == {**BASE, **fields}


def test_the_older_place_of_the_format_is_understood() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert decoded(output_format=form).format == JsonSchemaFormat({"type": "object"}, strict=True)
    assert again(output_format=form)["output_config"] == {"format": form}
    both: dict[str, Any] = {"output_config": {"format": form}, "output_format": {"type": "novel"}}
    assert again(**both) == {**BASE, **both}


def test_tools_and_the_choice_among_them_are_understood() -> None:
    request = decoded(
        tools=[
            {"type": "custom", "name": "f", "input_schema": {"type": "object"}, "strict": True},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    )
    assert request.tools[1] == ServerTool(
        "anthropic", "web_search_20250305", {"type": "web_search_20250305", "name": "web_search"}
    )
    assert request.tool_choice == ToolChoice("named", ("f",), parallel=False)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 5}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": 1}}]}]},
            "messages[0].content[0].source.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [1]}]}]},
            "messages[0].content[0].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "citations": 1}]}]},
            "messages[0].content[0].citations",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f"}]}]},
            "messages[0].content[0].input",
        ),
        ({"system": [{"type": "text"}]}, "system[0].text"),
        ({"system": 5}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.5}, "top_k"),
        ({"stream": "yes"}, "stream"),
        ({"stop_sequences": ["a", 1]}, "stop_sequences"),
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": True}, "thinking"),
        ({"output_config": 1}, "output_config"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id"),
        ({"metadata": []}, "metadata"),
        ({"service_tier": 1}, "service_tier"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        decoded(**fields)
    failure = refused.value.failure
    assert (failure.status, failure.code, failure.param) == (400, "invalid_request", param)
    assert param in failure.message


def test_blocks_nested_without_end_are_refused() -> None:
    content = b'[{"type":"tool_result","tool_use_id":"a","content":'
    nested = content * 450 + b'"x"' + b"}]" * 450
    with pytest.raises(RefusedError) as refused:
        decode_request(b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":' + nested + b"}]}")
    assert refused.value.failure.param == "messages"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":\xff}', b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        decode_request(body)
    assert refused.value.failure.code == "invalid_json"
