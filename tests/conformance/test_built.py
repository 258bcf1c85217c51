"""What no recording shows, for the Messages API and chat completions: every case here is built by hand.

Built are a turn that pauses, an answer that a filter stops, an overload before and within a stream, and a stream that
breaks off; each as the provider would send it, and as the client of the other dialect is told of it.
"""

import json
from typing import Any

import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.errors import UpstreamBrokeError
from keywright.core.event import Event, Failed
from keywright.core.failure import FailureKind
from keywright.core.fold import fold
from keywright.core.message import ServerToolCall, Text, Turn
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.core.usage import Usage
from keywright.dialects import anthropic, openai_chat

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
PAUSED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Let me look."}, SEARCH],
    "stop_reason": "pause_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 3},
}
FILTERED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "I wo"}, "finish_reason": "content_filter"},
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}
ANTHROPIC_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
OPENAI_OVERLOADED = {
    "error": {"message": "The engine is overloaded", "type": "server_error", "code": "overloaded_error"}
}


def event(body: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (body["type"].encode(), json.dumps(body).encode())


def data(body: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(body).encode()


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt", "choices": [choice]})


MESSAGE_START = event({"type": "message_start", "message": {**PAUSED, "content": [], "stop_reason": None}})
TEXT = event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}) + event(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me"}}
)
STOP = event({"type": "content_block_stop", "index": 0})
PAUSED_STREAM = (
    MESSAGE_START
    + TEXT
    + STOP
    + event({"type": "content_block_start", "index": 1, "content_block": {**SEARCH, "input": {}}})
    + event({"type": "content_block_stop", "index": 1})
    + event({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 3}})
    + event({"type": "message_stop"})
)


def read(dialect: Dialect, stream: bytes) -> list[Event]:
    """The events of a stream, cut into small pieces."""
    reader = dialect.StreamReader()
    return [found for at in range(0, len(stream), 7) for found in reader.feed(stream[at : at + 7])] + reader.end()


def written(dialect: Dialect, events: list[Event]) -> str:
    return b"".join(map(dialect.StreamWriter(ASKED).write, events)).decode()


def whole(dialect: Dialect, body: dict[str, Any]) -> Response:
    return dialect.decode_response(json.dumps(body).encode())


def test_built_a_paused_turn_is_told_whole_and_streamed() -> None:
    for response in (whole(anthropic, PAUSED), fold(read(anthropic, PAUSED_STREAM))):
        (choice,) = response.choices
        assert choice.finish is not None
        assert (choice.finish.reason, choice.finish.raw) == ("pause", "pause_turn")
        assert isinstance(choice.parts[1], ServerToolCall)
        assert json.loads(anthropic.encode_response(response, ASKED).body)["stop_reason"] == "pause_turn"
        given = openai_chat.encode_response(response, ASKED)
        told = json.loads(given.body)["choices"][0]
        assert (told["finish_reason"], "tool_calls" in told["message"]) == ("stop", False)
        assert "choices[0].finish_reason" in {loss.path for loss in given.losses}
    assert '"finish_reason":"stop"' in written(openai_chat, read(anthropic, PAUSED_STREAM))
    assert '"stop_reason":"pause_turn"' in written(anthropic, read(anthropic, PAUSED_STREAM))


def test_built_a_paused_turn_is_sent_back_as_it_came_so_that_it_goes_on() -> None:
    paused = {"role": "assistant", "content": PAUSED["content"]}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}, paused]}
    request = anthropic.decode_request(json.dumps(body).encode())
    encoded = anthropic.encode_request(request, "m", Abilities())
    assert json.loads(encoded.body)["messages"][1] == paused
    assert not encoded.losses


def test_built_what_a_filter_stopped_is_told_whole_and_streamed() -> None:
    stream = chunk({"role": "assistant", "content": "I wo"}) + chunk({}, "content_filter") + b"data: [DONE]\n\n"
    for response in (whole(openai_chat, FILTERED), fold(read(openai_chat, stream))):
        finish = response.choices[0].finish
        assert finish is not None
        assert finish.reason == "content_filter"
        given = json.loads(openai_chat.encode_response(response, ASKED).body)
        assert given["choices"][0]["finish_reason"] == "content_filter"
        message = json.loads(anthropic.encode_response(response, ASKED).body)
        assert (message["stop_reason"], message["content"][0]["text"]) == ("refusal", "I wo")
    assert '"stop_reason":"refusal"' in written(anthropic, read(openai_chat, stream))
    assert whole(openai_chat, FILTERED).usage == Usage(5, 3)


def test_built_a_prompt_that_a_filter_refused_is_an_error_of_its_own_kind() -> None:
    error = {
        "message": "The response was filtered due to the prompt triggering Azure's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
    failure = openai_chat.decode_error(400, json.dumps({"error": error}).encode())
    assert (failure.kind, failure.status, failure.param) == ("content_filtered", 400, "prompt")
    told = json.loads(anthropic.encode_error(failure, "r"))["error"]
    assert (told["type"], told["code"]) == ("invalid_request_error", "content_filter")
    blocked = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}
    theirs = anthropic.decode_error(400, json.dumps({"type": "error", "error": blocked}).encode())
    assert theirs.kind == "content_filtered"


@pytest.mark.parametrize(
    ("dialect", "status", "body", "kind"),
    [
        (anthropic, 529, ANTHROPIC_OVERLOADED, "overloaded"),
        (openai_chat, 529, ANTHROPIC_OVERLOADED, "overloaded"),
        (openai_chat, 503, OPENAI_OVERLOADED, "overloaded"),
        (anthropic, 500, {"type": "error", "error": {"type": "api_error", "message": "x"}}, "server"),
        (openai_chat, 500, {"error": {"message": "x", "type": "server_error"}}, "server"),
        (openai_chat, 502, "bad gateway", "server"),
        (anthropic, 502, "bad gateway", "server"),
        (anthropic, 504, {"type": "error", "error": {"type": "timeout_error", "message": "x"}}, "timeout"),
    ],
)
def test_built_an_overload_keeps_its_status_and_is_told_in_either_dialect(
    dialect: Dialect, status: int, body: Any, kind: FailureKind
) -> None:
    failure = dialect.decode_error(status, json.dumps(body).encode())
    assert (failure.kind, failure.status) == (kind, status)
    message = json.loads(anthropic.encode_error(failure, "req_1"))
    assert (message["type"], message["request_id"]) == ("error", "req_1")
    assert message["error"]["type"] in ("overloaded_error", "api_error", "timeout_error")
    assert json.loads(openai_chat.encode_error(failure, "req_1"))["error"]["message"] == failure.message


MID_STREAM = [
    (anthropic, MESSAGE_START + TEXT + event(ANTHROPIC_OVERLOADED)),
    (openai_chat, chunk({"content": "Let me"}) + data(OPENAI_OVERLOADED)),
]


@pytest.mark.parametrize(("dialect", "stream"), MID_STREAM, ids=["anthropic", "openai_chat"])
def test_built_an_error_within_a_stream_ends_it_and_is_told_in_either_dialect(dialect: Dialect, stream: bytes) -> None:
    events = read(dialect, stream + b"data: whatever follows\n\n")
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.kind == "overloaded"
    message = written(anthropic, events)
    assert '"text":"Let me"' in message
    assert message.endswith("\n\n")
    last = json.loads(message.rstrip().rpartition("data: ")[2])
    assert (last["type"], last["error"]["type"]) == ("error", "overloaded_error")
    chunks = written(openai_chat, events)
    assert '"content":"Let me"' in chunks
    assert "[DONE]" not in chunks
    assert json.loads(chunks.rstrip().rpartition("data: ")[2])["error"]["message"] == failed.failure.message


@pytest.mark.parametrize(("dialect", "stream"), MID_STREAM, ids=["anthropic", "openai_chat"])
def test_built_an_error_within_a_stream_is_seen_where_its_bytes_pass_through(dialect: Dialect, stream: bytes) -> None:
    peeked = dialect.peek(b'{"model":"m","max_tokens":9,"stream":true,"stream_options":{"include_usage":true}}')
    tap = dialect.Tap(peeked)
    assert tap.feed(stream) == stream
    seen = tap.result()
    assert seen.failure is not None
    assert (seen.failure.kind, seen.output_chars) == ("overloaded", len("Let me"))


@pytest.mark.parametrize(
    ("dialect", "stream"),
    [(anthropic, MESSAGE_START + TEXT), (openai_chat, chunk({"content": "Let me"}))],
    ids=["anthropic", "openai_chat"],
)
def test_built_a_stream_that_breaks_off_is_broken(dialect: Dialect, stream: bytes) -> None:
    with pytest.raises(UpstreamBrokeError) as caught:
        read(dialect, stream)
    assert caught.value.answered
