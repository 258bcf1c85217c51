"""In which order the credentials of one step are tried."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import bundled
from keywright.core.clock import Clock
from keywright.core.http import Header
from keywright.pipeline.routes import Routes, Target
from keywright.pipeline.turns import drawn, in_turn
from keywright.transport.gauge import Gauge
from tests.routing import routes, source

POINTS = 4_000
weights = st.lists(st.integers(1, 1000), min_size=2, max_size=8)
chances = st.floats(0, 1, exclude_max=True)


def pool(*given: int | None) -> Routes:
    """Credentials of one provider with these weights, called by their places."""
    one = source("openai")
    return routes(
        *(
            replace(one, credential_name=f"openai/{place}", weight=weight, has_siblings=True, gauge=Gauge())
            for place, weight in enumerate(given)
        )
    )


def targets(*given: int | None) -> tuple[Target, ...]:
    return pool(*given).find("openai/gpt-4o-mini")


def places(ordered: "tuple[Target, ...] | list[Target]") -> list[int]:
    return [int(target.source.credential_name.rpartition("/")[2]) for target in ordered]


def numbers(*given: float) -> "Iterator[float]":
    yield from given
    raise AssertionError("no more numbers are needed")


def spent(target: Target, reset: str = "60s") -> None:
    """The provider says that nothing is left of that credential."""
    still = Clock(lambda: 0, lambda: 0)
    told: tuple[Header, ...] = ((b"x-ratelimit-remaining-tokens", b"0"), (b"x-ratelimit-reset-tokens", reset.encode()))
    target.source.gauge.told(told, 0)
    target.source.gauge.rest_if_spent(still)


@given(weights, chances)
def test_each_order_has_every_credential_once(given: list[int], chance: float) -> None:
    assert sorted(places(drawn(list(targets(*given)), chance))) == list(range(len(given)))


@given(weights)
def test_the_first_are_as_the_weights(given: list[int]) -> None:
    some, total = targets(*given), sum(given)
    firsts = Counter(places(drawn(list(some), (point + 0.5) / POINTS))[0] for point in range(POINTS))
    for place, weight in enumerate(given):
        assert firsts[place] == pytest.approx(POINTS * weight / total, abs=1)


@given(st.lists(st.integers(1, 20), min_size=3, max_size=4))
def test_what_one_cannot_do_falls_to_the_others_by_their_weights(given: list[int]) -> None:
    some, total = targets(*given), sum(given)
    pairs = Counter(tuple(places(drawn(list(some), (point + 0.5) / POINTS))[:2]) for point in range(POINTS))
    for first, weight in enumerate(given):
        for second, other in enumerate(given):
            if first != second:
                share = weight / total * other / (total - weight)
                assert pairs[first, second] == pytest.approx(POINTS * share, abs=2)


def test_keys_without_a_weight_stay_as_they_are_written() -> None:
    assert places(in_turn(targets(None, None, None), 1.0, numbers().__next__)) == [0, 1, 2]


def test_the_steps_of_an_alias_stay_in_their_order() -> None:
    here = pool(1, 1).sources
    there = tuple(replace(one, name="elsewhere") for one in here)
    route = ("elsewhere/gpt-4o", "openai/gpt-4o", "elsewhere/gpt-4o-mini")
    aliased = Routes((*there, *here), {"fast": route}, Catalogue(bundled()))
    found = aliased.find("fast")
    for chance, step in ((0.1, [0, 1]), (0.9, [1, 0])):
        ordered = in_turn(found, 1.0, numbers(chance, chance, chance).__next__)
        assert [one.name for one in ordered] == [one.name for one in found]
        assert places(ordered) == step * 3


def test_a_spent_credential_is_tried_after_all_others_until_there_is_more() -> None:
    some = targets(None, None, None)
    spent(some[0])
    assert places(in_turn(some, 59.0, lambda: 0.0)) == [1, 2, 0]
    assert places(in_turn(some, 61.0, lambda: 0.0)) == [0, 1, 2]


def test_where_all_are_spent_they_are_tried_as_ever() -> None:
    some = targets(5, 1)
    for one in some:
        spent(one)
    assert places(in_turn(some, 1.0, lambda: 0.1)) == [0, 1]
    assert places(in_turn(some, 1.0, lambda: 0.9)) == [1, 0]
