"""In whose words: bytes that pass through as they are, headers that may, and what is told of losses."""

import json

import pytest

from keywright.core.json import Json, JsonObject
from tests.client import events
from tests.gateway import CHAT, MESSAGES, Gateway, Start, chat_body, message_body
from tests.standin.cloud import StandIn

ODD_BYTES = (
    b'{ "messages" : [\n{"role":"user","content":"h\\u00e9llo \\/ \xf0\x9f\x8e\x88"}],\t"temperature":1.0e0, '
    b'"model":"%s" , "max_tokens":\n64}'
)


@pytest.mark.parametrize(("path", "name"), [(CHAT, b"openai/gpt-4o"), (MESSAGES, b"anthropic/claude-haiku-4-5")])
def test_on_the_verbatim_lane_the_client_s_own_bytes_go_up_but_for_the_model(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, name: bytes
) -> None:
    answer = gateway.post(path, ODD_BYTES % name)
    assert answer.status == 200
    cloud = openai_cloud if path == CHAT else anthropic_cloud
    assert cloud.last.raw == ODD_BYTES % name.partition(b"/")[2]
    assert gateway.entry(answer.request_id).verbatim


def test_fields_that_nobody_knows_pass_through(gateway: Gateway, openai_cloud: StandIn) -> None:
    answer = gateway.chat(prompt_cache_key="k", safety_identifier="s", metadata={"a": "b"})
    assert answer.status == 200
    assert openai_cloud.last.body["prompt_cache_key"] == "k"
    assert openai_cloud.last.body["metadata"] == {"a": "b"}


def test_the_provider_s_bytes_come_back_untouched(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    answer = gateway.message(text="thrice the same")
    usage = answer.json["usage"]
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    assert usage["service_tier"] == "standard"
    assert b'"type":"message","role":"assistant"' in answer.body, "in the provider's own order and spacing"


def test_only_headers_on_the_provider_s_list_go_up(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    gateway.post(
        MESSAGES,
        message_body(),
        anthropic_beta="context-1m-2025-08-07",
        anthropic_version="2023-06-01",
        cookie="session=1",
        x_forwarded_for="10.0.0.1",
        x_keywright_tags="team=a",
        anthropic_dangerous="1",
        host="evil.example",
        accept_encoding="br",
    )
    sent = anthropic_cloud.last.headers
    assert sent["anthropic-beta"] == "context-1m-2025-08-07"
    assert sent["x-api-key"] == anthropic_cloud.key
    assert set(sent) == {
        "host",
        "content-length",
        "content-type",
        "anthropic-version",
        "anthropic-beta",
        "x-api-key",
    } | (set(sent) & {"accept-encoding", "user-agent", "connection"})
    assert sent["host"] in anthropic_cloud.base_url
    assert sent.get("accept-encoding") != "br"


def test_the_client_s_key_never_goes_up(gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn) -> None:
    key = gateway.issue()
    for answer in (gateway.chat(key=key), gateway.message(key=key), gateway.chat("claude-haiku-4-5", key=key)):
        assert answer.status == 200
    for exchange in (*openai_cloud.exchanges, *anthropic_cloud.exchanges):
        assert key not in str(exchange.headers)
        assert key.encode() not in exchange.raw
        assert key not in exchange.path


def test_a_query_does_not_go_up(gateway: Gateway, openai_cloud: StandIn) -> None:
    assert gateway.post(f"{CHAT}?key={gateway.admin_key}&api-version=1", chat_body(), "").status == 200
    assert openai_cloud.last.path == CHAT


def test_operator_s_headers_go_up_with_every_request(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(
        '[providers.edge]\nkind = "openai"\napi_key = "env:STANDIN_OPENAI"\nheaders = { X-Team = "gateway" }\n'
        f'base_url = "{openai_cloud.base_url}"'
    )
    assert gateway.chat("edge/gpt-4o").status == 200
    assert openai_cloud.last.headers["x-team"] == "gateway"


def test_only_answer_headers_on_the_provider_s_list_come_back(gateway: Gateway) -> None:
    answer = gateway.chat()
    assert answer.headers["x-request-id"].startswith("standin-")
    assert set(answer.headers) == {
        "date",
        "content-type",
        "content-length",
        "x-request-id",
        "x-keywright-request-id",
        "x-keywright-model",
        "x-keywright-attempts",
        "x-keywright-cost-usd",
    }


def with_knobs(model: str) -> JsonObject:
    return {**chat_body(model), "seed": 7, "logit_bias": {"50256": -100}}


def test_a_knob_that_cannot_be_carried_is_dropped_and_told(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    answer = gateway.post(CHAT, with_knobs("anthropic/claude-haiku-4-5"))
    assert answer.status == 200
    assert "seed" in answer.headers["x-keywright-loss"]
    assert "logit_bias" in answer.headers["x-keywright-loss"]
    assert "seed" not in anthropic_cloud.last.body
    assert {"seed", "logit_bias"} <= set(gateway.entry(answer.request_id).losses)


def test_a_stream_tells_of_losses_too(gateway: Gateway) -> None:
    with gateway.stream(CHAT, with_knobs("anthropic/claude-haiku-4-5")) as stream:
        assert "seed" in stream.headers["x-keywright-loss"]
        assert events(stream.rest())[-1] == "[DONE]"


def test_strict_mode_refuses_what_would_be_dropped(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    answer = gateway.post(CHAT, with_knobs("anthropic/claude-haiku-4-5"), x_keywright_strict="1")
    assert (answer.status, answer.code) == (400, "not_translatable")
    assert "seed" in answer.message
    assert "logit_bias" in answer.message
    assert anthropic_cloud.exchanges == []
    assert gateway.entry(answer.request_id).outcome == "refused"
    assert gateway.post(CHAT, with_knobs("openai/gpt-4o"), x_keywright_strict="1").status == 200


AUDIO: Json = [{"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]


def with_audio(model: str) -> dict[str, Json]:
    return {"model": model, "messages": [{"role": "user", "content": AUDIO}]}


def test_what_would_change_the_meaning_is_refused_with_its_field(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    answer = gateway.post(CHAT, with_audio("anthropic/claude-haiku-4-5"))
    assert (answer.status, answer.code) == (400, "not_translatable")
    assert "messages[0].content[0]" in answer.message
    assert anthropic_cloud.exchanges == []


def test_a_candidate_that_cannot_be_told_is_passed_over(start: Start, openai_cloud: StandIn) -> None:
    gateway = start('[models.mixed]\nroute = ["anthropic/claude-haiku-4-5", "openai/gpt-4o-audio-preview"]')
    answer = gateway.post(CHAT, with_audio("mixed"))
    assert answer.headers.get("x-keywright-model") == "openai/gpt-4o-audio-preview", answer.body
    assert answer.headers["x-keywright-attempts"] == "1"
    openai_cloud.take_violations()


def test_what_is_wrong_within_a_body_is_said_by_whoever_reads_it(gateway: Gateway, openai_cloud: StandIn) -> None:
    ours = gateway.post(CHAT, {"model": "anthropic/claude-haiku-4-5", "messages": "hello"})
    theirs = gateway.post(CHAT, {"model": "openai/gpt-4o", "messages": "hello"})
    for answer in (ours, theirs):
        assert answer.status == 400
        assert answer.json["error"]["type"] == "invalid_request_error"
    assert gateway.entry(ours.request_id).attempts == ()
    assert len(openai_cloud.take_violations()) == 1


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"model":"gpt-4o"',
        b'{"model":null,"messages":[]}',
        b'{"model":["gpt-4o"],"messages":[]}',
        b'{"model":"gpt-4o","model":"fast","max_tokens":5,"messages":[{"role":"user","content":"x"}]}',
        b'{"model":"gpt-4o","stream":"yes","max_tokens":5,"messages":[{"role":"user","content":"x"}]}',
        b'\xff\xfe{"model":"gpt-4o"}',
        b'{"model":"gpt-4o\xff"}',
        b'{"model":"gpt-4o","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"messages":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b',"model":"gpt-4o"}',
    ],
)
def test_a_body_that_is_no_request_is_400_and_recorded(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, path: str, body: bytes
) -> None:
    answer = gateway.post(path, body)
    assert answer.status == 400, answer.body[:300]
    assert answer.code in ("invalid_json", "invalid_request", "invalid_request_error"), answer.body
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status, entry.attempts) == ("refused", 400, ())
    assert openai_cloud.exchanges == anthropic_cloud.exchanges == []


def test_a_tool_call_is_carried_between_dialects(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    tool: Json = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
    answer = gateway.chat("anthropic/claude-haiku-4-5", "call weather", tools=[tool], tool_choice="required")
    assert answer.status == 200
    call = answer.json["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["name"] == "weather"
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert anthropic_cloud.last.body["tools"][0]["name"] == "weather"
    assert not gateway.entry(answer.request_id).verbatim


@pytest.mark.parametrize(("path", "model"), [(CHAT, "anthropic/claude-haiku-4-5"), (MESSAGES, "openai/gpt-4o")])
@pytest.mark.parametrize(
    "content",
    [
        b'"\xff"',
        b'"\\ud800"',
        b"1e999",
        b'{"a":"\xff"}',
        b"[" * 50_000 + b"]" * 50_000,
        b'[{"type":"text","text":' + b"[" * 50_000 + b"]" * 50_000 + b"}]",
        b"[" + b'{"type":"text","text":1},' * 9 + b"null]",
    ],
)
def test_content_that_is_no_text_is_400_where_it_must_be_read(
    gateway: Gateway, path: str, model: str, content: bytes
) -> None:
    body = b'{"model":"%b","max_tokens":9,"messages":[{"role":"user","content":%b}]}' % (model.encode(), content)
    answer = gateway.post(path, body)
    assert answer.status == 400 or (content == b'"\\ud800"' and answer.status == 200), answer.body[:300]


@pytest.mark.parametrize("options", [b'{"x":"\xff"}', b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", b"[]", b"1"])
def test_stream_options_that_are_none_are_400(gateway: Gateway, openai_cloud: StandIn, options: bytes) -> None:
    message = b'"messages":[{"role":"user","content":"x"}]'
    answer = gateway.post(CHAT, b'{"model":"gpt-4o","stream":true,"stream_options":%b,%b}' % (options, message))
    assert answer.status == 400, answer.body[:300]
    openai_cloud.take_violations()  # text that is no UTF-8 is the provider's to refuse
