"""Recorded embeddings: what we read is what plain JSON says, and what we write again is what came.

The recordings' bodies are not byte-exact, so they are compared as JSON, up to what is documented as equivalent.
"""

import json
import struct
from base64 import b64decode
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from keywright.core.ability import ABLE
from keywright.core.dialect import Wire
from keywright.core.embedding import EmbedRequest, EmbedResponse
from keywright.core.errors import NotTranslatableError
from keywright.dialects.embeddings import cohere, feature_extraction, ollama, openai
from keywright.dialects.embeddings.vectors import as_type
from tests.conformance.looped import over
from tests.conformance.plain import recorded
from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary
EmbedWire = Wire[EmbedRequest, EmbedResponse]

SOURCES: dict[tuple[str, str], tuple[EmbedWire, int]] = {
    ("openai", "embeddings"): (openai, 5),
    ("azure", "embeddings"): (openai, 3),
    ("mistral", "embeddings"): (openai, 6),
    ("openrouter", "embeddings"): (openai, 5),
    ("openai_compat", "embeddings"): (openai, 1),
    ("ollama", "api.embed"): (ollama, 5),
    ("cohere", "v2.embed"): (cohere, 6),
    ("cohere", "v1.embed"): (cohere, 3),
}
ALL = [(item, wire) for source, (wire, _) in SOURCES.items() for item in recorded(*source)]
ANSWERS = [(item, wire) for item, wire in ALL if item["status"] == 200]
REQUESTS = [(item, wire) for item, wire in ALL if item.get("request_json")]
BOTH = [(item, wire) for item, wire in ANSWERS if item.get("request_json")]
ERRORS = [(item, wire) for item, wire in ALL if item["status"] != 200]
TARGETS: dict[str, EmbedWire] = {each.NAME: each for each in (openai, cohere, ollama, feature_extraction)}


def by_id(value: Any) -> str:
    return str(value["id"]) if isinstance(value, dict) else str(value.NAME)


def test_all_recordings_are_here() -> None:
    assert {source: len(list(recorded(*source))) for source in SOURCES} == {
        source: count for source, (_, count) in SOURCES.items()
    }
    assert (len(ANSWERS), len(REQUESTS), len(BOTH), len(ERRORS)) == (30, 26, 22, 4)


def plain_vectors(body: Body) -> list[list[float]]:
    """The vectors of an answer, as floats."""
    if "data" in body:
        return [plain(item["embedding"]) for item in sorted(body["data"], key=lambda item: item["index"])]
    given = body["embeddings"]
    return list(next(iter(given.values())) if isinstance(given, dict) else given)


def plain(value: Any) -> list[float]:
    """One vector. Perplexity's are int8, which makes them shorter than any float32 of that many dimensions."""
    if isinstance(value, list):
        return value
    data = b64decode(value)
    return list(struct.unpack("256b", data) if len(data) == 256 else struct.unpack(f"<{len(data) // 4}f", data))


def plain_tokens(body: Body) -> int | None:
    if "usage" in body:
        return int(body["usage"]["prompt_tokens"])
    if "meta" in body:
        units = body["meta"]["billed_units"]
        return int(units["input_tokens"]) + int(units.get("image_tokens") or 0)
    return body.get("prompt_eval_count")


@over(("item", "wire"), ANSWERS, ids=by_id)
def test_an_answer_is_read_as_it_is(item: Body, wire: EmbedWire) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = wire.decode_response(raw)
    assert (response.id, response.model) == (body.get("id", ""), body.get("model", ""))
    assert [as_type(vector, "float") for vector in response.vectors] == plain_vectors(body)
    assert response.usage is not None
    assert response.usage.input_total == plain_tokens(body)
    tapped = wire.tap_response(raw)
    assert (tapped.usage, tapped.complete) == (response.usage, True)
    assert tapped.model == (body.get("model"))


def asked(item: Body, wire: EmbedWire) -> EmbedRequest:
    return wire.decode_request(json.dumps(item["request_json"]).encode())


@over(("item", "wire"), BOTH, ids=by_id)
def test_an_answer_written_again_is_the_same(item: Body, wire: EmbedWire) -> None:
    encoded = wire.encode_response(wire.decode_response(json.dumps(item["response_json"]).encode()), asked(item, wire))
    again, wanted = json.loads(encoded.body), item["response_json"]
    assert not encoded.losses
    if wire is cohere:
        official().validate(again)
    assert without_nulls(again) == without_nulls(wanted)


def without_nulls(body: Body) -> Body:
    """An answer in its normal form: no nulls in its usage, and Perplexity's int8 as numbers."""
    if "usage" in body:
        body = {**body, "usage": {field: value for field, value in body["usage"].items() if value is not None}}
    if body.get("model", "").startswith("pplx-"):
        body = {**body, "data": [{**item, "embedding": plain(item["embedding"])} for item in body["data"]]}
    return body


@cache
def official() -> jsonschema.Draft202012Validator:
    types = json.loads((shared_dir("specs") / "cohere" / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types["EmbedByTypeResponse"])


@over(("item", "wire"), REQUESTS, ids=by_id)
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body, wire: EmbedWire) -> None:
    body = {field: value for field, value in item["request_json"].items() if value is not None}
    encoded = wire.encode_request(asked(item, wire), body["model"], ABLE)
    assert not encoded.losses
    if isinstance(body.get("input"), str):
        body["input"] = [body["input"]]
    if wire is cohere:
        body.setdefault("embedding_types", ["float"])
    assert {field: value for field, value in json.loads(encoded.body).items() if value is not None} == body


@over(("item", "wire"), REQUESTS, ids=by_id)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_a_request_reaches_each_provider_or_is_refused_by_name(item: Body, wire: EmbedWire, target: EmbedWire) -> None:
    request = asked(item, wire)
    encoded = target.encode_request(request, "m", ABLE)
    meant = tuple(loss for loss in encoded.losses if loss.weight == "meaning")
    quantised = bool({"int8"} & set(request.types)) and target is not cohere
    shortened = request.dimensions is not None and target is feature_extraction
    expected = {"types": quantised, "dimensions": shortened}
    assert {loss.path for loss in meant} == {path for path, is_lost in expected.items() if is_lost}
    if meant:
        assert meant[0].path in str(NotTranslatableError(meant))
        return
    validator(target.NAME).validate(json.loads(encoded.body))


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The official description of a request; Cohere's has none among the reference material."""
    specs = shared_dir("specs")
    match name:
        case "openai_embeddings":
            described = (specs / "openai" / "openapi.yaml").read_text()
            start = described.index("    CreateEmbeddingRequest:")
            document = yaml.safe_load(described[start : described.index("    CreateEmbeddingResponse:")])
            return jsonschema.Draft202012Validator(document["CreateEmbeddingRequest"])
        case "ollama_embeddings":
            document = yaml.safe_load((specs / "ollama" / "openapi.yaml").read_text())
            schema = dict(document["components"]["schemas"]["EmbedRequest"])
            schema["properties"] = {**schema["properties"], "options": {"type": "object"}}
            return jsonschema.Draft202012Validator(schema)
        case "hf_embeddings":
            document = json.loads((specs / "huggingface" / "feature-extraction.input.json").read_text())
            return jsonschema.Draft202012Validator(document)
        case _:
            strings = {"type": "array", "items": {"type": "string"}}
            properties = {"texts": strings, "embedding_types": strings, "input_type": {"type": "string"}}
            required = ["model", "input_type", "embedding_types", "texts"]
            return jsonschema.Draft202012Validator({"properties": properties, "required": required})


@over(("item", "wire"), BOTH, ids=by_id)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_an_answer_reaches_a_client_of_each_wire(item: Body, wire: EmbedWire, target: EmbedWire) -> None:
    response = wire.decode_response(json.dumps(item["response_json"]).encode())
    client = target.decode_request(target.encode_request(asked(item, wire), "m", ABLE).body)
    encoded = target.encode_response(response, client)
    if client.types == ("int8",):
        assert (
            as_type(target.decode_response(encoded.body).vectors[0], "int8") == plain_vectors(item["response_json"])[0]
        )
        return
    assert not encoded.losses
    again = target.decode_response(encoded.body)
    assert [as_type(vector, "float") for vector in again.vectors] == plain_vectors(item["response_json"])
    assert again.usage == (None if target is feature_extraction else response.usage)


@over(("item", "wire"), REQUESTS, ids=by_id)
def test_a_patched_request_differs_in_the_model_only(item: Body, wire: EmbedWire) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode()):
        patched = wire.patch(raw, wire.peek(raw), "else/where")
        assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)
        assert json.loads(patched) == {**body, "model": "else/where"}


@over(("item", "wire"), ERRORS, ids=by_id)
def test_an_error_is_understood(item: Body, wire: EmbedWire) -> None:
    failure = wire.decode_error(item["status"], json.dumps(item["response_json"]).encode())
    expected = "authentication" if item["status"] == 401 else "not_found"
    assert (failure.status, failure.kind) == (item["status"], expected)
    assert failure.message in json.dumps(json.loads(wire.encode_error(failure, "r")), ensure_ascii=False)
