"""Counts that providers gave: those that were asked for are read, and the estimate is held to all of them."""

import json
from collections.abc import Iterator
from functools import cache
from statistics import median
from typing import Any

import jsonschema
import pytest
import yaml

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.message import Audio, Document, Image
from keywright.core.request import Request
from keywright.dialects import anthropic, cohere, gemini, mistral, openai_chat, openai_responses
from keywright.dialects.counting import anthropic as anthropic_count
from keywright.dialects.counting import openai as openai_count
from keywright.dialects.counting.estimate import estimate
from tests.conformance.looped import over
from tests.conformance.plain import frames, recorded
from tests.conftest import shared_dir

Body = dict[str, Any]  # the JSON boundary

COUNTS = list(recorded("anthropic", "messages.count_tokens"))
GIVEN = [item for item in COUNTS if item["status"] == 200]


def by_id(item: Body) -> str:
    return str(item["id"])


def test_all_recordings_are_here() -> None:
    assert (len(COUNTS), len(GIVEN)) == (9, 8)


@over("item", GIVEN, ids=by_id)
def test_a_count_is_read_as_it_is_and_written_again_the_same(item: Body) -> None:
    raw = json.dumps(item["response_json"]).encode()
    response = anthropic_count.decode_response(raw)
    request = anthropic_count.decode_request(json.dumps(item["request_json"]).encode())
    assert (response.input_tokens, response.estimated) == (item["response_json"]["input_tokens"], False)
    assert json.loads(anthropic_count.encode_response(response, request).body) == item["response_json"]
    assert anthropic_count.tap_response(raw).complete


@over("item", COUNTS, ids=by_id)
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body) -> None:
    body = item["request_json"]
    encoded = anthropic_count.encode_request(
        anthropic_count.decode_request(json.dumps(body).encode()), body["model"], Abilities()
    )
    again = json.loads(encoded.body)
    assert not encoded.losses
    assert spelled_out(again) == spelled_out(body)
    types = json.loads((shared_dir("specs") / "anthropic" / "sdk-types.schema.json").read_text())
    jsonschema.Draft202012Validator(types["MessageCreateParams"]).validate({**again, "max_tokens": 1})


def spelled_out(body: Body) -> Body:
    """Strings as the blocks that they stand for."""
    body = {**body, "messages": [{**message, "content": blocks(message["content"])} for message in body["messages"]]}
    return {**body, "system": blocks(body["system"])} if "system" in body else body


def blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


@cache
def counted() -> frozenset[str]:
    """The members of OpenAI's request for a count, as it describes them."""
    described = (shared_dir("specs") / "openai" / "openapi.yaml").read_text()
    start = described.index("    TokenCountsBody:")
    properties = yaml.safe_load(described[start : described.index("    TokenCountsResource:")])
    return frozenset(properties["TokenCountsBody"]["properties"])


@over("item", list(recorded("openai", "responses"))[::10], ids=by_id)
def test_openai_is_asked_to_count_only_what_it_counts(item: Body) -> None:
    body = json.dumps({"input": "x", "model": "m", **(item["request_json"] or {})}).encode()
    encoded = openai_count.encode_request(openai_count.decode_request(body), "m", Abilities(reasoning="effort"))
    assert set(json.loads(encoded.body)) <= counted()


def test_an_unknown_model_is_understood() -> None:
    (item,) = (item for item in COUNTS if item["status"] != 200)
    failure = anthropic_count.decode_error(item["status"], json.dumps(item["response_json"]).encode())
    assert failure.kind == "not_found"


SOURCES: dict[tuple[str, str], Dialect] = {
    ("openai", "chat.completions"): openai_chat,
    ("openai", "responses"): openai_responses,
    ("anthropic", "messages"): anthropic,
    ("gemini", "generateContent"): gemini,
    ("mistral", "chat.completions"): mistral,
    ("cohere", "v2.chat"): cohere,
}


def told(item: Body) -> int | None:
    """The prompt's tokens, as the provider told them; of Cohere's, those that it bills."""
    body: Any = item.get("response_json")
    streamed = frames(item.get("response_sse_text") or "") if "generate" not in item["endpoint"] else []
    match item["endpoint"]:
        case "chat.completions":
            chunks: list[Body] = streamed if body is None else [body]
            usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
            return usages[-1].get("prompt_tokens") if usages else None
        case "messages":
            starts = [event["message"] for event in streamed if event.get("type") == "message_start"]
            usage = (body or (starts or [{}])[0]).get("usage") or {}
            cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
            return usage.get("input_tokens", 0) + sum(usage.get(name) or 0 for name in cached) or None
        case "responses":
            ends = [event["response"] for event in streamed if event.get("type") == "response.completed"]
            return ((body or (ends or [{}])[-1]).get("usage") or {}).get("input_tokens")
        case "v2.chat":
            ends = [event["delta"] for event in streamed if event.get("type") == "message-end"]
            usage = (body or (ends or [{}])[-1]).get("usage") or {}
            return (usage.get("billed_units") or {}).get("input_tokens")
        case _:
            return (body.get("usageMetadata") or {}).get("promptTokenCount") if isinstance(body, dict) else None


def samples(dialect: Dialect, *source: str) -> Iterator[tuple[Request, int]]:
    for item in recorded(*source):
        tokens = told(item) if item["status"] == 200 and item.get("request_json") else None
        if tokens:
            request = dialect.decode_request(json.dumps({"model": "m", **item["request_json"]}).encode())
            parts = [part for turn in request.turns for part in turn.parts]
            if not any(isinstance(part, Image | Document | Audio) for part in parts):
                yield request, tokens


ERRORS_MAX: dict[str, tuple[float, float]] = {
    "openai_chat": (0.06, 0.14),
    "openai_responses": (0.06, 0.25),
    "anthropic": (0.15, 0.25),
    "gemini": (0.15, 0.40),
    "mistral": (0.20, 0.15),
    "cohere": (0.10, 0.20),
}
"""Of each provider, the error that half of the estimates stay below: without tools, and with."""


@pytest.mark.parametrize(("source", "dialect"), SOURCES.items(), ids=map("/".join, SOURCES))
def test_half_of_the_estimates_are_near(source: tuple[str, str], dialect: Dialect) -> None:
    plain: list[float] = []
    tooled: list[float] = []
    for request, tokens in samples(dialect, *source):
        (tooled if request.tools else plain).append(abs(estimate(request, dialect.NAME) - tokens) / tokens)
    assert len(plain) > 20
    assert len(tooled) > 20
    plain_max, tooled_max = ERRORS_MAX[dialect.NAME]
    assert median(plain) < plain_max
    assert median(tooled) < tooled_max
