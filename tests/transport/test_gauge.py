"""What a provider's headers say is left of a credential's limits, and when that makes it rest."""

import pytest

from keywright.core.clock import SECOND_US, Clock
from keywright.core.http import Header
from keywright.transport.gauge import UNNAMED, Gauge, LimitTold

UNIX_S = 1_768_424_133
"""2026-01-14T20:55:33Z."""


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.passed_us = 0
        self.clock = Clock(lambda: UNIX_S * SECOND_US + self.passed_us, lambda: 7 * SECOND_US + self.passed_us)

    def move(self, seconds: float) -> None:
        self.passed_us += round(seconds * SECOND_US)

    @property
    def now_s(self) -> float:
        return self.clock.ticks_us() / SECOND_US


def headers(**said: str) -> tuple[Header, ...]:
    return tuple((name.replace("_", "-").encode(), value.encode()) for name, value in said.items())


def told(time: Time, **said: str) -> Gauge:
    gauge = Gauge()
    gauge.told(headers(date="whenever", **said), time.clock.ticks_us())
    gauge.rest_if_spent(time.clock)
    return gauge


def test_a_new_gauge_knows_nothing_and_rests_not() -> None:
    time = Time()
    assert Gauge().limits(time.clock) == ()
    assert not Gauge().rests(time.now_s)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {
                "x_ratelimit_limit_requests": "500",
                "x_ratelimit_remaining_requests": "499",
                "x_ratelimit_reset_requests": "120ms",
                "x_ratelimit_limit_tokens": "30000",
                "x_ratelimit_remaining_tokens": "29000",
            },
            (LimitTold("requests", 500, 499, 0.12), LimitTold("tokens", 30_000, 29_000)),
        ),
        (
            {
                "anthropic_ratelimit_input_tokens_limit": "40000",
                "anthropic_ratelimit_input_tokens_remaining": "39000",
                "anthropic_ratelimit_input_tokens_reset": "2026-01-14T20:56:03Z",
            },
            (LimitTold("input-tokens", 40_000, 39_000, 30.0),),
        ),
        ({"x_ratelimit_remaining_tokens_minute": "7"}, (LimitTold("tokens-minute", None, 7),)),
        ({"ratelimitbysize_remaining": "5", "ratelimitbysize_reset": "3"}, (LimitTold("bysize", None, 5, 3.0),)),
        ({"x_ratelimit_remaining": "5.0"}, (LimitTold(UNNAMED, None, 5),)),
        ({"x_ratelimit_remaining_requests": "sk-ours"}, (LimitTold("requests"),)),
        ({"x_ratelimit_policy": "60;w=60"}, ()),
    ],
)
def test_limits_are_read_in_every_providers_words(said: dict[str, str], expected: tuple[LimitTold, ...]) -> None:
    time = Time()
    assert told(time, **said).limits(time.clock) == expected


def test_the_time_that_has_passed_counts() -> None:
    time = Time()
    gauge = told(time, x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="20s")
    time.move(15)
    (limit,) = gauge.limits(time.clock)
    assert (limit.kind, limit.remaining) == ("tokens", 0)
    assert limit.reset_s == pytest.approx(5.0)
    time.move(15)
    assert gauge.limits(time.clock)[0].reset_s == 0.0


def test_a_credential_of_which_nothing_is_left_rests_until_there_is() -> None:
    time = Time()
    gauge = told(time, x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="20s")
    assert gauge.rests(time.now_s)
    time.move(19.9)
    assert gauge.rests(time.now_s)
    time.move(0.2)
    assert not gauge.rests(time.now_s)


def test_a_moment_is_understood_by_the_wall_clock() -> None:
    time = Time()
    gauge = told(
        time, anthropic_ratelimit_requests_remaining="0", anthropic_ratelimit_requests_reset="2026-01-14T20:56:03Z"
    )
    time.move(29)
    assert gauge.rests(time.now_s)
    time.move(2)
    assert not gauge.rests(time.now_s)


@pytest.mark.parametrize(
    "said",
    [
        {"x_ratelimit_remaining_requests": "1", "x_ratelimit_reset_requests": "20s"},
        {"x_ratelimit_remaining_requests": "0"},
        {"retry_after": "0"},
    ],
)
def test_what_is_not_spent_or_says_no_time_rests_not(said: dict[str, str]) -> None:
    time = Time()
    assert not told(time, **said).rests(time.now_s)


def test_another_key_is_another_limit() -> None:
    time = Time()
    gauge = told(time, x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="20s")
    gauge.reset()
    assert not gauge.rests(time.now_s)
    assert gauge.limits(time.clock) == ()
