"""Every recorded answer of either API, whole or streamed, given to a client of the other: official there, and the same.

What is given is held to the other's published schema, read by its own SDK, and compared with the original by hand.
"""

import json
from collections.abc import Iterator
from functools import cache

import anthropic as anthropic_sdk
import httpx2
import jsonschema
import openai as openai_sdk
import pytest
from jsonschema.exceptions import best_match

from keywright.core.dialect import StreamReader
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import anthropic, openai_chat
from tests.conformance.looped import over
from tests.conformance.plain import (
    Answer,
    Body,
    anthropic_answer,
    assembled,
    frames,
    joined,
    openai_answer,
    recorded,
)
from tests.conftest import shared_dir

ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)


def answers(file: str, endpoint: str) -> list[Body]:
    return [item for item in recorded(file, endpoint) if item["status"] == 200]


OPENAI = answers("openai", "chat.completions")
ANTHROPIC = answers("anthropic", "messages")
OPENAI_WHOLE = [item for item in OPENAI if item.get("response_json")]
OPENAI_STREAMS = [item for item in OPENAI if item.get("response_sse_text")]
ANTHROPIC_WHOLE = [item for item in ANTHROPIC if item.get("response_json")]
ANTHROPIC_STREAMS = [item for item in ANTHROPIC if item.get("response_sse_text")]


def test_everything_recorded_is_here() -> None:
    assert (len(OPENAI_WHOLE), len(OPENAI_STREAMS), len(ANTHROPIC_WHOLE), len(ANTHROPIC_STREAMS)) == (269, 68, 307, 87)


@cache
def schema(provider: str, name: str) -> jsonschema.Draft202012Validator:
    types = json.loads((shared_dir("specs") / provider / "sdk-types.schema.json").read_text())
    return jsonschema.Draft202012Validator(types[name])


def complaint(provider: str, name: str, body: Body) -> str | None:
    error = best_match(schema(provider, name).iter_errors(body))
    return None if error is None else f"{error.json_path}: {error.message}"[:500]


def as_told(answer: Answer, *, refused: bool = False) -> Answer:
    """An answer of OpenAI's as Anthropic's words tell it: a call or a refusal is a reason to end."""
    if answer.finish == "stop" and (answer.calls or refused):
        return answer._replace(finish="tool_calls" if answer.calls else "content_filter")
    return answer


@over("item", OPENAI_WHOLE, ids=lambda item: item["id"])
def test_a_chat_completion_is_given_as_a_message(item: Body) -> None:
    original = item["response_json"]
    response = openai_chat.decode_response(json.dumps(original).encode())
    given = json.loads(anthropic.encode_response(response, ASKED).body)
    assert complaint("anthropic", "Message", given) is None
    refused = bool(original["choices"][0]["message"].get("refusal"))
    assert anthropic_answer(given) == as_told(openai_answer(original), refused=refused)
    anthropic_sdk.types.Message.model_validate(given)


@over("item", ANTHROPIC_WHOLE, ids=lambda item: item["id"])
def test_a_message_is_given_as_a_chat_completion(item: Body) -> None:
    response = anthropic.decode_response(json.dumps(item["response_json"]).encode())
    given = json.loads(openai_chat.encode_response(response, ASKED).body)
    assert complaint("openai", "ChatCompletion", given) is None
    assert openai_answer(given) == anthropic_answer(item["response_json"])
    openai_sdk.types.chat.ChatCompletion.model_validate(given)


def read(reader: StreamReader, stream: str) -> list[Event]:
    return reader.feed(stream.encode()) + reader.end()


def to_messages(events: list[Event]) -> str:
    return b"".join(map(anthropic.StreamWriter(ASKED).write, events)).decode()


def to_chunks(events: list[Event]) -> str:
    return b"".join(map(openai_chat.StreamWriter(ASKED).write, events)).decode()


class Wire:
    """A network on which every request is answered with the same stream."""

    def __init__(self) -> None:
        self.stream = ""

    def answer(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=self.stream)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def anthropic_client(wire: Wire) -> Iterator[anthropic_sdk.Anthropic]:
    with httpx2.Client(transport=httpx2.MockTransport(wire.answer)) as network:
        yield anthropic_sdk.Anthropic(api_key="k", base_url="http://gateway", http_client=network)


@pytest.fixture(scope="module")
def openai_client(wire: Wire) -> Iterator[openai_sdk.OpenAI]:
    with httpx2.Client(transport=httpx2.MockTransport(wire.answer)) as network:
        yield openai_sdk.OpenAI(api_key="k", base_url="http://gateway", http_client=network)


@over("item", OPENAI_STREAMS, ids=lambda item: item["id"])
def test_a_stream_of_chunks_is_given_as_events_of_a_message(
    item: Body, wire: Wire, anthropic_client: anthropic_sdk.Anthropic
) -> None:
    original = item["response_sse_text"]
    events = read(openai_chat.StreamReader(), original)
    given = to_messages(events)
    for frame in frames(given):
        assert complaint("anthropic", "RawMessageStreamEvent", frame) is None
    whole = joined(original)
    told = as_told(openai_answer(whole), refused=bool(whole["choices"][0]["message"]["refusal"]))
    assert anthropic_answer(assembled(given)) == told
    assert anthropic_answer(json.loads(anthropic.encode_response(fold(events), ASKED).body)) == told
    wire.stream = given
    with anthropic_client.messages.stream(
        model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]
    ) as stream:
        final = stream.get_final_message()
    assert anthropic_answer(json.loads(final.model_dump_json())) == told


@over("item", ANTHROPIC_STREAMS, ids=lambda item: item["id"])
def test_a_stream_of_a_message_is_given_as_chunks(item: Body, wire: Wire, openai_client: openai_sdk.OpenAI) -> None:
    original = item["response_sse_text"]
    events = read(anthropic.StreamReader(), original)
    given = to_chunks(events)
    for frame in frames(given):
        assert complaint("openai", "ChatCompletionChunk", frame) is None
    told = anthropic_answer(assembled(original))
    assert openai_answer(joined(given)) == told
    assert openai_answer(json.loads(openai_chat.encode_response(fold(events), ASKED).body)) == told
    wire.stream = given
    with openai_client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as stream:
        if told.finish == "content_filter":  # the SDK's own way to tell it
            with pytest.raises(openai_sdk.ContentFilterFinishReasonError):
                stream.get_final_completion()
            return
        final = stream.get_final_completion()
    assert openai_answer(json.loads(final.model_dump_json())) == told
