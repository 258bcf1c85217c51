"""What providers' rate-limit headers say of the time to wait. The forms are those that were recorded."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.http import Header
from keywright.transport.rate_limit import WAIT_S_MAX, exhausted_s
from tests.conftest import shared_dir

NOW = datetime(2026, 1, 14, 20, 55, 33, tzinfo=UTC).timestamp()


def headers(**said: str) -> list[Header]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in said.items()]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "17.5s"}, 17.5),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "6m0s"}, 360),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "130ms"}, 0.13),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1h2m3.5s"}, 3723.5),
        (
            {
                "anthropic_ratelimit_requests_remaining": "0",
                "anthropic_ratelimit_requests_reset": "2026-01-14T20:56:03Z",
            },
            30,
        ),
        ({"ratelimitbysize_remaining": "0", "ratelimitbysize_reset": "33"}, 33),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "2"}, 2),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int((NOW + 12) * 1000))}, 12),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW + 5))}, 5),
        ({"x_ratelimit_remaining_req_minute": "0"}, 60),
        ({"x_ratelimit_remaining_req_10_second": "0"}, 10),
        ({"x_ratelimit_remaining_tokens_month": "0"}, None),
        ({"ratelimit": '"api";r=0;t=55'}, 55),
        ({"ratelimit": '"api";r=999;t=295'}, None),
        ({"x_ratelimit_remaining_requests": "3", "x_ratelimit_reset_requests": "17s"}, None),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "soon"}, None),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "999999"}, None),
        ({"content_type": "0"}, None),
        ({}, None),
    ],
)
def test_the_exhausted_limit_says_how_long(said: dict[str, str], seconds: float | None) -> None:
    assert exhausted_s(headers(**said), NOW) == (None if seconds is None else pytest.approx(seconds))


def test_the_last_of_several_exhausted_limits_counts() -> None:
    said = headers(
        x_ratelimit_remaining_requests="0",
        x_ratelimit_reset_requests="2s",
        x_ratelimit_remaining_tokens="0",
        x_ratelimit_reset_tokens="9s",
    )
    assert exhausted_s(said, NOW) == 9


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [b"x-ratelimit-remaining-a", b"x-ratelimit-reset-a", b"ratelimit", b"x-ratelimit-remaining"]
            ),
            st.one_of(st.binary(max_size=80), st.just(b"0"), st.just(b"nan"), st.just(b"1e400")),
        )
    )
)
def test_whatever_stands_there_is_read_without_error(said: list[Header]) -> None:
    wait = exhausted_s(said, NOW)
    assert wait is None or 0 <= wait <= WAIT_S_MAX


def test_every_recorded_form_of_a_reset_is_understood() -> None:
    """Each recorded answer that tells its limits, as it would be with nothing left."""
    told = 0
    for exchange in exchanges():
        said = {name.lower(): str(value) for name, value in (exchange["response_headers"] or {}).items()}
        resets = [name for name in said if "reset" in name and name.replace("reset", "remaining") in said]
        for name in resets:
            pair = {name: said[name], name.replace("reset", "remaining"): "0"}
            wait = exhausted_s([(key.encode(), value.encode()) for key, value in pair.items()], before(said[name]))
            assert wait is not None, (exchange["id"], pair)
            told += 1
    assert told > 300


def before(reset: str) -> float:
    """A second before the moment that `reset` may be: when the answer came is not always recorded."""
    if reset.isdigit() and len(reset) > 9:
        return int(reset) / 1000 - 1
    return datetime.fromisoformat(reset).timestamp() - 1 if "T" in reset else NOW


def exchanges() -> Iterator[dict[str, Any]]:
    for file in shared_dir("traffic").glob("*.jsonl"):
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
