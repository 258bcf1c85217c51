"""Every path and method that needs a key, with every key that may not: 401 or 403, one entry, nothing upstream."""

from typing import NamedTuple

import pytest

from keywright.core.identity import ENDPOINTS
from keywright.core.json import JsonObject, encode
from keywright.server.paths import DATA_PATHS, MODELS_PATHS, SHOW_PATHS
from keywright.server.raw_paths import _ITEMS, _PATHS  # the tables themselves: no row is left out
from tests.client import Answer, ask
from tests.gateway import Gateway
from tests.passage.mill import Mill

BODIES: dict[str, JsonObject] = {
    "chat": {"model": "mill/gpt-4o", "messages": [], "input": "x", "prompt": "x", "max_tokens": 1},
    "count": {"model": "mill/gpt-4o", "messages": [], "input": "x"},
    "embeddings": {"model": "mill/gpt-4o", "input": "x", "texts": ["x"], "input_type": "search_query"},
    "rerank": {"model": "mill/gpt-4o", "query": "x", "documents": ["x"]},
    "fim": {"model": "mill/gpt-4o", "prompt": "x"},
}
CONVERSED: JsonObject = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
CONTENT: JsonObject = {"content": {"parts": [{"text": "x"}]}}
GEMINI: list[tuple[str, str, JsonObject]] = [
    ("generateContent", "chat", {"contents": []}),
    ("streamGenerateContent", "chat", {"contents": []}),
    ("streamGenerateContent?alt=sse", "chat", {"contents": []}),
    ("countTokens", "count", {"contents": []}),
    ("embedContent", "embeddings", CONTENT),
    ("batchEmbedContents", "embeddings", {"requests": [CONTENT]}),
]
BEDROCK: list[tuple[str, str, JsonObject]] = [
    ("amazon.nova-lite-v1:0/converse", "chat", CONVERSED),
    ("amazon.nova-lite-v1:0/converse-stream", "chat", CONVERSED),
    ("amazon.nova-lite-v1:0/invoke", "chat", CONVERSED),
    ("amazon.nova-lite-v1:0/invoke-with-response-stream", "chat", CONVERSED),
    ("amazon.titan-embed-text-v2:0/invoke", "embeddings", {"inputText": "x"}),
    ("amazon.nova-lite-v1:0/count-tokens", "count", {"input": {"converse": CONVERSED}}),
]


class Way(NamedTuple):
    """A path, with a method, and the endpoint that it is."""

    method: str
    path: str
    endpoint: str
    body: JsonObject


def ways() -> list[Way]:
    """Every one of the exact lists, and the paths that name a model."""
    found = [Way("POST", path.decode(), known.endpoint, BODIES[known.endpoint]) for path, known in DATA_PATHS.items()]
    found += [
        Way("POST", f"{prefix}/models/gemini-2.5-flash:{method}", endpoint, body)
        for prefix in ("/v1beta", "/v1", "/gemini/v1beta", "/gemini/v1")
        for method, endpoint, body in GEMINI
    ]
    found += [
        Way("POST", f"{prefix}/model/{name}", endpoint, body)
        for prefix in ("", "/bedrock")
        for name, endpoint, body in BEDROCK
    ]
    for known_path in MODELS_PATHS:
        path = known_path.decode()
        found += [Way("GET", path, "models", {}), Way("GET", f"{path}/gpt-4o", "models", {})]
    found += [Way("POST", known_path.decode(), "models", {"model": "mill/gpt-4o"}) for known_path in SHOW_PATHS]
    rows = [*_PATHS.items()]
    for base, words in _ITEMS.items():
        rows += [(base + b"id" + (b"/" + word if word else b""), row) for word, row in words.items()]
    for known_path, row in rows:
        for prefix in ("", "/openai", "/mistral"):
            for verb in sorted(row.methods - {b"HEAD"}):
                found.append(Way(verb.decode(), prefix + known_path.decode(), row.endpoint, {"model": "mill/x"}))
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for tail in ("chat/completions", "files", "x/y"):
            found.append(Way(method, f"/native/mill/{tail}", "native", BODIES["chat"]))
    return found


def asked(gateway: Gateway, way: Way, key: str) -> Answer:
    body = encode(way.body) if way.method in ("POST", "PUT", "PATCH") else None
    return ask(gateway.url, way.method, way.path, body, {"x-api-key": key, "content-type": "application/json"})


def test_every_endpoint_has_a_path() -> None:
    assert {way.endpoint for way in ways()} == set(ENDPOINTS)


@pytest.mark.parametrize("kind", ["restricted", "read_only"])
def test_a_key_that_may_not_call_an_endpoint_calls_it_by_no_path(gateway: Gateway, mill: Mill, kind: str) -> None:
    reading = gateway.issue(permission="read_only")
    others = {
        endpoint: gateway.issue(permission="restricted", endpoints=tuple(set(ENDPOINTS) - {endpoint}))
        for endpoint in ENDPOINTS
    }
    before, refused = len(gateway.entries()), []
    for way in ways():
        if kind == "read_only" and way.endpoint == "models":
            continue
        answer = asked(gateway, way, reading if kind == "read_only" else others[way.endpoint])
        assert answer.status == 403, (way, answer)
        assert b"endpoint" in answer.body
        if way.endpoint != "models":
            refused.append(answer.request_id)
    assert mill.seen == []
    entries = gateway.entries()[before:]
    assert sorted(entry.id for entry in entries) == sorted(refused)
    assert {(entry.outcome, entry.status, entry.code) for entry in entries} == {
        ("refused", 403, "endpoint_not_allowed")
    }


def test_nobody_without_a_key_or_with_one_that_no_longer_counts_gets_anywhere(gateway: Gateway, mill: Mill) -> None:
    keys = ("", "sk-kw-nonsense", gateway.issue(revoked_s=1), gateway.issue(expires_s=1))
    before = len(gateway.entries())
    for way in ways():
        for key in keys:
            assert asked(gateway, way, key).status == 401, (way, key)
    assert mill.seen == []
    assert len(gateway.entries()) == before


def test_a_key_for_a_provider_s_models_comes_to_no_other_provider_by_any_path(gateway: Gateway, mill: Mill) -> None:
    key = gateway.issue(models=("narrow/*",))
    for way in ways():
        if way.endpoint != "models":
            answer = asked(gateway, way, key)
            assert answer.status == 403, (way, answer)
    assert mill.seen == []
