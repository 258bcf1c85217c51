"""Where a client finds what a loss speaks of."""

import json
from typing import Any

import pytest

from keywright.core.request import Request
from keywright.dialects import openai_responses

INPUT: list[dict[str, Any]] = [
    {"role": "user", "content": "plain"},
    {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "u"}]},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
        "encrypted_content": "x",
    },
    {"type": "reasoning", "id": "rs_2", "summary": []},
    {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "phase": "commentary",
        "content": [{"type": "output_text", "text": "a", "annotations": []}, {"type": "refusal", "refusal": "b"}],
    },
    {"role": "assistant", "content": "plain"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "function_call_output", "call_id": "c", "output": "x"},
    {"type": "function_call_output", "call_id": "d", "output": [{"type": "input_file", "file_id": "f"}]},
    {"type": "item_reference", "id": "msg_9"},
]


def asked(**fields: Any) -> Request:
    body = {"model": "m", "input": INPUT, "tools": [{"type": "web_search"}], **fields}
    return openai_responses.decode_request(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("turns[0].parts[0]", "input[0].content[0]"),
        ("turns[1].parts[0]", "input[1].content[0]"),
        ("turns[1].parts[1].detail", "input[1].content[1].detail"),
        ("turns[1].name", "input[1].name"),
        ("turns[2].parts[0]", "input[2]"),
        ("turns[2].parts[1]", "input[2]"),
        ("turns[2].parts[2]", "input[3]"),
        ("turns[2].parts[3]", "input[4].content[0]"),
        ("turns[2].parts[3].phase", "input[4].phase"),
        ("turns[2].parts[4]", "input[4].content[1]"),
        ("turns[2].parts[5]", "input[5]"),
        ("turns[2].parts[6].arguments", "input[6].arguments"),
        ("turns[2].parts[7]", "input[7]"),
        ("turns[3].parts[0].is_error", "input[8].is_error"),
        ("turns[3].parts[1].parts", "input[9].output"),
        ("turns[3].parts[1].parts[0]", "input[9].output[0]"),
        ("turns[4].parts[0]", "input[10]"),
        ("turns[99]", "turns[99]"),
        ("turns", "input"),
        ("tools[0]", "tools[0]"),
        ("tools[0].strict", "tools[0].strict"),
        ("tool_choice", "tool_choice"),
        ("tool_choice.names", "tool_choice"),
        ("tool_choice.parallel", "parallel_tool_calls"),
        ("output_tokens_max", "max_output_tokens"),
        ("format", "text.format"),
        ("format.strict", "text.format.strict"),
        ("reasoning.effort", "reasoning.effort"),
        ("reasoning.display", "reasoning.summary"),
        ("logprobs", "include[message.output_text.logprobs]"),
        ("top_p", "top_p"),
        ("prompt_cache_key", "prompt_cache_key"),
    ],
)
def test_a_path_is_said_in_the_clients_words(path: str, said: str) -> None:
    assert openai_responses.locate(path, asked()) == said


def test_instructions_are_no_item() -> None:
    request = asked(instructions="be brief")
    assert openai_responses.locate("turns[0].parts[0].cache", request) == "instructions.cache"
    assert openai_responses.locate("turns[1].parts[0]", request) == "input[0].content[0]"
