"""Counting tokens on Gemini's two wires."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE, Abilities
from keywright.core.counting import CountRequest, CountResponse
from keywright.core.dialect import PathSaid, Wire
from keywright.core.errors import RefusedError, UpstreamMalformedError
from keywright.core.json import JsonObject
from keywright.core.message import Text, Turn
from keywright.core.request import Request, Tool
from keywright.dialects.counting import gemini, vertex
from tests.laws.strategies import law

Count = Wire[CountRequest, CountResponse]
WIRES: dict[str, Count] = {"gemini": gemini, "vertex": vertex}
SAID = PathSaid("m")
HI: JsonObject = {"role": "user", "parts": [{"text": "hi"}]}
SYSTEM: JsonObject = {"parts": [{"text": "be brief"}]}

every = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())


def asked(wire: Count, body: JsonObject) -> CountRequest:
    return wire.decode_request(json.dumps(body).encode(), SAID)


@every
def test_contents_alone_are_counted_as_they_are(wire: Count) -> None:
    request = asked(wire, {"contents": [HI]})
    assert request == CountRequest(Request("m", (Turn("user", (Text("hi"),)),)))
    assert json.loads(wire.encode_request(request, "m", ABLE).body) == {"contents": [HI]}


@every
def test_a_whole_request_is_read_wherever_it_stands(wire: Count) -> None:
    whole: JsonObject = {"contents": [HI], "systemInstruction": SYSTEM}
    inside: JsonObject = {"generateContentRequest": {"model": "models/m", **whole}}
    spelled: JsonObject = {"generate_content_request": {"contents": [HI], "system_instruction": SYSTEM}}
    assert asked(wire, whole) == asked(wire, inside) == asked(wire, spelled)


def test_the_gemini_api_is_asked_for_a_whole_request_inside_of_one() -> None:
    request = asked(gemini, {"contents": [HI], "systemInstruction": SYSTEM})
    assert json.loads(gemini.encode_request(request, "gemini-x", ABLE).body) == {
        "generateContentRequest": {"model": "models/gemini-x", "systemInstruction": SYSTEM, "contents": [HI]}
    }


def test_vertex_is_asked_at_the_top_and_only_for_what_has_tokens() -> None:
    body: JsonObject = {"contents": [HI], "systemInstruction": SYSTEM, "safetySettings": [], "labels": {"a": "b"}}
    encoded = vertex.encode_request(asked(vertex, body), "m", ABLE)
    assert json.loads(encoded.body) == {"contents": [HI], "systemInstruction": SYSTEM}


@every
def test_what_the_model_cannot_be_told_is_lost(wire: Count) -> None:
    request = CountRequest(Request("m", (Turn("user", (Text("hi"),)),), (Tool("f"),)))
    (loss,) = wire.encode_request(request, "m", Abilities(tools=False)).losses
    assert (loss.path, loss.weight) == ("tools", "meaning")


@every
@given(tokens=st.integers(0, 10**6), cached=st.integers(0, 10**6))
def test_an_answer_comes_back(wire: Count, tokens: int, cached: int) -> None:
    response = CountResponse(tokens, cached)
    body = wire.encode_response(response, CountRequest(Request("m", ()))).body
    assert wire.decode_response(body) == response
    assert wire.tap_response(body).complete


@every
def test_what_is_said_beside_the_count_goes_through(wire: Count) -> None:
    body = b'{"totalTokens":7,"totalBillableCharacters":25,"promptTokensDetails":[{"modality":"TEXT","tokenCount":7}]}'
    response = wire.decode_response(body)
    assert response.input_tokens == 7
    assert json.loads(wire.encode_response(response, CountRequest(Request("m", ()))).body) == json.loads(body)


@every
@law
@given(junk=st.binary(max_size=40) | st.sampled_from([b"[]", b"{}", b'{"contents":1}', b'{"totalTokens":"x"}']))
def test_junk_is_refused_in_the_wires_own_way(wire: Count, junk: bytes) -> None:
    try:
        wire.decode_request(junk, SAID)
    except RefusedError:
        pass
    try:
        wire.decode_response(junk)
    except UpstreamMalformedError:
        pass
    assert wire.tap_response(junk).failure is None
    assert wire.decode_error(429, junk).kind == "rate_limited"


def test_a_patch_exchanges_the_name_wherever_the_body_repeats_it() -> None:
    body = b'{"generateContentRequest": {"contents":[], "model" : "models/alias"}}'
    peeked = gemini.peek(body, PathSaid("alias"))
    assert (peeked.model, peeked.output_tokens_max) == ("alias", 0)
    assert gemini.patch(body, peeked, "real") == body.replace(b"models/alias", b"models/real")
    flat = b'{"contents":[]}'
    assert gemini.patch(flat, gemini.peek(flat, SAID), "real") == flat


def test_a_loss_is_named_as_the_client_wrote_the_field() -> None:
    request = asked(gemini, {"contents": [HI]})
    assert gemini.locate("turns[0].parts[0]", request) == "contents[0].parts[0]"
