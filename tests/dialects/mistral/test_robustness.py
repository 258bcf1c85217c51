"""Whatever JSON comes, only the errors of the contract come out."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import mistral
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": 0}
CONTENT: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "h"}], "signature": "s", "closed": True},
    {"type": "text", "text": "a"},
    {"type": "reference", "reference_ids": [1]},
    {"type": "image_url", "image_url": "data:image/png;base64,AA"},
    {"type": "document_url", "document_url": "https://x.example/a.pdf", "document_name": "n"},
    {"type": "file", "file_id": "f"},
    {"type": "input_audio", "input_audio": "AA"},
]
REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": CONTENT},
        {"role": "assistant", "content": CONTENT[:3], "tool_calls": [CALL], "prefix": True},
        {"role": "tool", "tool_call_id": "abcdefghi", "content": CONTENT, "name": "f"},
        {"role": "assistant", "content": "b", "prefix": True},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": True,
    "max_tokens": 5,
    "random_seed": 1,
    "safe_prompt": True,
    "prompt_mode": "reasoning",
    "prediction": {"type": "content", "content": "x"},
    "reasoning_effort": "high",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"properties": {"a": {}}}}},
    "stream": True,
    "stop": "x",
    "metadata": {"a": 1},
}
ANSWER: dict[str, Any] = {
    "id": "r",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": CONTENT}}],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 1},
    },
}
CHUNK: dict[str, Any] = {
    "id": "r",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": CONTENT, "tool_calls": [CALL]}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    "p": "x",
}
END = b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ERROR = {"object": "error", "message": {"detail": [{"loc": ["body", 1], "msg": "m"}]}, "type": "t", "code": "1"}


@law
@given(spoilt(REQUEST) | st.binary(max_size=40))
def test_a_request_is_decoded_or_refused(body: bytes) -> None:
    try:
        mistral.peek(body)
        request = mistral.decode_request(body)
    except RefusedError:
        return
    encoded = mistral.encode_request(request, "m", Abilities(audio=True, reasoning="effort"))
    json.loads(encoded.body)
    for loss in encoded.losses:
        assert mistral.locate(loss.path, request)


@law
@given(spoilt(ANSWER) | st.binary(max_size=40))
def test_an_answer_is_decoded_or_is_an_upstreams_error(body: bytes) -> None:
    mistral.tap_response(body)
    try:
        response = mistral.decode_response(body)
    except UpstreamError:
        return
    json.loads(mistral.encode_response(response, ASKED).body)


@law
@given(spoilt(CHUNK) | st.binary(max_size=40), st.integers(1, 99))
def test_a_stream_is_read_or_is_an_upstreams_error(chunk: bytes, size: int) -> None:
    stream = b"data: " + chunk + b"\n\n" + END
    tap = mistral.Tap(mistral.peek(b'{"model":"m","stream":true}'))
    assert tap.feed(stream) == stream
    tap.result()
    reader = mistral.StreamReader()
    try:
        events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
        events += reader.end()
        fold(events)
    except UpstreamError:
        return
    writer = mistral.StreamWriter(ASKED)
    assert b"".join(map(writer.write, events)).endswith(b"data: [DONE]\n\n")


@law
@given(st.integers(400, 599), spoilt(ERROR) | st.binary(max_size=40))
def test_an_error_is_always_a_failure(status: int, body: bytes) -> None:
    failure = mistral.decode_error(status, body)
    assert failure.status == status
    json.loads(mistral.encode_error(failure, "r"))
