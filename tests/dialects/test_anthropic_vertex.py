"""Claude as Vertex's guest: what differs from the Messages API, and that nothing else does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import BODY_SAYS, Dialect, PathSaid
from keywright.core.errors import NotTranslatableError, RefusedError
from keywright.core.message import Text, Thinking, Turn
from keywright.core.request import Request
from keywright.dialects import anthropic, anthropic_vertex, openai_chat
from keywright.dialects.anthropic_vertex import VERSION
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law, requests

dialect: Dialect = anthropic_vertex
SAID = PathSaid("claude-sonnet-4@20250514", stream=True)
BODY: dict[str, Any] = {
    "anthropic_version": VERSION,
    "anthropic_beta": ["context-1m-2025-08-07"],
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hi"}],
}


def raw(**more: Any) -> bytes:
    return json.dumps({**BODY, **more}).encode()


def test_the_path_says_the_model_and_whether_a_stream_is_wanted() -> None:
    request = anthropic_vertex.decode_request(raw(), SAID)
    assert (request.model, request.stream) == ("claude-sonnet-4@20250514", True)
    peeked = anthropic_vertex.peek(raw(), SAID)
    assert (peeked.model, peeked.stream, peeked.output_tokens_max) == ("claude-sonnet-4@20250514", True, 64)
    whole = anthropic_vertex.decode_request(raw(stream=False, model="other"), PathSaid("claude"))
    assert (whole.model, whole.stream) == ("claude", False)


def test_what_only_a_guest_says_goes_out_again_and_is_told_elsewhere() -> None:
    request = anthropic_vertex.decode_request(raw(), SAID)
    encoded = anthropic_vertex.encode_request(request, "claude-sonnet-4@20250514", ABLE)
    assert not encoded.losses
    assert json.loads(encoded.body) == {**BODY, "stream": True}
    for there in (anthropic, openai_chat):
        assert [loss.path for loss in there.encode_request(request, "m", ABLE).losses] == ["anthropic_beta"]
    assert anthropic_vertex.locate("anthropic_beta", request) == "anthropic_beta"


def test_a_conversation_that_only_anthropic_holds_does_not_go_to_its_host() -> None:
    asked = raw(model="m", thread={"type": "continue", "previous_message_id": "msg_1"})
    with pytest.raises(NotTranslatableError):
        anthropic_vertex.patch(asked, anthropic_vertex.peek(asked), "m")
    encoded = anthropic_vertex.encode_request(anthropic.decode_request(asked), "m", ABLE)
    assert [(loss.path, loss.weight) for loss in encoded.losses if loss.weight == "meaning"] == [("thread", "meaning")]
    assert "thread" not in json.loads(encoded.body)
    none = raw(model="m", thread=None)
    assert b'"thread": null' in anthropic_vertex.patch(none, anthropic_vertex.peek(none), "m")


def test_a_request_of_another_client_has_the_version_and_no_model() -> None:
    request = openai_chat.decode_request(b'{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}')
    body = json.loads(anthropic_vertex.encode_request(request, "claude-sonnet-4@20250514", ABLE).body)
    assert body == {"anthropic_version": VERSION, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_signatures_of_claude_are_anthropics_on_every_platform() -> None:
    thought = Thinking("t", "s", "anthropic")
    request = Request("m", (Turn("assistant", (thought, Text("x"))), Turn("user", (Text("y"),))))
    body = json.loads(anthropic_vertex.encode_request(request, "m", ABLE).body)
    assert body["messages"][0]["content"][0] == {"type": "thinking", "thinking": "t", "signature": "s"}


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (
            b'{"model":"claude-sonnet-4","max_tokens":64,"messages":[]}',
            b'{"max_tokens":64,"messages":[],"anthropic_version":"vertex-2023-10-16"}',
        ),
        (
            b'{ "max_tokens": 9,\n "messages":[], "model": "claude-sonnet-4", "x": "\\u00e9" }',
            b'{ "max_tokens": 9,\n "messages":[], "x": "\\u00e9" ,"anthropic_version":"vertex-2023-10-16"}',
        ),
    ],
)
def test_of_anthropics_own_client_two_members_are_exchanged(body: bytes, sent: bytes) -> None:
    assert "anthropic" in anthropic_vertex.CARRIES
    peeked = anthropic.peek(body)
    assert anthropic_vertex.patch(body, peeked, "claude-sonnet-4@20250514") == sent


def test_of_vertexs_own_client_every_byte_stays() -> None:
    body = raw(stream=True)
    peeked = anthropic_vertex.peek(body, SAID)
    assert anthropic_vertex.patch(body, peeked, "another@1") == body


def test_a_stream_that_only_the_path_asks_for_is_asked_for_in_the_body_too() -> None:
    for body in (raw(), raw(stream=False)):
        patched = anthropic_vertex.patch(body, anthropic_vertex.peek(body, SAID), "m")
        assert json.loads(patched) == {**BODY, "stream": True}
    whole = raw()
    assert anthropic_vertex.patch(whole, anthropic_vertex.peek(whole, PathSaid("m")), "m") == whole


@pytest.mark.parametrize(
    ("status", "body", "kind", "origin"),
    [
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "overloaded",
            "anthropic",
        ),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 3 > 2"}},
            "context_too_long",
            "anthropic",
        ),
        (404, {"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}, "not_found", "gemini"),
        (
            429,
            [{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}],
            "rate_limited",
            "gemini",
        ),
        (401, {"error": {"code": 401, "message": "secret", "status": "UNAUTHENTICATED"}}, "authentication", "gemini"),
        (503, "no JSON of theirs", "overloaded", None),
    ],
)
def test_an_error_is_anthropics_or_googles(status: int, body: Any, kind: str, origin: str | None) -> None:
    failure = anthropic_vertex.decode_error(status, json.dumps(body).encode())
    assert (failure.kind, failure.status, failure.origin) == (kind, status, origin)
    assert "secret" not in failure.message


def test_an_error_that_is_no_json_is_understood_by_its_status() -> None:
    assert anthropic_vertex.decode_error(504, b"<html>").kind == "timeout"


@law
@given(requests("anthropic", signed=True))
def test_a_request_says_what_it_says_to_anthropic(request: Request) -> None:
    there = anthropic.encode_request(request, "m", ABLE)
    here = anthropic_vertex.encode_request(request, "m", ABLE)
    assert here.losses == there.losses
    wanted = json.loads(there.body)
    del wanted["model"]
    assert json.loads(here.body) == {"anthropic_version": VERSION, **wanted}
    said = PathSaid("m", stream=request.stream)
    assert anthropic_vertex.decode_request(here.body, said) == anthropic.decode_request(there.body)


@law
@given(spoilt(BODY) | st.binary(max_size=40), st.sampled_from([SAID, BODY_SAYS]))
def test_a_request_is_decoded_or_refused(body: bytes, said: PathSaid) -> None:
    try:
        peeked = anthropic_vertex.peek(body, said)
        request = anthropic_vertex.decode_request(body, said)
    except RefusedError:
        return
    json.loads(anthropic_vertex.patch(body, peeked, "m"))
    json.loads(anthropic_vertex.encode_request(request, "m", ABLE).body)
