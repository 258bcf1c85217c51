"""Native paths of providers that name the model in the path, or speak otherwise: read, counted, restricted."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from tests.client import ask
from tests.gateway import Gateway, running
from tests.passage.conftest import OWN_KEY, VARIABLES, config
from tests.passage.mill import Guest, Mill, Script

GEMINI: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10},
    "modelVersion": "gemini-2.5-flash",
}
CONVERSE: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10},
    "metrics": {"latencyMs": 1},
}
COHERE: dict[str, Any] = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    "usage": {
        "billed_units": {"input_tokens": 7, "output_tokens": 3},
        "tokens": {"input_tokens": 7, "output_tokens": 3},
    },
}
EMBEDDED: dict[str, Any] = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}
ASKED: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
CONVERSED: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"

CALLS = [
    ("gemini/v1beta/models/gemini-2.5-flash:generateContent", ASKED, GEMINI, "gemini/gemini-2.5-flash", (7, 3)),
    ("gemini/v1alpha/models/gemini-2.5-flash:generateContent", ASKED, GEMINI, "gemini/gemini-2.5-flash", (7, 3)),
    ("gemini/v1beta/%6Dodels/gemini-2.5-flash%3Agenerate%43ontent", ASKED, GEMINI, "gemini/gemini-2.5-flash", (7, 3)),
    (f"bedrock/model/{CLAUDE}/converse", CONVERSED, CONVERSE, f"bedrock/{CLAUDE}", (7, 3)),
    (f"bedrock/model/{CLAUDE.replace(':', '%3A')}/converse", CONVERSED, CONVERSE, f"bedrock/{CLAUDE}", (7, 3)),
    (
        "cohere/v2/chat",
        {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "x"}]},
        COHERE,
        "cohere/command-a-03-2025",
        (7, 3),
    ),
    (
        "mill/embeddings",
        {"model": "text-embedding-3-small", "input": "x"},
        EMBEDDED,
        "mill/text-embedding-3-small",
        (7, 0),
    ),
    (
        "mill/%65mbeddings/",
        {"model": "text-embedding-3-small", "input": "x"},
        EMBEDDED,
        "mill/text-embedding-3-small",
        (7, 0),
    ),
]


def says(body: Any, kind: str = "application/json") -> Script:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await guest.answer(200, data, f"content-type: {kind}")

    return script


@pytest.mark.parametrize(("path", "body", "answer", "served", "used"), CALLS)
def test_a_provider_s_own_endpoint_is_read_for_its_model_and_counted(
    gateway: Gateway, mill: Mill, path: str, body: Any, answer: Any, served: str, used: tuple[int, int]
) -> None:
    mill.script = says(answer)
    data = json.dumps(body).encode()
    got = ask(gateway.url, "POST", f"/native/{path}", data, {"x-api-key": gateway.admin_key})
    assert got.json == answer
    assert mill.last.body == data
    assert mill.last.target.endswith(path.partition("/")[2])
    entry = gateway.entry(got.request_id)
    assert (entry.served, entry.usage.input, entry.usage.output) == (served, *used)
    assert entry.cost_picodollars > 0


@pytest.mark.parametrize(("path", "body", "answer", "served", "used"), CALLS)
def test_a_key_with_models_is_held_to_them_there(
    gateway: Gateway, mill: Mill, path: str, body: Any, answer: Any, served: str, used: tuple[int, int]
) -> None:
    mill.script = says(answer)
    data = json.dumps(body).encode()
    for models, status in (((served,), 200), (("other/*", served[:-1]), 403)):
        key = gateway.issue(models=models)
        assert ask(gateway.url, "POST", f"/native/{path}", data, {"x-api-key": key}).status == status
        for other in (path + "x", path.replace("/v", "/x/v"), path.replace("model", "models")):
            if other != path:
                assert ask(gateway.url, "POST", f"/native/{other}", data, {"x-api-key": key}).status == 403
    assert len(mill.seen) == 1
    assert used


def test_google_s_sdk_streams_over_a_native_path(gateway: Gateway, mill: Mill) -> None:
    pieces = [{**GEMINI, "candidates": [{"content": {"role": "model", "parts": [{"text": "wo"}]}, "index": 0}]}, GEMINI]
    body = b"".join(b"data: %b\r\n\r\n" % json.dumps(piece).encode() for piece in pieces)
    mill.script = says(body, "text/event-stream")
    options = types.HttpOptions(base_url=f"{gateway.url}/native/gemini", timeout=10_000)
    with genai.Client(api_key=gateway.issue(), http_options=options) as client:
        chunks = [*client.models.generate_content_stream(model="gemini-2.5-flash", contents="x")]
    assert "".join(chunk.text or "" for chunk in chunks) == "wohi"
    assert mill.last.target == "/gemini/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert mill.last.header("x-goog-api-key") == OWN_KEY
    entry = gateway.entries()[-1]
    assert (entry.stream, entry.served, entry.usage.input) == (True, "gemini/gemini-2.5-flash", 7)


@pytest.mark.parametrize("query", ["alt=sse", "x=1&alt=sse", "%61lt=ss%65", "$alt=sse", "%24alt=sse"])
def test_events_are_counted_however_they_are_asked_for(gateway: Gateway, mill: Mill, query: str) -> None:
    mill.script = says(b"data: %b\r\n\r\n" % json.dumps(GEMINI).encode(), "text/event-stream")
    path = f"/native/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?{query}"
    answer = ask(gateway.url, "POST", path, json.dumps(ASKED).encode(), {"x-api-key": gateway.admin_key})
    assert mill.last.target.endswith(query)
    entry = gateway.entry(answer.request_id)
    assert (entry.stream, entry.usage.input, entry.usage.output) == (True, 7, 3)


def test_the_path_s_model_is_the_one_whatever_the_body_names(gateway: Gateway, mill: Mill) -> None:
    key = {"x-api-key": gateway.issue(models=("bedrock/allowed", "gemini/allowed"))}
    for path, status in (
        ("gemini/v1beta/models/gemini-2.5-flash:countTokens", 400),
        (f"bedrock/model/{CLAUDE}/count-tokens", 403),
    ):
        body = json.dumps({"model": "allowed", "input": {"converse": CONVERSED}, **ASKED}).encode()
        assert ask(gateway.url, "POST", f"/native/{path}", body, key).status == status
    assert mill.seen == []


def test_what_is_signed_is_signed_over_all_of_the_body(gateway: Gateway, mill: Mill) -> None:
    data = json.dumps(CONVERSED).encode() + b" " * 200_000
    for path in (f"model/{CLAUDE}/converse", "some/other/path"):
        mill.script = says(CONVERSE)
        named = {"authorization": f"Bearer {gateway.admin_key}", "x-amz-date": "1", "x-amz-security-token": "theirs"}
        answer = ask(gateway.url, "POST", f"/native/signed/{path}", data, named)
        assert answer.status == 200
        seen = mill.last
        assert seen.target == f"/signed/{path}"
        assert (seen.header("authorization") or "").startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
        assert seen.header("x-amz-security-token") == "session-token"
        assert seen.header("content-length") == str(len(data))
        assert seen.header("x-amz-content-sha256") in (None, hashlib.sha256(data).hexdigest())


def test_a_deployment_s_path_is_read_whichever_version_the_client_asks_for(tmp_path: Path, mill: Mill) -> None:
    azure = f'[providers.azure]\nbase_url = "http://127.0.0.1:{mill.port}"\napi_key = "env:MILL_KEY"\n'
    chat: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    mill.script = says({"choices": [], "usage": usage, "model": "gpt-4o"})
    with running(tmp_path, config(mill.port) + azure, VARIABLES) as gateway:
        path = "/native/azure/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
        for named in ({}, {"model": "gpt-4o"}, {"model": "o3"}):
            body = json.dumps({**chat, **named}).encode()
            answer = ask(gateway.url, "POST", path, body, {"x-api-key": gateway.admin_key})
            entry = gateway.entry(answer.request_id)
            assert (entry.served, entry.usage.input, entry.usage.output) == ("azure/gpt-4o", 7, 3)
            assert (mill.last.target, mill.last.body) == (path.removeprefix("/native/azure"), body)
