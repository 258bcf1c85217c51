"""Whole answers and errors, both ways."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import UpstreamMalformedError
from keywright.core.failure import Failure, FailureKind
from keywright.core.message import (
    Audio,
    Base64Source,
    Citation,
    Opaque,
    Part,
    Refusal,
    Text,
    ToolCall,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects.anthropic import decode_error, decode_response, encode_error, encode_response, tap_response

ASKED = Request("m", ())


def encoded(*parts: Part, **fields: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    finish = fields.pop("finish", Finish("stop"))
    result = encode_response(Response("i", "m", (Choice(parts, finish),), **fields), ASKED)
    return json.loads(result.body), [(loss.path, loss.weight) for loss in result.losses]


def test_an_answer_from_elsewhere_has_the_shape_of_a_message() -> None:
    usage = Usage(input=10, output=5, reasoning=2, cache_read=3, cache_write_5m=4, cache_write_1h=1, searches=2)
    body, losses = encoded(Text("x"), ToolCall("call.1", "f", ""), usage=usage, created_s=5)
    assert (body["type"], body["role"], body["stop_reason"], body["stop_sequence"]) == (
        "message",
        "assistant",
        "tool_use",
        None,
    )
    assert body["content"][0] == {"type": "text", "text": "x"}
    assert (body["content"][1]["input"], "." in body["content"][1]["id"]) == ({}, False)
    assert body["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
        "server_tool_use": {"web_search_requests": 2},
    }
    assert not losses
    assert decode_response(json.dumps(body).encode()).usage == usage


def test_sound_and_pictures_count_as_plain_tokens() -> None:
    usage = Usage(input=1, audio_input=2, image_input=3, audio_cache_read=4, output=1, audio_output=2, image_output=3)
    body, _ = encoded(Text("x"), usage=usage)
    assert [body["usage"][field] for field in ("input_tokens", "cache_read_input_tokens", "output_tokens")] == [6, 4, 6]


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (None, "end_turn"),
        (Finish("length"), "max_tokens"),
        (Finish("content_filter"), "refusal"),
        (Finish("pause"), "pause_turn"),
        (Finish("context_window"), "model_context_window_exceeded"),
        (Finish("other", raw="novel", origin="anthropic"), "novel"),
        (Finish("other", raw="novel", origin="openai_chat"), "end_turn"),
    ],
)
def test_why_an_answer_ended_is_said_in_the_apis_words(finish: Finish | None, word: str) -> None:
    assert encoded(Text("x"), finish=finish)[0]["stop_reason"] == word


def test_a_stop_sequence_is_named() -> None:
    body, _ = encoded(Text("x"), finish=Finish("stop_sequence", "END"))
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "END")


def test_a_refusal_is_text_and_the_reason() -> None:
    body, losses = encoded(Refusal("No."))
    assert (body["content"], body["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")
    assert losses == [("content[0]", "knob")]


def test_what_an_answer_cannot_hold_is_reported() -> None:
    parts = (
        Opaque("openai_chat", "k", {}),
        Audio(Base64Source("audio/wav", "AA==")),
    )
    body, losses = encoded(*parts, extras={"openai_chat": {"search_results": [1], "system_fingerprint": "f"}})
    assert body["content"] == []
    assert losses == [
        ("content[0]", "meaning"),
        ("content[1]", "meaning"),
        ("search_results", "knob"),
    ]


def test_a_citation_from_elsewhere_is_reported() -> None:
    own = Citation("anthropic", {"type": "novel_location"})
    body, losses = encoded(Text("x", (own, Citation("openai_chat", {}))))
    assert body["content"][0]["citations"] == [own.body]
    assert losses == [("content[0].citations", "knob")]


def test_only_the_first_choice_is_given() -> None:
    choices = (Choice((Text("a"),), logprobs={}), Choice((Text("b"),), index=1))
    result = encode_response(Response("i", "m", choices), ASKED)
    assert json.loads(result.body)["content"] == [{"type": "text", "text": "a"}]
    assert [loss.path for loss in result.losses] == ["choices", "choices[0].logprobs"]
    assert json.loads(encode_response(Response("i", "m", ()), ASKED).body)["content"] == []


def test_a_part_of_a_usage_is_no_larger_than_its_whole() -> None:
    usage = {
        "input_tokens": 3,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 9},
        "cache_creation_input_tokens": 4,
        "cache_creation": {"ephemeral_1h_input_tokens": 6},
    }
    response = decode_response(json.dumps({"content": [], "usage": usage}).encode())
    assert response.usage == Usage(input=3, reasoning=5, cache_write_1h=4)


@pytest.mark.parametrize("odd", [-3, "7", True, 1.5, 10**13, 10**400, [1]])
def test_a_usage_with_a_number_that_makes_no_sense_counts_as_not_told(odd: object) -> None:
    for usage in (
        {"input_tokens": odd, "output_tokens": 5},
        {"input_tokens": 5, "output_tokens": odd},
        {"input_tokens": 5, "output_tokens": 5, "cache_read_input_tokens": odd},
    ):
        body = json.dumps({"content": [], "stop_reason": "end_turn", "usage": usage}).encode()
        assert decode_response(body).usage is None
        assert tap_response(body).usage is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"type":"error"}', b'{"content":"x"}', b'{"content":[{"type":"text"}]}', b'{"content":[5]}'],
)
def test_what_is_no_message_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        decode_response(body)


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_every_kind_of_failure_has_the_apis_shape(kind: FailureKind) -> None:
    body = json.loads(encode_error(Failure(kind, 400, "some_code", "Why"), "req_1"))
    assert body == {
        "type": "error",
        "error": {"type": body["error"]["type"], "message": "Why", "code": "some_code"},
        "request_id": "req_1",
    }
    assert body["error"]["type"].endswith(("_error", "_large"))


def test_what_an_error_says_beside_its_words_is_told_again() -> None:
    node = {"type": "error", "error": {"type": "api_error", "message": "m", "details": {"x": 1}}, "request_id": "r"}
    assert json.loads(encode_error(decode_error(500, json.dumps(node).encode()), "r")) == node


def test_answers_nested_without_end_are_malformed() -> None:
    content = b'[{"type":"tool_result","tool_use_id":"a","content":'
    with pytest.raises(UpstreamMalformedError):
        decode_response(b'{"content":' + content * 450 + b'"x"' + b"}]" * 450 + b"}")


@pytest.mark.parametrize(
    ("status", "word", "message", "kind"),
    [
        (401, "authentication_error", "invalid x-api-key", "authentication"),
        (403, "permission_error", "no", "permission"),
        (404, "not_found_error", "no", "not_found"),
        (413, "request_too_large", "no", "too_large"),
        (429, "rate_limit_error", "no", "rate_limited"),
        (529, "overloaded_error", "Overloaded", "overloaded"),
        (500, "api_error", "no", "server"),
        (504, "timeout_error", "no", "timeout"),
        (402, "billing_error", "no", "payment"),
        (400, "invalid_request_error", "no", "invalid_request"),
        (400, "invalid_request_error", "prompt is too long: 5 tokens > 4 maximum", "context_too_long"),
        (400, "invalid_request_error", "Output blocked by content filtering policy", "content_filtered"),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", "payment"),
        (418, "novel_error", "no", "invalid_request"),
        (502, "novel_error", "no", "server"),
    ],
)
def test_an_error_of_the_api_is_read_and_told_again(status: int, word: str, message: str, kind: str) -> None:
    node = {"type": "error", "error": {"type": word, "message": message}, "request_id": "r"}
    failure = decode_error(status, json.dumps(node).encode())
    assert (failure.kind, failure.status, failure.code, failure.raw_type) == (kind, status, word, word)
    assert json.loads(encode_error(failure, "r")) == node


@given(
    st.integers(100, 999),
    st.binary(max_size=40) | st.sampled_from([b'{"error":{}}', b'{"error":5}', b'{"error":{"type":[]}}']),
)
def test_a_body_of_any_kind_is_a_failure_by_its_status(status: int, body: bytes) -> None:
    failure = decode_error(status, body)
    assert failure.status == status
    assert failure.message
