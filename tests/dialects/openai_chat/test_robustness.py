"""Whatever JSON comes, only the errors of the contract come out."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import openai_chat
from tests.laws.strategies import law

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)
FUNCTION = {"name": "f", "arguments": "{}"}
ITEM = {"type": "reasoning.text", "text": "h", "signature": "s", "index": 0, "origin": "x"}
NOTE = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
MESSAGE: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
    "reasoning": "h",
    "reasoning_details": [ITEM, {"type": "reasoning.encrypted", "data": "AA"}],
    "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": FUNCTION}],
    "function_call": FUNCTION,
    "annotations": [NOTE],
    "refusal": "no",
    "audio": {"id": "i", "data": "AA"},
    "images": [{"type": "image_url", "image_url": {"url": "u"}}],
}
REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s", "name": "n"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
                {"type": "file", "file": {"file_data": "AA", "filename": "f"}, "cache_control": {"ttl": "5m"}},
            ],
        },
        MESSAGE,
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "function", "name": "f", "content": "r"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
    "functions": [{"name": "f"}],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "f"}}]}},
    "function_call": {"name": "f"},
    "stop": ["a"],
    "logit_bias": {"1": 2},
    "reasoning": {"effort": "low", "max_tokens": 3, "enabled": True, "exclude": True},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"properties": {"a": {}}}}},
    "stream": True,
    "stream_options": {"include_usage": True},
    "metadata": {"a": "b"},
    "n": 1,
}
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 5,
    "total_tokens": 10,
    "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
    "server_tool_use": {"web_search_requests": 1},
}
ANSWER: dict[str, Any] = {
    "id": "r",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": MESSAGE, "logprobs": {"content": []}, "finish_reason": "stop"}],
    "usage": USAGE,
}

odd = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=3)
anything = odd | st.lists(odd, max_size=2) | st.dictionaries(st.text(max_size=3), odd, max_size=2)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in `value` with each of its keys."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], list | dict):
            yield from places(value[key])


@st.composite
def spoilt(draw: st.DrawFn, whole: dict[str, Any]) -> bytes:
    """`whole` with one or two of its values replaced or left out."""
    copy = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 2))):
        container, key = draw(st.sampled_from(list(places(copy))))
        if draw(st.booleans()):
            container[key] = draw(anything)
        else:
            del container[key]
    return json.dumps(copy).encode()


@law
@given(spoilt(REQUEST))
def test_a_request_is_understood_or_refused(body: bytes) -> None:
    try:
        peeked = openai_chat.peek(body)
        json.loads(openai_chat.patch(body, peeked, "x"))
        request = openai_chat.decode_request(body)
    except RefusedError:
        return
    json.loads(openai_chat.encode_request(request, "m", Abilities(audio=True, reasoning="effort")).body)


@law
@given(spoilt(ANSWER))
def test_an_answer_is_understood_or_malformed(body: bytes) -> None:
    openai_chat.tap_response(body)
    try:
        response = openai_chat.decode_response(body)
    except UpstreamError:
        return
    json.loads(openai_chat.encode_response(response, ASKED).body)


@law
@given(spoilt(ANSWER))
def test_a_stream_is_understood_or_malformed(body: bytes) -> None:
    frame = b"data: " + body.replace(b'"message"', b'"delta"') + b"\n\n"
    tap = openai_chat.Tap(openai_chat.peek(b'{"model":"m","stream":true}'))
    tap.feed(frame * 2)
    tap.result()
    reader = openai_chat.StreamReader()
    writer = openai_chat.StreamWriter(ASKED)
    try:
        events = [*reader.feed(frame), *reader.feed(frame), *reader.end()]
        fold(events)
    except UpstreamError:
        return
    for event in events:
        writer.write(event)
