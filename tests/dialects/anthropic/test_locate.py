"""A loss is named as the client of the Messages API wrote the field."""

import json

import pytest

from keywright.dialects.anthropic import decode_request, locate

MESSAGES = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}]},
            {"type": "text", "text": "and"},
        ],
    },
    {"role": "assistant", "content": "so"},
    {
        "role": "user",
        "content": [{"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}}],
    },
]


def located(path: str, **fields: object) -> str:
    body = {
        "model": "m",
        "max_tokens": 9,
        "system": "s",
        "messages": MESSAGES,
        "tools": [{"name": "f", "input_schema": {}}],
        **fields,
    }
    return locate(path, decode_request(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("turns", "messages"),
        ("turns[0]", "system"),
        ("turns[0].parts[0]", "system[0]"),
        ("turns[0].parts[0].cache", "system[0].cache_control"),
        ("turns[1].parts[0]", "messages[0].content[0]"),
        ("turns[2].parts[0].arguments", "messages[1].content[0].input"),
        ("turns[3].parts[0].is_error", "messages[2].content[0].is_error"),
        ("turns[3].parts[0].parts", "messages[2].content[0].content"),
        ("turns[3].parts[0].parts[0]", "messages[2].content[0].content[0]"),
        ("turns[4].parts[0]", "messages[2].content[1]"),
        ("turns[5]", "messages[3]"),
        ("turns[5].parts", "messages[3].content"),
        ("turns[5].role", "messages[3].role"),
        ("turns[6].parts[0].title", "messages[4].content[0].title"),
        ("turns[6].parts[0].parts[0]", "messages[4].content[0].source.content[0]"),
        ("turns[6].parts[0].odd", "messages[4].content[0].odd"),
        ("tools", "tools"),
        ("tools[0].parameters", "tools[0].input_schema"),
        ("tools[0].strict", "tools[0].strict"),
        ("tool_choice", "tool_choice"),
        ("tool_choice.parallel", "tool_choice.disable_parallel_tool_use"),
        ("output_tokens_max", "max_tokens"),
        ("format", "output_config.format"),
        ("format.strict", "output_config.format"),
        ("stop", "stop_sequences"),
        ("user", "metadata.user_id"),
        ("cache", "cache_control"),
        ("top_k", "top_k"),
        ("mcp_servers", "mcp_servers"),
        ("turns[9].parts[0]", "turns[9].parts[0]"),
    ],
)
def test_a_path_is_said_in_the_clients_words(path: str, said: str) -> None:
    assert located(path) == said


def test_without_system_text_the_first_turn_is_the_first_message() -> None:
    assert located("turns[0].parts[0]", system=None) == "messages[0].content[0]"


def test_thinking_and_effort_are_two_fields() -> None:
    budget = {"thinking": {"type": "enabled", "budget_tokens": 2000}, "output_config": {"effort": "low"}}
    assert located("reasoning", **budget) == "thinking"
    assert located("reasoning.budget_tokens", **budget) == "thinking.budget_tokens"
    assert located("reasoning.effort", **budget) == "output_config.effort"
    assert located("reasoning.display", **budget) == "thinking.display"
    assert located("reasoning", output_config={"effort": "low"}) == "output_config.effort"
