"""Bedrock's wires of embeddings: what recordings do not show."""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE, Abilities
from keywright.core.dialect import PathSaid, Tapped, Wire
from keywright.core.embedding import EmbedInput, EmbedRequest, EmbedResponse, Tokens, Vector
from keywright.core.errors import RefusedError, UpstreamMalformedError
from keywright.core.message import Base64Source, Image, Text, UrlSource
from keywright.core.usage import Usage
from keywright.dialects.embeddings import bedrock_cohere, cohere, nova, openai, titan

SAID = PathSaid("m")
ONE = EmbedRequest("m", (EmbedInput((Text("hi"),)),))
PICTURE = Image(Base64Source("image/png", "eA=="))


def asked(wire: Wire[EmbedRequest, EmbedResponse], **body: Any) -> EmbedRequest:
    return wire.decode_request(json.dumps(body).encode(), SAID)


def sent(request: EmbedRequest, able: Abilities = ABLE) -> tuple[dict[str, Any], dict[str, str]]:
    encoded = titan.encode_request(request, "amazon.titan-embed-x", able)
    return json.loads(encoded.body), {loss.path: loss.weight for loss in encoded.losses}


@pytest.mark.parametrize(
    "body",
    [
        {"inputText": "hi"},
        {"inputText": "hi", "dimensions": 256, "normalize": False},
        {"inputText": "hi", "embeddingTypes": ["binary"], "novelty": 1},
        {"inputText": "hi", "inputImage": "eA==", "embeddingConfig": {"outputEmbeddingLength": 384}},
        {"inputImage": "eA=="},
    ],
)
def test_titans_request_comes_back_as_it_was(body: dict[str, Any]) -> None:
    assert sent(asked(titan, **body)) == (body, {})


def test_titan_takes_one_input_of_text_and_a_picture() -> None:
    assert sent(EmbedRequest("m", (EmbedInput((Text("a"), Text("b"))), EmbedInput((Text("c"),))))) == (
        {"inputText": "a\nb"},
        {"inputs": "meaning"},
    )
    odd = EmbedRequest("m", (EmbedInput((Tokens((1,)), Image(UrlSource("https://x.org")), PICTURE)),))
    assert sent(odd) == (
        {"inputImage": "eA=="},
        {"inputs[0].parts[0]": "meaning", "inputs[0].parts[1]": "meaning"},
    )
    assert sent(EmbedRequest("m", ())) == ({}, {"inputs": "meaning"})


def test_what_titan_cannot_be_told_is_lost_by_name() -> None:
    request = EmbedRequest("m", ONE.inputs, purpose="query", truncate="end", user="u", types=("int8",), dimensions=9)
    assert sent(request, Abilities(dimensions=False))[1] == {
        "purpose": "knob",
        "truncate": "knob",
        "user": "knob",
        "types": "meaning",
        "dimensions": "meaning",
    }
    request = asked(titan, inputText="a", inputImage="eA==")
    paths = ("inputs[0].parts[0]", "inputs[0].parts[1]", "types", "dimensions")
    assert [titan.locate(path, request) for path in paths] == [
        "inputText",
        "inputImage",
        "embeddingTypes",
        "dimensions",
    ]


def test_titans_answer_by_type_is_read_and_kept() -> None:
    body = {"embeddingsByType": {"float": [0.5], "binary": [1]}, "inputTextTokenCount": 3}
    response = titan.decode_response(json.dumps(body).encode())
    assert response.vectors == (Vector({"float": [0.5]}),)
    assert response.usage == Usage(input=3)
    again = json.loads(titan.encode_response(response, ONE).body)
    assert again == {"embedding": [0.5], **body}
    for count in (-1, True, "x", 10**13):
        assert titan.usage_of(count) is None
    assert titan.tap_response(json.dumps(body).encode()) == Tapped(Usage(input=3), complete=True)
    assert titan.tap_response(b"{}") == Tapped()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"embedding":[true]}'])
def test_what_is_no_answer_of_titans_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        titan.decode_response(body)


@pytest.mark.parametrize("body", [b"x", b"{}", b'{"inputText":7}', b'{"inputText":"a","inputText":"b"}'])
def test_what_is_no_request_of_titans_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        titan.decode_request(body, SAID)


def test_a_client_of_another_wire_is_answered_by_titan_and_one_of_titans_by_another() -> None:
    theirs = openai.decode_request(b'{"model":"m","input":["hi"],"dimensions":256}')
    assert sent(theirs) == ({"inputText": "hi", "dimensions": 256}, {})
    answer = titan.decode_response(b'{"embedding":[0.5,1.5],"inputTextTokenCount":2}')
    body = json.loads(openai.encode_response(answer, theirs).body)
    assert body["data"][0]["embedding"] == [0.5, 1.5]
    ours = asked(titan, inputText="hi")
    assert ours.single
    told = json.loads(titan.encode_response(EmbedResponse("m", (Vector({"float": [0.5]}),), usage=Usage(2)), ours).body)
    assert told == {"embedding": [0.5], "inputTextTokenCount": 2, "embeddingsByType": {"float": [0.5]}}


def test_cohere_on_bedrock_is_cohere_without_the_model() -> None:
    body = {"texts": ["a"], "input_type": "search_query", "embedding_types": ["int8"], "truncate": "LEFT"}
    request = asked(bedrock_cohere, **body)
    assert (request.model, request.purpose, request.types, request.truncate) == ("m", "query", ("int8",), "start")
    encoded = bedrock_cohere.encode_request(request, "cohere.embed-v4:0", ABLE)
    assert json.loads(encoded.body) == {**body, "truncate": "START"}
    assert not encoded.losses
    theirs = cohere.decode_request(json.dumps({"model": "x", **body, "truncate": "END"}).encode())
    assert "model" not in json.loads(bedrock_cohere.encode_request(theirs, "cohere.embed-english-v3", ABLE).body)
    assert bedrock_cohere.locate("inputs[0].parts[0]", request) == "texts[0]"


def test_an_answer_names_types_only_to_those_who_asked_for_them() -> None:
    answer = EmbedResponse("", (Vector({"float": [0.5]}),), "i")
    plain = json.loads(bedrock_cohere.encode_response(answer, asked(bedrock_cohere, texts=["a"])).body)
    assert (plain["embeddings"], plain["response_type"]) == ([[0.5]], "embeddings_floats")
    typed = asked(bedrock_cohere, texts=["a"], embedding_types=["float"])
    named = json.loads(bedrock_cohere.encode_response(answer, typed).body)
    assert (named["embeddings"], named["response_type"]) == ({"float": [[0.5]]}, "embeddings_by_type")
    assert bedrock_cohere.tap_response(b'{"embeddings":[[1]]}') == Tapped(complete=True)
    assert bedrock_cohere.tap_response(b"{}") == Tapped()


@pytest.mark.parametrize("wire", [titan, bedrock_cohere, nova])
def test_a_request_passes_as_it_is_and_its_model_is_the_paths(wire: Wire[EmbedRequest, EmbedResponse]) -> None:
    body = b'{ "inputText": "a", "texts": ["a"] }'
    peeked = wire.peek(body, SAID)
    assert (peeked.model, peeked.output_tokens_max) == ("m", 0)
    assert wire.patch(body, peeked, "other") is body
    with pytest.raises(RefusedError):
        wire.peek(body, PathSaid(""))
    assert wire.decode_error(429, b'{"message":"m"}').kind == "rate_limited"


def novas(**params: Any) -> dict[str, Any]:
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def sent_to_nova(request: EmbedRequest) -> tuple[dict[str, Any], dict[str, str]]:
    encoded = nova.encode_request(request, "amazon.nova-2-multimodal-embeddings-v1:0", ABLE)
    return json.loads(encoded.body), {loss.path: loss.weight for loss in encoded.losses}


@pytest.mark.parametrize(
    "body",
    [
        novas(
            embeddingPurpose="CLASSIFICATION", text={"value": "hi", "truncationMode": "START"}, embeddingDimension=256
        ),
        novas(embeddingPurpose="TEXT_RETRIEVAL", text={"value": "hi", "truncationMode": "NONE"}),
        {**novas(embeddingPurpose="GENERIC_INDEX", image={"format": "png", "source": {"bytes": "eA=="}}), "novelty": 1},
        novas(embeddingPurpose="GENERIC_INDEX", image={"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}),
    ],
)
def test_novas_request_comes_back_as_it_was(body: dict[str, Any]) -> None:
    assert sent_to_nova(asked(nova, **body)) == (body, {})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"taskType": "SEGMENTED_EMBEDDING"},
        {"taskType": "SINGLE_EMBEDDING"},
        novas(embeddingPurpose="GENERIC_INDEX"),
        novas(text={}),
        novas(text={"value": "a", "truncationMode": "x"}),
    ],
)
def test_what_is_no_request_of_novas_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        asked(nova, **body)


def test_what_nova_cannot_be_told_is_lost_by_name() -> None:
    assert sent_to_nova(ONE) == (
        novas(embeddingPurpose="GENERIC_INDEX", text={"value": "hi", "truncationMode": "NONE"}),
        {"purpose": "knob"},
    )
    odd = EmbedRequest(
        "m",
        (EmbedInput((Text("a"), PICTURE, Image(UrlSource("https://x.org")), Tokens((1,)))), EmbedInput((Text("b"),))),
        purpose="similarity",
        types=("int8",),
        user="u",
    )
    assert sent_to_nova(odd)[1] == {
        "inputs": "meaning",
        "inputs[0]": "meaning",
        "inputs[0].parts[2]": "meaning",
        "inputs[0].parts[3]": "meaning",
        "purpose": "knob",
        "types": "meaning",
        "user": "knob",
    }
    assert [nova.locate(path, ONE) for path in ("inputs[0].parts[0]", "purpose", "types")] == [
        "singleEmbeddingParams.text",
        "singleEmbeddingParams.embeddingPurpose",
        "types",
    ]


def test_novas_answer_is_read_and_told_again() -> None:
    body = {"embeddings": [{"embeddingType": "IMAGE", "embedding": [0.5]}], "novelty": 1}
    response = nova.decode_response(json.dumps(body).encode())
    assert response.vectors == (Vector({"float": [0.5]}),)
    pictured = asked(nova, **novas(image={"format": "png", "source": {"bytes": "eA=="}}))
    assert json.loads(nova.encode_response(response, pictured).body) == body
    assert nova.tap_response(json.dumps(body).encode()) == Tapped(complete=True)
    for wrong in (b"", b"{}", b'{"embeddings":[]}', b'{"embeddings":[{"embedding":7}]}'):
        assert nova.tap_response(wrong) == Tapped()
