"""Errors. The cases are built: the recordings hold few kinds, and none that overloads or limits."""

import json
from typing import Any

import pytest

from keywright.core.event import Failed
from keywright.core.failure import Failure, FailureKind
from keywright.dialects import openai_responses


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", "authentication"),
        (403, None, "permission"),
        (404, "model_not_found", "not_found"),
        (429, "rate_limit_exceeded", "rate_limited"),
        (429, "insufficient_quota", "quota"),
        (400, "context_length_exceeded", "context_too_long"),
        (400, "content_filter", "content_filtered"),
        (413, None, "too_large"),
        (500, "server_error", "server"),
        (503, None, "overloaded"),
        (504, None, "timeout"),
    ],
)
def test_the_kind_of_an_error_is_found(status: int, code: str | None, kind: FailureKind) -> None:
    failure = openai_responses.decode_error(status, body(code=code, message="m", type=None, param=None))
    assert (failure.status, failure.kind, failure.origin) == (status, kind, "openai_responses")


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'"x"', b"\xff", b'{"error":"x"}', b"[" * 9999])
def test_a_body_that_is_none_of_this_dialects_still_gives_a_failure(raw: bytes) -> None:
    assert openai_responses.decode_error(503, raw).kind == "overloaded"


@pytest.mark.parametrize(
    ("words", "wait_s"),
    [
        ("Limit 3, Used 3. Please try again in 20s. Visit", 20.0),
        ("Please try again in 6ms.", 0.006),
        ("Please try again in 1m6.5s.", 66.5),
        ("Please try again in 7h12m0s.", 25920.0),
        ("Please retry after 30 seconds.", 30.0),
        ("Please try again in 9999h.", 86400.0),
        ("Please try again in a while.", None),
        ("Slow down.", None),
    ],
)
def test_the_wait_that_stands_in_the_message_is_read(words: str, wait_s: float | None) -> None:
    failure = openai_responses.decode_error(429, body(code="rate_limit_exceeded", message=words))
    assert failure.retry_after_s == wait_s
    wrong = openai_responses.decode_error(400, body(code="invalid_prompt", message="Please try again in 20s"))
    assert wrong.retry_after_s is None


def test_a_refused_key_is_not_repeated() -> None:
    raw = body(code="invalid_api_key", message="Incorrect API key provided: sk-12345", type="invalid_request_error")
    assert "12345" not in openai_responses.decode_error(401, raw).message


def test_an_error_is_written_as_openai_does() -> None:
    failure = Failure("rate_limited", 429, "rate_limit_exceeded", "slow down", param="input")
    assert json.loads(openai_responses.encode_error(failure, "r"))["error"] == {
        "message": "slow down",
        "type": "rate_limit_error",
        "param": "input",
        "code": "rate_limit_exceeded",
    }
    again = openai_responses.decode_error(429, openai_responses.encode_error(failure, "r"))
    assert (again.kind, again.param, again.message) == ("rate_limited", "input", "slow down")


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "Please try again in 2s", "param": None},
        {"type": "error", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "try again in 2s"}},
        {"error": {"code": "rate_limit_exceeded", "message": "try again in 2s"}},
        {
            "type": "response.failed",
            "response": {"id": "r", "error": {"code": "rate_limit_exceeded", "message": "try again in 2s"}},
        },
    ],
    ids=["published", "sent", "bare", "failed"],
)
def test_an_error_in_a_stream_is_recognised_in_each_of_its_forms(frame: dict[str, Any]) -> None:
    (event,) = openai_responses.StreamReader().feed(b"data: " + json.dumps(frame).encode() + b"\n\n")
    assert isinstance(event, Failed)
    assert (event.failure.kind, event.failure.status, event.failure.retry_after_s) == ("rate_limited", 429, 2.0)


def test_a_failed_answer_without_a_word_is_the_servers_fault() -> None:
    (event,) = openai_responses.StreamReader().feed(b'data: {"type":"response.failed","response":{"error":null}}\n\n')
    assert isinstance(event, Failed)
    assert event.failure.kind == "server"
