"""A loop over cases loses none, and tells of each that fails."""

import pytest

from tests.conformance.looped import over

SEEN: list[tuple[int, str, str]] = []


@pytest.fixture
def word() -> str:
    return "w"


@pytest.mark.parametrize("size", ["s", "t"])
@over("number", [1, 2, 3], ids=str)
def test_every_case_is_tried_with_fixtures_and_parameters(number: int, size: str, word: str) -> None:
    SEEN.append((number, size, word))
    assert len(SEEN) <= 6


def test_all_failures_are_told_by_their_names() -> None:
    @over(("number", "letter"), [(1, "a"), (2, "b"), (3, "c")], ids=lambda value: f"<{value}>")
    def odd(number: int, letter: str) -> None:
        assert number != 1, letter
        if number == 3:
            raise LookupError(letter)

    with pytest.raises(ExceptionGroup, match=r"2 of 3 cases: in <1>-<a>, in <3>-<c>") as raised:
        odd()
    assert [type(error) for error in raised.value.exceptions] == [AssertionError, LookupError]


def test_a_loop_over_nothing_is_refused() -> None:
    with pytest.raises(AssertionError):
        over("number", [], ids=str)
