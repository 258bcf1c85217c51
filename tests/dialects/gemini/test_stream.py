"""Streams, both ways, in both framings. Errors within a stream do not occur in recordings: they are built here."""

import json
from types import ModuleType
from typing import Any

import pytest

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    LogprobsDelta,
    Metered,
    Opened,
    SignatureDelta,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.fold import fold
from keywright.core.json import JsonObject
from keywright.core.message import Citation, RedactedThinking, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects import gemini, gemini_array

ASKED = Request("m", ())
FRAMED = {"gemini": gemini, "gemini_array": gemini_array}
framed = pytest.mark.parametrize("dialect", FRAMED.values(), ids=FRAMED.keys())

USAGE: JsonObject = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def frame(*parts: JsonObject, finish: str | None = None, **more: Any) -> JsonObject:
    candidate: JsonObject = {"content": {"parts": [*parts], "role": "model"}, **more}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "i", "modelVersion": "m"}


def body_of(dialect: ModuleType, *frames: JsonObject) -> bytes:
    if dialect is gemini_array:
        return json.dumps([*frames], indent=1).encode()
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(each).encode() for each in frames)


def read(*frames: JsonObject, dialect: ModuleType = gemini) -> list[Event]:
    reader = dialect.StreamReader()
    events: list[Event] = reader.feed(body_of(dialect, *frames)) + reader.end()
    return events


def written(dialect: ModuleType, *events: Event) -> list[Any]:
    writer = dialect.StreamWriter(ASKED)
    body = b"".join(map(writer.write, events))
    if dialect is gemini_array:
        frames: list[Any] = json.loads(body)
        return frames
    return [json.loads(each.removeprefix(b"data: ")) for each in body.split(b"\n\n") if each]


@framed
def test_text_goes_on_where_it_stopped(dialect: ModuleType) -> None:
    events = read(frame({"text": "a"}), frame({"text": "b"}), frame({"text": ""}, finish="STOP"), dialect=dialect)
    assert events == [
        Started("i", "m"),
        Opened(0, Text("")),
        TextDelta(0, "a"),
        TextDelta(0, "b"),
        Closed(0),
        Finished(Finish("stop", raw="STOP", origin="gemini")),
        Ended(),
    ]


def test_a_thought_ends_where_text_begins() -> None:
    response = fold(read(frame({"text": "hm", "thought": True}), frame({"text": "so"}, finish="STOP")))
    assert response.choices[0].parts == (Thinking("hm", origin="gemini"), Text("so"))


def test_a_signature_makes_its_part_one_of_its_own() -> None:
    response = fold(
        read(
            frame({"text": "hm", "thought": True}),
            frame({"text": "", "thought": True, "thoughtSignature": "MQ=="}),
            frame({"text": "a", "thoughtSignature": "Mg=="}),
            frame({"text": "b"}),
            frame({"text": "", "thoughtSignature": "Mw=="}, finish="STOP"),
        )
    )
    assert response.choices[0].parts == (
        Thinking("hm", "MQ==", "gemini"),
        Text("a", extras={"gemini": {"thoughtSignature": "Mg=="}}),
        Text("b"),
        RedactedThinking("Mw==", "gemini"),
    )


def test_parallel_calls_stay_apart_and_each_is_complete() -> None:
    calls: list[JsonObject] = [{"functionCall": {"name": "f", "args": {"n": n}}} for n in (1, 2)]
    events = read(frame(*calls), frame({"text": ""}, finish="STOP"))
    opened = [event.head for event in events if isinstance(event, Opened)]
    assert opened == [ToolCall("kwcall_i_0", "f", '{"n":1}'), ToolCall("kwcall_i_1", "f", '{"n":2}')]
    assert Finished(Finish("tool_calls", raw="STOP", origin="gemini")) in events


def test_sources_that_come_with_the_last_signature_belong_to_the_text_before_it() -> None:
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.example"}}]}
    last = frame({"text": "", "thoughtSignature": "eA=="}, finish="STOP", groundingMetadata=grounding)
    response = fold(read(frame({"text": "so"}), last))
    text, signature = response.choices[0].parts
    assert isinstance(text, Text)
    assert [citation.url for citation in text.citations] == ["https://a.example"]
    assert signature == RedactedThinking("eA==", "gemini")
    assert response.choices[0].extras == {"gemini": {"groundingMetadata": grounding}}


def test_the_last_usage_counts_even_when_it_says_less() -> None:
    first: JsonObject = {**frame({"text": "a"}), "usageMetadata": {**USAGE, "thoughtsTokenCount": 9}}
    last: JsonObject = {
        **frame({"text": "b"}, finish="STOP"),
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
    }
    idle: JsonObject = {**frame(), "usageMetadata": {"trafficType": "ON_DEMAND"}}
    assert fold(read(first, last, idle)).usage == Usage(input=8)


def test_what_is_said_of_the_answer_later_is_kept() -> None:
    first = {**frame({"text": "a"}), "usageMetadata": USAGE}
    late: JsonObject = {**frame({"text": "b"}, finish="STOP"), "modelStatus": {"modelStage": "STABLE"}}
    assert fold(read(first, late)).extras == {"gemini": {"modelStatus": {"modelStage": "STABLE"}}}


@framed
def test_a_blocked_prompt_ends_the_stream(dialect: ModuleType) -> None:
    said: JsonObject = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "m", "responseId": "i"}
    events = read(said, dialect=dialect)
    assert events[1:] == [Finished(Finish("content_filter", raw="PROHIBITED_CONTENT", origin="gemini")), Ended()]
    assert written(dialect, *events) == [said]


@framed
def test_an_error_within_a_stream_ends_it(dialect: ModuleType) -> None:  # built
    error: JsonObject = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    events = read(frame({"text": "a"}), error, frame({"text": "b"}), dialect=dialect)
    assert [type(event) for event in events] == [Started, Opened, TextDelta, Failed]
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.status) == ("overloaded", 503)


def test_an_error_may_come_in_a_list_where_events_were_asked_for() -> None:  # built
    reader = gemini.StreamReader()
    (failed,) = reader.feed(b'data: [{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]\n\n') + reader.end()
    assert isinstance(failed, Failed)
    assert failed.failure.kind == "rate_limited"


@framed
def test_a_stream_that_ends_before_every_candidate_did_is_broken(dialect: ModuleType) -> None:
    for frames in ((), (frame({"text": "a"}),), (frame(finish="STOP"), frame({"text": "a"}, index=1))):
        with pytest.raises(UpstreamBrokeError):
            read(*frames, dialect=dialect)


def test_an_array_is_over_when_it_is_closed() -> None:
    body = body_of(gemini_array, frame({"text": "a"}, finish="STOP"))
    reader = gemini_array.StreamReader()
    assert isinstance(reader.feed(body)[-1], Ended)
    assert reader.feed(b"\n") + reader.end() == []


@framed
@pytest.mark.parametrize(
    "frames",
    [
        ({"predictions": []},),
        (frame({"functionCall": {"args": [1]}}),),
        (frame({"text": "a"}), frame({"functionCall": {"partialArgs": []}})),
    ],
)
def test_what_is_no_frame_of_this_api_is_malformed(dialect: ModuleType, frames: tuple[JsonObject, ...]) -> None:
    with pytest.raises(UpstreamMalformedError):
        read(*frames, dialect=dialect)


def test_arguments_that_come_piece_by_piece_are_put_together() -> None:
    def piece(path: str, *, last: bool = False, **value: Any) -> JsonObject:
        call: JsonObject = {"partialArgs": [{"jsonPath": path, **value}]}
        return frame({"functionCall": call if last else {**call, "willContinue": True}})

    begun = frame({"functionCall": {"name": "f", "id": "7", "willContinue": True}, "thoughtSignature": "eA=="})
    events = read(
        begun,
        piece("$.a[0].t", stringValue="x", willContinue=True),
        piece("$.a[0].t", stringValue="y"),
        piece("$['b c']", numberValue=0.5),
        frame({"functionCall": {"willContinue": True}}),
        piece("$.d", boolValue=True),
        piece("$.e", last=True, nullValue="NULL_VALUE"),
        frame({"functionCall": {"name": "g", "args": {}}}, finish="STOP"),
    )
    first, second = (event.head for event in events if isinstance(event, Opened))
    assert first == ToolCall("7", "f", "", extras={"gemini": {"thoughtSignature": "eA=="}})
    assert second == ToolCall("kwcall_i_0", "g", "{}")
    (arguments,) = (event.text for event in events if isinstance(event, ArgumentsDelta))
    assert json.loads(arguments) == {"a": [{"t": "xy"}], "b c": 0.5, "d": True, "e": None}


@pytest.mark.parametrize(
    "path", ["", "$", "a", "$x", "$[", "$['a", "$.a[x]", "$.a[99999999999]", "$[0]", "$" + ".a" * 99]
)
def test_a_piece_that_leads_nowhere_is_malformed(path: str) -> None:
    call: JsonObject = {"name": "f", "partialArgs": [{"jsonPath": path, "numberValue": 1}]}
    with pytest.raises(UpstreamMalformedError):
        read(frame({"functionCall": call}))


def test_pieces_that_contradict_each_other_are_malformed() -> None:
    pieces: list[Any] = [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}]
    with pytest.raises(UpstreamMalformedError):
        read(frame({"functionCall": {"name": "f", "partialArgs": pieces}}))


@framed
def test_text_is_written_as_it_comes_and_the_end_with_the_usage(dialect: ModuleType) -> None:
    frames = written(
        dialect,
        Started("i", "m"),
        Opened(0, Text("")),
        TextDelta(0, "a"),
        Closed(0),
        Finished(Finish("length")),
        Metered(Usage(input=3, output=2)),
        Ended(),
    )
    head = {"modelVersion": "m", "responseId": "i"}
    said = {"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}
    end = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0, "finishReason": "MAX_TOKENS"}
    assert frames == [{"candidates": [said], **head}, {"candidates": [end], **head, "usageMetadata": USAGE}]


def test_a_call_is_written_whole_and_calls_in_their_order() -> None:
    frames = written(
        gemini,
        Started("i", "m"),
        Opened(0, ToolCall("a", "f", "")),
        Opened(1, ToolCall("b", "g", "")),
        ArgumentsDelta(1, "{}"),
        Closed(1),
        ArgumentsDelta(0, '{"n":'),
        ArgumentsDelta(0, "1}"),
        Closed(0),
        Finished(Finish("tool_calls")),
        Ended(),
    )
    parts = [frame["candidates"][0]["content"]["parts"][0] for frame in frames[:-1]]
    assert parts == [
        {"functionCall": {"id": "a", "name": "f", "args": {"n": 1}}},
        {"functionCall": {"id": "b", "name": "g", "args": {}}},
    ]


def test_a_thoughts_signature_follows_it() -> None:
    frames = written(
        gemini,
        Started("i", "m"),
        Opened(0, Thinking("", origin="gemini")),
        TextDelta(0, "hm"),
        SignatureDelta(0, "eA=="),
        Closed(0),
    )
    parts = [frame["candidates"][0]["content"]["parts"][0] for frame in frames]
    assert parts == [{"text": "hm", "thought": True}, {"text": "", "thought": True, "thoughtSignature": "eA=="}]


def test_citations_from_elsewhere_ground_what_was_said_so_far() -> None:
    frames = written(
        gemini,
        Started("i", "m"),
        Opened(0, Text("")),
        TextDelta(0, "ü"),
        CitationDelta(0, Citation("anthropic", {}, "https://a.example", "A")),
        Closed(0),
        Finished(Finish("stop")),
        Ended(),
    )
    assert frames[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}],
    }


def test_log_probabilities_go_out_with_the_tokens() -> None:
    logprobs: JsonObject = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}]}
    frames = written(gemini, Started("i", "m"), LogprobsDelta("openai_chat", logprobs))
    assert frames[0]["candidates"] == [
        {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}, "index": 0}
    ]


@framed
def test_a_failure_is_the_last_thing_said(dialect: ModuleType) -> None:
    failure = Failure("overloaded", 503, "overloaded", "try again", retry_after_s=2.5)
    (frame_,) = written(dialect, Started("i", "m"), Failed(failure))
    assert (frame_["error"]["code"], frame_["error"]["status"]) == (503, "UNAVAILABLE")


@framed
def test_a_failure_ends_a_stream_that_another_began(dialect: ModuleType) -> None:
    begun = body_of(dialect, {"candidates": []}).removesuffix(b"]")
    failure = Failure("overloaded", 503, "overloaded", "try again")
    body = begun + dialect.STREAM_BREAK + dialect.StreamWriter(ASKED).write(Failed(failure))
    last = dialect.StreamReader().feed(body)[-1]
    assert isinstance(last, Failed)
    assert (last.failure.kind, last.failure.message) == ("overloaded", "try again")
    if dialect is gemini_array:
        assert len(json.loads(body)) == 2


def test_another_dialects_asides_are_left_out() -> None:
    assert written(gemini, Started("i", "m"), Aside("anthropic", "ping")) == []


@framed
def test_a_candidate_of_which_nobody_said_why_it_ended_has_stopped(dialect: ModuleType) -> None:
    last = written(dialect, Started("i", "m"), Opened(0, Text("")), TextDelta(0, "x"), Closed(0), Ended())[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
