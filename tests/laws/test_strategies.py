"""The strategies themselves: what they draw is well-formed."""

from hypothesis import given

from keywright.core.event import Event
from keywright.core.fold import fold, unfold
from keywright.core.response import Response
from tests.laws.strategies import law, responses, streams


@law
@given(responses("x", choices_max=2))
def test_a_drawn_answer_is_the_fold_of_its_stream(response: Response) -> None:
    assert fold(unfold(response)) == response


@law
@given(streams("x", choices_max=2))
def test_a_drawn_stream_folds(events: list[Event]) -> None:
    assert all(choice.parts and choice.finish for choice in fold(events).choices)
