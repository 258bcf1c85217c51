"""A loss is named as the client of chat completions wrote the field."""

import json

import pytest

from keywright.dialects.openai_chat import decode_request, locate

MESSAGES = [
    {"role": "system", "content": "s"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
        ],
    },
    {
        "role": "assistant",
        "reasoning_content": "hm",
        "content": "so",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}},
        ],
    },
    {"role": "tool", "tool_call_id": "a", "content": "1"},
    {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
    {
        "role": "assistant",
        "reasoning_details": [
            {"type": "reasoning.encrypted", "data": "d"},
            {"type": "reasoning.text", "text": "hm", "signature": "s", "origin": "anthropic"},
        ],
        "content": "done",
    },
    {"role": "user", "content": "again", "name": "ann"},
]
TOOLS = [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]


def located(path: str, **fields: object) -> str:
    body = {"model": "m", "messages": MESSAGES, "tools": TOOLS, **fields}
    return locate(path, decode_request(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("turns", "messages"),
        ("turns[0].role", "messages[0].role"),
        ("turns[0].parts[0]", "messages[0].content[0]"),
        ("turns[1].parts[1].detail", "messages[1].content[1].image_url.detail"),
        ("turns[1].parts[2].title", "messages[1].content[2].file.filename"),
        ("turns[1].parts[2].cache", "messages[1].content[2].cache_control"),
        ("turns[2].parts[0]", "messages[2].reasoning_content"),
        ("turns[2].parts[1]", "messages[2].content[0]"),
        ("turns[2].parts[1].citations", "messages[2].annotations"),
        ("turns[2].parts[2].arguments", "messages[2].tool_calls[0].function.arguments"),
        ("turns[2].parts[3].arguments", "messages[2].tool_calls[1].custom.input"),
        ("turns[2].parts[3].store", "messages[2].tool_calls[1].store"),
        ("turns[2].parts", "messages[2].content"),
        ("turns[3].parts[0]", "messages[3]"),
        ("turns[3].parts[1].parts", "messages[4].content"),
        ("turns[3].parts[1].parts[0]", "messages[4].content[0]"),
        ("turns[3].parts[1].cache", "messages[4].cache_control"),
        ("turns[4].parts[0]", "messages[5].reasoning_details[0]"),
        ("turns[4].parts[1]", "messages[5].reasoning_details[1]"),
        ("turns[5].name", "messages[6].name"),
        ("turns[5]", "messages[6]"),
        ("tools", "tools"),
        ("tools[0].strict", "tools[0].function.strict"),
        ("tools[0].cache", "tools[0].cache_control"),
        ("tools[1]", "tools[1]"),
        ("tool_choice", "tool_choice"),
        ("tool_choice.names", "tool_choice"),
        ("tool_choice.parallel", "parallel_tool_calls"),
        ("choices", "n"),
        ("format", "response_format"),
        ("format.description", "response_format.json_schema.description"),
        ("output_tokens_max", "max_tokens"),
        ("cache", "cache_control"),
        ("seed", "seed"),
        ("metadata.a", "metadata.a"),
        ("web_search_options", "web_search_options"),
        ("turns[9].parts[0]", "turns[9].parts[0]"),
        ("turns[3].parts[9]", "turns[3].parts[9]"),
        ("tools[9].strict", "tools[9].strict"),
    ],
)
def test_a_path_is_said_in_the_clients_words(path: str, said: str) -> None:
    assert located(path) == said


def test_reasoning_is_an_effort_or_the_object_of_other_vendors() -> None:
    assert located("reasoning.effort", reasoning_effort="low") == "reasoning_effort"
    assert located("reasoning.effort", reasoning={"effort": "low"}) == "reasoning.effort"
    assert located("reasoning.budget_tokens", reasoning={"max_tokens": 9}) == "reasoning.max_tokens"
    assert located("reasoning.mode", reasoning={"enabled": True}) == "reasoning.enabled"
    assert located("reasoning.display", reasoning={"exclude": True}) == "reasoning.exclude"


def test_the_limit_of_tokens_has_its_newer_name_among_newer_words() -> None:
    assert located("output_tokens_max", reasoning_effort="low") == "max_completion_tokens"
    assert located("output_tokens_max", reasoning={"effort": "low"}) == "max_tokens"
    developer = [{"role": "developer", "content": "s"}, *MESSAGES]
    assert located("output_tokens_max", messages=developer) == "max_completion_tokens"


def test_a_client_of_functions_is_told_of_functions() -> None:
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{"}},
        {"role": "function", "name": "f", "content": "y"},
    ]
    functions = {"functions": [{"name": "f"}], "function_call": "auto", "messages": messages}
    assert located("tools[2].strict", **functions) == "functions[0].strict"
    assert located("tool_choice", **functions) == "function_call"
    assert located("turns[1].parts[0].arguments", **functions) == "messages[1].function_call.arguments"
    assert located("turns[2].parts[0]", **functions) == "messages[2]"
