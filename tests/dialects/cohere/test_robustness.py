"""Whatever JSON comes, only the errors of the contract come out."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import cohere
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
DOCUMENT = {"id": "d", "data": {"title": "t", "text": "x"}}
CITATION = {
    "start": 0,
    "end": 1,
    "text": "a",
    "sources": [{"type": "document", "id": "d", "document": {"title": "t", "url": "u"}}],
    "type": "TEXT_CONTENT",
    "content_index": 1,
}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGE: dict[str, Any] = {
    "role": "assistant",
    "tool_plan": "p",
    "content": [{"type": "thinking", "thinking": "h"}, {"type": "text", "text": "a"}, {"type": "new", "x": 1}],
    "tool_calls": [CALL],
    "citations": [CITATION, {"start": 0, "end": 1, "type": "PLAN"}],
}
REQUEST: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "messages": [
        {"role": "system", "content": "s"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
            ],
        },
        MESSAGE,
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "document", "document": DOCUMENT}]},
        {"role": "user", "content": "z"},
    ],
    "documents": [DOCUMENT, "plain"],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
    "strict_tools": True,
    "tool_choice": "REQUIRED",
    "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
    "thinking": {"type": "enabled", "token_budget": 9},
    "stop_sequences": ["a"],
    "max_tokens": 5,
    "temperature": 0.5,
    "p": 0.5,
    "k": 3,
    "seed": 1,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "logprobs": True,
    "citation_options": {"mode": "FAST"},
}
USAGE = {
    "billed_units": {"input_tokens": 5, "output_tokens": 5, "search_units": 1},
    "tokens": {"input_tokens": 9, "output_tokens": 7, "reasoning_tokens": 1, "image_tokens": 2},
    "cached_tokens": 3,
}
ANSWER: dict[str, Any] = {
    "id": "r",
    "message": MESSAGE,
    "finish_reason": "COMPLETE",
    "usage": USAGE,
    "logprobs": [{"text": "a", "token_ids": [1], "logprobs": [0.1]}],
}
FRAMES: list[dict[str, Any]] = [
    {"type": "message-start", "id": "r", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "p"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}, "logprobs": {"text": "a"}},
    {"type": "citation-start", "index": 0, "delta": {"message": {"citations": CITATION}}},
    {"type": "citation-end", "index": 0},
    {"type": "content-end", "index": 0},
    {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
    {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": "1"}}}}},
    {"type": "tool-call-end", "index": 0},
    {"type": "debug", "prompt": "x"},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}},
]


@law
@given(spoilt(REQUEST))
def test_a_request_is_understood_or_refused(body: bytes) -> None:
    try:
        json.loads(cohere.patch(body, cohere.peek(body), "x"))
        request = cohere.decode_request(body)
    except RefusedError:
        return
    encoded = cohere.encode_request(request, "m", Abilities(reasoning="budget"))
    json.loads(encoded.body)
    for loss in encoded.losses:
        cohere.locate(loss.path, request)


@law
@given(spoilt(ANSWER))
def test_an_answer_is_understood_or_malformed(body: bytes) -> None:
    cohere.tap_response(body)
    try:
        response = cohere.decode_response(body)
    except UpstreamError:
        return
    json.loads(cohere.encode_response(response, ASKED).body)


@law
@given(spoilt({"frames": FRAMES}))
def test_a_stream_is_understood_or_malformed(body: bytes) -> None:
    frames = json.loads(body).get("frames")
    listed = frames if isinstance(frames, list) else []
    stream = b"".join(b"data: %b\n\n" % json.dumps(frame).encode() for frame in listed)
    tap = cohere.Tap(Peek("m", stream=True, input_bytes=0))
    assert tap.feed(stream) == stream
    tap.result()
    reader, writer = cohere.StreamReader(), cohere.StreamWriter(ASKED)
    try:
        events = [*reader.feed(stream), *reader.end()]
        fold(events)
    except UpstreamError:
        return
    for event in events:
        writer.write(event)


@law
@given(st.binary(max_size=60), st.integers(400, 599))
def test_bytes_are_understood_or_malformed(body: bytes, status: int) -> None:
    assert cohere.decode_error(status, body).status == status
    for read in (cohere.decode_request, cohere.decode_response, cohere.StreamReader().feed):
        try:
            read(body)
        except (RefusedError, UpstreamError):
            pass
