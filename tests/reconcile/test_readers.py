"""Readers ask page after page, stop where pages go in circles, and take nothing that is not what it should be."""

from collections.abc import Callable
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from keywright.reconcile import READERS
from keywright.reconcile.reader import PAGES_MAX, Ask, Told

DAY = date(2026, 11, 24)


def converse(kind: str, answer: Callable[[Ask], bytes | None]) -> tuple[Told, list[str]]:
    conversation = READERS[kind].read(DAY)
    asked = []
    try:
        ask = next(conversation)
        while True:
            asked.append(ask.target)
            ask = conversation.send(answer(ask))
    except StopIteration as end:
        told: Told = end.value
        return told, asked


@pytest.mark.parametrize("kind", list(READERS))
def test_an_empty_day_is_nothing(kind: str) -> None:
    told, asked = converse(kind, lambda _: b'{"data":[],"has_more":false,"next_page":null}')
    assert told == Told(())
    days = ("date=2026-11-24", "starting_at=2026-11-24T00%3A00%3A00Z", "start_time=1795478400&end_time=1795564800")
    assert all(target.startswith("/keys") or any(day in target for day in days) for target in asked)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_pages_that_go_in_circles_are_left(kind: str) -> None:
    with pytest.raises(ValueError, match="do not end"):
        converse(kind, lambda _: b'{"data":[],"next_page":"again"}')


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_pages_without_end_are_left(kind: str) -> None:
    def more(ask: Ask) -> bytes:
        page = parse_qs(urlsplit(ask.target).query).get("page", ["0"])[0]
        assert int(page) <= PAGES_MAX
        return b'{"data":[],"next_page":"%d"}' % (int(page) + 1)

    with pytest.raises(ValueError, match="do not end"):
        converse(kind, more)


@pytest.mark.parametrize("kind", list(READERS))
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b'{"data":[{"results":[{"input_tokens":"x"}]}]}', b"\xff"]
)
def test_nonsense_is_no_figure(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="none that is known"):
        converse(kind, lambda _: body)


def test_a_cost_in_another_currency_is_refused() -> None:
    def pounds(ask: Ask) -> bytes:
        result = b'{"amount":{"value":1,"currency":"gbp"}}' if "/costs" in ask.target else b'{"model":"m"}'
        return b'{"data":[{"results":[%b]}]}' % result

    with pytest.raises(ValueError, match="gbp"):
        converse("openai", pounds)
    cost = b'{"data":[{"results":[{"amount":"1","currency":"GBP"}]}]}'
    with pytest.raises(ValueError, match="GBP"):
        converse("anthropic", lambda ask: cost if "cost" in ask.target else b'{"data":[]}')


def test_cents_and_floats_are_exact_to_the_picodollar() -> None:
    cost = b'{"data":[{"results":[{"amount":"123.78912","currency":"USD","model":"m"}]}]}'
    told, _ = converse("anthropic", lambda ask: cost if "cost" in ask.target else b'{"data":[]}')
    assert told.figures[0].cost == 1_237_891_200_000
    value = b'{"data":[{"results":[{"amount":{"value":6e-02,"currency":"usd"},"line_item":"gpt-x, cached input"}]}]}'
    told, _ = converse("openai", lambda ask: value if "costs" in ask.target else b'{"data":[]}')
    assert (told.figures[0].model, told.figures[0].cost) == ("gpt-x", 60_000_000_000)


@pytest.mark.parametrize("value", [b"1e999", b'"NaN"', b"1e30"])
def test_a_cost_beyond_sense_is_refused(value: bytes) -> None:
    body = b'{"data":[{"results":[{"amount":{"value":%b,"currency":"usd"},"line_item":"x"}]}]}' % value
    with pytest.raises(ValueError, match="the provider"):
        converse("openai", lambda ask: body if "costs" in ask.target else b'{"data":[]}')


def test_what_no_key_has_stands_by_itself() -> None:
    def item(count: int) -> bytes:
        return b'{"model":"m","usage":0.1,"requests":%d,"prompt_tokens":%d,"completion_tokens":1}' % (count, count)

    def answer(ask: Ask) -> bytes:
        if ask.target.startswith("/keys"):
            return b'{"data":[{"hash":"h"}]}' if "offset=0" in ask.target else b'{"data":[]}'
        return b'{"data":[%b]}' % item(3 if "api_key_hash" in ask.target else 10)

    told, _ = converse("openrouter", answer)
    assert [(figure.key, figure.calls, figure.input_tokens) for figure in told.figures] == [("h", 3, 3), ("", 7, 7)]
