"""AWS's errors: read as the kind they are, and told so that its SDKs understand. No recording shows most of these."""

import json

import pytest

from keywright.core.failure import Failure, FailureKind
from keywright.dialects.aws_error import (
    MESSAGE_CHARS_MAX,
    UNTRUSTED,
    decode_error,
    encode_error,
    exception_failure,
    exception_frame,
)
from keywright.dialects.aws_eventstream import EventStreamDecoder, Message, exception_block, framed, header_block


def body(word: str | None, message: str, **more: object) -> bytes:
    return json.dumps({**({"__type": word} if word else {}), "message": message, **more}).encode()


@pytest.mark.parametrize(
    ("status", "word", "message", "kind"),
    [
        (400, "ValidationException", "bad", "invalid_request"),
        (400, "ValidationException", "Input is too long for requested model.", "context_too_long"),
        (400, None, "The model returned the following errors: Input Tokens Exceeded: …", "context_too_long"),
        (400, None, "prompt is too long: 207319 tokens > 200000 maximum", "context_too_long"),
        (400, None, "Output blocked by content filtering policy", "content_filtered"),
        (400, None, "The provided model identifier is invalid.", "not_found"),
        (400, "ServiceQuotaExceededException", "quota", "quota"),
        (401, None, "no", "authentication"),
        (403, "com.amazon.coral.service#UnrecognizedClientException", "x", "authentication"),
        (403, None, "The security token included in the request is invalid.", "authentication"),
        (403, "AccessDeniedException:http://internal.amazon.com/", "no access to the model", "permission"),
        (404, "ResourceNotFoundException", "gone", "not_found"),
        (408, "ModelTimeoutException", "slow", "timeout"),
        (413, None, "big", "too_large"),
        (424, "ModelErrorException", "broken", "server"),
        (429, "ThrottlingException", "Too many requests", "rate_limited"),
        (429, None, "Too many tokens per day, please wait", "quota"),
        (429, "ModelNotReadyException", "warming up", "overloaded"),
        (500, "InternalServerException", "oops", "server"),
        (503, "ServiceUnavailableException", "busy", "overloaded"),
        (418, None, "teapot", "invalid_request"),
        (599, None, "what", "server"),
    ],
)
def test_an_error_is_of_the_kind_that_its_type_status_or_words_tell(
    status: int, word: str | None, message: str, kind: FailureKind
) -> None:
    failure = decode_error(status, body(word, message))
    assert (failure.kind, failure.status) == (kind, status)
    assert failure.message == (UNTRUSTED if kind == "authentication" else message)


def test_a_models_own_status_tells_more_than_the_exception_around_it() -> None:
    told = body("ModelErrorException", "the model is busy", originalStatusCode=429)
    assert decode_error(424, told).kind == "rate_limited"
    assert decode_error(424, body("ModelErrorException", "x", originalStatusCode=9)).kind == "server"


def test_a_key_in_a_message_about_it_is_not_repeated() -> None:
    failure = decode_error(403, body("InvalidSignatureException", "key AKIA0123 is wrong"))
    assert "AKIA" not in failure.message + encode_error(failure, "r").decode()


@pytest.mark.parametrize("data", [b"", b"<html>at 10.0.0.7</html>", b"[]", b"\xff", b"{}", b'{"message":7}'])
def test_what_is_no_error_of_aws_still_gives_a_failure_and_its_words_are_not_kept(data: bytes) -> None:
    failure = decode_error(502, data)
    assert (failure.kind, failure.status) == ("server", 502)
    assert "10.0.0.7" not in failure.message


def test_a_long_message_is_cut() -> None:
    assert len(decode_error(400, body(None, "x" * 9000)).message) == MESSAGE_CHARS_MAX


def test_an_error_of_awss_own_is_told_again_as_it_was() -> None:
    failure = decode_error(429, body("ThrottlingException", "slow down"))
    assert json.loads(encode_error(failure, "r1")) == {
        "__type": "ThrottlingException",
        "message": "slow down",
        "requestId": "r1",
    }


@pytest.mark.parametrize(
    ("kind", "word", "exception"),
    [
        ("invalid_request", "ValidationException", "validationException"),
        ("not_translatable", "ValidationException", "validationException"),
        ("authentication", "UnrecognizedClientException", "validationException"),
        ("rate_limited", "ThrottlingException", "throttlingException"),
        ("overloaded", "ServiceUnavailableException", "serviceUnavailableException"),
        ("timeout", "ModelTimeoutException", "modelStreamErrorException"),
        ("server", "InternalServerException", "internalServerException"),
    ],
)
def test_an_error_from_elsewhere_is_told_in_awss_words(kind: FailureKind, word: str, exception: str) -> None:
    failure = Failure(kind, 400, "some_code", "words", origin="openai_chat", raw_type="their_type")
    told = json.loads(encode_error(failure, "r"))
    assert (told["__type"], told["message"], told["reason"]) == (word, "words", "some_code")
    assert "code" not in told  # the SDK would take it for the type
    (message,) = EventStreamDecoder().feed(exception_frame(failure))
    assert message.word(":exception-type") == exception
    assert json.loads(message.payload) == {"message": "words"}
    assert exception_failure(message) is not None


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("throttlingException", "rate_limited", 429),
        ("serviceUnavailableException", "overloaded", 503),
        ("internalServerException", "server", 500),
        ("modelStreamErrorException", "server", 424),
        ("validationException", "invalid_request", 400),
        ("modelTimeoutException", "timeout", 408),
        ("somethingNewException", "server", 500),
    ],
)
def test_an_exception_within_a_stream_has_the_status_of_its_type(word: str, kind: FailureKind, status: int) -> None:
    (message,) = EventStreamDecoder().feed(framed(exception_block(word), b'{"message":"m"}'))
    failure = exception_failure(message)
    assert failure is not None
    assert (failure.kind, failure.status, failure.message) == (kind, status, "m")


def test_a_models_own_error_within_a_stream_tells_its_status() -> None:
    told = b'{"message":"m","originalStatusCode":529,"originalMessage":"o"}'
    failure = exception_failure(
        Message({":message-type": "exception", ":exception-type": "modelStreamErrorException"}, told)
    )
    assert failure is not None
    assert (failure.kind, failure.status) == ("overloaded", 529)


def test_an_error_that_the_stream_does_not_model_is_told_in_headers() -> None:
    block = header_block({":message-type": "error", ":error-code": "ThrottlingException", ":error-message": "slow"})
    (message,) = EventStreamDecoder().feed(framed(block, b""))
    failure = exception_failure(message)
    assert failure is not None
    assert (failure.kind, failure.message) == ("rate_limited", "slow")


def test_an_event_is_no_failure() -> None:
    assert exception_failure(Message({":message-type": "event", ":event-type": "messageStop"}, b"{}")) is None
