"""Answers and errors. What the recordings do not show is built here, and marked so in the names of the tests."""

import json
from typing import Any

import pytest

from keywright.core.dialect import Peek
from keywright.core.errors import ProviderError, UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import (
    Aside,
    CitationDelta,
    Closed,
    Ended,
    Event,
    Failed,
    Finished,
    Opened,
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.fold import fold, unfold
from keywright.core.message import Citation, Image, Opaque, RedactedThinking, Text, Thinking, ToolCall, Turn, UrlSource
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import cohere

Body = dict[str, Any]
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True)


def frame(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def change(kind: str, index: int | None = None, **message: Any) -> bytes:
    more = {} if index is None else {"index": index}
    return frame(kind, **more, delta={"message": message})


START = frame("message-start", id="r", delta={"message": {"role": "assistant"}})
END = frame("message-end", delta={"finish_reason": "COMPLETE", "usage": {}})


def read(*frames: bytes) -> list[Event]:
    reader = cohere.StreamReader()
    return [event for each in frames for event in reader.feed(each)] + reader.end()


def test_built_parallel_calls_and_a_plan_stay_apart() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    stream = (
        START,
        change("tool-plan-delta", tool_plan="fir"),
        change("tool-plan-delta", tool_plan="st"),
        change("tool-call-start", 0, tool_calls=call),
        change("tool-call-start", 1, tool_calls={**call, "id": "b"}),
        change("tool-call-delta", 1, tool_calls={"function": {"arguments": "[2]"}}),
        change("tool-call-delta", 0, tool_calls={"function": {"arguments": "[1]"}}),
        frame("tool-call-end", index=0),
        frame("tool-call-end", index=1),
        frame("message-end", delta={"finish_reason": "TOOL_CALL", "usage": {}}),
    )
    (choice,) = fold(read(*stream)).choices
    assert choice.parts == (
        Thinking("first", origin="cohere", extras={"cohere": {"tool_plan": True}}),
        ToolCall("a", "f", "[1]"),
        ToolCall("b", "f", "[2]"),
    )


def test_built_a_delta_without_a_start_and_of_another_kind_is_put_up_with() -> None:
    events = read(
        change("content-delta", 0, content={"thinking": "hm"}), change("content-delta", 0, content={"text": "so"}), END
    )
    assert events[:6] == [
        Started("", ""),
        Opened(0, Thinking("", origin="cohere")),
        TextDelta(0, "hm"),
        Closed(0),
        Opened(1, Text("")),
        TextDelta(1, "so"),
    ]


def test_built_citations_find_their_text_also_after_it_ended() -> None:
    of_text = {"start": 0, "end": 1, "sources": [], "content_index": 1, "type": "TEXT_CONTENT"}
    of_plan = {"start": 0, "end": 1, "sources": [], "type": "PLAN"}
    events = read(
        START,
        change("content-start", 0, content={"type": "thinking", "thinking": ""}),
        frame("content-end", index=0),
        change("content-start", 1, content={"type": "text", "text": "a"}),
        frame("content-end", index=1),
        change("citation-start", 0, citations=of_text),
        change("citation-start", 1, citations=of_plan),
        END,
    )
    assert [event.part for event in events if isinstance(event, CitationDelta)] == [1]
    finished = next(event for event in events if isinstance(event, Finished))
    assert finished.extras == {"cohere": {"citations": [of_plan]}}
    writer = cohere.StreamWriter(ASKED)
    again = b"".join(map(writer.write, events))
    assert fold(read(again)) == fold(events)


def test_built_a_timeout_and_an_error_in_place_of_an_event_end_the_stream() -> None:
    (started, failed) = read(START, frame("message-end", delta={"finish_reason": "TIMEOUT", "error": "too slow"}))
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.status) == ("timeout", 504)
    (failed,) = read(b'data: {"message":"the service is overloaded"}\n\n')
    assert isinstance(failed, Failed)
    assert failed.failure.message == "the service is overloaded"
    with pytest.raises(ProviderError):
        fold([started, failed])


def test_built_a_finish_without_a_reason_given_is_an_error_finish() -> None:
    events = read(START, frame("message-end", delta={"finish_reason": "ERROR", "usage": {}}))
    assert events[1:] == [Finished(Finish("error")), Ended()]


@pytest.mark.parametrize("stream", [b"", START, START + b"data: [DONE]\n\n", START + b": ping\n\n"])
def test_a_stream_that_ends_early_broke(stream: bytes) -> None:
    with pytest.raises(UpstreamBrokeError):
        read(stream)


@pytest.mark.parametrize(
    "stream",
    [
        b"data: nonsense\n\n",
        b"data: []\n\n",
        END,
        frame("content-delta", index="x", delta={}),
        frame("content-delta", delta=3),
        change("content-delta", 0, content={"text": 3}),
        change("tool-call-delta", 7, tool_calls={"function": {"arguments": "x"}}),
        change("tool-plan-delta", tool_plan=3),
        change("citation-start", 0, citations=3),
    ],
)
def test_what_is_no_stream_of_coheres_is_malformed(stream: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        read(stream)


def test_a_frame_is_limited() -> None:
    with pytest.raises(UpstreamMalformedError):
        cohere.StreamReader(frame_bytes_max=100).feed(b"data: " + b"x" * 200)


def test_parts_are_limited() -> None:
    many = b"".join(change("content-start", index, content={"type": "text", "text": ""}) for index in range(4_097))
    with pytest.raises(UpstreamMalformedError):
        read(many)


def test_an_event_that_nobody_knows_passes_through() -> None:
    events = read(START, frame("debug", prompt="p"), END)
    assert events[1] == Aside("cohere", "debug", {"type": "debug", "prompt": "p"})
    assert b'"prompt":"p"' in b"".join(map(cohere.StreamWriter(ASKED).write, events))


def test_log_probabilities_pass_through_whole_and_as_a_stream() -> None:
    items = [{"text": "a", "token_ids": [1], "logprobs": [-0.5]}]
    body = {"id": "r", "message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": "COMPLETE"}
    response = cohere.decode_response(json.dumps({**body, "logprobs": items}).encode())
    assert json.loads(cohere.encode_response(response, ASKED).body)["logprobs"] == items
    writer = cohere.StreamWriter(ASKED)
    assert fold(read(b"".join(map(writer.write, unfold(response))))).choices[0].logprobs == {"cohere": items}


def test_citations_of_another_provider_say_which_characters_they_are_of() -> None:
    cited = Text("the sky is green", (Citation("anthropic", {}, "https://e.com", "Sky", "it is green"),))
    response = Response("r", "m", (Choice((Thinking("hm"), cited), Finish("stop")),))
    wanted = {
        "start": 0,
        "end": 16,
        "text": "the sky is green",
        "sources": [
            {
                "type": "document",
                "id": "https://e.com",
                "document": {"title": "Sky", "url": "https://e.com", "text": "it is green"},
            }
        ],
        "type": "TEXT_CONTENT",
        "content_index": 1,
    }
    assert json.loads(cohere.encode_response(response, ASKED).body)["message"]["citations"] == [wanted]
    writer = cohere.StreamWriter(ASKED)
    events = read(b"".join(map(writer.write, unfold(response))))
    assert [event.citation.body for event in events if isinstance(event, CitationDelta)] == [wanted]


def test_what_an_answer_of_coheres_cannot_hold_is_reported() -> None:
    parts = (
        Image(UrlSource("u")),
        RedactedThinking("AA", "anthropic"),
        Opaque("gemini", "x", {}),
        Thinking("h", "signed", "anthropic"),
    )
    response = Response("r", "m", (Choice(parts, Finish("pause")), Choice(())))
    losses = {loss.path for loss in cohere.encode_response(response, ASKED).losses}
    assert losses == {
        "choices",
        "choices[0].parts[0]",
        "choices[0].parts[1]",
        "choices[0].parts[2]",
        "choices[0].parts[3].signature",
        "choices[0].finish_reason",
    }


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"message":"x"}', b'{"message":{"content":3}}'])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        cohere.decode_response(body)
    assert not cohere.tap_response(body).complete


def answered(usage: Any) -> Response:
    body = {"id": "r", "message": {"content": []}, "finish_reason": "COMPLETE", "usage": usage}
    return cohere.decode_response(json.dumps(body).encode())


def test_what_was_used_and_what_is_billed_are_told_apart() -> None:
    """As recorded: seven words are asked, five hundred read, and most of these were cached."""
    units, tokens = {"input_tokens": 7, "output_tokens": 50}, {"input_tokens": 502, "output_tokens": 53}
    response = answered({"billed_units": units, "tokens": tokens, "cached_tokens": 448})
    assert response.usage == Usage(input=54, cache_read=448, output=53)
    assert response.billed == Usage(input=7, output=50)


def test_cached_images_count_once_and_images_beside_the_input_count_too() -> None:
    assert answered({"tokens": {"input_tokens": 502, "image_tokens": 259}, "cached_tokens": 480}).usage == Usage(
        image_input=22, cache_read=480
    )
    assert answered({"tokens": {"input_tokens": 34, "image_tokens": 259}}).usage == Usage(input=34, image_input=259)


def test_billed_units_alone_are_the_usage() -> None:
    assert answered({"billed_units": {"input_tokens": 3.0, "output_tokens": 4}}).usage == Usage(input=3, output=4)
    assert answered({"billed_units": {"input_tokens": 3}, "tokens": {"input_tokens": 3}}).billed is None


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "much",
        {"tokens": {"input_tokens": "x"}},
        {"tokens": {"input_tokens": 1.5}},
        {"tokens": {"input_tokens": -1}},
        {"tokens": {"input_tokens": 5}, "cached_tokens": 6},
        {"tokens": {"output_tokens": 5, "reasoning_tokens": 6}},
        {"tokens": {"input_tokens": 1}, "billed_units": {"input_tokens": -1}},
        {"tokens": {"input_tokens": 10**13}},
    ],
)
def test_numbers_that_make_no_sense_are_not_told(usage: Any) -> None:
    assert (answered(usage).usage, answered(usage).billed) == (None, None)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "invalid request: temperature must be positive"}, "invalid_request"),
        (400, {"message": "too many tokens: 9 > 8"}, "context_too_long"),
        (400, {"message": "blocked output: this generation may be potentially harmful"}, "content_filtered"),
        (401, {"message": "invalid api token"}, "authentication"),
        (402, {"message": "please add a payment method"}, "payment"),
        (403, {"message": "no"}, "permission"),
        (404, {"message": "model 'x' not found"}, "not_found"),
        (413, {"message": "too large"}, "too_large"),
        (422, {"message": "x"}, "invalid_request"),
        (429, {"message": "You are using a Trial key, which is limited to 1000 API calls / month"}, "quota"),
        (429, {"message": "Please wait and try again later"}, "rate_limited"),
        (499, {"message": "cancelled"}, "timeout"),
        (500, {"message": "internal server error"}, "server"),
        (503, {"message": "x"}, "overloaded"),
        (504, [], "timeout"),
    ],
)
def test_built_errors_have_their_kind(status: int, body: Any, kind: str) -> None:
    failure = cohere.decode_error(status, json.dumps(body).encode())
    assert (failure.kind, failure.status) == (kind, status)


def test_an_error_is_written_in_coheres_words() -> None:
    ours = Failure("rate_limited", 429, "rate_limited", "too fast")
    assert json.loads(cohere.encode_error(ours, "r")) == {"id": "r", "message": "too fast", "code": "rate_limited"}
    theirs = cohere.decode_error(400, b'{"message":"m","error_type":"TOO_MANY_TOKENS"}')
    assert json.loads(cohere.encode_error(theirs, "r"))["error_type"] == "TOO_MANY_TOKENS"


def test_a_stream_that_fails_ends_with_coheres_own_error() -> None:
    writer = cohere.StreamWriter(ASKED)
    begun = writer.write(Started("r", "m")) + writer.write(Opened(0, Text(""))) + writer.write(TextDelta(0, "a"))
    failure = Failure("timeout", 504, "upstream_timeout", "it stopped")
    *_, failed = read(begun + writer.write(Failed(failure)))
    assert isinstance(failed, Failed)
    assert (failed.failure.message, failed.failure.kind) == ("it stopped", "timeout")


def test_a_tap_on_what_it_cannot_read_still_passes_it_on() -> None:
    tap = cohere.Tap(Peek("m", stream=True, input_bytes=0))
    for chunk in (b"data: nonsense\n\n", START, b"data: [1]\n\n", change("content-delta", 0, content={"text": "abc"})):
        assert tap.feed(chunk) == chunk
    result = tap.result()
    assert (result.output_chars, result.complete) == (3, False)
