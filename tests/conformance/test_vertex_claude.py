"""Recorded traffic of Claude on Vertex, and Anthropic's own traffic as Vertex would be asked it."""

import json
from typing import Any

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid, Peek
from keywright.core.event import Event
from keywright.core.fold import fold
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import anthropic, anthropic_vertex, openai_chat
from keywright.dialects.anthropic_vertex import VERSION
from tests.conformance.looped import over
from tests.conformance.plain import Body, anthropic_answer, assembled, openai_answer, recorded
from tests.conftest import shared_dir
from tests.standin.messages import OLD_VERSION, MessagesWire

CLAUDE = Abilities(reasoning="adaptive", output_tokens_max=64_000)
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)
ALL = list(recorded("vertex", "rawPredict"))
NATIVE = [item for item in recorded("anthropic", "messages") if item.get("request_json")]

items = over("item", ALL, ids=lambda item: item["id"])


def test_everything_recorded_is_here() -> None:
    assert (len(ALL), sum("response_sse_text" in item for item in ALL), len(NATIVE)) == (6, 3, 329)


def said(item: Body) -> PathSaid:
    name, _, method = item["url"].rpartition("/")[2].partition(":")
    return PathSaid(name, stream=method.startswith("stream"))


def answer(item: Body) -> tuple[Body, bytes]:
    """The answer as a message in plain JSON, and the bytes in which it came."""
    if stream := item.get("response_sse_text"):
        return assembled(stream), stream.encode()
    return item["response_json"], json.dumps(item["response_json"]).encode()


def read(stream: bytes, size: int) -> list[Event]:
    reader = anthropic_vertex.StreamReader()
    return [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])] + reader.end()


@items
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body) -> None:
    body = item["request_json"]
    request = anthropic_vertex.decode_request(json.dumps(body).encode(), said(item))
    assert (request.model, request.stream) == ("claude-3-7-sonnet@20250219", bool(body.get("stream")))
    encoded = anthropic_vertex.encode_request(request, request.model, CLAUDE)
    assert not encoded.losses
    assert condensed(json.loads(encoded.body)) == condensed(body)


def condensed(value: Any) -> Any:
    """A body where content that is one plain text is that text."""
    match value:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case dict():
            return {name: condensed(inner) for name, inner in value.items()}
        case list():
            return [condensed(inner) for inner in value]
        case _:
            return value


@items
def test_a_request_is_what_anthropic_takes(item: Body) -> None:
    request = anthropic_vertex.decode_request(json.dumps(item["request_json"]).encode(), said(item))
    body = json.loads(anthropic.encode_request(request, "claude-sonnet-4-5", CLAUDE).body)
    MessagesWire(shared_dir("specs")).check(body, {"anthropic-version": OLD_VERSION})


@items
def test_an_answer_is_read_as_it_is(item: Body) -> None:
    plain, body = answer(item)
    if said(item).stream:
        events = read(body, len(body))
        assert read(body, 37) == events
        response = fold(events)
        tap = anthropic_vertex.Tap(Peek("m", stream=True, input_bytes=0))
        assert b"".join(tap.feed(body[at : at + 101]) for at in range(0, len(body), 101)) == body
        tapped = tap.result()
    else:
        response = anthropic_vertex.decode_response(body)
        tapped = anthropic_vertex.tap_response(body)
    assert (response.id, response.model) == (plain["id"], plain["model"])
    assert (tapped.usage, tapped.finish, tapped.complete) == (response.usage, plain["stop_reason"], True)
    assert response.usage is not None
    assert response.usage.output_total == plain["usage"]["output_tokens"]
    given = json.loads(openai_chat.encode_response(response, ASKED).body)
    assert openai_answer(given) == anthropic_answer(plain)
    again = json.loads(anthropic_vertex.encode_response(response, ASKED).body)
    assert anthropic_answer(again) == anthropic_answer(plain)


@items
def test_a_request_of_vertexs_client_passes_through_untouched(item: Body) -> None:
    for raw in (json.dumps(item["request_json"]).encode(), json.dumps(item["request_json"], indent=1).encode()):
        assert anthropic_vertex.patch(raw, anthropic_vertex.peek(raw, said(item)), "m") == raw


@over("item", NATIVE, ids=lambda item: item["id"])
def test_a_request_of_anthropics_client_differs_in_two_members(item: Body) -> None:
    body = item["request_json"]
    wanted = {name: value for name, value in body.items() if name != "model"} | {"anthropic_version": VERSION}
    for raw in (
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(body).encode(),
        json.dumps(body, indent=1).encode(),
    ):
        patched = anthropic_vertex.patch(raw, anthropic.peek(raw), "claude@1")
        assert json.loads(patched) == wanted
        assert list(json.loads(patched)) == list(wanted)
        assert abs(len(patched) - len(raw)) < 200
