"""Whatever comes, only the errors of the contract come out."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import anthropic, openai_chat, openai_responses
from keywright.dialects.seal import MARK
from tests.dialects.openai_responses.test_locate import INPUT
from tests.laws.strategies import law

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
ABLE = Abilities(reasoning="effort")
NOTE = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
TOKEN = {"token": "a", "logprob": -1, "bytes": [1], "top_logprobs": []}
FILES = [
    {"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "f"},
    {"type": "input_file", "file_url": "u"},
    {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
]
REQUEST: dict[str, Any] = {
    "model": "m",
    "instructions": "i",
    "input": [
        *INPUT,
        {"role": "user", "content": FILES},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": f"{MARK.decode()}nNpZw=="},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "mcp", "server_label": "l"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"properties": {"a": {}}}}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "top_logprobs": 2,
    "stream": True,
    "stream_options": {"include_obfuscation": True},
    "metadata": {"a": "b"},
    "store": False,
    "max_output_tokens": 5,
}
TEXT = {"type": "output_text", "text": "a", "annotations": [NOTE], "logprobs": [TOKEN]}
OUTPUT: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}],
        "content": [{"type": "reasoning_text", "text": "a"}],
        "encrypted_content": "x",
    },
    {"type": "message", "id": "m", "role": "assistant", "content": [TEXT, {"type": "refusal", "refusal": "no"}]},
    {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "f", "input": "x"},
    {"type": "web_search_call", "id": "ws", "action": {"query": "q"}},
    {"type": "novel", "id": "n"},
]
USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 10,
    "cost": 1,
}
ANSWER: dict[str, Any] = {
    "id": "r",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": OUTPUT,
    "usage": USAGE,
    "tool_usage": {"web_search": {"num_requests": 1}},
    "incomplete_details": {"reason": "max_output_tokens"},
    "tools": [],
}
AT = {"output_index": 1, "content_index": 0, "item_id": "m"}
EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": ANSWER},
    {"type": "response.output_item.added", "output_index": 0, "item": OUTPUT[0]},
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "part": {"type": "summary_text"}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "a"},
    {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "a"},
    {"type": "response.output_item.done", "output_index": 0, "item": OUTPUT[0]},
    {"type": "response.content_part.added", **AT, "part": TEXT},
    {"type": "response.output_text.delta", **AT, "delta": "a", "logprobs": [TOKEN]},
    {"type": "response.output_text.annotation.added", **AT, "annotation": NOTE},
    {"type": "response.content_part.done", **AT, "part": TEXT},
    {"type": "response.refusal.delta", **AT, "content_index": 1, "delta": "no"},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.output_item.added", "output_index": 4, "item": OUTPUT[4]},
    {"type": "response.web_search_call.searching", "output_index": 4, "item_id": "ws"},
    {"type": "response.output_item.done", "output_index": 4, "item": OUTPUT[4]},
    {"type": "response.completed", "response": ANSWER},
]

odd = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=3)
anything = odd | st.lists(odd, max_size=2) | st.dictionaries(st.text(max_size=3), odd, max_size=2)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `value` with each of its keys."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], list | dict):
            yield from places(value[key])


@st.composite
def spoilt(draw: st.DrawFn, whole: Any) -> Any:
    """`whole` with one or two of its values replaced or left out."""
    copy = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 2))):
        container, key = draw(st.sampled_from(list(places(copy))))
        if draw(st.booleans()):
            container[key] = draw(anything)
        else:
            del container[key]
    return copy


@law
@given(spoilt(REQUEST))
def test_a_request_is_understood_or_refused(value: Any) -> None:
    body = json.dumps(value).encode()
    try:
        peeked = openai_responses.peek(body)
        json.loads(openai_responses.patch(body, peeked, "x"))
        request = openai_responses.decode_request(body)
    except RefusedError:
        return
    for dialect in (openai_responses, openai_chat, anthropic):
        encoded = dialect.encode_request(request, "m", ABLE)
        json.loads(encoded.body)
        for loss in encoded.losses:
            openai_responses.locate(loss.path, request)


@law
@given(spoilt(ANSWER))
def test_an_answer_is_understood_or_malformed(value: Any) -> None:
    body = json.dumps(value).encode()
    openai_responses.tap_response(body)
    try:
        response = openai_responses.decode_response(body)
    except UpstreamError:
        return
    for dialect in (openai_responses, openai_chat, anthropic):
        json.loads(dialect.encode_response(response, ASKED).body)


@law
@given(spoilt(EVENTS))
def test_a_stream_is_understood_or_malformed(value: Any) -> None:
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in value)
    tap = openai_responses.Tap(Peek("m", stream=True, input_bytes=0))
    tap.feed(stream)
    tap.result()
    reader = openai_responses.StreamReader()
    try:
        events = [*reader.feed(stream), *reader.end()]
        fold(events)
    except UpstreamError:
        return
    for dialect in (openai_responses, openai_chat, anthropic):
        writer = dialect.StreamWriter(ASKED)
        for event in events:
            writer.write(event)


@law
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_bytes_of_any_kind_are_refused_or_malformed(body: bytes) -> None:
    for read in (openai_responses.peek, openai_responses.decode_request):
        try:
            read(body)
        except RefusedError:
            continue
    openai_responses.decode_error(500, body)
    openai_responses.tap_response(body)
    for stream in (body, b"data: " + body + b"\n\n"):
        openai_responses.Tap(Peek("m", stream=True, input_bytes=0)).feed(stream)
        reader = openai_responses.StreamReader()
        try:
            reader.feed(stream)
            reader.end()
        except UpstreamError:
            continue
    try:
        openai_responses.decode_response(body)
    except UpstreamError:
        return
