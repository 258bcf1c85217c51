"""Streams, in both directions. Everything here is built by hand; recorded streams are in `tests/conformance`."""

import json
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
from keywright.core.json import Extras
from keywright.core.message import Citation, Image, Opaque, Refusal, Text, Thinking, ToolCall, UrlSource
from keywright.core.request import Request
from keywright.core.response import Finish
from keywright.core.usage import Usage
from keywright.dialects.anthropic import StreamReader, StreamWriter
from keywright.dialects.anthropic import stream_reader as limits
from keywright.dialects.anthropic import stream_writer as waiting

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 1, "service_tier": "standard"},
    },
}
STOP: dict[str, Any] = {"type": "message_stop"}


def opened(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int = 0, **said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": said}


def closed(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def wire(*nodes: dict[str, Any]) -> bytes:
    return b"".join(f"event: {node['type']}\ndata: {json.dumps(node)}\n\n".encode() for node in nodes)


def read(*nodes: dict[str, Any]) -> list[Event]:
    reader = StreamReader()
    return reader.feed(wire(*nodes)) + reader.end()


TALK: tuple[dict[str, Any], ...] = (
    START,
    {"type": "ping"},
    opened({"type": "thinking", "thinking": "", "signature": ""}),
    delta(type="thinking_delta", thinking="hm ü"),
    delta(type="signature_delta", signature="sig"),
    closed(),
    opened({"type": "text", "text": ""}, 1),
    delta(1, type="text_delta", text="Hello\n"),
    closed(1),
    opened({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}, 2),
    delta(2, type="input_json_delta", partial_json=""),
    delta(2, type="input_json_delta", partial_json='{"a":'),
    delta(2, type="input_json_delta", partial_json="1}"),
    closed(2),
    ending("tool_use", output_tokens=9, output_tokens_details={"thinking_tokens": 4}),
    STOP,
)


def test_a_stream_is_read_into_its_events() -> None:
    service: Extras = {"anthropic": {"usage": {"service_tier": "standard"}}}
    assert read(*TALK) == [
        Started("msg_1", "m", extras=service),
        Metered(Usage(input=7, output=1)),
        Aside("anthropic", "ping", {"type": "ping"}),
        Opened(0, Thinking("", origin="anthropic")),
        TextDelta(0, "hm ü"),
        SignatureDelta(0, "sig"),
        Closed(0),
        Opened(1, Text("")),
        TextDelta(1, "Hello\n"),
        Closed(1),
        Opened(2, ToolCall("toolu_1", "f", "")),
        ArgumentsDelta(2, '{"a":'),
        ArgumentsDelta(2, "1}"),
        Closed(2),
        Finished(Finish("tool_calls", raw="tool_use", origin="anthropic")),
        Metered(Usage(input=7, output=5, reasoning=4), service),
        Ended(),
    ]


def test_wherever_a_stream_is_cut_its_events_are_the_same() -> None:
    body = wire(*TALK)
    whole = read(*TALK)
    for cut in range(len(body) + 1):
        reader = StreamReader()
        assert reader.feed(body[:cut]) + reader.feed(body[cut:]) + reader.end() == whole
    reader = StreamReader()
    assert [event for byte in body for event in reader.feed(bytes([byte]))] + reader.end() == whole


def test_windows_line_ends_and_a_missing_last_empty_line_are_read() -> None:
    body = wire(*TALK).replace(b"\n", b"\r\n")[:-4]
    reader = StreamReader()
    assert reader.feed(body) + reader.end() == read(*TALK)


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = read(START, opened({"type": "tool_use", "id": "a", "name": "f", "input": {}}), closed(), ending(), STOP)
    assert fold(events).choices[0].parts == (ToolCall("a", "f", "{}"),)


def test_arguments_that_stand_in_the_start_are_read() -> None:
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    assert fold(read(START, opened(block), closed(), ending(), STOP)).choices[0].parts == (
        ToolCall("a", "f", '{"x":1}'),
    )


def test_usage_is_cumulative_whoever_says_it_and_nulls_say_nothing() -> None:
    events = read(
        START,
        ending(None, output_tokens=3, input_tokens=None),
        ending(
            "max_tokens", input_tokens=11, output_tokens=5, cache_creation_input_tokens=2, cache_read_input_tokens=1
        ),
        STOP,
    )
    usages = [event.usage for event in events if isinstance(event, Metered)]
    assert usages == [
        Usage(input=7, output=1),
        Usage(input=7, output=3),
        Usage(input=11, output=5, cache_write_5m=2, cache_read=1),
    ]


def test_every_stop_reason_is_known_and_an_unknown_one_is_kept() -> None:
    reasons = {
        "end_turn": "stop",
        "max_tokens": "length",
        "stop_sequence": "stop_sequence",
        "tool_use": "tool_calls",
        "pause_turn": "pause",
        "refusal": "refusal",
        "model_context_window_exceeded": "context_window",
        "novel": "other",
    }
    for raw, reason in reasons.items():
        finish = fold(read(START, opened({"type": "text", "text": "x"}), closed(), ending(raw), STOP)).choices[0].finish
        assert finish is not None
        assert (finish.reason, finish.raw) == (reason, raw)


def test_a_stream_without_its_last_event_is_complete_after_a_stop_reason() -> None:
    assert read(*TALK[:-1]) == read(*TALK)


def test_a_stream_that_ends_early_broke_and_nothing_after_its_end_counts() -> None:
    reader = StreamReader()
    reader.feed(wire(*TALK[:-2]))
    with pytest.raises(UpstreamBrokeError) as broke:
        reader.end()
    assert broke.value.answered
    with pytest.raises(UpstreamBrokeError):
        StreamReader().end()
    assert read(*TALK, *TALK) == read(*TALK)


def test_parts_left_open_are_closed_when_the_answer_ends() -> None:
    events = read(START, opened({"type": "text", "text": "x"}), ending(), STOP)
    assert events[2:4] == [Opened(0, Text("x")), Closed(0)]
    assert read(START, opened({"type": "text", "text": "x"}), STOP)[2:] == [Opened(0, Text("x")), Closed(0), Ended()]


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [("overloaded_error", "overloaded", 529), ("api_error", "server", 500), ("rate_limit_error", "rate_limited", 429)],
)
def test_an_error_in_mid_stream_is_a_failure_of_its_kind(word: str, kind: str, status: int) -> None:
    error = {"type": "error", "error": {"type": word, "message": "Sorry"}}
    *_, last = read(*TALK[:5], error, *TALK[5:])
    assert isinstance(last, Failed)
    assert (last.failure.kind, last.failure.status, last.failure.message) == (kind, status, "Sorry")


def test_events_and_deltas_of_unknown_kinds_are_asides() -> None:
    novel: dict[str, Any] = {"type": "novel", "x": 1}
    odd = delta(type="novel_delta", x=1)
    events = read(START, novel, opened({"type": "text", "text": ""}), odd, closed(), ending(), STOP)
    assert [event for event in events if isinstance(event, Aside)] == [
        Aside("anthropic", "novel", novel),
        Aside("anthropic", "content_block_delta", odd),
    ]


def test_a_block_of_an_unknown_kind_opens_complete_when_it_ends() -> None:
    events = read(
        START,
        opened({"type": "compaction", "content": None}),
        delta(type="compaction_delta", content="short"),
        closed(),
        ending(),
        STOP,
    )
    body: dict[str, Any] = {"type": "compaction", "content": "short"}
    assert events[2:4] == [Opened(0, Opaque("anthropic", "compaction", body)), Closed(0)]


@pytest.mark.parametrize(
    "body",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        wire({"type": "message_start"}),
        wire(START, delta(type="text_delta", text="x")),
        wire(START, opened({"type": "text"})),
        wire(START, {"type": "content_block_stop"}),
    ],
)
def test_what_is_no_stream_of_the_api_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        StreamReader().feed(body)


def test_an_answer_may_not_have_blocks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PARTS_MAX", 2)
    text = {"type": "text", "text": "x"}
    with pytest.raises(UpstreamMalformedError, match="more than 2 content blocks"):
        StreamReader().feed(wire(START, opened(text), opened(text, 1), opened(text, 2)))


def write(*events: Event) -> tuple[list[dict[str, Any]], StreamWriter]:
    writer = StreamWriter(Request("m", ()))
    frames = b"".join(map(writer.write, events)).split(b"\n\n")[:-1]
    nodes = []
    for frame in frames:
        event, data = frame.split(b"\n")
        nodes.append(json.loads(data.removeprefix(b"data: ")))
        assert event == f"event: {nodes[-1]['type']}".encode()
    return nodes, writer


def well_formed(nodes: list[dict[str, Any]]) -> None:
    """Indexes count up and no two blocks are open together."""
    current = None
    following = 0
    for node in nodes:
        match node["type"]:
            case "content_block_start":
                assert (current, node["index"]) == (None, following)
                current, following = following, following + 1
            case "content_block_delta":
                assert node["index"] == current
            case "content_block_stop":
                assert node["index"] == current
                current = None
    assert current is None


def test_a_stream_is_written_as_it_was_read() -> None:
    nodes, writer = write(*read(*TALK))
    assert nodes[1:-2] == [
        node for node in TALK[1:-2] if node["type"] == "ping" or node.get("delta", {}).get("partial_json") != ""
    ]
    assert nodes[0]["message"]["usage"]["input_tokens"] == 7
    assert nodes[0]["message"]["usage"]["service_tier"] == "standard"
    assert nodes[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert nodes[-2]["usage"] == {
        "input_tokens": 7,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert not writer.losses


def test_calls_that_interleave_are_written_one_after_the_other() -> None:
    events: list[Event] = [
        Started("i", "m"),
        Opened(0, Text("")),
        TextDelta(0, "a"),
        Opened(1, ToolCall("x", "f", "")),
        Opened(2, ToolCall("y", "g", "")),
        ArgumentsDelta(2, '{"b"'),
        TextDelta(0, "b"),
        ArgumentsDelta(1, '{"a":1}'),
        Closed(0),
        ArgumentsDelta(2, ":2}"),
        Closed(2),
        Closed(1),
        Metered(Usage(input=1, output=2)),
        Finished(Finish("tool_calls")),
        Ended(),
    ]
    nodes, _ = write(*events)
    well_formed(nodes)
    starts = [node["content_block"] for node in nodes if node["type"] == "content_block_start"]
    assert [start.get("id") for start in starts] == [None, "x", "y"]
    assert fold(read(*nodes)).choices[0].parts == fold(events).choices[0].parts


def test_the_first_of_several_open_parts_is_written_at_once() -> None:
    writer = StreamWriter(Request("m", ()))
    for event in (Started("i", "m"), Opened(0, Text("")), Opened(1, ToolCall("x", "f", ""))):
        writer.write(event)
    assert writer.write(ArgumentsDelta(1, "{}")) == b""
    assert b"now" in writer.write(TextDelta(0, "now"))
    assert writer.write(Closed(1)) == b""
    assert writer.write(Closed(0)).count(b"content_block_stop") == 4  # two events, each named twice


def test_parts_that_never_close_are_written_when_the_answer_ends() -> None:
    events: list[Event] = [Started("i", "m"), Opened(0, Text("a")), Opened(1, ToolCall("x", "f", "{}")), Ended()]
    nodes, _ = write(*events)
    well_formed(nodes)
    assert nodes[-2]["delta"]["stop_reason"] == "tool_use"


def test_what_a_head_already_holds_is_written_as_deltas() -> None:
    citation = Citation("anthropic", {"type": "novel_location"})
    events: list[Event] = [
        Started("i", "m"),
        Opened(0, Thinking("t", "s", "anthropic")),
        Closed(0),
        Opened(1, Text("x", (citation,))),
        CitationDelta(1, citation),
        Closed(1),
        Finished(Finish("stop")),
        Ended(),
    ]
    nodes, writer = write(*events)
    well_formed(nodes)
    kinds = [node["delta"]["type"] for node in nodes if node["type"] == "content_block_delta"]
    assert kinds == ["thinking_delta", "signature_delta", "text_delta", "citations_delta", "citations_delta"]
    assert not writer.losses


def test_citations_from_elsewhere_and_deltas_of_no_open_part_are_not_written() -> None:
    nodes, writer = write(
        Started("i", "m"),
        Opened(0, Text("x")),
        CitationDelta(0, Citation("openai_chat", {})),
        Closed(0),
        TextDelta(0, "late"),
        TextDelta(7, "never opened"),
        Opened(1, Image(UrlSource("u"))),
        TextDelta(1, "of a part that cannot be said"),
        Closed(1),
        Ended(),
    )
    well_formed(nodes)
    assert [node["delta"] for node in nodes if node["type"] == "content_block_delta"] == [
        {"type": "text_delta", "text": "x"}
    ]
    assert [loss.path for loss in writer.losses] == ["citations", "content[1]"]


def test_what_waits_for_an_open_part_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "HELD_EVENTS_MAX", 2)
    with pytest.raises(UpstreamMalformedError, match="more than 2 events wait"):
        write(Started("i", "m"), Opened(0, Text("")), Opened(1, Text("")), TextDelta(1, "a"), TextDelta(1, "b"))


def test_a_refusal_is_written_as_text_and_as_the_reason() -> None:
    nodes, writer = write(
        Started("i", "m"), Opened(0, Refusal("")), TextDelta(0, "No."), Closed(0), Finished(Finish("stop")), Ended()
    )
    assert nodes[2]["delta"] == {"type": "text_delta", "text": "No."}
    assert nodes[-2]["delta"]["stop_reason"] == "refusal"
    assert [loss.path for loss in writer.losses] == ["content[0]"]


def test_a_part_that_the_api_has_not_leaves_no_gap() -> None:
    nodes, writer = write(
        Started("i", "m"),
        Opened(0, Image(UrlSource("u"))),
        Closed(0),
        Opened(1, Text("x")),
        Closed(1),
        Finished(Finish("stop")),
        Ended(),
    )
    well_formed(nodes)
    assert [(loss.path, loss.weight) for loss in writer.losses] == [("content[0]", "meaning")]


def test_other_choices_and_log_probabilities_are_reported_once() -> None:
    nodes, writer = write(
        Started("i", "m"),
        Opened(0, Text("x")),
        Opened(0, Text("y"), 1),
        TextDelta(0, "z", 1),
        LogprobsDelta("openai_chat", {}),
        LogprobsDelta("openai_chat", {}),
        Closed(0),
        Finished(Finish("length")),
        Finished(Finish("stop"), 1),
        Ended(),
    )
    assert nodes[-2]["delta"]["stop_reason"] == "max_tokens"
    assert [loss.path for loss in writer.losses] == ["choices", "choices[0].logprobs"]


def test_a_failure_is_the_apis_error_event_and_asides_of_others_are_silent() -> None:
    failure = Failure("overloaded", 529, "overloaded", "Later, please")
    nodes, _ = write(Started("i", "m"), Aside("openai_chat", "novel"), Failed(failure))
    assert [node["type"] for node in nodes] == ["message_start", "error"]
    assert nodes[1]["error"] == {"type": "overloaded_error", "message": "Later, please", "code": "overloaded"}
    assert [node["type"] for node in write(Failed(failure))[0]] == ["error"]


def test_the_prompts_usage_stands_in_the_first_event_when_it_came_in_time() -> None:
    nodes, _ = write(Started("i", "m"), Metered(Usage(input=5, cache_write_1h=2)), Opened(0, Text("x")), Ended())
    assert nodes[0]["message"]["usage"]["input_tokens"] == 5
    assert nodes[-2]["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] == 2
    nodes, _ = write(Started("i", "m"), Opened(0, Text("x")), Metered(Usage(input=5)), Ended())
    assert (nodes[0]["message"]["usage"]["input_tokens"], nodes[-2]["usage"]["input_tokens"]) == (0, 5)
