"""Streams: what comes in odd ways is understood, what is written is in order, errors are told. Built, not recorded."""

import json
from base64 import b64encode
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
    Started,
    TextDelta,
)
from keywright.core.failure import Failure
from keywright.core.fold import fold, unfold
from keywright.core.message import (
    Base64Source,
    Citation,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects.aws_eventstream import EventStreamDecoder, event_block, exception_block, framed
from keywright.dialects.bedrock_converse import (
    NAME,
    StreamReader,
    StreamWriter,
    decode_response,
    encode_response,
    event_reader,
)
from keywright.dialects.bedrock_converse.order import OneByOne

ASKED = Request("m", ())
START = ("messageStart", {"role": "assistant", "p": "abc"})
STOP = ("messageStop", {"stopReason": "end_turn", "p": "a"})
END = ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}, "metrics": {"latencyMs": 7}})


def wire(*events: tuple[str, Any]) -> bytes:
    return b"".join(framed(event_block(kind), json.dumps(node).encode()) for kind, node in events)


def delta(index: int, **said: Any) -> tuple[str, Any]:
    return ("contentBlockDelta", {"contentBlockIndex": index, "delta": said, "p": "abcd"})


def opened(index: int, **start: Any) -> tuple[str, Any]:
    return ("contentBlockStart", {"contentBlockIndex": index, "start": start})


def stop(index: int) -> tuple[str, Any]:
    return ("contentBlockStop", {"contentBlockIndex": index})


def read(body: bytes) -> list[Event]:
    reader = StreamReader()
    return reader.feed(body) + reader.end()


def parts(*events: tuple[str, Any]) -> tuple[Part, ...]:
    return fold(read(wire(START, *events, STOP, END))).choices[0].parts


def told(*events: Event) -> list[tuple[str, Any]]:
    """What a writer says of these events, by name."""
    writer = StreamWriter(ASKED)
    messages = EventStreamDecoder().feed(b"".join(map(writer.write, events)))
    return [(message.word(":event-type"), json.loads(message.payload)) for message in messages]


TALK = wire(START, delta(0, text="Hi"), delta(0, text="!"), stop(0), STOP, END)


def test_a_stream_tells_text_finish_usage_and_what_stands_beside_them() -> None:
    assert read(TALK) == [
        Started("", ""),
        Opened(0, Text("")),
        TextDelta(0, "Hi"),
        TextDelta(0, "!"),
        Closed(0),
        Finished(Finish("stop", raw="end_turn", origin=NAME)),
        Metered(Usage(input=3, output=5), {NAME: {"metrics": {"latencyMs": 7}}}),
        Ended(),
    ]


def test_a_stream_may_be_cut_at_every_byte() -> None:
    whole = read(TALK)
    for cut in range(len(TALK)):
        reader = StreamReader()
        assert reader.feed(TALK[:cut]) + reader.feed(TALK[cut:]) + reader.end() == whole


def test_thinking_comes_before_text_and_calls_and_citations_are_gathered() -> None:
    assert parts(
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "s"}),
        stop(0),
        delta(1, citation={"title": "T", "sourceContent": [{"text": "x"}]}),
        delta(1, text="It is"),
        stop(1),
        opened(2, toolUse={"toolUseId": "1", "name": "f"}),
        delta(2, toolUse={"input": '{"a"'}),
        delta(2, toolUse={"input": ":1}"}),
        stop(2),
        opened(3, toolUse={"toolUseId": "2", "name": "g", "type": "tool_use"}),
        stop(3),
    ) == (
        Thinking("hm", "s", NAME),
        Text(
            "It is",
            (Citation(NAME, {"title": "T", "sourceContent": [{"text": "x"}]}, title="T", cited_text="x"),),
        ),
        ToolCall("1", "f", '{"a":1}'),
        ToolCall("2", "g", ""),
    )


def test_a_delta_of_another_kind_begins_a_new_part() -> None:
    assert parts(delta(0, reasoningContent={"text": "hm"}), delta(0, text="so"), delta(9, text="")) == (
        Thinking("hm", origin=NAME),
        Text("so"),
    )


def test_blocks_that_are_whole_only_when_they_end_are_held_until_then() -> None:
    first, second = b64encode(b"ab").decode(), b64encode(b"c").decode()
    found = parts(
        delta(0, reasoningContent={"redactedContent": first}),
        delta(0, reasoningContent={"redactedContent": second}),
        stop(0),
        opened(1, toolUse={"toolUseId": "1", "name": "code", "type": "server_tool_use"}),
        delta(1, toolUse={"input": "{}"}),
        stop(1),
        opened(2, toolResult={"toolUseId": "1", "type": "code_result", "status": "success"}),
        delta(2, toolResult=[{"json": {"a": 1}}]),
        delta(2, toolResult=[{"text": "b"}]),
        stop(2),
        opened(3, image={"format": "png"}),
        delta(3, image={"source": {"bytes": "eA=="}}),
        stop(3),
        opened(4, novelty={"a": 1}),
        delta(4, novelty={"b": 2}),
    )
    assert found == (
        RedactedThinking(b64encode(b"abc").decode(), NAME),
        ServerToolCall(NAME, "1", "code", "{}", {"toolUseId": "1", "name": "code", "type": "server_tool_use"}),
        ServerToolResult(
            NAME,
            "1",
            "code_result",
            {
                "toolUseId": "1",
                "type": "code_result",
                "status": "success",
                "content": [{"json": {"a": 1}}, {"text": "b"}],
            },
        ),
        Image(Base64Source("image/png", "eA==")),
        Opaque(NAME, "novelty", {"novelty": {"a": 1, "deltas": [{"b": 2}]}}),
    )
    answer = Response("", "", (Choice(found, Finish("stop", raw="end_turn", origin=NAME)),), Usage(3, 5))
    writer = StreamWriter(ASKED)
    written = b"".join(map(writer.write, unfold(answer)))
    assert fold(read(written)).choices == answer.choices
    assert not writer.losses


def test_events_that_nobody_knows_pass_as_asides_and_are_told_again() -> None:
    events = read(wire(START, ("novelty", {"a": 1, "p": "x"}), STOP, END))
    assert Aside(NAME, "novelty", {"a": 1}) in events
    assert ("novelty", {"a": 1}) in told(*events)
    assert told(Aside("anthropic", "ping")) == []


def test_a_stream_whose_beginning_is_missing_begins_all_the_same() -> None:
    assert read(wire(delta(0, text="Hi"), STOP, END))[:2] == [Started("", ""), Opened(0, Text(""))]


def test_a_stream_without_metadata_ends_when_the_connection_does() -> None:
    events = read(wire(START, delta(0, text="Hi"), STOP))
    assert events[-3:] == [Closed(0), Finished(Finish("stop", raw="end_turn", origin=NAME)), Ended()]


def test_a_usage_that_makes_no_sense_counts_as_not_told() -> None:
    for usage in ({"inputTokens": -1, "outputTokens": 1}, {"inputTokens": 1}, {"inputTokens": "x", "outputTokens": 1}):
        events = read(wire(START, STOP, ("metadata", {"usage": usage, "metrics": {}})))
        assert [type(event) for event in events] == [Started, Finished, Ended]


@pytest.mark.parametrize("body", [b"", wire(START), wire(START, delta(0, text="Hi"), stop(0)), TALK[:40]])
def test_a_stream_that_ends_early_is_broken(body: bytes) -> None:
    with pytest.raises(UpstreamBrokeError):
        read(body)


@pytest.mark.parametrize(
    "event",
    [
        ("contentBlockDelta", {"delta": {"text": "x"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {}}),
        delta(0, text=7),
        delta(0, citation=7),
        delta(0, toolUse={"input": "{}"}),
        opened(0, toolUse={"name": "f"}),
        ("messageStop", {}),
    ],
)
def test_an_event_that_is_wrong_is_malformed(event: tuple[str, Any]) -> None:
    with pytest.raises(UpstreamMalformedError):
        read(wire(START, event))


def test_a_held_block_that_is_wrong_is_malformed_also_at_the_end() -> None:
    with pytest.raises(UpstreamMalformedError):
        read(wire(START, opened(0, toolResult={"type": "x"}), STOP))
    with pytest.raises(UpstreamMalformedError):
        read(wire(START, STOP, opened(0, toolResult={"type": "x"})))


def test_a_payload_that_is_no_object_is_malformed() -> None:
    with pytest.raises(UpstreamMalformedError):
        read(framed(event_block("messageStart"), b"[]"))


def test_more_blocks_than_any_answer_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_reader, "PARTS_MAX", 3)
    with pytest.raises(UpstreamMalformedError, match="more than 3"):
        parts(*(delta(number, text="x") for number in range(4)))
    monkeypatch.setattr(event_reader, "HELD_BYTES_MAX", 3)
    with pytest.raises(UpstreamMalformedError, match="more than 3 bytes"):
        parts(delta(0, image={"source": {"bytes": "eA=="}}))


def test_an_exception_ends_the_stream_as_a_failure() -> None:
    exception = framed(exception_block("throttlingException"), b'{"message":"slow down"}')
    reader = StreamReader()
    events = reader.feed(wire(START) + exception + wire(STOP))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.status) == ("rate_limited", 429)
    assert reader.feed(wire(STOP)) == reader.end() == []


def test_a_failure_is_told_as_an_exception() -> None:
    body = StreamWriter(ASKED).write(Failed(Failure("overloaded", 529, "c", "busy")))
    (message,) = EventStreamDecoder().feed(body)
    assert message.word(":exception-type") == "serviceUnavailableException"
    (failed,) = read(body)
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.status, failed.failure.message) == ("overloaded", 503, "busy")


def test_parts_that_interleave_are_written_one_after_the_other() -> None:
    first, second = ToolCall("1", "f", ""), ToolCall("2", "g", "")
    written = told(
        Started("", ""),
        Opened(0, first),
        Opened(1, second),
        ArgumentsDelta(1, "{"),
        ArgumentsDelta(0, "{}"),
        ArgumentsDelta(1, "}"),
        Closed(0),
        Closed(1),
        Finished(Finish("stop")),
        Ended(),
    )
    kinds = [(kind, node.get("contentBlockIndex")) for kind, node in written]
    assert kinds == [
        ("messageStart", None),
        ("contentBlockStart", 0),
        ("contentBlockDelta", 0),
        ("contentBlockStop", 0),
        ("contentBlockStart", 1),
        ("contentBlockDelta", 1),
        ("contentBlockDelta", 1),
        ("contentBlockStop", 1),
        ("messageStop", None),
        ("metadata", None),
    ]
    assert written[-2][1] == {"stopReason": "tool_use"}


def test_parts_that_never_close_are_closed_at_the_end_and_stray_deltas_are_dropped() -> None:
    order = OneByOne()
    assert order.add(TextDelta(7, "x")) == []
    assert order.add(Opened(0, Text(""))) == [Opened(0, Text(""))]
    assert order.add(Opened(1, Text("b"))) == []
    assert order.add(TextDelta(5, "never opened")) == []
    assert order.end() == [Closed(0), Opened(1, Text("b")), Closed(1)]


def test_what_the_stream_cannot_say_is_reported_once() -> None:
    writer = StreamWriter(ASKED)
    events: tuple[Event, ...] = (
        Started("", ""),
        Opened(0, Refusal("no")),
        CitationDelta(0, Citation("openai_chat", {}, url="https://x.org")),
        Closed(0),
        Opened(1, ServerToolCall("anthropic", "1", "f", "{}", {})),
        ArgumentsDelta(1, "{}"),
        Closed(1),
        Opened(0, Text("other"), choice=1),
        LogprobsDelta("openai_chat", {}),
        Ended(),
    )
    body = b"".join(map(writer.write, events))
    assert [(loss.path, loss.weight) for loss in writer.losses] == [
        ("content[0]", "knob"),
        ("citations", "knob"),
        ("content[1]", "meaning"),
        ("choices", "knob"),
        ("choices[0].logprobs", "knob"),
    ]
    answer = fold(read(body)).choices[0]
    assert [type(part) for part in answer.parts] == [Text]
    assert answer.finish == Finish("content_filter", raw="content_filtered", origin=NAME)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_calls"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("model_context_window_exceeded", "context_window"),
        ("malformed_model_output", "error"),
        ("malformed_tool_use", "error"),
        ("something_new", "other"),
    ],
)
def test_every_reason_for_stopping_is_understood_and_told_again(word: str, reason: FinishReason) -> None:
    body = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": word, "usage": {}}
    response = decode_response(json.dumps(body).encode())
    finish = response.choices[0].finish
    assert finish == Finish(reason, raw=word, origin=NAME)
    assert json.loads(encode_response(response, ASKED).body)["stopReason"] == word


@pytest.mark.parametrize(
    ("reason", "word"), [("refusal", "content_filtered"), ("pause", "end_turn"), ("other", "end_turn")]
)
def test_reasons_from_elsewhere_are_told_in_the_nearest_word(reason: FinishReason, word: str) -> None:
    response = Response("", "", (Choice((Text("x"),), Finish(reason, raw="theirs", origin="openai_chat")),))
    assert json.loads(encode_response(response, ASKED).body)["stopReason"] == word


def test_usage_is_disjoint_and_the_cache_is_told_by_its_lifetime() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 4,
        "totalTokens": 7402,
        "cacheReadInputTokens": 37,
        "cacheWriteInputTokens": 7351,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 7000}, {"ttl": "5m", "inputTokens": 351}],
        "serverToolUsage": {"x": 1},
    }
    body = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", "usage": usage}
    response = decode_response(json.dumps(body).encode())
    assert response.usage == Usage(input=10, output=4, cache_read=37, cache_write_5m=351, cache_write_1h=7000)
    told_again = json.loads(encode_response(response, ASKED).body)["usage"]
    assert told_again.pop("cacheDetails") == [{"inputTokens": 351, "ttl": "5m"}, {"inputTokens": 7000, "ttl": "1h"}]
    assert told_again == {key: value for key, value in usage.items() if key != "cacheDetails"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output":{}}', b'{"output":{"message":{"content":[7]}}}'])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        decode_response(body)
