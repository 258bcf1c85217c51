"""A running gateway says the same: in the header, in the ledger, and by the provider's own numbers."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import pytest

from keywright.core.json import JsonObject
from keywright.core.money import from_usd
from tests.conformance.bar.recordings import Exchange
from tests.conformance.cost.bills import Bill
from tests.conformance.cost.ledger import provider_of, settled, verbatim
from tests.conformance.cost.replay import Replay, replaying
from tests.conformance.cost.test_equal import billed, expected
from tests.gateway import CHAT, Gateway, running

EACH: Final = 8
"""Calls of each dialect, whole and streamed."""
KEY: Final = "the-key-of-this-replay-0123456789"
WHOSE: Final = {"openai_chat": "openai", "openai_responses": "openai", "anthropic": "anthropic", "gemini": "gemini"}
PATHS: Final = {"openai_chat": "/v1/chat/completions", "openai_responses": "/v1/responses", "anthropic": "/v1/messages"}
CONFIG: Final = """
[store]
url = "sqlite:///test.db"
[providers.openai]
api_key = "env:REPLAY"
base_url = "{url}/v1"
[providers.anthropic]
api_key = "env:REPLAY"
base_url = "{url}"
[providers.gemini]
api_key = "env:REPLAY"
base_url = "{url}"
"""


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(replay: Replay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables = {"REPLAY": KEY, "KEYWRIGHT_ADMIN_KEY": "the-admin-key-of-this-replay-0123456789"}
    with running(tmp_path_factory.mktemp("replay"), CONFIG.format(url=replay.url), variables) as found:
        yield found


def sample(chat: str, *, streams: bool) -> list[tuple[Exchange, Bill]]:
    """Some calls to models of the price list, one of each model first."""
    good: dict[str, tuple[Exchange, Bill]] = {}
    for exchange, bill in billed():
        tapped = verbatim(exchange)
        assert tapped is not None
        is_wanted = exchange.chat == chat and exchange.streams is streams and exchange.item["request_json"]
        is_array = isinstance(exchange.item.get("response_json"), list)
        if is_wanted and not is_array and not bill.beside and provider_of(exchange) == WHOSE[chat]:
            price = settled(exchange, tapped).charge.price
            if "@own" not in price:
                good.setdefault(price, (exchange, bill))
    return list(good.values())[:EACH]


def asked(exchange: Exchange) -> tuple[str, JsonObject]:
    """The path and body with which the provider's own client asks the gateway."""
    body = dict(exchange.item["request_json"])
    if exchange.chat == "gemini":
        method = "streamGenerateContent?alt=sse" if exchange.streams else "generateContent"
        return f"/v1beta/models/{quote('gemini/' + exchange.model, safe='')}:{method}", body
    assert exchange.chat is not None
    return PATHS[exchange.chat], {**body, "model": f"{provider_of(exchange)}/{body['model']}"}


def of_another(exchange: Exchange) -> tuple[str, JsonObject]:
    """How a client of OpenAI's asks for the same."""
    model = exchange.model or exchange.item["request_json"]["model"]
    message: JsonObject = {"role": "user", "content": "what was recorded"}
    return CHAT, {"model": f"{provider_of(exchange)}/{model}", "messages": [message], "stream": exchange.streams}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("chat", ["openai_chat", "openai_responses", "anthropic", "gemini"])
def test_header_and_ledger_and_the_providers_numbers_agree(
    gateway: Gateway, replay: Replay, chat: str, *, streams: bool
) -> None:
    found = sample(chat, streams=streams)
    assert len(found) > 3
    wrong = []
    for exchange, bill in found:
        replay.exchange = exchange
        for ask in (asked, of_another) if chat in ("anthropic", "gemini") else (asked,):
            path, body = ask(exchange)
            answer = gateway.post(path, body)
            assert answer.status == 200, (exchange.id, answer.body)
            entry = gateway.entry(answer.request_id)
            wanted = expected(bill, entry.price)
            if str(entry.cost_picodollars) != wanted or entry.verbatim is not (ask is asked):
                wrong.append(f"{exchange.id}: {entry.cost_picodollars} by {entry.price}, not {wanted}")
            if not streams and from_usd(answer.headers["x-keywright-cost-usd"]) != entry.cost_picodollars:
                wrong.append(f"{exchange.id}: the header says {answer.headers['x-keywright-cost-usd']}")
    assert not wrong, "\n".join(wrong)
