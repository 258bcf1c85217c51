"""Errors, both ways. Most of these do not occur in recordings: they are built after Google's documentation."""

import json

import pytest

from keywright.core.failure import Failure, FailureKind
from keywright.core.json import JsonObject
from keywright.dialects import gemini, gemini_array
from keywright.dialects.gemini import decode_error, encode_error

TYPE = "type.googleapis.com/google.rpc."


def failed(status: int, word: str, message: str = "m", *details: JsonObject) -> Failure:
    error = {"code": status, "status": word, "message": message, "details": [*details]}
    return decode_error(status, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid_request"),
        (400, "FAILED_PRECONDITION", "invalid_request"),
        (401, "UNAUTHENTICATED", "authentication"),
        (403, "PERMISSION_DENIED", "permission"),
        (404, "NOT_FOUND", "not_found"),
        (429, "RESOURCE_EXHAUSTED", "rate_limited"),
        (499, "CANCELLED", "server"),
        (500, "INTERNAL", "server"),
        (503, "UNAVAILABLE", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "timeout"),
        (418, "TEAPOT", "invalid_request"),
        (413, "", "too_large"),
        (502, "", "server"),
    ],
)
def test_each_status_is_the_kind_it_is_and_is_told_again(status: int, word: str, kind: FailureKind) -> None:
    failure = failed(status, word)
    assert (failure.kind, failure.status) == (kind, status)
    if word and kind != "authentication":
        error = json.loads(encode_error(failure, "r"))["error"]
        assert error == {"code": status, "status": word, "message": "m", "details": []}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The input token count (9) exceeds the maximum number of tokens allowed (8).", "context_too_long"),
        ("API key not valid. Please pass a valid API key.", "authentication"),
        ("API key expired. Please renew the API key.", "authentication"),
        ("This API method requires billing to be enabled.", "payment"),
        ("Request payload size exceeds the limit: 20971520 bytes.", "too_large"),
    ],
)
def test_the_apis_words_tell_more_than_its_status(message: str, kind: FailureKind) -> None:
    assert failed(400, "INVALID_ARGUMENT", message).kind == kind


@pytest.mark.parametrize(
    ("quota", "value", "kind"),
    [
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250", "quota"),
        ("GenerateRequestsPerMinutePerProjectPerModel", "10", "rate_limited"),
        ("GenerateContentInputTokensPerModelPerMinute-FreeTier", "0", "quota"),
    ],
)
def test_a_quota_that_is_used_up_is_told_from_one_that_comes_back(quota: str, value: str, kind: FailureKind) -> None:
    violations: JsonObject = {"@type": f"{TYPE}QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": value}]}
    retry: JsonObject = {"@type": f"{TYPE}RetryInfo", "retryDelay": "37.5s"}
    failure = failed(429, "RESOURCE_EXHAUSTED", "m", violations, retry)
    assert (failure.kind, failure.retry_after_s) == (kind, 37.5)


@pytest.mark.parametrize("delay", ["", "s", "soon", "-1s", "1e99s", "nans", 5, None])
def test_a_delay_that_is_none_is_not_told(delay: object) -> None:
    retry: JsonObject = {"@type": f"{TYPE}RetryInfo", "retryDelay": delay}  # type: ignore[dict-item]  # JSON
    assert failed(429, "RESOURCE_EXHAUSTED", "m", retry).retry_after_s is None


def test_a_refused_key_is_never_repeated() -> None:
    info: JsonObject = {"@type": f"{TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "metadata": {"key": "AIzaSecret"}}
    failure = failed(400, "INVALID_ARGUMENT", "API key AIzaSecret not valid", info)
    assert (failure.kind, failure.status, failure.code) == ("authentication", 400, "API_KEY_INVALID")
    assert "AIzaSecret" not in encode_error(failure, "r").decode() + repr(failure)


@pytest.mark.parametrize(
    "body", [b"", b"<html>10.0.0.7 bad gateway</html>", b"[]", b"[1]", b'{"error":"x"}', b"\xff", b"[" * 9999]
)
def test_a_body_that_is_not_the_apis_is_told_by_its_status_alone(body: bytes) -> None:
    failure = decode_error(503, body)
    assert (failure.kind, failure.code, failure.origin) == ("overloaded", "overloaded", None)
    assert "10.0.0.7" not in failure.message


def test_an_error_in_a_list_is_the_same_error() -> None:
    body = b'{"error":{"code":404,"status":"NOT_FOUND","message":"m"}}'
    assert decode_error(404, b"[%b]" % body) == decode_error(404, body)


def test_our_own_errors_say_their_code_the_field_and_how_long_to_wait() -> None:
    failure = Failure("not_translatable", 400, "not_translatable", "cannot", param="tools[0]", retry_after_s=3)
    error = json.loads(encode_error(failure, "req_1"))["error"]
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", "cannot")
    assert error["details"] == [
        {"@type": f"{TYPE}ErrorInfo", "reason": "not_translatable", "domain": "keywright"},
        {"@type": f"{TYPE}BadRequest", "fieldViolations": [{"field": "tools[0]", "description": "cannot"}]},
        {"@type": f"{TYPE}RetryInfo", "retryDelay": "3s"},
        {"@type": f"{TYPE}RequestInfo", "requestId": "req_1"},
    ]


def test_another_providers_error_is_put_in_this_apis_words() -> None:
    failure = Failure("overloaded", 529, "overloaded_error", "busy", origin="anthropic", raw_type="overloaded_error")
    error = json.loads(encode_error(failure, ""))["error"]
    assert (error["code"], error["status"]) == (529, "UNAVAILABLE")


def test_a_stream_that_is_an_array_has_its_errors_in_one() -> None:
    failure = Failure("overloaded", 503, "overloaded", "busy")
    assert gemini_array.encode_error(failure, "r") == b"[%b]" % gemini.encode_error(failure, "r")
