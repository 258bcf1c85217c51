"""One entry per call, whatever happens to it, and its cost the same wherever it is told."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from keywright.core.money import from_usd
from tests.gateway import (
    CHAT,
    EDGES,
    MESSAGES,
    Edge,
    Gateway,
    Start,
    chat_body,
    environment,
    message_body,
    running,
    toml,
    until,
)
from tests.standin.cloud import StandIn
from tests.standin.script import Script

OPENAI_PRICE = {"input": "2.5", "output": "10"}
"""gpt-4o, US dollars per million tokens, as OpenAI publishes it."""
ANTHROPIC_PRICE = {"input": "5", "output": "25", "cache_write_5m": "6.25", "cache_read": "0.5"}
"""claude-opus-4-5."""


def cost(price: dict[str, str], **tokens: int) -> str:
    """What so many tokens cost, computed without any of our code."""
    total = sum((Decimal(price[unit]) * count / 1_000_000 for unit, count in tokens.items()), Decimal())
    return str(total.normalize())


def same_amount(first: str, second: str) -> bool:
    return Decimal(first) == Decimal(second)


def test_the_cost_in_the_header_is_that_of_the_ledger_and_of_the_provider_s_own_figures(gateway: Gateway) -> None:
    answer = gateway.chat("openai/gpt-4o", "a question of some seven words here")
    usage = answer.json["usage"]
    expected = cost(OPENAI_PRICE, input=usage["prompt_tokens"], output=usage["completion_tokens"])
    assert same_amount(answer.headers["x-keywright-cost-usd"], expected)
    entry = gateway.entry(answer.request_id)
    assert entry.cost_picodollars == from_usd(answer.headers["x-keywright-cost-usd"])
    assert entry.price
    assert entry.usage_source == "provider"


def test_cached_tokens_are_paid_at_their_own_price(gateway: Gateway) -> None:
    system = [{"type": "text", "text": "many words " * 20, "cache_control": {"type": "ephemeral"}}]
    body = {**message_body("anthropic/claude-opus-4-5"), "system": system}
    for kind in ("cache_write_5m", "cache_read"):
        answer = gateway.post(MESSAGES, json.dumps(body).encode())
        entry = gateway.entry(answer.request_id)
        if kind == "cache_write_5m" and entry.usage.cache_read:
            continue  # the other edge's test has filled the cache
        assert getattr(entry.usage, kind) == 40
        expected = cost(ANTHROPIC_PRICE, input=entry.usage.input, output=entry.usage.output, **{kind: 40})
        assert same_amount(answer.headers["x-keywright-cost-usd"], expected)


@pytest.mark.parametrize(("path", "model"), [(CHAT, "anthropic/claude-opus-4-5"), (MESSAGES, "openai/gpt-4o")])
def test_a_translated_call_costs_what_the_provider_s_figures_say(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    body = chat_body(model) if path == CHAT else message_body(model)
    answer = gateway.post(path, body)
    cloud, price = (openai_cloud, OPENAI_PRICE) if path == MESSAGES else (anthropic_cloud, ANTHROPIC_PRICE)
    used = cloud.last.used
    assert used is not None
    assert same_amount(answer.headers["x-keywright-cost-usd"], cost(price, input=used.input, output=used.output))


def test_a_stream_costs_what_the_same_answer_costs_whole(gateway: Gateway) -> None:
    whole = gateway.entry(gateway.chat().request_id)
    with gateway.stream(CHAT, chat_body()) as stream:
        stream.rest()
    entry = gateway.entry(stream.request_id)
    assert (entry.usage, entry.cost_picodollars) == (whole.usage, whole.cost_picodollars)


def test_an_entry_says_who_what_where_and_how_long(gateway: Gateway) -> None:
    key = gateway.issue(project="blue", models=("fast", "openai/*"))
    answer = gateway.post(CHAT, chat_body("fast"), key, x_keywright_tags="team=a, env = prod ,broken,=x")
    entry = gateway.entry(answer.request_id)
    assert entry.id == answer.request_id
    assert entry.key_id in key
    assert (entry.project, entry.dialect, entry.endpoint) == ("blue", "openai_chat", "chat")
    assert (entry.model, entry.served, entry.provider) == ("fast", "openai/gpt-4o-mini", "openai")
    assert (entry.outcome, entry.status, entry.code, entry.decision) == ("ok", 200, "", "key:models")
    assert entry.tags == (("team", "a"), ("env", "prod"))
    assert len(entry.attempts) == 1
    assert entry.attempts[0].credential == entry.credential != ""
    assert 0 < entry.overhead_us <= entry.first_byte_us <= entry.total_us
    assert entry.attempts[0].took_us <= entry.total_us


def test_time_at_the_provider_is_not_ours(gateway: Gateway, openai_cloud: StandIn) -> None:
    slow = gateway.entry(gateway.chat(text=openai_cloud.script(Script(head_delay_s=0.3))).request_id)
    assert slow.total_us > 300_000
    assert slow.overhead_us < 100_000
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=4, head_delay_s=0.3)))) as stream:
        stream.rest()
    streamed = gateway.entry(stream.request_id)
    assert streamed.first_byte_us > 300_000
    assert streamed.overhead_us < 100_000


@pytest.mark.parametrize("edge", EDGES)
def test_every_call_of_a_known_key_leaves_exactly_one_entry(start: Start, openai_cloud: StandIn, edge: Edge) -> None:
    gateway = start(edge=edge)
    expected: dict[str, tuple[str, int]] = {}
    expected[gateway.chat().request_id] = ("ok", 200)
    expected[gateway.chat("no-such-model").request_id] = ("refused", 404)
    expected[gateway.post(CHAT, b"{").request_id] = ("refused", 400)
    expected[gateway.chat(key=gateway.issue(permission="read_only")).request_id] = ("refused", 403)
    expected[gateway.chat(text=openai_cloud.script(Script(status=404))).request_id] = ("failed", 404)
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=99, fault="cut", after=9)))) as broken:
        broken.rest()
    expected[broken.request_id] = ("failed", 502)
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=999, pace_s=0.01)))) as left:
        left.piece()
        left.leave()
    expected[left.request_id] = ("cancelled", 499)
    gateway.chat(key="sk-nobody")
    found = gateway.entries()
    assert until(lambda: len(gateway.entries()) >= len(expected))
    found = gateway.entries()
    assert {entry.id: (entry.outcome, entry.status) for entry in found} == expected
    assert len(found) == len(expected)
    assert gateway.house.ledger.reserved == 0


def test_a_call_that_the_shutdown_cuts_is_settled_for_what_it_used(
    tmp_path_factory: pytest.TempPathFactory, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    config, variables = toml(openai_cloud, anthropic_cloud), environment(openai_cloud, anthropic_cloud)
    marker = openai_cloud.script(Script(words=5000, pace_s=0.01))
    with raw_stream_open(folder, config, variables, marker, openai_cloud) as request_id:
        pass
    with running(folder, config, variables) as again:
        entry = again.entry(request_id)
        assert (entry.outcome, entry.usage_source) == ("cancelled", "counted")
        assert entry.cost_picodollars > 0
        assert again.house.ledger.replayed.lost == 0
    assert until(lambda: openai_cloud.last.outcome == "left")


@contextlib.contextmanager
def raw_stream_open(
    folder: Path, config: str, variables: Mapping[str, str], marker: str, cloud: StandIn
) -> Iterator[str]:
    """A gateway that is shut down while a stream of its runs; its deadline passes."""
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(running(folder, config, variables, shutdown_s=1))
        stream = stack.enter_context(gateway.stream(CHAT, chat_body(text=marker)))
        stream.piece()
        assert until(lambda: cloud.last.sent > 10)
        gateway.loop.call_soon_threadsafe(gateway.door.stop)
        with contextlib.suppress(Exception):
            stream.rest()
        yield stream.request_id


def test_a_call_is_reserved_before_it_goes_up_and_settled_before_it_ends(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=50, pace_s=0.01)))) as stream:
        stream.piece()
        assert gateway.house.ledger.reserved == 1
        stream.rest()
        assert gateway.house.ledger.reserved == 0
    assert gateway.entry(stream.request_id).outcome == "ok"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_ledger_that_can_take_no_more_stops_calls_before_they_are_sent(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str
) -> None:
    gateway = start()
    gateway.house.ledger._waiting_max = 0  # as when the store has failed for long
    answer = gateway.post(path, chat_body() if path == CHAT else message_body())
    assert (answer.status, answer.code) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert openai_cloud.exchanges == anthropic_cloud.exchanges == []
    assert "keywright_ledger_dropped_total 1.0" in gateway.get("/metrics").body.decode()
    gateway.house.ledger._waiting_max = 100
    assert gateway.chat().status == 200
