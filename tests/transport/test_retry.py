"""What may be repeated, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import (
    ConnectFailedError,
    ProviderError,
    UpstreamBrokeError,
    UpstreamError,
    UpstreamMalformedError,
    UpstreamTimeoutError,
)
from keywright.core.failure import Failure, FailureKind
from keywright.transport.retry import TIMER_EARLY_S, RetrySettings, delay_s, safe_to_repeat
from keywright.transport.retry_after import retry_after_s

SETTINGS = RetrySettings(attempts_max=6, first_s=1, delay_s_max=5, retry_after_s_max=30)


def provider_error(status: int, kind: FailureKind = "server") -> ProviderError:
    return ProviderError(Failure(kind=kind, status=status, code="x", message="x"))


@pytest.mark.parametrize(
    "error",
    [
        ConnectFailedError("x"),
        UpstreamTimeoutError("connect", 1, sent=False),
        UpstreamBrokeError("x", sent=False),
        *(provider_error(status) for status in (408, 409, 500, 502, 503, 504)),
        provider_error(429, "rate_limited"),
        provider_error(529, "overloaded"),
    ],
)
def test_what_was_not_served_may_be_repeated(error: UpstreamError) -> None:
    assert safe_to_repeat(error)


@pytest.mark.parametrize(
    "error",
    [
        UpstreamBrokeError("x"),
        UpstreamBrokeError("x", answered=True),
        UpstreamTimeoutError("first_byte", 1),
        UpstreamTimeoutError("idle", 1, answered=True),
        UpstreamMalformedError("x"),
        *(provider_error(status) for status in (400, 401, 403, 404, 413, 422, 501)),
        provider_error(429, "quota"),
        provider_error(402, "payment"),
    ],
)
def test_what_may_have_been_served_or_will_fail_again_is_not_repeated(error: UpstreamError) -> None:
    assert not safe_to_repeat(error)


@given(st.integers(1, 5), st.floats(0, 1))
def test_delays_are_jittered_and_bounded(attempt: int, drawn: float) -> None:
    delay = delay_s(SETTINGS, attempt, None, lambda: drawn)
    assert delay is not None
    assert delay == pytest.approx(drawn * min(2 ** (attempt - 1), 5))


def test_what_cannot_be_sent_again_is_not_repeated() -> None:
    for error in (ConnectFailedError("x"), provider_error(503)):
        assert safe_to_repeat(error)
        error.spent = True
        assert not safe_to_repeat(error)


def test_the_last_attempt_is_the_last() -> None:
    assert delay_s(SETTINGS, 5, None, lambda: 0.5) is not None
    assert delay_s(SETTINGS, 6, None, lambda: 0.5) is None


def test_retry_after_is_a_floor() -> None:
    assert delay_s(SETTINGS, 1, 20, lambda: 0.0) == 20 + TIMER_EARLY_S
    assert delay_s(SETTINGS, 1, 20, lambda: 1.0) == 21 + TIMER_EARLY_S


def test_nobody_waits_for_a_long_retry_after() -> None:
    assert delay_s(SETTINGS, 1, 30, lambda: 0.0) == 30 + TIMER_EARLY_S
    assert delay_s(SETTINGS, 1, 30.1, lambda: 0.0) is None


def test_many_attempts_do_not_overflow() -> None:
    patient = RetrySettings(attempts_max=10**9)
    assert delay_s(patient, 10**6, None, lambda: 1.0) == patient.delay_s_max


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([(b"retry-after", b"7")], 7),
        ([(b"retry-after", b"0")], 0),
        ([(b"retry-after", b"1.5")], 1.5),
        ([(b"retry-after-ms", b"250")], 0.25),
        ([(b"retry-after", b"9"), (b"retry-after-ms", b"250")], 0.25),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"9")], 9),
        ([(b"retry-after", b"Thu, 01 Jan 1970 00:01:40 GMT")], 90),
        ([(b"retry-after", b"Thu, 01 Jan 1970 00:00:00 GMT")], 0),
        ([], None),
        ([(b"x-other", b"7")], None),
        ([(b"retry-after", b"")], None),
        ([(b"retry-after", b"-7")], None),
        ([(b"retry-after", b"inf")], None),
        ([(b"retry-after", b"1e999")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"tomorrow")], None),
        ([(b"retry-after", b"Thu, 99 Foo 1970 00:01:40 GMT")], None),
        ([(b"retry-after", b"9" * 5000)], None),
        ([(b"retry-after", b"\xff\xfe")], None),
    ],
)
def test_retry_after(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert retry_after_s(headers, now=10) == seconds


@given(st.binary(max_size=70))
def test_no_retry_after_is_negative_or_raises(value: bytes) -> None:
    seconds = retry_after_s([(b"retry-after", value)], now=0)
    assert seconds is None or 0 <= seconds < float("inf")
