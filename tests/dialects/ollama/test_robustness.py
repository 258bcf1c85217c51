"""Whatever bytes come, only the errors of the contract come out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, Peek
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.fold import fold
from keywright.core.request import Request
from keywright.dialects import ollama_chat, ollama_generate, openai_chat
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law

ASKED = Request("m", (), stream=True)
ABLE = Abilities(reasoning="effort")
BOTH = pytest.mark.parametrize("dialect", [ollama_chat, ollama_generate], ids=["chat", "generate"])
CALL = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
REQUEST: dict[str, Any] = {
    "model": "m",
    "prompt": "p",
    "system": "s",
    "suffix": "x",
    "raw": True,
    "context": [1],
    "images": ["iVBORw0KGgo="],
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u", "images": ["iVBORw0KGgo="]},
        {"role": "assistant", "content": "a", "thinking": "h", "tool_calls": [CALL]},
        {"role": "tool", "content": "r", "tool_name": "f", "tool_call_id": "c"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
    "format": {"type": "object"},
    "options": {"num_predict": 5, "temperature": 0.5, "stop": ["x"], "num_ctx": 9, "seed": 1},
    "think": "low",
    "stream": True,
    "keep_alive": "5m",
    "logprobs": True,
    "top_logprobs": 2,
}
ANSWER: dict[str, Any] = {
    "model": "m",
    "created_at": "2025-06-09T17:58:55.337823Z",
    "message": {"role": "assistant", "content": "a", "thinking": "h", "images": ["AA=="], "tool_calls": [CALL]},
    "response": "a",
    "thinking": "h",
    "image": "AA==",
    "logprobs": [{"token": "a", "logprob": -1.0, "top_logprobs": [{"token": "a", "logprob": -1.0}]}],
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
    "total_duration": 9,
}


@BOTH
@law
@given(body=spoilt(REQUEST) | st.binary(max_size=60))
def test_a_request_is_understood_or_refused(dialect: Dialect, body: bytes) -> None:
    try:
        peeked = dialect.peek(body)
        json.loads(dialect.patch(body, peeked, "x"))
        request = dialect.decode_request(body)
    except RefusedError:
        return
    for loss in dialect.encode_request(request, "m", ABLE).losses:
        assert dialect.locate(loss.path, request)
    for loss in openai_chat.encode_request(request, "m", ABLE).losses:
        assert dialect.locate(loss.path, request)


@BOTH
@law
@given(body=spoilt(ANSWER) | st.binary(max_size=60))
def test_an_answer_is_understood_or_malformed_whole_and_as_a_stream(dialect: Dialect, body: bytes) -> None:
    dialect.tap_response(body)
    tap = dialect.Tap(Peek("m", stream=True, input_bytes=0))
    tap.feed(body + b"\n")
    tap.result()
    try:
        response = dialect.decode_response(body)
        json.loads(dialect.encode_response(response, ASKED).body)
    except UpstreamError:
        pass
    writer = dialect.StreamWriter(ASKED)
    reader = dialect.StreamReader()
    try:
        events = [*reader.feed(body.replace(b'"done": true', b'"done": false') + b"\n"), *reader.feed(body + b"\n")]
        fold([*events, *reader.end()])
    except UpstreamError:
        return
    for event in events:
        for line in writer.write(event).splitlines():
            json.loads(line)
