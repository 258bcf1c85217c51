"""A stream passed on: its pieces at once, its failures in the dialect's own words, its costs whatever happens to it."""

import json
import time

import pytest

from keywright.core.entry import Entry
from keywright.core.json import JsonObject
from tests.client import events, post, raw, read_answer
from tests.gateway import CHAT, EDGES, MESSAGES, Edge, Gateway, Start, chat_body, message_body, until
from tests.standin.cloud import StandIn
from tests.standin.script import Fault, Script

OPENAI, ANTHROPIC = "openai/gpt-4o", "anthropic/claude-haiku-4-5"
LANES = [(CHAT, OPENAI), (MESSAGES, ANTHROPIC), (CHAT, ANTHROPIC), (MESSAGES, OPENAI)]
"""Verbatim, verbatim, translated, translated."""
LEAVE_TRIES = 10
"""A busy machine may be late; one that is not shows how soon an upstream is left."""


def body_for(path: str, model: str, text: str) -> JsonObject:
    return chat_body(model, text) if path == CHAT else message_body(model, text)


def text_of(path: str, stream: bytes) -> str:
    """What a client of the dialect reads."""
    found = [event for event in events(stream) if isinstance(event, dict)]
    if path == CHAT:
        return "".join(c["delta"].get("content") or "" for event in found for c in event.get("choices", ()))
    return "".join(event["delta"].get("text", "") for event in found if event["type"] == "content_block_delta")


def error_of(path: str, stream: bytes) -> JsonObject | None:
    """The error event at the end, if that is how it ended."""
    last = events(stream)[-1]
    if isinstance(last, dict) and "error" in last:
        assert path == CHAT or last["type"] == "error"
        error = last["error"]
        assert isinstance(error, dict)
        return error
    return None


@pytest.mark.parametrize(("path", "model"), LANES)
def test_a_stream_says_what_a_whole_answer_would(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    with gateway.stream(path, body_for(path, model, cloud.script(Script(words=40)))) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-keywright-model"] == model
        assert stream.headers["x-keywright-attempts"] == "1"
        assert "x-keywright-cost-usd" not in stream.headers
        text = stream.rest()
    assert text_of(path, text) == " ".join(f"word{index}" for index in range(40))
    assert error_of(path, text) is None
    entry = gateway.entry(stream.request_id)
    used = cloud.last.used
    assert used is not None
    assert (entry.outcome, entry.usage_source, entry.usage.output) == ("ok", "provider", used.output)
    assert entry.usage.input == used.input
    assert entry.stream
    assert entry.cost_picodollars > 0
    assert entry.verbatim == (path == (CHAT if model == OPENAI else MESSAGES))
    assert 0 < entry.overhead_us <= entry.total_us


@pytest.mark.parametrize(("path", "model"), LANES)
def test_each_piece_is_passed_on_when_it_comes(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    words = 10
    marker = cloud.script(Script(words=words, pace_s=0.05))
    with gateway.stream(path, body_for(path, model, marker)) as stream:
        sent = []
        while piece := stream.piece():
            if b"word" in piece:
                sent.append(cloud.last.sent)
    assert sent[0] < words - 1  # the client had the first while others were still to come
    assert len(sent) >= 3


def test_usage_that_we_asked_for_is_hidden_from_a_client_who_did_not(gateway: Gateway, openai_cloud: StandIn) -> None:
    with gateway.stream(CHAT, chat_body()) as stream:
        text = stream.rest()
    assert openai_cloud.last.body["stream_options"] == {"include_usage": True}
    assert all(event["choices"] for event in events(text)[:-1])
    assert not any(event.get("usage") for event in events(text)[:-1])
    assert events(text)[-1] == "[DONE]"
    assert gateway.entry(stream.request_id).usage_source == "provider"


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_usage_is_shown_to_a_client_who_asked(gateway: Gateway, model: str) -> None:
    with gateway.stream(CHAT, chat_body(model, stream_options={"include_usage": True})) as stream:
        last = events(stream.rest())[-2]
    assert last["choices"] == []
    entry = gateway.entry(stream.request_id)
    assert last["usage"]["prompt_tokens"] == entry.usage.input_total
    assert last["usage"]["completion_tokens"] == entry.usage.output_total


@pytest.mark.parametrize(("path", "model"), LANES)
@pytest.mark.parametrize("fault", ["cut", "reset", "error_event", "stall"])
def test_a_stream_that_fails_on_its_way_ends_with_the_dialect_s_error_and_is_paid_for(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str, fault: Fault
) -> None:
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    name = model.partition("/")[0]
    gateway = start(
        f'[providers.frail]\nkind = "{name}"\napi_key = "env:STANDIN_{name.upper()}"\n'
        f'base_url = "{cloud.base_url}"\ntimeout_s = {{ idle = 0.4 }}'
    )
    marker = cloud.script(Script(words=100, fault=fault, after=30, pace_s=0.001))
    with gateway.stream(path, body_for(path, f"frail/{model.partition('/')[2]}", marker)) as stream:
        text = stream.rest()
    assert text_of(path, text).startswith("word0 word1 ")
    error = error_of(path, text)
    assert error is not None, text[-300:]
    assert error["message"]
    entry = gateway.entry(stream.request_id)
    assert (entry.outcome, entry.served) == ("failed", f"frail/{model.partition('/')[2]}")
    assert entry.status >= 500
    assert entry.code == ("upstream_timeout" if fault == "stall" else entry.code)
    assert entry.usage_source == "counted"
    assert entry.usage.output >= 30, "thirty words are thirty tokens or more"
    assert entry.usage.input > 0
    assert entry.cost_picodollars > 0


@pytest.mark.parametrize(("path", "model"), LANES)
def test_a_malformed_event_ends_a_stream_with_an_error(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    gateway = start()
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    marker = cloud.script(Script(words=100, fault="malformed", after=5))
    with gateway.stream(path, body_for(path, model, marker)) as stream:
        text = stream.rest()
    assert b"error" in text.rpartition(b"\n\ndata: ")[2] or b"event: error" in text
    assert gateway.entry(stream.request_id).outcome == "failed"


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("path", "model"), LANES)
def test_a_client_that_leaves_ends_the_upstream_at_once_and_pays_for_what_came(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str, edge: Edge
) -> None:
    gateway = start(edge=edge)
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    took_s = []
    for _ in range(LEAVE_TRIES):
        marker = cloud.script(Script(words=2000, pace_s=0.005))
        with gateway.stream(path, body_for(path, model, marker)) as stream:
            while cloud.last.sent < 20:
                stream.piece()
            left_at = time.monotonic()
            stream.leave()
        assert until(lambda: cloud.last.outcome == "left")
        took_s.append(cloud.last.left_at - left_at)
        entry = gateway.entry(stream.request_id)
        _check_cancelled(entry, cloud.last.sent)
        if took_s[-1] < 0.1:
            break
    assert min(took_s) < 0.1, took_s
    assert gateway.chat().status == 200, "its connection is not used again for another"


def _check_cancelled(entry: Entry, sent: int) -> None:
    assert (entry.outcome, entry.status) == ("cancelled", 499)
    assert entry.usage_source == "counted"
    assert 15 <= entry.usage.output <= 2.5 * sent
    assert entry.cost_picodollars > 0
    assert [attempt.result for attempt in entry.attempts] == ["ok"]


@pytest.mark.parametrize("edge", EDGES)
def test_a_client_that_leaves_before_the_answer_ends_the_upstream_too(
    start: Start, openai_cloud: StandIn, edge: Edge
) -> None:
    gateway = start(edge=edge)
    with raw(gateway.url) as sock:
        body = json.dumps(chat_body(text=openai_cloud.script(Script(head_delay_s=30)))).encode()
        sock.sendall(post(CHAT, body, f"authorization: Bearer {gateway.admin_key}"))
        assert until(lambda: openai_cloud.running == 1)
    assert until(lambda: openai_cloud.last.outcome == "left", within_s=30)
    assert until(lambda: len(gateway.entries()) == 1)
    entry = gateway.entries()[0]
    assert entry.outcome == "cancelled"
    assert [(attempt.provider, attempt.result) for attempt in entry.attempts] == [("openai", "cancelled")]
    assert entry.attempts[0].credential, "what was used is known, though no answer came"


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("path", "model"), [(CHAT, OPENAI), (MESSAGES, OPENAI)])
def test_a_client_that_does_not_read_stops_the_reading_from_upstream(
    start: Start, openai_cloud: StandIn, path: str, model: str, edge: Edge
) -> None:
    gateway = start(edge=edge)
    words = 200_000
    marker = openai_cloud.script(Script(words=words))
    body = json.dumps({**body_for(path, model, marker), "max_tokens": words, "stream": True}).encode()
    with raw(gateway.url, buffer_bytes=4096) as sock:
        sock.sendall(post(path, body, f"authorization: Bearer {gateway.admin_key}"))
        assert read_answer(sock, head_only=True).status == 200
        assert until(lambda: _stands_still(openai_cloud), within_s=30)
        assert openai_cloud.last.sent < words / 2
        assert openai_cloud.last.outcome == "open"
    assert until(lambda: openai_cloud.last.outcome == "left", within_s=30)


def _stands_still(cloud: StandIn) -> bool:
    before = cloud.last.sent
    time.sleep(0.3)
    return cloud.last.sent == before > 0


@pytest.mark.parametrize(("path", "model"), LANES)
def test_a_stream_that_ends_before_the_answer_does_is_a_failure(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, model: str
) -> None:
    gateway = start()
    cloud = openai_cloud if model == OPENAI else anthropic_cloud
    with gateway.stream(path, body_for(path, model, cloud.script(Script(words=9, fault="cut", after=9)))) as stream:
        text = stream.rest()
    assert error_of(path, text) is not None
    entry = gateway.entry(stream.request_id)
    assert (entry.outcome, entry.code) == ("failed", "upstream_failed")


def test_streams_side_by_side_do_not_mix(gateway: Gateway, openai_cloud: StandIn) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(number: int) -> tuple[str, str]:
        words = " ".join(f"n{number}w{index}" for index in range(50))
        path, model = LANES[0] if number % 2 else LANES[3]
        marker = openai_cloud.script(Script(text=words, pace_s=0.001))
        with gateway.stream(path, body_for(path, model, marker)) as stream:
            return text_of(path, stream.rest()), words

    with ThreadPoolExecutor(16) as pool:
        for said, meant in pool.map(one, range(16)):
            assert said == meant
