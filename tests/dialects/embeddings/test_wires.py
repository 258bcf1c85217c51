"""What all wires of embeddings have in common, and each to each other."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import PathSaid, Wire
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Purpose, Tokens, Vector
from keywright.core.errors import RefusedError, UpstreamError
from keywright.core.message import Image, Text, UrlSource
from keywright.core.usage import Usage
from keywright.dialects.embeddings import cohere, feature_extraction, mistral, ollama, openai
from keywright.dialects.embeddings.vectors import as_type
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law, words

EmbedWire = Wire[EmbedRequest, EmbedResponse]
WIRES: dict[str, EmbedWire] = {each.NAME: each for each in (openai, mistral, cohere, ollama, feature_extraction)}
SAID = PathSaid("m")
PLAIN = EmbedRequest("m", (EmbedInput((Text("hi"),)),))

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())

texts = st.lists(words, min_size=1, max_size=3).map(lambda found: tuple(EmbedInput((Text(text),)) for text in found))
purposes: st.SearchStrategy[Purpose] = st.sampled_from(["query", "document", "classification", "clustering"])
requests = st.builds(EmbedRequest, st.just("m"), texts, truncate=st.sampled_from([None, "end", "none"]))
numbers = st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=4)
responses = st.builds(
    EmbedResponse,
    st.just(""),
    st.lists(numbers.map(lambda found: Vector({"float": found})), min_size=1, max_size=3).map(tuple),
    usage=st.builds(Usage, input=st.integers(1, 99)),
)


def floats(response: EmbedResponse) -> list[Any]:
    return [as_type(vector, "float") for vector in response.vectors]


@each_wire
@law
@given(request=requests)
def test_a_request_survives_the_wire(wire: EmbedWire, request: EmbedRequest) -> None:
    encoded = wire.encode_request(request, "m", ABLE)
    again = wire.decode_request(encoded.body, SAID)
    lost = {loss.path for loss in encoded.losses}
    assert lost <= {"purpose", "truncate"}
    assert (again.model, again.inputs, again.single) == (request.model, request.inputs, request.single)
    assert again.truncate == request.truncate or "truncate" in lost or wire in (openai, mistral)


@each_wire
@law
@given(response=responses)
def test_vectors_survive_the_wire(wire: EmbedWire, response: EmbedResponse) -> None:
    encoded = wire.encode_response(response, PLAIN)
    assert not encoded.losses
    again = wire.decode_response(encoded.body)
    assert floats(again) == floats(response)
    assert again.usage == (None if wire is feature_extraction else response.usage)


@each_wire
@law
@given(request=requests)
def test_encoding_is_pure(wire: EmbedWire, request: EmbedRequest) -> None:
    before = msgspec.json.encode(request)
    assert wire.encode_request(request, "m", ABLE) == wire.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before


@each_wire
@pytest.mark.parametrize("client", WIRES.values(), ids=WIRES.keys())
def test_each_client_has_its_vectors_from_each_provider(wire: EmbedWire, client: EmbedWire) -> None:
    asked = client.decode_request(client.encode_request(PLAIN, "m", ABLE).body, SAID)
    sent = wire.encode_request(asked, "m", ABLE)
    assert all(loss.weight == "knob" for loss in sent.losses)
    assert wire.decode_request(sent.body, SAID).inputs == PLAIN.inputs
    answer = EmbedResponse("m", (Vector({"float": [0.5, -0.25]}),), usage=Usage(input=3))
    given_back = wire.decode_response(wire.encode_response(answer, asked).body)
    told = client.encode_response(given_back, asked)
    assert not told.losses
    assert floats(client.decode_response(told.body)) == [[0.5, -0.25]]


def inputs(*parts: Any) -> EmbedRequest:
    return EmbedRequest("m", tuple(EmbedInput((part,)) for part in parts))


@each_wire
def test_another_models_tokens_mean_nothing_but_on_openais_wire(wire: EmbedWire) -> None:
    request = inputs(Text("a"), Tokens((1, 2)))
    losses = {loss.path: loss.weight for loss in wire.encode_request(request, "m", ABLE).losses}
    if wire in (openai, mistral):
        assert json.loads(wire.encode_request(request, "m", ABLE).body)["input"] == ["a", [1, 2]]
        assert losses == {}
    else:
        assert losses["inputs[1].parts[0]"] == "meaning"


@each_wire
def test_pictures_are_for_cohere_only(wire: EmbedWire) -> None:
    request = inputs(Image(UrlSource("https://e.com/a.png")))
    losses = {loss.path: loss.weight for loss in wire.encode_request(request, "m", ABLE).losses}
    assert losses == ({} if wire is cohere else {"inputs[0].parts[0]": "meaning"})


@each_wire
def test_quantised_vectors_are_asked_only_of_who_gives_them(wire: EmbedWire) -> None:
    request = msgspec.structs.replace(PLAIN, types=("int8",), purpose="query")
    losses = {loss.path: loss.weight for loss in wire.encode_request(request, "m", ABLE).losses}
    assert ("types" in losses) == (wire is not cohere)
    assert losses.get("types", "meaning") == "meaning"


@each_wire
def test_dimensions_that_a_model_cannot_give_are_refused(wire: EmbedWire) -> None:
    request = msgspec.structs.replace(PLAIN, dimensions=256)
    fixed = msgspec.structs.replace(ABLE, dimensions=False)
    losses = {loss.path: loss.weight for loss in wire.encode_request(request, "m", fixed).losses}
    assert losses["dimensions"] == "meaning"
    body = json.loads(wire.encode_request(request, "m", ABLE).body)
    assert (256 in body.values()) == (wire is not feature_extraction)


@each_wire
def test_knobs_that_cannot_be_said_are_reported(wire: EmbedWire) -> None:
    request = msgspec.structs.replace(
        PLAIN,
        title="t",
        user="u",
        normalize=False,
        truncate="start",
        purpose="similarity",
        extras={"other": {"x": 1}},
    )
    losses = {loss.path: loss.weight for loss in wire.encode_request(request, "m", ABLE).losses}
    assert set(losses.values()) == {"knob"}
    lost = {"title", "purpose", "x", "user", "normalize", "truncate"}
    kept = {
        openai: {"user"},
        mistral: {"user"},
        cohere: {"truncate"},
        ollama: set(),
        feature_extraction: {"normalize", "truncate"},
    }
    assert set(losses) == lost - kept[wire]  # type: ignore[index]


@each_wire
def test_several_texts_for_one_vector_are_joined(wire: EmbedWire) -> None:
    request = EmbedRequest("m", (EmbedInput((Text("a"), Text("b"))),))
    encoded = wire.encode_request(request, "m", ABLE)
    assert (b"a\\nb" in encoded.body) == (wire is not cohere)
    assert ("inputs[0]" in {loss.path for loss in encoded.losses}) == (wire is not cohere)


@each_wire
def test_vectors_that_cannot_be_written_as_wanted_are_reported(wire: EmbedWire) -> None:
    bits = EmbedResponse("m", (Vector({"ubinary": [3]}),))
    losses = [(loss.path, loss.weight) for loss in wire.encode_response(bits, PLAIN).losses]
    assert losses == [("types", "meaning")]


BODY = {
    "model": "m",
    "input": ["a", [1, 2]],
    "texts": ["a"],
    "images": ["data:image/png;base64,AA"],
    "inputs": [{"content": [{"type": "text", "text": "a"}]}],
    "prompt": "p",
    "dimensions": 3,
    "output_dimension": 3,
    "output_dtype": "int8",
    "encoding_format": "base64",
    "embedding_types": ["float", "int8"],
    "input_type": "search_query",
    "truncate": "END",
    "user": "u",
    "normalize": True,
}
ANSWER = {
    "id": "i",
    "model": "m",
    "data": [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": "AAAAAA=="}],
    "embeddings": {"float": [[0.5]], "int8": [[1]]},
    "embedding": [0.5],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
    "meta": {"billed_units": {"input_tokens": 3, "image_tokens": 1}},
    "prompt_eval_count": 3,
}


@each_wire
@law
@given(body=spoilt(BODY))
def test_a_request_is_understood_or_refused(wire: EmbedWire, body: bytes) -> None:
    try:
        json.loads(wire.patch(body, wire.peek(body, SAID), "x"))
        request = wire.decode_request(body, SAID)
    except RefusedError:
        return
    encoded = wire.encode_request(request, "m", ABLE)
    json.loads(encoded.body)
    for loss in encoded.losses:
        wire.locate(loss.path, request)


@each_wire
@law
@given(body=spoilt(ANSWER) | spoilt({"embeddings": [[0.5], [1]]}) | st.binary(max_size=9) | st.just(b"[[[0.5]]]"))
def test_an_answer_is_understood_or_malformed(wire: EmbedWire, body: bytes) -> None:
    wire.tap_response(body)
    wire.decode_error(500, body)
    try:
        response = wire.decode_response(body)
    except UpstreamError:
        return
    json.loads(wire.encode_response(response, PLAIN).body)


@each_wire
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"a","model":"b"}', b'{"Model":"a"}'])
def test_what_is_no_unambiguous_object_is_refused(wire: EmbedWire, body: bytes) -> None:
    for read in (wire.decode_request, wire.peek):
        with pytest.raises(RefusedError) as caught:
            read(body, SAID)
        assert caught.value.failure.code == "invalid_json"


@each_wire
def test_a_patched_request_differs_in_the_model_only(wire: EmbedWire) -> None:
    raw = b'{ "x":1.50, "model" : "m", "input":"a" }'
    peeked = wire.peek(raw, SAID)
    assert (peeked.model, peeked.stream, peeked.output_tokens_max) == ("m", False, 0)
    assert wire.patch(raw, peeked, "else") == raw.replace(b'"m"', b'"else"')
    assert wire.patch(raw, peeked, "m") is raw
    unnamed = b'{"inputs":"a"}'
    assert wire.peek(unnamed, SAID).model == "m"
    assert wire.patch(unnamed, wire.peek(unnamed, SAID), "else") is unnamed
    with pytest.raises(RefusedError):
        wire.peek(unnamed)


@each_wire
def test_an_error_says_its_words(wire: EmbedWire) -> None:
    failure = wire.decode_error(404, b'{"error":"no such model","message":"no such model"}')
    assert (failure.kind, failure.message) == ("not_found", "no such model")
    assert b"no such model" in wire.encode_error(failure, "r")
