"""Questions to stores that may block: so many at a time, and none for ever."""

import asyncio
from collections.abc import Iterator
from functools import partial
from threading import Event

import pytest

from keywright.core.errors import SecretError
from keywright.house.secrets.questions import AT_ONCE, Questions

WITHIN_S = 30.0
SLOW = "slow"


@pytest.fixture
def released() -> Iterator[Event]:
    """What a slow store waits for; at the end it comes."""
    event = Event()
    yield event
    event.set()


async def test_slow_stores_hold_nobody_but_those_who_ask_them(released: Event) -> None:
    questions = Questions(WITHIN_S)
    slow = [asyncio.create_task(questions.ask(SLOW, lambda: released.wait(WITHIN_S))) for _ in range(2 * AT_ONCE)]
    assert await questions.ask("quick", lambda: 1) == 1
    assert not any(task.done() for task in slow)
    released.set()
    assert await asyncio.gather(*slow) == [True] * len(slow)
    questions.close()


async def test_nobody_waits_for_ever_and_what_was_not_begun_is_not_done(released: Event) -> None:
    questions = Questions(0.3)
    begun: list[int] = []

    def question(number: int) -> None:
        begun.append(number)
        released.wait(WITHIN_S)

    asked = [asyncio.create_task(questions.ask(SLOW, partial(question, number))) for number in range(9)]
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(failure) for failure in failures} == {SecretError}
    assert str(failures[-1]) == "it was not asked for: slow has been busy for 0.3 s"
    released.set()
    questions.close()
    assert len(begun) <= AT_ONCE


async def test_what_a_question_raises_comes_back(released: Event) -> None:
    def question() -> None:
        raise SecretError("there is nothing")

    questions = Questions(WITHIN_S)
    with pytest.raises(SecretError, match="there is nothing"):
        await questions.ask(SLOW, question)
    questions.close()
