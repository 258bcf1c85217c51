"""Who answers: what is repeated, what falls to the next candidate, and what the client hears when nobody does."""

import socket
import time

import pytest

from keywright.core.json import Json
from tests.client import events
from tests.gateway import CHAT, MESSAGES, Gateway, Start, chat_body, message_body, until
from tests.pipeline.odd import OddUpstream
from tests.standin.cloud import StandIn
from tests.standin.script import Script, failing


def results(gateway: Gateway, request_id: str) -> list[str]:
    """What became of each attempt of a call."""
    return [attempt.result for attempt in gateway.entry(request_id).attempts]


def test_a_failure_that_passes_is_repeated_at_the_same_provider(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    answer = gateway.chat(text=openai_cloud.script(*failing(500, 2)))
    assert answer.status == 200
    assert answer.headers["x-keywright-attempts"] == "3"
    entry = gateway.entry(answer.request_id)
    assert [attempt.status for attempt in entry.attempts] == [500, 500, 200]
    assert {attempt.provider for attempt in entry.attempts} == {"openai"}
    assert all(attempt.took_us > 0 for attempt in entry.attempts)


def test_a_provider_s_retry_after_is_obeyed(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    began = time.monotonic()
    answer = gateway.chat(text=openai_cloud.script(*failing(429, retry_after="1")))
    assert answer.status == 200
    assert 1.0 <= time.monotonic() - began < 30
    first, second = openai_cloud.exchanges
    assert second.started_at - first.started_at >= 1.0
    entry = gateway.entry(answer.request_id)
    assert entry.overhead_us < 900_000, "the pause is the provider's"


def test_nobody_waits_longer_than_the_configuration_allows(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    began = time.monotonic()
    answer = gateway.chat("fast", openai_cloud.script(*failing(429, retry_after="3600")))
    assert answer.status == 200
    assert answer.headers["x-keywright-model"] == "anthropic/claude-haiku-4-5"
    assert time.monotonic() - began < 30
    assert len(openai_cloud.exchanges) == 1


FAULTS = {
    "500": Script(status=500),
    "529": Script(status=529),
    "429": Script(status=429),
    "hang": Script(fault="hang"),
    "no HTTP": Script(fault="not_http"),
    "half a body, then closed": Script(text="a few words", fault="cut"),
    "half a body, then reset": Script(text="a few words", fault="reset"),
    "half a JSON document": Script(text="a few words", fault="malformed"),
}
STREAM_FAULTS = {
    **{name: FAULTS[name] for name in ("500", "429", "hang", "no HTTP")},
    "closed before the first event": Script(fault="cut"),
    "an error as first event": Script(fault="error_event"),
}
IMPATIENT = """
[providers.first]
kind = "openai"
api_key = "env:STANDIN_OPENAI"
base_url = "{openai}"
timeout_s = {{ first_byte = 0.3, idle = 0.3, connect = 1 }}
[providers.firsta]
kind = "anthropic"
api_key = "env:STANDIN_ANTHROPIC"
base_url = "{anthropic}"
timeout_s = {{ first_byte = 0.3, idle = 0.3, connect = 1 }}
[models.other]
route = ["first/gpt-4o", "anthropic/claude-haiku-4-5"]
[models.same]
route = ["firsta/claude-haiku-4-5", "anthropic/claude-opus-4-5"]
"""


@pytest.fixture
def impatient(start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn) -> Gateway:
    return start(IMPATIENT.format(openai=openai_cloud.base_url, anthropic=anthropic_cloud.base_url))


def test_every_fault_before_an_answer_falls_to_the_next_candidate(impatient: Gateway, openai_cloud: StandIn) -> None:
    for name, fault in FAULTS.items():
        answer = impatient.chat("other", openai_cloud.script(fault, always=True))
        assert answer.status == 200, (name, answer.body)
        assert answer.headers["x-keywright-model"] == "anthropic/claude-haiku-4-5", name
        _mended(impatient)


def test_every_fault_falls_to_the_next_candidate_on_the_verbatim_lane(
    impatient: Gateway, anthropic_cloud: StandIn
) -> None:
    for name, fault in FAULTS.items():
        marker = anthropic_cloud.script(*[fault] * (3 if fault.status in (500, 529, 429) else 1))
        answer = impatient.message("same", marker)
        assert answer.status == 200, (name, answer.body)
        assert answer.headers["x-keywright-model"] == "anthropic/claude-opus-4-5", name
        _mended(impatient)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_every_fault_before_a_stream_falls_to_the_next_candidate(
    impatient: Gateway, openai_cloud: StandIn, path: str
) -> None:
    for name, fault in STREAM_FAULTS.items():
        text = openai_cloud.script(fault, always=True)
        body = chat_body("other", text) if path == CHAT else message_body("other", text)
        with impatient.stream(path, body) as stream:
            assert stream.status == 200, name
            assert stream.headers["x-keywright-model"] == "anthropic/claude-haiku-4-5", name
            assert b"error" not in stream.rest(), name
        _mended(impatient)


def _mended(gateway: Gateway) -> None:
    """Closed breakers again, as after a time without failures."""
    for source in gateway.house.snapshot.routes.sources:
        source.breaker.failed(0.0, 0.0)
        source.breaker.succeeded(time.perf_counter())
        assert source.breaker.allow(time.perf_counter())


def test_what_may_have_been_billed_is_not_sent_twice(impatient: Gateway, openai_cloud: StandIn) -> None:
    for fault in ("hang", "not_http", "cut", "reset", "malformed"):
        before = len(openai_cloud.exchanges)
        answer = impatient.chat(
            "first/gpt-4o", openai_cloud.script(Script(text="some words", fault=fault), always=True)
        )
        assert answer.status in (502, 504)
        assert len(openai_cloud.exchanges) == before + 1, fault


def test_a_request_at_fault_is_neither_repeated_nor_taken_elsewhere(start: Start, odd: OddUpstream) -> None:
    gateway = start(odd.config() + '[models.both]\nroute = ["odd/gpt-4o", "openai/gpt-4o"]')
    odd.says(
        400, {"error": {"message": "no such tool", "type": "invalid_request_error", "param": "tools", "code": None}}
    )
    answer = gateway.chat("both")
    assert answer.status == 400
    assert answer.json["error"]["message"] == "no such tool"
    assert answer.json["error"]["param"] == "tools"
    assert len(odd.requests) == 1
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status, entry.decision) == ("failed", 400, "upstream:refused")
    assert len(entry.attempts) == 1


def test_a_provider_s_error_reads_as_one_of_the_client_s_dialect(start: Start, odd: OddUpstream) -> None:
    gateway = start(odd.config())
    odd.says(
        400, {"error": {"message": "no such tool", "type": "invalid_request_error", "param": "tools", "code": None}}
    )
    answer = gateway.message("odd/gpt-4o")
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["message"] == "no such tool"


@pytest.mark.parametrize("status", [401, 403, 402])
def test_a_refused_credential_is_ours_to_mend_and_is_never_shown(start: Start, odd: OddUpstream, status: int) -> None:
    gateway = start(odd.config())
    echo = f"Incorrect API key provided: {SECRET}. Your account is acme."
    odd.says(status, {"error": {"message": echo, "type": "x", "param": None, "code": SECRET}})
    answer = gateway.chat("odd/gpt-4o")
    assert answer.status == status
    assert answer.code == "upstream_failed"
    assert "the gateway's credential" in answer.message
    assert "acme" not in answer.message
    assert len(odd.requests) == 1, "it would be refused again"
    for text in (answer.body.decode(), str(answer.headers), repr(gateway.entry(answer.request_id))):
        assert SECRET not in text


SECRET = "sk-standin-openai"


@pytest.mark.parametrize("status", [400, 404, 413, 500])
def test_no_error_of_a_provider_repeats_our_key(start: Start, odd: OddUpstream, status: int) -> None:
    gateway = start(odd.config())
    message = f"you sent {SECRET} and `Bearer {SECRET}`"
    odd.says(status, {"error": {"message": message, "type": SECRET, "param": SECRET, "code": SECRET, "more": SECRET}})
    for answer in (gateway.chat("odd/gpt-4o"), gateway.message("odd/gpt-4o")):
        assert answer.status == status
        assert SECRET not in answer.body.decode()
        assert SECRET not in repr(gateway.entry(answer.request_id))


def test_a_redirect_is_not_followed(start: Start, odd: OddUpstream, openai_cloud: StandIn) -> None:
    gateway = start(odd.config())
    odd.says(307, b"", location=openai_cloud.base_url + "/chat/completions")
    answer = gateway.chat("odd/gpt-4o")
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert openai_cloud.exchanges == []
    assert "location" not in answer.headers


@pytest.mark.parametrize("status", [201, 204, 299, 304, 418, 451, 499, 511, 599, 600, 799, 999])
def test_any_status_of_a_provider_gives_an_answer(start: Start, odd: OddUpstream, status: int) -> None:
    gateway = start(odd.config())
    odd.says(status, b"" if status in (204, 304) else b"<html>what?</html>")
    answer = gateway.chat("odd/gpt-4o")
    assert answer.status == (status if 400 <= status < 600 else 502)
    assert answer.json["error"]["message"]
    assert gateway.entry(answer.request_id).status == answer.status


def test_an_error_s_status_counts_even_when_its_body_is_too_long(start: Start, odd: OddUpstream) -> None:
    gateway = start(odd.config())
    odd.says(413, b"x" * 1_000_000)
    assert gateway.chat("odd/gpt-4o").status == 413


def test_an_error_within_a_good_answer_is_a_failure(start: Start, odd: OddUpstream) -> None:
    gateway = start(odd.config())
    odd.says(200, {"error": {"message": "no capacity", "code": 502}})
    assert gateway.chat("odd/gpt-4o").status == 502
    assert gateway.message("odd/gpt-4o").status == 502


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_server_that_answers_whole_when_asked_for_a_stream_is_streamed(
    start: Start, odd: OddUpstream, path: str
) -> None:
    gateway = start(odd.config())
    choice: Json = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "all at once"}}
    usage: Json = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    odd.says(
        200, {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )
    body = chat_body("odd/gpt-4o") if path == CHAT else message_body("odd/gpt-4o")
    with gateway.stream(path, body) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = stream.rest()
    assert b"all at once" in text
    assert events(text)[-1] == "[DONE]" if path == CHAT else events(text)[-1]["type"] == "message_stop"
    entry = gateway.entry(stream.request_id)
    assert (entry.outcome, entry.usage.input, entry.usage.output) == ("ok", 7, 3)


def test_a_provider_that_is_not_there_falls_to_the_next_candidate(start: Start) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        gateway = start(
            f'[providers.gone]\nkind = "openai"\napi_key = "env:STANDIN_OPENAI"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
            '[models.both]\nroute = ["gone/gpt-4o", "openai/gpt-4o"]'
        )
        answer = gateway.chat("both")
        assert answer.status == 200
        assert results(gateway, answer.request_id) == ["connect failed: unreachable"] * 3 + ["ok"], (
            "nothing was sent: it is safe"
        )
        alone = gateway.chat("gone/gpt-4o")
        assert (alone.status, alone.code) == (502, "upstream_failed")
        assert str(port) not in alone.message
        assert "127.0.0.1" not in alone.message


def test_a_deadline_that_passed_is_504(impatient: Gateway, openai_cloud: StandIn) -> None:
    began = time.monotonic()
    answer = impatient.chat("first/gpt-4o", openai_cloud.script(Script(fault="hang")))
    assert (answer.status, answer.code) == (504, "upstream_timeout")
    assert "first/gpt-4o: first_byte timeout" in answer.message
    assert 0.25 < time.monotonic() - began < 20
    assert until(lambda: openai_cloud.last.outcome == "left"), "the upstream is let go"


def test_when_every_candidate_failed_the_last_status_and_all_attempts_are_told(
    start: Start, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    gateway = start()
    marker = openai_cloud.script(Script(status=500, message="first"), always=True)
    marker += anthropic_cloud.script(Script(status=529, message="second"), always=True)
    answer = gateway.chat("fast", marker)
    assert (answer.status, answer.code) == (529, "upstream_failed")
    assert "second" in answer.message
    assert "openai/gpt-4o-mini: 500" in answer.message
    assert "anthropic/claude-haiku-4-5: 529" in answer.message
    assert answer.headers["x-keywright-attempts"] == "6"
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status, entry.code) == ("failed", 529, "upstream_failed")
    assert (entry.cost_picodollars, entry.served) == (0, "")


def test_a_rate_limit_of_every_candidate_tells_how_long_to_wait(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    answer = gateway.chat(text=openai_cloud.script(*failing(429, 9, retry_after="77")))
    assert answer.status == 429
    assert answer.headers["retry-after"] == "77"
    again = gateway.chat()
    assert again.status == 503, "its credential rests for as long"
    assert 70 <= int(again.headers["retry-after"]) <= 77
    assert len(openai_cloud.exchanges) == 1


def test_a_failed_call_names_the_provider_and_the_credential_that_were_asked(
    start: Start, openai_cloud: StandIn
) -> None:
    gateway = start()
    answer = gateway.chat(text=openai_cloud.script(Script(status=500), always=True))
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.served, entry.provider) == ("failed", "", "openai")
    assert entry.credential == entry.attempts[-1].credential != ""


def test_a_breaker_opens_after_failures_and_is_tried_again_in_time(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    failing_text = openai_cloud.script(Script(status=500), always=True)
    assert gateway.chat(text=failing_text).status == 500
    assert gateway.chat(text=failing_text).status == 500
    asked = len(openai_cloud.exchanges)
    assert asked == 5, "after five failures in a row"
    closed = gateway.chat()
    assert closed.status == 503
    assert closed.headers["retry-after"]
    assert results(gateway, closed.request_id) == ["breaker_open"]
    assert len(openai_cloud.exchanges) == asked
    assert gateway.chat("fast").headers["x-keywright-model"].startswith("anthropic/")
    assert until(lambda: gateway.chat().status == 200, within_s=20), "half-open lets one through, which closes it"


def test_the_client_s_own_mistakes_open_no_breaker(start: Start, odd: OddUpstream) -> None:
    gateway = start(odd.config())
    odd.says(400, {"error": {"message": "bad", "type": "invalid_request_error", "param": None, "code": None}})
    for _ in range(8):
        assert gateway.chat("odd/gpt-4o").status == 400
    assert len(odd.requests) == 8


def test_one_more_connection_is_made_when_a_kept_one_was_closed(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    assert gateway.chat().status == 200
    opened = openai_cloud.sockets.opened
    assert gateway.chat().status == 200
    assert openai_cloud.sockets.opened == opened, "connections are kept"
