"""Answers, whole and streamed: what servers send, what clients get, and what passes through untouched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import ProviderError, RefusedError, UpstreamBrokeError, UpstreamError, UpstreamMalformedError
from keywright.core.event import (
    ArgumentsDelta,
    CitationDelta,
    Ended,
    Event,
    Failed,
    LogprobsDelta,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.fold import fold, unfold
from keywright.core.json import Json
from keywright.core.message import Citation, Part, RedactedThinking, Refusal, Text, Thinking, ToolCall
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects import openai_chat, openai_completions
from tests.dialects.spoilt import spoilt
from tests.laws.strategies import law

ASKED = Request("m", (), stream=True, stream_usage=True)
TOKENS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
LEGACY = {
    "tokens": ["a", "bc"],
    "token_logprobs": [-0.5, None],
    "top_logprobs": [{"a": -0.5, "x": -2}, None],
    "text_offset": [7, 8],
}
ITEMS: Json = {
    "content": [
        {
            "token": "a",
            "logprob": -0.5,
            "bytes": None,
            "top_logprobs": [
                {"token": "a", "logprob": -0.5, "bytes": None},
                {"token": "x", "logprob": -2, "bytes": None},
            ],
        },
        {"token": "bc", "logprob": None, "bytes": None, "top_logprobs": []},
    ]
}
DONE = b"data: [DONE]\n\n"


def frame(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def chunk(text: str = "", finish: str | None = None, index: int = 0, **top: Any) -> bytes:
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return frame({"id": "r", "object": "text_completion", "created": 1, "model": "real", "choices": [choice], **top})


def events(*frames: bytes) -> list[Event]:
    reader = openai_completions.StreamReader()
    return [event for data in frames for event in reader.feed(data)] + reader.end()


def answer(**choice: Any) -> Response:
    body = {"id": "r", "choices": [{"text": "a", "index": 0, "finish_reason": "stop", **choice}], "usage": TOKENS}
    return openai_completions.decode_response(json.dumps(body).encode())


def whole(response: Response) -> tuple[dict[str, Any], dict[str, str]]:
    encoded = openai_completions.encode_response(response, ASKED)
    return json.loads(encoded.body), {loss.path: loss.weight for loss in encoded.losses}


def test_log_probabilities_are_kept_in_the_shape_of_chat_completions() -> None:
    response = answer(logprobs=LEGACY)
    assert response.choices[0].logprobs == ITEMS
    assert whole(response)[0]["choices"][0]["logprobs"] == {
        **LEGACY, "text_offset": [0, 1], "top_logprobs": [{"a": -0.5, "x": -2}, {}],
    }  # fmt: skip
    chat = json.loads(openai_chat.encode_response(response, ASKED).body)
    assert chat["choices"][0]["logprobs"] == ITEMS
    assert answer(logprobs=ITEMS).choices[0].logprobs == ITEMS
    assert whole(Response("", "m", (Choice((), logprobs="odd"),)))[0]["choices"][0]["logprobs"] is None
    assert answer(logprobs={"tokens": ["a"]}).choices[0].logprobs == {
        "content": [{"token": "a", "logprob": None, "bytes": None, "top_logprobs": []}]
    }


def test_log_probabilities_of_a_stream_go_on_counting() -> None:
    writer = openai_completions.StreamWriter(ASKED)
    writer.write(Started("r", "m"))
    offsets = []
    for _ in range(2):
        said = json.loads(writer.write(LogprobsDelta("openai_chat", ITEMS))[6:])
        offsets += said["choices"][0]["logprobs"]["text_offset"]
    assert offsets == [0, 1, 3, 4]
    assert writer.write(LogprobsDelta("gemini", ITEMS)) == writer.write(LogprobsDelta("", 3)) == b""


def test_choices_may_interleave_and_come_without_an_index() -> None:
    got = fold(events(chunk("a"), chunk("x", index=1), chunk("b"), chunk("", "stop", 1), chunk("", "length"), DONE))
    assert got.choices == (
        Choice((Text("ab"),), Finish("length")), Choice((Text("x"),), Finish("stop"), 1),
    )  # fmt: skip
    bare = fold(events(frame({"choices": [{"text": "a"}, {"text": "b"}]}), DONE))
    assert [choice.parts for choice in bare.choices] == [(Text("a"),), (Text("b"),)]


def test_usage_and_late_fields_are_taken_wherever_they_come() -> None:
    last = chunk("", "stop", usage={**TOKENS, "cost": 1}, timings={"n": 1}, system_fingerprint="f")
    got = fold(events(chunk("a", system_fingerprint="f"), last))
    assert got.usage == Usage(3, 2)
    assert got.extras == {"openai_completions": {"system_fingerprint": "f", "timings": {"n": 1}, "usage": {"cost": 1}}}
    writer = openai_completions.StreamWriter(ASKED)
    said = b"".join(map(writer.write, events(chunk("a", system_fingerprint="f"), last)))
    assert json.loads(said.split(b"\n\n")[-3][6:])["timings"] == {"n": 1}
    assert said.endswith(DONE)
    assert fold(events(chunk("a", "stop", usage={"prompt_tokens": -1}))).usage is None


def test_a_stream_without_asked_usage_has_none() -> None:
    writer = openai_completions.StreamWriter(Request("m", (), stream=True))
    said = b"".join(map(writer.write, events(chunk("a", "stop", usage=TOKENS))))
    assert b"usage" not in said


@pytest.mark.parametrize(
    "ending",
    [
        [chunk("", "stop"), DONE],
        [chunk("", "stop")],
        [chunk("", "stop"), b"data: [DONE]"],
        [chunk("", "stop"), chunk("late", "stop"), b"data:\n\n", DONE, b"data: {\n\n"],
    ],
)
def test_every_way_to_end_is_an_end(ending: list[bytes]) -> None:
    assert fold(events(b": hi\n\n", chunk("a"), *ending)).choices == (Choice((Text("a"),), Finish("stop")),)


@pytest.mark.parametrize("frames", [[], [chunk("a")], [b": ping\n\n"]])
def test_a_stream_that_stops_is_broken(frames: list[bytes]) -> None:
    with pytest.raises(UpstreamBrokeError):
        events(*frames)


@pytest.mark.parametrize(
    "data",
    [
        b"data: {\n\n", b"data: 3\n\n", b"data: \xff\n\n", DONE, frame({"choices": 3}), frame({"choices": [3]}),
        frame({"choices": [{"text": 3}]}), frame({"choices": [{"index": 10**6}]}), chunk("a", index=-1),
    ],
)  # fmt: skip
def test_what_is_no_chunk_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        events(data)


@pytest.mark.parametrize(
    "body", [b"{", b"3", b"{}", b'{"choices":[]}', b'{"choices":[3]}', b'{"choices":[{"text":3}]}', b"\xff"]
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        openai_completions.decode_response(body)


def test_an_error_ends_a_stream_both_ways() -> None:
    got = events(chunk("a"), frame({"error": {"message": "busy", "code": 503}}))
    assert isinstance(got[-1], Failed)
    assert got[-1].failure.kind == "overloaded"
    named = openai_completions.StreamReader().feed(b'event: error\ndata: {"message":"m"}\n\n')
    assert isinstance(named[0], Failed)
    said = openai_completions.StreamWriter(ASKED).write(Failed(Failure("server", 500, "x", "m")))
    assert json.loads(said[6:])["error"]["code"] == "x"
    with pytest.raises(ProviderError):
        openai_completions.decode_response(b'{"error":{"message":"m"}}')


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (Text("a", (Citation("x", {}),)), "knob"), (Refusal("no"), "knob"), (Thinking("h"), "knob"),
        (RedactedThinking("AA", "x"), "knob"), (ToolCall("c", "f", ""), "meaning"),
    ],
)  # fmt: skip
def test_what_a_completion_cannot_hold_is_reported(part: Part, weight: str) -> None:
    response = Response("", "m", (Choice((part,), Finish("stop")),), extras={"x": {"y": 1}})
    assert whole(response)[1] == {"choices[0].text": weight, "y": "knob"}
    writer = openai_completions.StreamWriter(ASKED)
    for event in unfold(response):
        writer.write(event)
    assert {loss.path: loss.weight for loss in writer.losses} == {"choices[0].text": weight, "y": "knob"}


def test_a_writer_bears_what_it_cannot_place() -> None:
    writer = openai_completions.StreamWriter(ASKED)
    writer.write(Started("r", "m"))
    for event in (TextDelta(9, "a"), ArgumentsDelta(0, "a"), CitationDelta(0, Citation("x", {})), Opened(1, Text(""))):
        assert writer.write(event) == b""
    assert [loss.path for loss in writer.losses] == ["choices[0].text"]
    assert writer.write(Ended()) == DONE


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("stop", "stop", False), ("length", "length", False), ("content_filter", "content_filter", False),
        ("context_window", "length", False), ("tool_calls", "stop", True), ("pause", "stop", True),
    ],
)  # fmt: skip
def test_reasons_are_three_words(reason: FinishReason, word: str, lost: bool) -> None:
    body, losses = whole(Response("", "m", (Choice((), Finish(reason)),)))
    assert (body["choices"][0]["finish_reason"], bool(losses)) == (word, lost)


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ('"prompt":"a"', 1), ('"prompt":[1,2,3]', 1), ('"prompt":[[1,2],[3]],"n":2', 4), ('"prompt": ["a","b","c"]', 3),
        ('"prompt":"a","n":2,"best_of":5', 5), ('"prompt":"a","n":4,"best_of":2', 4), ('"prompt":[],"best_of":null', 1),
    ],
)  # fmt: skip
def test_peek_counts_every_answer_that_is_computed(fields: str, choices: int) -> None:
    body = f'{{"model":"m",{fields},"max_tokens":7}}'.encode()
    peeked = openai_completions.peek(body)
    assert (peeked.choices, peeked.output_tokens_max) == (choices, 7)
    assert openai_completions.patch(body, peeked, "b/c") == body.replace(b'"m"', b'"b/c"')


@pytest.mark.parametrize(
    "fields", ['"best_of":"x"', '"best_of":9999', '"Prompt":"x"', f'"prompt":[{",".join(["[1]"] * 2049)}]']
)
def test_peek_refuses_what_it_cannot_be_sure_of(fields: str) -> None:
    with pytest.raises(RefusedError):
        openai_completions.peek(f'{{"model":"m",{fields}}}'.encode())


def test_a_stream_is_counted_and_the_usage_that_was_not_asked_for_taken_out() -> None:
    usage = frame({"id": "r", "choices": [], "usage": TOKENS})
    stream = chunk("añb", usage=None) + chunk("", "length", usage=None) + usage + DONE
    for asked in (True, False):
        wanted = stream if asked else stream.replace(usage, b"")
        for cut in range(0, len(stream), 7):
            tap = openai_completions.Tap(Peek("m", stream=True, input_bytes=0, stream_usage=asked))
            assert tap.feed(stream[:cut]) + tap.feed(stream[cut:]) == wanted
            assert tap.result() == Tapped(Usage(3, 2), "real", "length", None, 3, complete=True)


def test_a_whole_answer_is_counted() -> None:
    body = {"model": "m", "choices": [{"text": "ab", "index": 0, "finish_reason": "stop"}]}
    assert openai_completions.tap_response(json.dumps(body).encode()).output_chars == 2
    counted = openai_completions.tap_response(json.dumps({**body, "usage": TOKENS}).encode())
    assert (counted.usage, counted.finish, counted.complete) == (Usage(3, 2), "stop", True)


REQUEST: dict[str, Any] = {
    "model": "m", "prompt": ["a"], "suffix": "s", "max_tokens": 5, "temperature": 0.5, "n": 1, "stop": ["x"],
    "logit_bias": {"1": 2}, "logprobs": 2, "stream": True, "stream_options": {"include_usage": True}, "best_of": 2,
    "response_format": {"type": "json_schema", "json_schema": {"schema": {}}}, "top_k": 3,
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "id": "r", "created": 1, "model": "m", "usage": TOKENS,
    "choices": [{"text": "a", "index": 0, "logprobs": LEGACY, "finish_reason": "stop", "message": {"content": "a"}}],
}  # fmt: skip


@law
@given(spoilt(REQUEST) | st.binary(max_size=60))
def test_a_request_is_understood_or_refused(body: bytes) -> None:
    try:
        peeked = openai_completions.peek(body)
        json.loads(openai_completions.patch(body, peeked, "x"))
        request = openai_completions.decode_request(body)
    except RefusedError:
        return
    for module in (openai_completions, openai_chat):
        for loss in module.encode_request(request, "m", ABLE).losses:
            assert openai_completions.locate(loss.path, request)


@law
@given(spoilt(ANSWER) | st.binary(max_size=60))
def test_an_answer_is_understood_or_malformed_whole_and_as_a_stream(body: bytes) -> None:
    openai_completions.tap_response(body)
    data = b"data: " + body + b"\n\n"
    tap = openai_completions.Tap(Peek("m", stream=True, input_bytes=0))
    tap.feed(data)
    tap.result()
    try:
        response = openai_completions.decode_response(body)
        json.loads(openai_completions.encode_response(response, ASKED).body)
    except UpstreamError:
        pass
    reader, writer = openai_completions.StreamReader(), openai_completions.StreamWriter(ASKED)
    try:
        read = [*reader.feed(data), *reader.feed(data), *reader.end()]
        fold(read)
    except UpstreamError:
        return
    for event in read:
        writer.write(event)
