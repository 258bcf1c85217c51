"""Recorded rankings: what we read is what plain JSON says, and what we write again is what came.

Every exchange reranks texts and names its model; there are no errors among them.
"""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE
from keywright.core.dialect import Wire
from keywright.core.reranking import RerankRequest, RerankResponse
from keywright.dialects.rerank import cohere, jina
from tests.conformance.looped import over
from tests.conformance.plain import recorded

Body = dict[str, Any]  # the JSON boundary
RerankWire = Wire[RerankRequest, RerankResponse]

WIRES: dict[str, RerankWire] = {"cohere": cohere, "openrouter": jina}
ALL = [(item, wire) for file, wire in WIRES.items() for item in recorded(file, "rerank")]

each = over(("item", "wire"), ALL, ids=lambda value: value["id"] if isinstance(value, dict) else "")


def test_all_recordings_are_here() -> None:
    assert [item["provider"] for item, _ in ALL] == ["cohere"] * 5 + ["openrouter"]
    assert all(item["status"] == 200 for item, _ in ALL)
    assert sum("/v1/rerank" in item["url"] for item, wire in ALL if wire is cohere) == 1


@each
def test_an_answer_is_read_as_it_is(item: Body, wire: RerankWire) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = wire.decode_response(raw)
    assert (response.id, response.model) == (body["id"], body.get("model", ""))
    assert [(ranked.index, ranked.score) for ranked in response.results] == [
        (result["index"], result["relevance_score"]) for result in body["results"]
    ]
    assert response.usage is not None
    if wire is cohere:
        assert response.usage.searches == body["meta"]["billed_units"]["search_units"]
    else:
        assert response.usage.input == body["usage"]["total_tokens"]
    assert wire.tap_response(raw).usage == response.usage


@each
def test_an_answer_written_again_is_the_same(item: Body, wire: RerankWire) -> None:
    request = wire.decode_request(json.dumps(item["request_json"]).encode())
    encoded = wire.encode_response(wire.decode_response(json.dumps(item["response_json"]).encode()), request)
    assert (json.loads(encoded.body), encoded.losses) == (item["response_json"], ())


@each
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body, wire: RerankWire) -> None:
    body = item["request_json"]
    encoded = wire.encode_request(wire.decode_request(json.dumps(body).encode()), body["model"], ABLE)
    wanted = {field: value for field, value in body.items() if value is not None}
    again = {field: value for field, value in json.loads(encoded.body).items() if value is not None}
    assert (again, encoded.losses) == (wanted, ())


@each
@pytest.mark.parametrize("target", WIRES.values(), ids=["cohere", "jina"])
def test_a_ranking_reaches_a_client_of_each_wire(item: Body, wire: RerankWire, target: RerankWire) -> None:
    request = wire.decode_request(json.dumps(item["request_json"]).encode())
    sent = target.encode_request(request, "m", ABLE)
    assert not sent.losses
    response = wire.decode_response(json.dumps(item["response_json"]).encode())
    told = target.encode_response(response, target.decode_request(sent.body))
    assert not told.losses
    again = target.decode_response(told.body)
    assert [(ranked.index, ranked.score) for ranked in again.results] == [
        (ranked.index, ranked.score) for ranked in response.results
    ]
    assert again.usage == response.usage


@each
def test_a_patched_request_differs_in_the_model_only(item: Body, wire: RerankWire) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode()):
        patched = wire.patch(raw, wire.peek(raw), "else/where")
        assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)
