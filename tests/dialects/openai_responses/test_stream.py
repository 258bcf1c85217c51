"""Streams as servers send them and as clients get them. The cases are built, not recorded."""

import json
from typing import Any

import pytest

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError
from keywright.core.event import Aside, Ended, Event, Failed, LogprobsDelta, Metered, Opened, Started, TextDelta
from keywright.core.failure import Failure
from keywright.core.fold import fold, unfold
from keywright.core.json import JsonObject
from keywright.core.message import (
    Audio,
    Base64Source,
    Citation,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
    UrlSource,
)
from keywright.core.request import JsonSchemaFormat, Reasoning, Request, Sampling, ServerTool, Tool, ToolChoice
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import openai_responses
from tests.conformance.plain import frames
from tests.dialects.openai_responses.official import check_answer, check_event

NAME = "openai_responses"
ASKED = Request("m", (), stream=True)
CREATED = {"type": "response.created", "response": {"id": "r", "model": "m", "created_at": 5, "store": True}}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
AT = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
DONE = {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": []}}


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


def read(*events: dict[str, Any]) -> list[Event]:
    reader = openai_responses.StreamReader()
    return reader.feed(stream(*events)) + reader.end()


def parts(*events: dict[str, Any]) -> tuple[Part, ...]:
    return fold(read(CREATED, *events, DONE)).choices[0].parts


def delta(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_text.delta", **AT, "delta": text, **more}


def ended(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def said(value: str) -> dict[str, Any]:
    return {"type": "output_text", "text": value, "annotations": []}


@pytest.mark.parametrize(
    "events",
    [
        (delta("ab"), delta("c")),
        (added(MESSAGE), delta("abc"), {"type": "response.output_text.done", **AT, "text": "abc"}),
        ({"type": "response.output_text.done", **AT, "text": "abc"},),
        ({"type": "response.content_part.done", **AT, "part": said("abc")},),
        (ended({**MESSAGE, "content": [said("abc")]}),),
        ({**DONE, "response": {"status": "completed", "output": [{**MESSAGE, "content": [said("abc")]}]}},),
        (
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "ab"},
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "c"},
            {"type": "response.output_item.done", "item": {**MESSAGE, "content": [said("abc")]}},
        ),
    ],
    ids=["pieces", "announced", "text", "part", "item", "answer", "no numbers"],
)
def test_a_text_is_read_once_wherever_it_stands(events: tuple[dict[str, Any], ...]) -> None:
    (part,) = parts(*events)
    assert isinstance(part, Text)
    assert part.text == "abc"


def test_a_number_counts_more_than_an_id_that_changes() -> None:
    (part,) = parts(added(MESSAGE), delta("a", item_id="x"), delta("b", item_id="y"), ended({**MESSAGE, "id": "z"}))
    assert isinstance(part, Text)
    assert part.text == "ab"


def test_items_without_number_or_id_end_in_the_order_in_which_they_began() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    found = parts(
        {"type": "response.output_item.added", "item": call},
        {"type": "response.output_item.done", "item": call},
        {"type": "response.output_item.done", "item": {**call, "call_id": "d"}},
    )
    assert [(part.id, part.arguments) for part in found if isinstance(part, ToolCall)] == [("c", "{}"), ("d", "{}")]


def test_calls_that_interleave_stay_apart() -> None:
    def call(index: int) -> dict[str, Any]:
        return {"type": "function_call", "id": f"fc_{index}", "call_id": f"c{index}", "name": "f", "arguments": ""}

    def piece(index: int, text: str) -> dict[str, Any]:
        return {"type": "response.function_call_arguments.delta", "output_index": index, "delta": text}

    found = parts(
        added(call(0)),
        added(call(1), 1),
        piece(0, '{"a"'),
        piece(1, "{}"),
        piece(0, ":1}"),
        ended({**call(1), "arguments": "{}"}, 1),
        ended({**call(0), "arguments": '{"a":1}'}),
    )
    assert [(part.id, part.arguments) for part in found if isinstance(part, ToolCall)] == [
        ("c0", '{"a":1}'),
        ("c1", "{}"),
    ]


def test_arguments_that_came_in_no_piece_are_taken_from_the_item() -> None:
    call = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "f", "input": ""}
    (part,) = parts(added(call), ended({**call, "input": "free"}))
    assert isinstance(part, ToolCall)
    assert (part.arguments, part.custom) == ("free", True)


def test_summaries_are_thoughts_and_the_last_is_sealed() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    texts = [{"type": "summary_text", "text": text} for text in ("a", "b")]
    found = parts(
        added(thought),
        *(
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": index, "delta": text}
            for index, text in enumerate("ab")
        ),
        ended({**thought, "summary": texts, "encrypted_content": "gAAA"}),
    )
    assert [(part.text, part.signature) for part in found if isinstance(part, Thinking)] == [
        ("a", None),
        ("b", "item:rs_1/gAAA"),
    ]
    (whole,) = openai_responses.decode_response(
        json.dumps({"output": [{**thought, "summary": texts, "encrypted_content": "gAAA"}]}).encode()
    ).choices
    assert whole.parts == found


def test_a_thought_without_words_is_kept_for_its_provider() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    (part,) = parts(added(thought), ended(thought))
    assert isinstance(part, RedactedThinking)
    assert part.data == "item:rs_1/gAAA"


def test_what_a_provider_runs_is_a_part_when_it_is_done_and_news_until_then() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    events = read(
        CREATED,
        added(search),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"},
        ended({**search, "status": "completed", "action": {"query": "q"}}),
        DONE,
    )
    assert [event.kind for event in events if isinstance(event, Aside) and event.kind] == [
        "response.output_item.added",
        "response.web_search_call.searching",
    ]
    (part,) = fold(events).choices[0].parts
    assert isinstance(part, ServerToolCall)
    assert part.body["status"] == "completed"
    again = frames(b"".join(map(openai_responses.StreamWriter(ASKED).write, events)).decode())
    kinds = [event["type"].removeprefix("response.") for event in again]
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "web_search_call.searching",
        "output_item.done",
        "completed",
    ]
    assert [event["output_index"] for event in again[2:5]] == [0, 0, 0]


def test_items_and_content_that_nobody_knows_are_kept() -> None:
    novel: JsonObject = {"type": "novel", "id": "n_1", "x": [1]}
    strange: JsonObject = {"type": "hologram", "data": "x"}
    found = parts(ended(novel), ended({**MESSAGE, "content": [strange]}, 1))
    assert found == (Opaque(NAME, "novel item", novel), Opaque(NAME, "hologram", strange))
    whole = openai_responses.decode_response(json.dumps({"output": [novel]}).encode())
    assert whole.choices[0].parts == found[:1]
    assert json.loads(openai_responses.encode_response(whole, ASKED).body)["output"] == [novel]


def test_events_that_nobody_knows_pass_on_and_mean_nothing_elsewhere() -> None:
    events = read(CREATED, {"type": "response.novel", "x": 1}, delta("a"), DONE)
    assert Aside(NAME, "response.novel", {"x": 1}) in events
    again = b"".join(map(openai_responses.StreamWriter(ASKED).write, events))
    assert {"type": "response.novel", "x": 1, "sequence_number": 2} in frames(again.decode())


def test_nothing_is_said_before_something_follows_created() -> None:
    reader = openai_responses.StreamReader()
    assert reader.feed(stream(CREATED, {"type": "response.in_progress", "response": {}})) == []
    first = reader.feed(stream(delta("a")))
    assert isinstance(first[0], Started)
    assert (first[0].id, first[0].created_s) == ("r", 5)


def test_an_overloaded_provider_has_begun_nothing() -> None:
    error = {"type": "error", "error": {"code": "server_error", "message": "The server is overloaded"}}
    assert [type(event) for event in read(CREATED, error, delta("late"))] == [Failed]


def test_a_stream_that_stops_early_is_broken() -> None:
    reader = openai_responses.StreamReader()
    reader.feed(stream(CREATED, delta("a")))
    with pytest.raises(UpstreamBrokeError):
        reader.end()


@pytest.mark.parametrize(
    "frame",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"type":"response.output_text.delta","delta":5}\n\n',
        b'data: {"type":"response.output_item.added"}\n\n',
        b'data: {"type":"response.content_part.added","part":5}\n\n',
        b'data: {"type":"response.completed"}\n\n',
    ],
)
def test_what_is_no_stream_of_this_dialect_is_malformed(frame: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        openai_responses.StreamReader().feed(frame)


def test_items_and_parts_are_limited() -> None:
    items = stream(*(added({**MESSAGE, "id": f"m{index}"}, index) for index in range(4097)))
    with pytest.raises(UpstreamMalformedError, match="at most 4096 items"):
        openai_responses.StreamReader().feed(items)
    pieces = stream(*(delta("", content_index=index) for index in range(4097)))
    with pytest.raises(UpstreamMalformedError, match="at most 4096 parts"):
        openai_responses.StreamReader().feed(pieces)


def test_log_probabilities_come_in_the_shape_that_chat_completions_have_too() -> None:
    token: JsonObject = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    events = read(CREATED, delta("a", logprobs=[token]), DONE)
    assert LogprobsDelta("openai_chat", {"content": [token]}) in events
    again = frames(b"".join(map(openai_responses.StreamWriter(ASKED).write, events)).decode())
    assert [event["logprobs"] for event in again if event["type"] == "response.output_text.delta"] == [[], [token]]
    assert again[-1]["response"]["output"][0]["content"][0]["logprobs"] == [token]
    late = read(
        CREATED, delta("a"), {"type": "response.output_text.done", **AT, "text": "a", "logprobs": [token]}, DONE
    )
    assert fold(late).choices[0].logprobs == {"content": [token]}


def test_a_citation_is_read_and_one_from_elsewhere_tells_of_its_text() -> None:
    note: JsonObject = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
    event = {"type": "response.output_text.annotation.added", **AT, "annotation_index": 0, "annotation": note}
    (part,) = parts(delta("ab"), event, ended({**MESSAGE, "content": [{**said("ab"), "annotations": [note]}]}))
    assert isinstance(part, Text)
    assert part.citations == (Citation(NAME, note, "u", "t", start=0, end=2),)
    foreign = Citation("anthropic", {}, "https://e.com/", None, start=900, end=950)
    text = Text("abcd", (foreign, Citation("anthropic", {})))
    writer = openai_responses.StreamWriter(ASKED)
    response = Response("r", "m", (Choice((text,), Finish("stop")),))
    events = frames(b"".join(map(writer.write, unfold(response))).decode())
    (found,) = [each["annotation"] for each in events if each["type"].endswith("annotation.added")]
    assert found == {
        "type": "url_citation",
        "url": "https://e.com/",
        "title": "",
        "start_index": 0,
        "end_index": 4,
    }
    assert [loss.path for loss in writer.losses] == ["output[0].content[0].annotations"]
    encoded = openai_responses.encode_response(response, ASKED)
    assert json.loads(encoded.body)["output"][0]["content"][0]["annotations"] == [found]
    assert [loss.path for loss in encoded.losses] == ["output[0].content[0].annotations"]


RICH = Response(
    "resp_1",
    "m",
    (
        Choice(
            (
                Thinking("h", "s", "anthropic"),
                Thinking("x", None, "openai_chat"),
                RedactedThinking("AA", "anthropic"),
                Text("a"),
                Text("b"),
                Refusal("no"),
                ToolCall("c1", "f", "{}"),
                ToolCall("c2", "g", "free", custom=True),
                Text("after"),
                Image(Base64Source("image/png", "AAAA")),
            ),
            Finish("length"),
        ),
    ),
    Usage(3, 4, 5, 6, 7),
    9,
)
WANTED = Request(
    "asked",
    (),
    (Tool("f", None, {"type": "object"}), ServerTool(NAME, "web_search", {"type": "web_search"})),
    ToolChoice("named", ("f",), parallel=False),
    output_tokens_max=50,
    sampling=Sampling(0.5),
    reasoning=Reasoning(effort="low"),
    format=JsonSchemaFormat({"type": "object"}, "n"),
    stream=True,
    metadata={"a": "b"},
    user="u",
)


def test_a_rich_answer_is_what_openai_publishes_whole_and_as_a_stream() -> None:
    encoded = openai_responses.encode_response(RICH, WANTED)
    assert not encoded.losses
    whole = json.loads(encoded.body)
    check_answer(whole)
    events = frames(b"".join(map(openai_responses.StreamWriter(WANTED).write, unfold(RICH))).decode())
    for event in events:
        check_event(event)
    assert events[-1] == {
        "type": "response.incomplete",
        "response": whole,
        "sequence_number": len(events) - 1,
    }
    assert [item["type"] for item in whole["output"]] == [
        "reasoning",
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "message",
        "image_generation_call",
    ]
    assert [part["type"] for part in whole["output"][3]["content"]] == ["output_text", "output_text", "refusal"]
    assert len({item["id"] for item in whole["output"]}) == 8
    assert all(len(item["id"]) <= 64 for item in whole["output"])
    assert whole["usage"]["input_tokens_details"] == {"cached_tokens": 6, "cache_write_tokens": 7}


def test_an_answer_repeats_the_settings_of_its_request() -> None:
    whole = json.loads(openai_responses.encode_response(RICH, WANTED).body)
    assert (whole["max_output_tokens"], whole["temperature"], whole["metadata"]) == (50, 0.5, {"a": "b"})
    assert whole["tool_choice"] == {"type": "function", "name": "f"}
    assert whole["parallel_tool_calls"] is False
    assert [tool["type"] for tool in whole["tools"]] == ["function", "web_search"]
    assert whole["text"]["format"]["name"] == "n"
    assert whole["reasoning"] == {"effort": "low", "summary": None}
    assert (whole["model"], whole["user"], whole["store"]) == ("m", "u", False)
    first = frames(openai_responses.StreamWriter(WANTED).write(Started("r", "m")).decode())[0]["response"]
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    assert first["tools"] == whole["tools"]


def test_what_has_no_place_is_reported() -> None:
    odd = (
        Audio(Base64Source("audio/wav", "AA=="), "wav"),
        Image(UrlSource("u")),
        ServerToolCall("anthropic", "i", "web_search", "", {}),
        Opaque("anthropic", "compaction", {}),
    )
    response = Response("r", "m", (Choice(odd, Finish("pause")), Choice((Text("b"),), index=1)))
    encoded = openai_responses.encode_response(response, ASKED)
    assert [loss.path for loss in encoded.losses] == ["choices", *["output"] * 4, "status"]
    writer = openai_responses.StreamWriter(ASKED)
    for event in unfold(response):
        writer.write(event)
    assert {loss.path for loss in writer.losses} == {"output", "status", "choices"}


def test_a_failure_in_the_middle_ends_the_stream_with_what_was_said() -> None:
    writer = openai_responses.StreamWriter(ASKED)
    events: list[Event] = [Started("r", "m"), Opened(0, Text("")), TextDelta(0, "half")]
    writer.write(events[0])
    writer.write(events[1])
    writer.write(events[2])
    error, failed = frames(writer.write(Failed(Failure("rate_limited", 429, "x", "slow"))).decode())
    check_event(error)
    check_event(failed)
    assert (error["message"], error["error"]["message"]) == ("slow", "slow")
    assert failed["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow"}
    assert failed["response"]["output"][0]["content"][0]["text"] == "half"
    (alone,) = frames(openai_responses.StreamWriter(ASKED).write(Failed(Failure("server", 500, "x", "y"))).decode())
    assert (alone["type"], alone["sequence_number"]) == ("error", 0)


def test_parts_that_were_never_closed_are_closed_at_the_end() -> None:
    writer = openai_responses.StreamWriter(ASKED)
    events: list[Event] = [Started("r", "m"), Opened(0, Text("")), TextDelta(0, "a"), Ended()]
    kinds = [event["type"] for event in frames(b"".join(map(writer.write, events)).decode())]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_searches_and_a_price_are_read_beside_the_tokens() -> None:
    usage = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8, "cost": 0.5}
    answer = {"output": [], "usage": usage, "tool_usage": {"web_search": {"num_requests": 2}}}
    response = openai_responses.decode_response(json.dumps(answer).encode())
    assert response.usage == Usage(input=5, output=3, searches=2)
    again = json.loads(openai_responses.encode_response(response, ASKED).body)
    assert again["usage"]["cost"] == 0.5
    events = read(CREATED, {**DONE, "response": {**DONE["response"], **answer}})  # type: ignore[dict-item]
    assert [event.usage for event in events if isinstance(event, Metered)] == [response.usage]


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        ({"input_tokens": 10, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 5}}, (10, 2, 5, 0)),
        (
            {
                "input_tokens": 4,
                "output_tokens": 3,
                "total_tokens": 12,
                "output_tokens_details": {"reasoning_tokens": 5},
            },
            (4, 3, 5, 0),
        ),
        ({"input_tokens": 10, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 12}}, (10, 1, 0, 12)),
        ({"input_tokens": 10, "output_tokens": 6, "output_tokens_details": {"reasoning_tokens": 5}}, (10, 1, 5, 0)),
        ({"input_tokens": -1, "output_tokens": 1}, None),
        ({"input_tokens": "many", "output_tokens": 1}, None),
        ({"input_tokens": 10**15, "output_tokens": 1}, None),
    ],
    ids=["more than all", "the total says so", "beside", "within", "negative", "no number", "enormous"],
)
def test_token_counts_are_disjoint_or_not_told(usage: dict[str, Any], found: tuple[int, ...] | None) -> None:
    raw = json.dumps({"output": [], "usage": usage}).encode()
    response = openai_responses.decode_response(raw)
    assert openai_responses.tap_response(raw).usage == response.usage
    if found is None:
        assert response.usage is None
        return
    assert response.usage is not None
    got = response.usage
    assert (got.input, got.output, got.reasoning, got.cache_read) == found


@pytest.mark.parametrize(
    ("answer", "reason", "raw"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "novel"}}, "other", "novel"),
        ({"status": "incomplete"}, "length", None),
        ({"status": "completed"}, "stop", None),
        ({}, "stop", None),
    ],
    ids=str,
)
def test_why_an_answer_ended(answer: dict[str, Any], reason: str, raw: str | None) -> None:
    response = openai_responses.decode_response(json.dumps({"output": [], **answer}).encode())
    finish = response.choices[0].finish
    assert finish is not None
    assert (finish.reason, finish.raw) == (reason, raw)
    again = json.loads(openai_responses.encode_response(response, ASKED).body)
    assert again["status"] == answer.get("status", "completed")
    if answer.get("incomplete_details"):
        assert again["incomplete_details"] == answer["incomplete_details"]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ({"type": "response.incomplete", "response": {}}, "length"),
        ({"type": "response.completed", "response": {}}, "stop"),
        ({"type": "response.completed", "response": {"status": None}}, "stop"),
    ],
    ids=["incomplete", "completed", "null"],
)
def test_the_name_of_the_last_event_says_what_its_answer_does_not(last: dict[str, Any], reason: str) -> None:
    finish = fold(read(CREATED, delta("a"), last)).choices[0].finish
    assert finish is not None
    assert finish.reason == reason


def test_a_last_event_may_say_that_the_answer_failed() -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "m"}}
    events = read(CREATED, delta("a"), {"type": "response.completed", "response": failed})
    assert isinstance(events[-1], Failed)


def test_an_answer_that_is_only_queued_has_not_ended() -> None:
    raw = b'{"id":"r","status":"queued","output":[]}'
    response = openai_responses.decode_response(raw)
    assert response.choices[0].finish is None
    assert json.loads(openai_responses.encode_response(response, ASKED).body)["status"] == "queued"
    assert openai_responses.tap_response(raw).complete


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"output":5}', b'{"output":[5]}', b'{"output":[{"type":5}]}'])
def test_what_is_no_response_is_malformed(raw: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        openai_responses.decode_response(raw)
