"""The laws that every dialect keeps, for the Responses API."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.event import ArgumentsDelta, Closed, Event, Finished, Opened, SignatureDelta, TextDelta
from keywright.core.fold import Folder, fold, unfold
from keywright.core.message import Audio, Document, Part, RedactedThinking, Refusal, Text, Thinking, ToolCall, Turn
from keywright.core.request import JsonSchemaFormat, Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.dialects import openai_responses
from tests.dialects.openai_responses.official import check_answer, check_event, complaint_about_request
from tests.laws.strategies import law, requests, responses, streams

dialect: Dialect = openai_responses
ABLE = Abilities(reasoning="effort")
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)
DECLARED = ("stop", "output_tokens_max", "tool_choice")


def sayable(request: Request) -> Request:
    """`request` without what this wire cannot say: sound (a word in its stead), stop sequences, too few tokens."""
    turns = tuple(replace(turn, parts=tuple(map(silent, turn.parts))) for turn in request.turns)
    limit = request.output_tokens_max
    return replace(
        request,
        turns=turns,
        stop=(),
        output_tokens_max=limit if limit is None or limit >= 16 else None,
    )


def silent(part: Part) -> Part:
    return Text("a sound") if isinstance(part, Audio) else part


def as_sent(request: Request) -> Request:
    """The documented images that are no losses.

    Nothing is stored and encrypted thoughts are asked for, since it came from a client of another dialect; a tool or a
    schema is strict or not; a PDF's name says that it is one.
    """
    turns = tuple(replace(turn, parts=tuple(map(named, turn.parts))) for turn in request.turns)
    extras: dict[str, dict[str, Any]] = {"openai_responses": {"store": False, "seals": True}}
    return replace(
        request,
        turns=turns,
        tools=tuple(replace(tool, strict=bool(getattr(tool, "strict", None))) for tool in request.tools),
        extras=extras,
    )


def named(part: Part) -> Part:
    return replace(part, title=f"{part.title}.pdf") if isinstance(part, Document) and part.title else part


@law
@given(requests("openai_responses", signed=True))
def test_a_request_survives_the_wire(request: Request) -> None:
    request = sayable(request)
    encoded = openai_responses.encode_request(request, request.model, ABLE)
    assert not encoded.losses
    assert openai_responses.decode_request(encoded.body) == as_sent(request)


@law
@given(requests("openai_responses", signed=True))
def test_what_this_client_said_is_said_again(request: Request) -> None:
    once = openai_responses.encode_request(sayable(request), "m", ABLE).body
    settled = openai_responses.decode_request(once)
    again = openai_responses.encode_request(settled, "m", ABLE)
    assert not again.losses
    assert again.body == once


@law
@given(requests("openai_responses"))
def test_encoding_is_pure(request: Request) -> None:
    before = msgspec.json.encode(request)
    encoded = openai_responses.encode_request(request, "m", ABLE)
    assert encoded == openai_responses.encode_request(request, "m", ABLE)
    assert msgspec.json.encode(request) == before


@law
@given(requests("another"))
def test_thinking_of_another_dialect_is_reported_and_never_sent(request: Request) -> None:
    request = sayable(request)
    encoded = openai_responses.encode_request(request, "m", ABLE)
    thoughts = sum("hinking" in type(part).__name__ for turn in request.turns for part in turn.parts)
    assert len(encoded.losses) == thoughts
    assert all(loss.weight == "knob" for loss in encoded.losses)
    assert not [item for item in json.loads(encoded.body)["input"] if item["type"] == "reasoning"]


@law
@given(requests("another"))
def test_every_loss_has_a_canonical_path(request: Request) -> None:
    encoded = openai_responses.encode_request(request, "m", ABLE)
    assert all(loss.path.startswith(("turns[", *DECLARED)) for loss in encoded.losses)
    spoken = any(isinstance(part, Audio) for turn in request.turns for part in turn.parts)
    assert any(loss.weight == "meaning" for loss in encoded.losses) == spoken


@law
@given(requests("another") | requests("openai_responses", signed=True))
def test_what_is_sent_is_what_openai_takes(request: Request) -> None:
    encoded = openai_responses.encode_request(sayable(request), "gpt-5", ABLE)
    assert complaint_about_request(json.loads(encoded.body)) is None


def finished(response: Response) -> Response:
    """`response` with the reason that this wire can tell: whether tools were called is seen by the calls."""
    return replace(response, choices=tuple(replace(each, finish=told(each.parts, each)) for each in response.choices))


def told(parts: tuple[Part, ...], choice: Choice) -> Finish:
    reason: FinishReason = "stop" if choice.finish is None else choice.finish.reason
    if reason in ("stop", "tool_calls"):
        reason = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    return Finish(reason)


def bare(response: Response) -> Response:
    """`response` without what was said beside it: its request's settings, and the ids of its items."""
    return replace(response, extras={})


@law
@given(responses("openai_responses"))
def test_an_answer_survives_the_wire(response: Response) -> None:
    encoded = openai_responses.encode_response(response, ASKED)
    assert not encoded.losses
    assert bare(openai_responses.decode_response(encoded.body)) == finished(response)


@law
@given(responses("another") | responses("openai_responses"))
def test_an_answer_is_what_openai_publishes(response: Response) -> None:
    check_answer(json.loads(openai_responses.encode_response(response, ASKED).body))


@law
@given(responses("another"))
def test_another_providers_thinking_comes_back_from_a_client_that_echoes_it(response: Response) -> None:
    output = json.loads(openai_responses.encode_response(response, ASKED).body)["output"]
    asked = {"model": "m", "input": [{"role": "user", "content": "x"}, *output]}
    again = openai_responses.decode_request(json.dumps(asked).encode()).turns[1].parts
    thoughts = (Thinking, RedactedThinking)
    assert [part for part in again if isinstance(part, thoughts)] == [
        part for part in response.choices[0].parts if isinstance(part, thoughts)
    ]
    assert [type(part) for part in again] == [type(part) for part in response.choices[0].parts]


def written(events: list[Event], request: Request = ASKED) -> list[bytes]:
    writer = openai_responses.StreamWriter(request)
    frames = [writer.write(event) for event in events]
    assert not writer.losses
    return frames


def read(chunks: list[bytes]) -> list[Event]:
    reader = openai_responses.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


@law
@given(streams("openai_responses"))
def test_a_stream_survives_the_wire(events: list[Event]) -> None:
    assert in_order(bare(fold(read(written(events))))) == in_order(finished(fold(events)))


def in_order(response: Response) -> Response:
    """`response` with its calls by their ids: those that were open together end in any order."""
    choice = response.choices[0]
    parts = sorted(choice.parts, key=lambda part: part.id if isinstance(part, ToolCall) else "")
    return replace(response, choices=(replace(choice, parts=tuple(parts)),))


@law
@given(streams("openai_responses") | streams("another"))
def test_the_last_event_holds_what_the_stream_said(events: list[Event]) -> None:
    frames = b"".join(written(events))
    last = json.loads(frames.rpartition(b"data: ")[2])["response"]
    whole = openai_responses.decode_response(json.dumps(last).encode())
    assert whole == openai_responses.decode_response(openai_responses.encode_response(fold(events), ASKED).body)
    assert openai_responses.Tap(openai_responses.peek(b'{"model":"m"}')).feed(frames) == frames


@settings(law, max_examples=25)
@given(streams("openai_responses") | streams("another"))
def test_every_event_is_one_that_openai_publishes_and_they_are_numbered(events: list[Event]) -> None:
    said = [json.loads(frame.partition(b"data: ")[2]) for frame in b"".join(written(events)).split(b"\n\n") if frame]
    for number, event in enumerate(said):
        check_event(event)
        assert event["sequence_number"] == number
    opened = [event["output_index"] for event in said if event["type"] == "response.output_item.added"]
    closed = [event["output_index"] for event in said if event["type"] == "response.output_item.done"]
    assert opened == list(range(len(said[-1]["response"]["output"])))
    assert sorted(closed) == opened


@law
@given(responses("openai_responses"))
def test_a_whole_answer_survives_as_a_stream(response: Response) -> None:
    assert bare(fold(read(written(list(unfold(response)))))) == finished(response)


@settings(law, max_examples=8)
@given(streams("openai_responses"), st.sampled_from([b"\n", b"\r\n"]))
def test_a_stream_cut_at_any_byte_is_the_stream(events: list[Event], newline: bytes) -> None:
    stream = b"".join(written(events)).replace(b"\n", newline)
    whole = read([stream])
    for cut in range(0, len(stream), 7):
        assert read([stream[:cut], stream[cut:]]) == whole
    assert read([stream[at : at + 1] for at in range(len(stream))]) == whole


@law
@given(streams("openai_responses"))
def test_what_was_read_is_well_formed(events: list[Event]) -> None:
    folder = Folder()
    opened: set[int] = set()
    for event in read(written(events)):
        match event:
            case Opened():
                opened.add(event.part)
            case Closed():
                opened.remove(event.part)
            case TextDelta() | ArgumentsDelta() | SignatureDelta():
                assert event.part in opened
            case Finished():
                assert not opened
            case _:
                pass
        folder.add(event)
    assert folder.ended


def test_a_refusal_survives_whole_and_as_a_stream() -> None:
    response = Response("r", "m", (Choice((Refusal("no"),), Finish("stop")),))
    assert bare(openai_responses.decode_response(openai_responses.encode_response(response, ASKED).body)) == response
    assert bare(fold(read(written(list(unfold(response)))))) == response


def test_a_schema_keeps_its_name_and_strictness() -> None:
    form = JsonSchemaFormat({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, "n")
    for strict in (True, False, None):
        asked = replace(ASKED, format=replace(form, strict=strict, description="d"))
        again = openai_responses.decode_request(openai_responses.encode_request(asked, "m", ABLE).body)
        assert again.format == asked.format
