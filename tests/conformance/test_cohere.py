"""Cohere's recorded exchanges: what we read is what plain JSON says, and what we write again is what came.

The recordings' bodies are not byte-exact, so requests are compared as JSON. The five exchanges of `v1.chat` are no
dialect of ours: that API is succeeded by version 2, and its clients are served by `/native/cohere/v1/chat`, byte for
byte.
"""

import copy
import json
from typing import Any

import msgspec
import pytest

from keywright.core.ability import Abilities
from keywright.core.dialect import Peek, Tapped
from keywright.core.event import Event, Failed
from keywright.core.fold import fold
from keywright.core.message import Part, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Response
from keywright.dialects import cohere
from tests.conformance.looped import over
from tests.conformance.plain import frames, recorded
from tests.conformance.readings.cohere import joined
from tests.dialects.cohere.official import check_request, official

Body = dict[str, Any]  # the JSON boundary

ALL = list(recorded("cohere", "v2.chat"))
REQUESTS = [item for item in ALL if item.get("request_json")]
ANSWERS = [item for item in ALL if item["status"] == 200 and item.get("response_json")]
STREAMS = [item for item in ALL if item["status"] == 200 and item.get("response_sse_text")]
ERRORS = [item for item in ALL if item["status"] >= 400]
ABLE = Abilities(reasoning="budget")
FINISHES = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop_sequence", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
MINIMAL = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'


def by_id(item: Body) -> str:
    return str(item["id"])


def test_all_recordings_are_here() -> None:
    assert (len(ALL), len(REQUESTS), len(ANSWERS), len(STREAMS), len(ERRORS)) == (85, 79, 66, 17, 2)
    assert len(list(recorded("cohere", "v1.chat"))) == 5  # served natively, see above


def said(parts: tuple[Part, ...]) -> tuple[str, str, str, list[tuple[str, str, str]]]:
    """Text, thinking, plan and calls."""
    plans = [part.text for part in parts if isinstance(part, Thinking) and part.extras]
    return (
        "".join(part.text for part in parts if isinstance(part, Text)),
        "".join(part.text for part in parts if isinstance(part, Thinking) and not part.extras),
        "".join(plans),
        [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)],
    )


def plainly_said(message: Body) -> tuple[str, str, str, list[tuple[str, str, str]]]:
    content = message.get("content") or []
    calls = message.get("tool_calls") or []
    return (
        "".join(item.get("text", "") for item in content),
        "".join(item.get("thinking", "") for item in content),
        message.get("tool_plan") or "",
        [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls],
    )


def cited(parts: tuple[Part, ...]) -> list[Any]:
    return [citation.body for part in parts if isinstance(part, Text) for citation in part.citations]


def check_usage(response: Response, usage: Body) -> None:
    tokens, units, used = usage["tokens"], usage["billed_units"], response.usage
    assert used is not None
    images, cached = tokens.get("image_tokens") or 0, usage.get("cached_tokens") or 0
    beside = images if images > tokens["input_tokens"] else 0
    assert used.input_total == tokens["input_tokens"] + beside
    assert used.cache_read == cached
    assert used.image_input == images - max(0, cached + images - tokens["input_tokens"] - beside)
    assert used.output_total == tokens["output_tokens"]
    assert used.reasoning == (tokens.get("reasoning_tokens") or 0)
    billed = response.billed or used
    assert (billed.input_total, billed.output_total) == (units["input_tokens"], units["output_tokens"])


def asked(item: Body) -> Request:
    return cohere.decode_request(json.dumps(item["request_json"]).encode() if item.get("request_json") else MINIMAL)


@over("item", ANSWERS, ids=by_id)
def test_an_answer_is_read_as_it_is(item: Body) -> None:
    body = item["response_json"]
    raw = json.dumps(body).encode()
    response = cohere.decode_response(raw)
    (choice,) = response.choices
    assert response.id == body["id"]
    assert said(choice.parts) == plainly_said(body["message"])
    assert cited(choice.parts) == (body["message"].get("citations") or [])
    assert choice.finish is not None
    assert choice.finish.reason == FINISHES[body["finish_reason"]]
    check_usage(response, body["usage"])
    tapped = cohere.tap_response(raw)
    assert (tapped.usage, tapped.billed, tapped.finish) == (response.usage, response.billed, body["finish_reason"])
    assert tapped.complete


@over("item", ANSWERS, ids=by_id)
def test_an_answer_written_again_is_the_same(item: Body) -> None:
    body = item["response_json"]
    encoded = cohere.encode_response(cohere.decode_response(json.dumps(body).encode()), asked(item))
    again = json.loads(encoded.body)
    official("V2ChatResponse").validate(again)
    assert not encoded.losses
    assert (normal_usage(again.pop("usage")), again) == (normal_usage(body["usage"]), without(body, "usage"))


def normal_usage(usage: Body) -> Body:
    """Counts that are zero need not be told; images are what of them was not cached, and within the input."""
    tokens = dict(usage["tokens"])
    images, cached = tokens.pop("image_tokens", 0), usage.get("cached_tokens") or 0
    if images > tokens["input_tokens"]:
        tokens["input_tokens"] += images
    return {"billed": usage["billed_units"], "cached": cached, "tokens": {k: v for k, v in tokens.items() if v}}


def without(body: Body, field: str) -> Body:
    return {name: value for name, value in body.items() if name != field}


def read(stream: bytes, size: int) -> list[Event]:
    reader = cohere.StreamReader()
    events = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    return events + reader.end()


@over("item", STREAMS, ids=by_id)
def test_a_stream_is_read_as_it_is(item: Body) -> None:
    stream, plain = item["response_sse_text"].encode(), frames(item["response_sse_text"])
    events = read(stream, len(stream))
    assert read(stream, 61) == events
    end = plain[-1]["delta"]
    if end["finish_reason"] == "ERROR":
        assert isinstance(events[-1], Failed)
        assert events[-1].failure.message == end["error"]
        assert events[-1].failure.raw_type == "INVALID_TOOL_GENERATION"
        return
    response = fold(events)
    (choice,) = response.choices
    message = joined(plain)
    assert response.id == plain[0]["id"]
    assert said(choice.parts) == plainly_said(message)
    assert cited(choice.parts) == message["citations"]
    assert choice.finish is not None
    assert choice.finish.reason == FINISHES[end["finish_reason"]]
    check_usage(response, end["usage"])


def test_two_of_the_streams_fail_at_their_end() -> None:
    assert sum('"ERROR"' in item["response_sse_text"] for item in STREAMS) == 2


@over("item", STREAMS, ids=by_id)
def test_a_stream_written_again_is_the_same_byte_for_byte_but_for_its_end(item: Body) -> None:
    """Its last frame repeats the usage in its normal form; not every stream was recorded with a `[DONE]`."""
    text = item["response_sse_text"]
    writer = cohere.StreamWriter(asked(item))
    again = b"".join(writer.write(event) for event in read(text.encode(), len(text))).decode()
    assert not writer.losses
    mark = "event: message-end"
    assert again.partition(mark)[0] == text.partition(mark)[0]
    for frame in frames(again):
        official("V2ChatStreamResponse").validate(frame)
    last, wanted = frames(again)[-1], frames(text)[-1]
    for end in (last, wanted):
        if end["delta"]["usage"]:
            end["delta"]["usage"] = normal_usage(end["delta"]["usage"])
    assert last == wanted


@over("item", STREAMS, ids=by_id)
@pytest.mark.parametrize("size", [10**9, 1009, 13])
def test_a_stream_passes_the_tap_untouched(item: Body, size: int) -> None:
    stream = item["response_sse_text"].encode()
    tap = cohere.Tap(Peek("m", stream=True, input_bytes=0))
    assert b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) == stream
    tapped, events = tap.result(), read(stream, len(stream))
    message = joined(frames(item["response_sse_text"]))
    text, thinking, plan, calls = plainly_said(message)
    assert tapped.output_chars == len(text) + len(thinking) + len(plan) + sum(len(call[2]) for call in calls)
    if isinstance(events[-1], Failed):
        assert (tapped.failure, tapped.usage) == (events[-1].failure, None)
        return
    response = fold(events)
    assert (tapped.usage, tapped.billed, tapped.complete) == (response.usage, response.billed, True)


def test_a_tap_that_saw_nothing_knows_nothing() -> None:
    assert cohere.Tap(Peek("m", stream=True, input_bytes=0)).result() == Tapped()


def normal(body: Body) -> Body:
    """A request in the one of its equivalent spellings that we write."""
    body = copy.deepcopy(body)
    body["messages"] = [normal_message(message) for message in body["messages"]]
    form = body.get("response_format")
    if form and "schema" in form:
        form["json_schema"] = form.pop("schema")  # the older API's name of it
    return body


def normal_message(message: Body) -> Body:
    content = message.get("content")
    if isinstance(content, list) and len(content) == 1 and set(content[0]) == {"type", "text"}:
        message["content"] = content[0]["text"]
    if message.get("content") == "" and message.get("tool_calls"):
        del message["content"]
    return message


@over("item", REQUESTS, ids=by_id)
def test_a_request_decoded_and_encoded_again_is_the_same(item: Body) -> None:
    body = item["request_json"]
    encoded = cohere.encode_request(asked(item), body["model"], ABLE)
    assert not encoded.losses
    again = json.loads(encoded.body)
    assert again == normal(body)
    check_request(again)


@over("item", REQUESTS, ids=by_id)
def test_every_tools_result_answers_a_call_before_it(item: Body) -> None:
    sent = json.loads(cohere.encode_request(asked(item), "m", ABLE).body)
    calls: set[str] = set()
    for message in sent["messages"]:
        calls |= {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool":
            assert message["tool_call_id"] in calls


@over("item", REQUESTS, ids=by_id)
def test_a_patched_request_differs_in_the_model_only(item: Body) -> None:
    body = item["request_json"]
    for raw in (json.dumps(body).encode(), json.dumps(body, indent=1).encode(), msgspec.json.encode(body)):
        peeked = cohere.peek(raw)
        assert (peeked.model, peeked.stream) == (body["model"], body["stream"])
        patched = cohere.patch(raw, peeked, "else/where")
        assert patched == raw.replace(json.dumps(body["model"]).encode(), b'"else/where"', 1)
        assert json.loads(patched) == {**body, "model": "else/where"}


@over("item", ERRORS, ids=by_id)
def test_an_error_is_understood(item: Body) -> None:
    failure = cohere.decode_error(item["status"], json.dumps(item["response_json"]).encode())
    assert (failure.status, failure.kind) == (
        item["status"],
        "authentication" if item["status"] == 401 else "context_too_long",
    )
    assert "API key" not in failure.message
    assert json.loads(cohere.encode_error(failure, "r"))["message"] == failure.message
