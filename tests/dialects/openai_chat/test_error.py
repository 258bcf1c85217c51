"""Errors of OpenAI and its compatibles. Those that no recording holds are built after the vendors' documentation."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.failure import Failure, FailureKind
from keywright.dialects import openai_chat
from tests.laws.strategies import law


def failure(status: int, **error: Any) -> Failure:
    return openai_chat.decode_error(status, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error"}, "context_too_long", None),
        (400, {"message": "This model's maximum context length is 4 tokens"}, "context_too_long", "context_too_long"),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "quota", None),
        (429, {"code": "rate_limit_exceeded", "type": "requests"}, "rate_limited", None),
        (429, {"message": "slow", "code": 429}, "rate_limited", "rate_limited"),
        (400, {"code": "content_filter", "innererror": {}}, "content_filtered", None),
        (404, {"code": "model_not_found"}, "not_found", None),
        (400, {"code": "model_not_found"}, "not_found", None),
        (401, {"code": "invalid_api_key"}, "authentication", None),
        (401, {"code": "401"}, "authentication", "authentication"),
        (402, {"message": "Insufficient Balance"}, "payment", "payment"),
        (403, {"message": "no"}, "permission", "permission"),
        (413, {"message": "big"}, "too_large", "too_large"),
        (408, {}, "timeout", "timeout"),
        (500, {"type": "server_error"}, "server", "server_error"),
        (503, {"message": "x"}, "overloaded", "overloaded"),
        (529, {"type": "overloaded_error"}, "overloaded", "overloaded_error"),
        (418, {"message": "teapot"}, "invalid_request", "invalid_request"),
    ],
)
def test_the_kind_is_found_by_word_message_or_status(
    status: int, error: dict[str, Any], kind: str, code: str | None
) -> None:
    found = failure(status, **error)
    assert (found.kind, found.status, found.origin) == (kind, status, "openai_chat")
    assert found.code == (code or error["code"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"gone"}', "gone"),
        (b'{"object":"error","message":"m","type":"BadRequestError"}', "m"),
        (b'{"detail":"d"}', "d"),
        (b'{"detail":[{"loc":["body"]}]}', '[{"loc":["body"]}]'),
        (b"<html>", "the provider gave no reason"),
        (b"[" * 100_000, "the provider gave no reason"),
        (b"\xff", "the provider gave no reason"),
    ],
)
def test_other_shapes_are_understood(body: bytes, message: str) -> None:
    assert openai_chat.decode_error(400, body).message == message


def test_a_refused_credential_is_not_described() -> None:
    found = failure(401, message="Incorrect API key provided: sk-proj-********abcd", code="invalid_api_key")
    assert "sk-" not in found.message


@law
@given(st.integers(300, 599), st.binary(max_size=40) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_no_body_raises(status: int, body: bytes | str) -> None:
    assert openai_chat.decode_error(status, body.encode() if isinstance(body, str) else body).status == status


def test_an_error_is_written_in_openais_words() -> None:
    ours = Failure("rate_limited", 429, "rate_limited", "slow", param="model")
    assert json.loads(openai_chat.encode_error(ours, "req_1")) == {
        "error": {"message": "slow", "type": "rate_limit_error", "param": "model", "code": "rate_limited"}
    }
    theirs = failure(429, type="requests", code="rate_limit_exceeded", message="m", param=None)
    assert json.loads(openai_chat.encode_error(theirs, ""))["error"]["type"] == "requests"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("authentication", "authentication_error"),
        ("permission", "permission_error"),
        ("not_found", "not_found_error"),
        ("invalid_request", "invalid_request_error"),
        ("server", "server_error"),
    ],
)
def test_only_bad_requests_are_called_so(kind: FailureKind, word: str) -> None:
    told = json.loads(openai_chat.encode_error(Failure(kind, 400, "code", "message"), ""))["error"]
    assert (told["type"], openai_chat.decode_error(400, json.dumps({"error": told}).encode()).kind) == (word, kind)


@pytest.mark.parametrize(
    ("status", "code"), [(404, "not_found"), (401, "authentication"), (400, "invalid_request_error")]
)
def test_the_word_for_all_refusals_is_the_code_of_bad_requests_only(status: int, code: str) -> None:
    assert failure(status, message="x", type="invalid_request_error", code="1500").code == code
