"""The circuit breaker: a machine driven by the times it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.transport.breaker import Breaker, BreakerSettings

SETTINGS = BreakerSettings(failures_max=3, cool_down_s=10, cool_down_s_max=35, announced_s_max=100, probe_s=5)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(SETTINGS)
    for _ in range(3):
        breaker.failed(at)
    return breaker


def test_new_is_closed() -> None:
    breaker = Breaker(SETTINGS)
    assert breaker.state(0) == "closed"
    assert breaker.allow(0)


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(SETTINGS)
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.allow(0)
    breaker.failed(0)
    assert not breaker.allow(9.9)
    assert breaker.state(9.9) == "open"


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(10):
        breaker.failed(0)
        breaker.failed(0)
        breaker.succeeded(0)
    assert breaker.state(0) == "closed"


def test_after_the_cool_down_one_call_is_let_through() -> None:
    breaker = opened()
    assert breaker.state(10) == "half_open"
    assert breaker.allow(10)
    assert not breaker.allow(10)
    assert not breaker.allow(14.9)


def test_the_trial_calls_success_closes_it() -> None:
    breaker = opened()
    assert breaker.allow(10)
    breaker.succeeded(11)
    assert breaker.state(11) == "closed"
    breaker.failed(11)
    breaker.failed(11)
    assert breaker.allow(11), "failures are counted anew"


def test_each_failed_trial_doubles_the_cool_down_up_to_its_limit() -> None:
    breaker = opened()
    now = 10.0
    for cool_down_s in (20, 35, 35):
        assert breaker.allow(now)
        breaker.failed(now)
        assert not breaker.allow(now + cool_down_s - 0.1)
        now += cool_down_s
    assert breaker.allow(now)


def test_a_success_resets_the_cool_down() -> None:
    breaker = opened()
    breaker.allow(10)
    breaker.failed(10)
    breaker.allow(30)
    breaker.succeeded(30)
    for _ in range(3):
        breaker.failed(40)
    assert breaker.allow(50)


def test_a_trial_that_never_reports_is_replaced() -> None:
    breaker = opened()
    assert breaker.allow(10)
    assert breaker.allow(15)
    assert not breaker.allow(16)


def test_a_late_success_does_not_close_what_is_open() -> None:
    breaker = opened()
    breaker.succeeded(5)
    assert not breaker.allow(6)


def test_late_failures_do_not_prolong_what_is_open() -> None:
    breaker = opened()
    breaker.failed(5)
    assert breaker.allow(10)


def test_an_announced_pause_opens_at_once_and_for_so_long() -> None:
    breaker = Breaker(SETTINGS)
    breaker.failed(0, 60)
    assert not breaker.allow(59.9)
    assert breaker.allow(60)


def test_an_announced_pause_is_bounded_and_never_shortens_an_earlier_one() -> None:
    breaker = Breaker(SETTINGS)
    breaker.failed(0, 1e9)
    breaker.failed(1, 2)
    assert not breaker.allow(99.9)
    assert breaker.allow(100)


@pytest.mark.parametrize("announced_s", [-5.0, 0.0])
def test_an_announced_pause_of_nothing_leaves_a_trial(announced_s: float) -> None:
    breaker = Breaker(SETTINGS)
    breaker.failed(7, announced_s)
    assert breaker.allow(7)


@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["ok", "fail", "announce", "ask"]))))
def test_whatever_happens_it_lets_someone_through_in_the_end(events: list[tuple[float, str]]) -> None:
    breaker, now = Breaker(SETTINGS), 0.0
    for step_s, what in events:
        now += step_s
        if what == "ok":
            breaker.succeeded(now)
        elif what == "ask":
            breaker.allow(now)
        else:
            breaker.failed(now, 70 if what == "announce" else None)
    assert breaker.allow(now + 100 + SETTINGS.probe_s)
