"""Counting by Anthropic's and OpenAI's wires, and what both have in common."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import Tapped, Wire
from keywright.core.errors import RefusedError, UpstreamError, UpstreamMalformedError
from keywright.core.message import Document, Text, Turn, UrlSource
from keywright.core.request import Request, Sampling, Tool
from keywright.core.usage import NO_USAGE
from keywright.dialects.counting import anthropic, openai
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law, requests

CountWire = Wire[CountRequest, CountResponse]
WIRES: dict[str, CountWire] = {each.NAME: each for each in (anthropic, openai)}
HI = Request("m", (Turn("user", (Text("hi"),)),))
BODIES: dict[str, dict[str, Any]] = {
    "anthropic_count": {
        "model": "m",
        "system": "s",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    "openai_count": {
        "model": "m",
        "instructions": "s",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}],
    },
}

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())


def sent(wire: CountWire, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(wire.encode_request(CountRequest(request), "m", ABLE).body)
    return body


@each_wire
def test_only_what_a_prompt_depends_on_is_sent(wire: CountWire) -> None:
    request = Request(
        "m",
        HI.turns,
        tools=(Tool("f", parameters={"type": "object"}),),
        output_tokens_max=9,
        stop=("x",),
        sampling=Sampling(temperature=0.5, top_k=3, seed=1),
        stream=True,
        user="u",
        service_tier="flex",
        metadata={"a": "b"},
    )
    body = sent(wire, request)
    assert body.keys() <= {"model", "messages", "tools", "input", "instructions", "parallel_tool_calls"}
    assert body.keys() >= {"model", "tools"}
    assert not wire.encode_request(CountRequest(request), "m", ABLE).losses


@each_wire
def test_what_the_prompt_would_lose_is_reported(wire: CountWire) -> None:
    bad = Request("m", (Turn("user", (Document(UrlSource("ftp://x"), context="c"), Text("?"))),), choices=3)
    paths = {loss.path for loss in wire.encode_request(CountRequest(bad), "m", ABLE).losses}
    assert paths
    assert all(not wire.locate(path, CountRequest(bad)).startswith("turns") for path in paths)


def test_a_count_of_anthropics_needs_no_limit_of_the_answer_and_has_none() -> None:
    raw = json.dumps(BODIES["anthropic_count"]).encode()
    counted = anthropic.decode_request(raw).request
    assert counted.output_tokens_max is None
    limited = json.dumps({**BODIES["anthropic_count"], "max_tokens": 9}).encode()
    assert anthropic.decode_request(limited).request == counted
    assert json.loads(anthropic.encode_request(anthropic.decode_request(raw), "m", ABLE).body)["messages"] == [
        {"role": "user", "content": "hi"}
    ]


@each_wire
@law
@given(request=requests("another"))
def test_every_request_can_be_asked_about(wire: CountWire, request: Request) -> None:
    wire.decode_request(json.dumps(sent(wire, request)).encode())


@each_wire
def test_a_count_survives_the_wire_and_says_that_it_was_estimated(wire: CountWire) -> None:
    told = wire.encode_response(CountResponse(42), CountRequest(HI))
    assert wire.decode_response(told.body) == CountResponse(42)
    assert b"estimated" not in told.body
    guessed = json.loads(wire.encode_response(CountResponse(42, estimated=True), CountRequest(HI)).body)
    assert (guessed["input_tokens"], guessed["estimated"]) == (42, True)


@each_wire
def test_counting_uses_nothing(wire: CountWire) -> None:
    assert wire.tap_response(b'{"input_tokens":5}') == Tapped(usage=NO_USAGE, complete=True)
    assert wire.tap_response(b"nonsense") == Tapped()


@each_wire
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input_tokens":"x"}', b'{"input_tokens":-1}'])
def test_what_is_no_count_is_malformed(wire: CountWire, body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        wire.decode_response(body)


@each_wire
def test_a_patched_request_differs_in_the_model_only(wire: CountWire) -> None:
    raw = json.dumps(BODIES[wire.NAME], indent=1).encode()
    peeked = wire.peek(raw)
    assert (peeked.model, peeked.output_tokens_max) == ("m", 0)
    assert wire.patch(raw, peeked, "else") == raw.replace(b'"m"', b'"else"', 1)


@each_wire
@law
@given(data=st.data())
def test_a_request_is_understood_or_refused(wire: CountWire, data: st.DataObject) -> None:
    body = data.draw(spoilt(BODIES[wire.NAME]))
    try:
        wire.peek(body)
        request = wire.decode_request(body)
    except RefusedError:
        return
    json.loads(wire.encode_request(request, "m", ABLE).body)


@each_wire
@law
@given(body=spoilt({"input_tokens": 5, "object": "x"}) | st.binary(max_size=9))
def test_an_answer_is_understood_or_malformed(wire: CountWire, body: bytes) -> None:
    wire.tap_response(body)
    wire.decode_error(500, body)
    try:
        response = wire.decode_response(body)
    except UpstreamError:
        return
    json.loads(wire.encode_response(response, CountRequest(HI)).body)
