"""Percentiles, by their definition."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bench.figures import percentile

VALUES = st.lists(st.integers(-1000, 1000), min_size=1, max_size=200)


@given(values=VALUES, percent=st.integers(1, 100))
def test_it_is_the_least_value_that_enough_do_not_exceed(values: list[int], percent: int) -> None:
    enough = math.ceil(len(values) * percent / 100)
    expected = min(value for value in values if sum(other <= value for other in values) >= enough)
    assert percentile(values, percent) == expected


def test_of_nothing_it_is_zero() -> None:
    assert percentile([], 99) == 0.0
