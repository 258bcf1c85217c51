"""Both wires of reranking: each by itself, and to each other."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import Wire
from keywright.core.errors import (
    NotTranslatableError,
    ProviderError,
    RefusedError,
    UpstreamError,
    UpstreamMalformedError,
)
from keywright.core.reranking import Candidate, Ranked, RerankRequest, RerankResponse
from keywright.core.usage import Usage
from keywright.dialects.rerank import cohere, jina
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law, small, words

RerankWire = Wire[RerankRequest, RerankResponse]
WIRES: dict[str, RerankWire] = {each.NAME: each for each in (cohere, jina)}
PLAIN = RerankRequest("m", "q", (Candidate("a"), Candidate("b")))

each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())

requests = st.builds(
    RerankRequest,
    st.just("m"),
    words,
    st.lists(st.builds(Candidate, words), min_size=1, max_size=3).map(tuple),
    top=st.none() | st.integers(1, 9),
    document_tokens_max=st.none() | small,
)
responses = st.builds(
    RerankResponse,
    st.just("m"),
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), max_size=3).map(
        lambda found: tuple(Ranked(index, score) for index, score in sorted(found, key=lambda pair: -pair[1]))
    ),
    id=words,
    usage=st.builds(Usage, input=st.integers(1, 9)) | st.builds(Usage, searches=st.integers(1, 9)),
)


def sent(encoded: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encoded)
    return found


@each_wire
@law
@given(request=requests)
def test_a_request_survives_the_wire(wire: RerankWire, request: RerankRequest) -> None:
    before = msgspec.json.encode(request)
    encoded = wire.encode_request(request, "m", ABLE)
    lost = [loss.path for loss in encoded.losses]
    assert lost == (["document_tokens_max"] if wire is jina and request.document_tokens_max is not None else [])
    again = wire.decode_request(encoded.body)
    assert again == (msgspec.structs.replace(request, document_tokens_max=None) if lost else request)
    assert (msgspec.json.encode(request), encoded) == (before, wire.encode_request(request, "m", ABLE))


@each_wire
@law
@given(response=responses)
def test_a_ranking_survives_the_wire(wire: RerankWire, response: RerankResponse) -> None:
    silent = msgspec.structs.replace(PLAIN, with_documents=False)
    encoded = wire.encode_response(response, silent)
    assert not encoded.losses
    again = wire.decode_response(encoded.body)
    assert (again.results, again.id, again.usage) == (response.results, response.id, response.usage)
    assert wire.tap_response(encoded.body).usage == response.usage


@each_wire
@pytest.mark.parametrize("client", WIRES.values(), ids=WIRES.keys())
def test_each_client_has_its_ranking_from_each_provider(wire: RerankWire, client: RerankWire) -> None:
    asked = client.decode_request(b'{"model":"m","query":"q","documents":["a",{"text":"b"}],"return_documents":true}')
    encoded = wire.encode_request(asked, "m", ABLE)
    assert not encoded.losses
    answer = RerankResponse("m", (Ranked(1, 0.9), Ranked(0, 0.1)), "i", Usage(input=5))
    told = client.encode_response(wire.decode_response(wire.encode_response(answer, asked).body), asked)
    assert not told.losses
    assert sent(told.body)["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
        {"index": 0, "relevance_score": 0.1, "document": {"text": "a"}},
    ]


def test_documents_come_back_on_request_from_cohere_and_unless_refused_from_jina() -> None:
    answer = RerankResponse("m", (Ranked(0, 0.9), Ranked(7, 0.1, {"text": "theirs"})))
    assert "document" not in sent(cohere.encode_response(answer, PLAIN).body)["results"][0]
    results = sent(jina.encode_response(answer, PLAIN).body)["results"]
    assert [result["document"] for result in results] == [{"text": "a"}, {"text": "theirs"}]


def test_to_coheres_current_api_go_texts() -> None:
    def losses(*documents: Any, **fields: Any) -> dict[str, str]:
        body = {"model": "m", "query": "q", "documents": documents, **fields}
        encoded = cohere.encode_request(cohere.decode_request(json.dumps(body).encode()), "m", ABLE)
        assert all(isinstance(text, str) for text in sent(encoded.body)["documents"])
        return {loss.path: loss.weight for loss in encoded.losses}

    assert losses("a", {"text": "b"}) == {}
    assert losses({"text": "b", "title": "T"}) == {"candidates[0]": "knob"}
    assert losses({"image": "u"}) == {"candidates[0]": "meaning"}
    assert losses("a", rank_fields=["text"]) == {}
    assert losses("a", rank_fields=["title", "text"]) == {"rank_fields": "meaning"}


def test_to_jina_documents_go_as_they_came() -> None:
    documents = ["a", {"text": "b", "title": "T"}, {"image": "u"}]
    body = {"model": "m", "query": "q", "documents": documents, "top_n": 2, "return_documents": False, "x": 1}
    encoded = jina.encode_request(jina.decode_request(json.dumps(body).encode()), "m", ABLE)
    assert (sent(encoded.body), encoded.losses) == (body, ())


def test_fields_of_another_wire_are_lost_and_reported() -> None:
    request = msgspec.structs.replace(PLAIN, extras={"other": {"x": 1}})
    for wire in WIRES.values():
        assert [loss.path for loss in wire.encode_request(request, "m", ABLE).losses] == ["x"]


def test_searches_are_what_is_billed_where_they_are_told() -> None:
    body = {"results": [{"index": 0, "score": 0.5}], "usage": {"total_tokens": 150, "search_units": 1, "cost": 0.1}}
    response = jina.decode_response(json.dumps(body).encode())
    assert (response.usage, response.results) == (Usage(searches=1), (Ranked(0, 0.5),))
    assert sent(jina.encode_response(response, PLAIN).body)["usage"] == {
        "total_tokens": 0, "search_units": 1, "cost": 0.1,
    }  # fmt: skip
    for usage in (None, {}, {"total_tokens": -1}, {"total_tokens": "3"}):
        assert jina.decode_response(json.dumps({"results": [], "usage": usage}).encode()).usage is None


@each_wire
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("candidates[1]", "documents[1]"),
        ("top", "top_n"),
        ("with_documents", "return_documents"),
        ("x", "x"),
    ],
)
def test_a_loss_is_told_in_the_clients_words(wire: RerankWire, path: str, found: str) -> None:
    assert wire.locate(path, PLAIN) == found
    assert cohere.locate("document_tokens_max", PLAIN) == "max_tokens_per_doc"


@each_wire
@pytest.mark.parametrize("documents", [None, [], [3], "a"])
def test_what_cannot_be_ranked_is_refused(wire: RerankWire, documents: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        wire.decode_request(json.dumps({"model": "m", "query": "q", "documents": documents}).encode())
    assert str(caught.value.failure.param).startswith("documents")


@each_wire
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"results":3}', b'{"results":[{}]}', b'{"results":[{"index":0}]}']
)
def test_what_is_no_ranking_is_malformed(wire: RerankWire, body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        wire.decode_response(body)


def test_an_error_in_place_of_a_ranking_is_one() -> None:
    with pytest.raises(ProviderError):
        jina.decode_response(b'{"error":{"message":"no"}}')


@each_wire
def test_an_error_says_its_words(wire: RerankWire) -> None:
    failure = wire.decode_error(404, b'{"message":"no such model","detail":"no such model"}')
    assert (failure.kind, failure.message) == ("not_found", "no such model")
    assert b"no such model" in wire.encode_error(failure, "r")


@each_wire
def test_a_patched_request_differs_in_the_model_only(wire: RerankWire) -> None:
    raw = b'{ "x":1.50, "model" : "m", "query":"a" }'
    assert wire.patch(raw, wire.peek(raw), "else") == raw.replace(b'"m"', b'"else"')


BODY = {
    "model": "m",
    "query": "q",
    "documents": ["a", {"text": "b", "title": "t"}],
    "top_n": 2,
    "return_documents": True,
    "max_tokens_per_doc": 9,
    "rank_fields": ["text"],
}
ANSWER = {
    "id": "i",
    "model": "m",
    "results": [{"index": 0, "relevance_score": 0.5, "document": {"text": "a"}}, {"index": 1, "relevance_score": 1}],
    "meta": {"billed_units": {"search_units": 1}},
    "usage": {"total_tokens": 3, "search_units": 1},
}


@each_wire
@law
@given(body=spoilt(BODY))
def test_a_request_is_understood_or_refused(wire: RerankWire, body: bytes) -> None:
    try:
        json.loads(wire.patch(body, wire.peek(body), "x"))
        request = wire.decode_request(body)
    except RefusedError:
        return
    for other in WIRES.values():
        json.loads(other.encode_request(request, "m", ABLE).body)


@each_wire
@law
@given(body=spoilt(ANSWER) | st.binary(max_size=9))
def test_an_answer_is_understood_or_malformed(wire: RerankWire, body: bytes) -> None:
    wire.tap_response(body)
    wire.decode_error(500, body)
    try:
        response = wire.decode_response(body)
    except UpstreamError:
        return
    for other in WIRES.values():
        json.loads(other.encode_response(response, PLAIN).body)


@pytest.mark.parametrize(
    ("more", "passes"),
    [
        ({"documents": ["a {}", "b"]}, True),
        ({"documents": [1, "{"]}, True),
        ({"documents": "{"}, True),
        ({}, True),
        ({"documents": ["a", {"text": "b"}]}, False),
        ({"documents": ["a"], "return_documents": True}, False),
        ({"documents": ["a"], "rank_fields": ["text"]}, False),
    ],
)
def test_a_body_of_coheres_version_1_does_not_go_to_version_2_as_it_is(more: dict[str, Any], passes: bool) -> None:
    body = json.dumps({"model": "m", "query": "q", **more}).encode()
    if passes:
        assert cohere.patch(body, cohere.peek(body), "m") == body
    else:
        with pytest.raises(NotTranslatableError):
            cohere.patch(body, cohere.peek(body), "m")
