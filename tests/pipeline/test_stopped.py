"""A stream that reaches its reservation ends by itself, on every way through the gateway."""

import pytest

from keywright.core.json import JsonObject
from tests.client import events
from tests.gateway import CHAT, EDGES, MESSAGES, Edge, Gateway, Start, chat_body, message_body
from tests.pipeline.test_budgets import budget, put, standing
from tests.standin.cloud import StandIn
from tests.standin.script import Script

OPENAI, ANTHROPIC = "openai/gpt-4o", "anthropic/claude-haiku-4-5"
WAYS = {
    "verbatim": (CHAT, OPENAI),
    "translated": (CHAT, ANTHROPIC),
    "messages": (MESSAGES, ANTHROPIC),
    "messages-translated": (MESSAGES, OPENAI),
    "native": ("/native/openai/chat/completions", "gpt-4o"),
}
TOKENS = 50
CLOSED_WITHIN_S = 1.0
ENDLESS = (Script(words=5_000, pace_s=0.0001, deaf=True), Script(words=3_000, deaf=True))
"""Word by word, and as fast as it goes, so that the first piece holds more than was reserved already."""
WORDS_MAX = 1_500
"""More than any of these reservations pays for: the answer's tokens, and those of the prompt that were not used."""


def body_for(path: str, model: str, text: str, *, with_usage: bool = False) -> JsonObject:
    if path == MESSAGES:
        return message_body(model, text, max_tokens=TOKENS)
    body = chat_body(model, text, max_tokens=TOKENS)
    return {**body, "stream_options": {"include_usage": True}} if with_usage else body


def ending_of(path: str, stream: bytes) -> tuple[str, list[str]]:
    """The text of a stream, and every reason to end that it gives."""
    found = [event for event in events(stream) if isinstance(event, dict)]
    if path == MESSAGES:
        text = "".join(event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta")
        return text, [event["delta"]["stop_reason"] for event in found if event["type"] == "message_delta"]
    choices = [choice for event in found for choice in event["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    return text, [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


@pytest.mark.parametrize(("edge", "script"), [*zip(EDGES, ENDLESS, strict=True), (EDGES[0], ENDLESS[1])])
def test_a_provider_that_sends_without_end_is_sent_away(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, edge: Edge, script: Script
) -> None:
    gateway = start(edge=edge)
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    spent = 0
    for path, model in WAYS.values():
        cloud = anthropic_cloud if model == ANTHROPIC else openai_cloud
        body = body_for(path, model, cloud.script(script))
        spent += ended(gateway, cloud, key, body, path, is_paced=script.pace_s > 0)
    assert standing(gateway, "bud_project:search@0").settled == spent


def ended(gateway: Gateway, cloud: StandIn, key: str, body: JsonObject, path: str, *, is_paced: bool) -> int:
    """Ask, and check how it ends. What it cost."""
    with gateway.stream(path, body, key) as stream:
        assert stream.status == 200
        text, reasons = ending_of(path, stream.rest())
    assert cloud.wait_for(lambda: cloud.last.outcome == "left", CLOSED_WITHIN_S) or not is_paced
    assert cloud.wait_for(lambda: cloud.last.outcome != "open"), "one that takes no breath notices late"
    assert reasons == [("max_tokens" if path == MESSAGES else "length")]
    assert text.startswith("word0 word1 ")
    assert len(text.split()) < WORDS_MAX
    entry = gateway.entry(stream.request_id)
    assert (entry.outcome, entry.code, entry.usage_source) == ("ok", "budget_stopped", "counted")
    assert 0 < entry.cost_picodollars <= entry.reserved_picodollars
    assert entry.usage.output >= len(text) // 4 or entry.cost_picodollars > entry.reserved_picodollars * 9 // 10
    return entry.cost_picodollars


def test_a_client_that_asks_for_usage_is_told_what_is_charged(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    with gateway.stream(CHAT, body_for(CHAT, OPENAI, openai_cloud.script(ENDLESS[0]), with_usage=True), key) as stream:
        found = [event for event in events(stream.rest()) if isinstance(event, dict)]
    used = found[-1]["usage"]
    entry = gateway.entry(stream.request_id)
    assert found[-1]["choices"] == []
    assert (used["prompt_tokens"], used["completion_tokens"]) == (entry.usage.input_total, entry.usage.output_total)


def test_a_provider_that_keeps_the_limit_is_never_cut_short(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1"))
    words = " ".join(["internationalisation"] * TOKENS)
    with gateway.stream(CHAT, body_for(CHAT, OPENAI, openai_cloud.script(Script(text=words))), key) as stream:
        text, reasons = ending_of(CHAT, stream.rest())
    assert (text, reasons) == (words, ["stop"])
    entry = gateway.entry(stream.request_id)
    assert (entry.code, entry.usage_source, entry.usage.output) == ("", "provider", TOKENS)


def test_without_a_hard_budget_nothing_is_cut(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    key = gateway.issue(project="search")
    put(gateway, budget("project:search", "1", hard=False))
    marker = openai_cloud.script(Script(words=3_000, deaf=True))
    with gateway.stream(CHAT, body_for(CHAT, OPENAI, marker), key) as stream:
        text, reasons = ending_of(CHAT, stream.rest())
    assert (len(text.split()), reasons) == (3_000, ["stop"])
