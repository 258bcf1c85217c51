"""Gemini's streams without `alt=sse` are one JSON array, whoever answers."""

import json

from keywright.core.json import JsonObject
from tests.client import Answer
from tests.conformance.sdks.conftest import Place
from tests.gateway import Gateway
from tests.standin.script import Script

QUESTION = "a question in several words"


def asked(gateway: Gateway, place: Place, text: str) -> Answer:
    body: JsonObject = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return gateway.post(f"/v1beta/models/{place.model}:streamGenerateContent", body)


def test_a_stream_is_an_array(every_gateway: Gateway, place: Place) -> None:
    chunks = asked(every_gateway, place, QUESTION).json
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"].get("parts", ())]
    assert "".join(part["text"] for part in parts) == f"You said: {QUESTION}"
    assert len(chunks) > 1
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert chunks[-1]["usageMetadata"]["promptTokenCount"] > 0


def test_an_array_that_breaks_off_ends_with_the_error(every_gateway: Gateway, place: Place) -> None:
    marker = place.cloud.script(Script(words=20, fault="cut", after=5))
    body = asked(every_gateway, place, marker).body
    *chunks, last = json.loads(body)
    assert chunks
    assert last["error"]["code"] >= 500
