"""Streams: what servers that differ from OpenAI send, and what clients get."""

import json
from typing import Any

import jsonschema
import pytest

from keywright.core.errors import ProviderError, UpstreamBrokeError, UpstreamMalformedError
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
from keywright.core.fold import fold, unfold
from keywright.core.json import Extras, JsonObject
from keywright.core.message import (
    Citation,
    Image,
    Opaque,
    Part,
    RedactedThinking,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
    UrlSource,
)
from keywright.core.request import Request, Tool
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import openai_chat
from keywright.dialects.seal import sealed
from tests.conftest import shared_dir

DONE = b"data: [DONE]\n\n"
ASKED = Request("m", (), stream=True, stream_usage=True)
STOP = {"index": 0, "delta": {}, "finish_reason": "stop"}


def frame(value: Any, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(value)}\n\n".encode()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **top: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return frame({"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **top})


def events(*frames: bytes) -> list[Event]:
    reader = openai_chat.StreamReader()
    return [event for data in frames for event in reader.feed(data)] + reader.end()


def parts(*deltas: dict[str, Any]) -> tuple[Part, ...]:
    return fold(events(*(chunk(delta) for delta in deltas), chunk({}, "stop"), DONE)).choices[0].parts


def call(index: int | None, id_: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    fields = {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{key: value for key, value in fields.items() if value is not None}]}


def test_parallel_calls_interleave() -> None:
    got = parts(
        call(0, "a", "f", ""), call(1, "b", "g", ""), call(0, None, None, "{1"), call(1, None, None, "{2"),
        call(0, None, None, "}"), call(1, None, None, "}"),
    )  # fmt: skip
    assert got == (ToolCall("a", "f", "{1}"), ToolCall("b", "g", "{2}"))


@pytest.mark.parametrize(
    "deltas",
    [
        [call(None, "a", "f", "{1}"), call(None, "b", "g", "{2}")],
        [call(0, "a", "f", "{1}"), call(0, "b", "g", "{2}")],
        [call(None, "a", "f", "{1"), call(None, None, None, "}"), call(None, "b", "g", "{2}")],
        [{"tool_calls": [*call(0, "a", "f", "{1}")["tool_calls"], *call(1, "b", "g", "{2}")["tool_calls"]]}],
        [{"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{1}"}}]}, call(7, "b", "g", "{2}")],
    ],
)
def test_calls_are_told_apart_without_an_index(deltas: list[dict[str, Any]]) -> None:
    assert parts(*deltas) == (ToolCall("a", "f", "{1}"), ToolCall("b", "g", "{2}"))


def test_a_call_without_an_id_gets_one_and_arguments_may_be_an_object() -> None:
    got = parts({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]})
    assert got == (ToolCall("call_r_0_0", "f", '{"a":1}'),)


def test_free_text_calls_and_the_deprecated_call_are_read() -> None:
    custom = {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "select"}}]}
    assert parts(custom) == (ToolCall("a", "sql", "select", custom=True),)
    (only,) = parts({"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": "{}"}})
    assert isinstance(only, ToolCall)
    assert (only.name, only.arguments) == ("f", "{}")


def test_thinking_text_and_calls_become_parts_in_their_order() -> None:
    got = parts(
        {"role": "assistant", "content": ""}, {"reasoning_content": "h"}, {"reasoning_content": "m", "content": None},
        {"content": "a"}, {"content": "b"}, call(0, "x", "f", "{}"), {"content": "c"},
    )  # fmt: skip
    assert got == (
        Thinking("hm", origin="openai_chat"), Text("ab"), ToolCall("x", "f", "{}"), Text("c"),
    )  # fmt: skip


def test_reasoning_details_are_pieced_together_by_their_index() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        plain = {"reasoning": fields["text"]} if "text" in fields else {}
        return {"reasoning_details": [{"type": "reasoning.text", "format": "f", "index": 0, **fields}], **plain}

    got = parts(
        detail(text="h"), detail(text="m"), detail(signature="sig"),
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "AA", "index": 1}]}, {"content": "a"},
    )  # fmt: skip
    extras: Extras = {"openai_chat": {"detail": {"format": "f", "index": 0}, "field": "reasoning"}}
    assert got == (
        Thinking("hm", "sig", "openai_chat", extras),
        RedactedThinking("AA", "openai_chat", {"openai_chat": {"detail": {"index": 1}}}),
        Text("a"),
    )


def test_citations_images_audio_refusals_and_lists_are_read() -> None:
    note: JsonObject = {
        "type": "url_citation",
        "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1},
    }
    picture = {"type": "image_url", "image_url": {"url": "https://x"}}
    got = parts(
        {"content": [{"type": "text", "text": "a"}, {"type": "odd"}]}, {"content": "b", "annotations": [note]},
        {"refusal": "no"}, {"images": [picture]}, {"audio": {"id": "i", "data": "AA"}}, {"audio": {"data": "BB"}},
    )  # fmt: skip
    cited = Text("b", (Citation("openai_chat", note, "u", "t", None, 0, 1),))
    assert got[0] == Text("a")
    assert got[1] == Opaque("openai_chat", "odd", {"type": "odd"})
    assert got[2] == cited
    assert got[4:] == (
        Image(UrlSource("https://x")),
        Opaque("openai_chat", "audio", {"id": "i", "data": "AABB"}),
    )


@pytest.mark.parametrize(
    "ending",
    [
        [chunk({}, "stop"), DONE],
        [chunk({}, "stop")],
        [chunk({}, "stop"), b"data: [DONE]"],
        [frame({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}), b": bye\n\n", DONE],
        [chunk({}, "stop"), chunk({"content": ""}, "stop"), b"data:\n\n", DONE, chunk({"content": "late"})],
    ],
)
def test_every_way_to_end_is_an_end(ending: list[bytes]) -> None:
    response = fold(events(b": hello\n\n", chunk({"content": "a"}), *ending))
    assert response.choices == (Choice((Text("a"),), Finish("stop")),)


def test_a_stream_that_says_done_without_a_reason_is_complete() -> None:
    got = events(chunk({"content": "a"}), DONE)
    assert isinstance(got[-1], Ended)
    assert fold(got).choices == (Choice((Text("a"),)),)


@pytest.mark.parametrize(
    "frames", [[], [b": ping\n\n"], [chunk({"content": "a"})], [chunk({"content": "a"}), b"data: {"]]
)
def test_a_stream_that_stops_is_broken(frames: list[bytes]) -> None:
    with pytest.raises((UpstreamBrokeError, UpstreamMalformedError)):
        events(*frames)


@pytest.mark.parametrize(
    "data",
    [
        b"data: {\n\n", b"data: 3\n\n", b"data: \xff\n\n", DONE, frame({"choices": 3}), frame({"choices": [3]}),
        chunk({"tool_calls": 3}), chunk({"tool_calls": [3]}), chunk({"reasoning_details": 3}), chunk({"content": 3}),
        frame({"choices": [{"index": 10**6, "delta": {}}]}), frame({"choices": [{"index": -1, "delta": {}}]}),
    ],
)  # fmt: skip
def test_what_is_no_chunk_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        events(data)


def test_the_number_of_parts_is_limited() -> None:
    alternating = [chunk(delta) for delta in ({"content": "a"}, {"reasoning_content": "b"})] * 2100
    with pytest.raises(UpstreamMalformedError, match="4096 parts"):
        events(*alternating)


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (frame({"error": {"message": "slow down", "code": 429}}), "rate_limited", 429),
        (frame({"error": {"type": "server_error", "message": "x"}, "choices": []}), "server", 500),
        (frame({"message": "x", "type": "overloaded_error"}, "error"), "overloaded", 503),
        (b"event: error\ndata: gone\n\n", "server", 500),
    ],
)
def test_an_error_in_the_stream_ends_it(data: bytes, kind: str, status: int) -> None:
    got = events(chunk({"content": "a"}), data, chunk({"content": "b"}))
    last = got[-1]
    assert isinstance(last, Failed)
    assert (last.failure.kind, last.failure.status) == (kind, status)
    with pytest.raises(ProviderError):
        fold(got)


def test_usage_may_grow_with_every_chunk_and_the_last_counts() -> None:
    got = events(
        chunk({"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}),
        chunk({}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.1}),
        DONE,
    )
    assert [event.usage for event in got if isinstance(event, Metered)] == [Usage(3, 1), Usage(3, 2)]
    assert fold(got).extras["openai_chat"] == {"usage": {"cost": 0.1}}


def test_unknown_fields_are_kept_where_they_stood() -> None:
    got = events(
        frame({"id": "", "model": "", "choices": [], "prompt_filter_results": [1]}),
        chunk({"content": "a", "odd": 1}, service_tier="default"),
        frame({"id": "r", "choices": [{**STOP, "seed": 5}], "timings": {"x": 1}, "service_tier": "default"}),
        DONE,
    )
    assert got[0] == Started("r", "m", 1, {"openai_chat": {"prompt_filter_results": [1], "service_tier": "default"}})
    response = fold(got)
    assert response.choices[0].extras == {"openai_chat": {"seed": 5, "message": {"odd": 1}}}
    assert Aside("openai_chat", "fields", {"timings": {"x": 1}}) in got


def written(response_events: list[Event], request: Request = ASKED) -> tuple[list[dict[str, Any]], bytes, list[str]]:
    writer = openai_chat.StreamWriter(request)
    stream = b"".join(writer.write(event) for event in response_events)
    lines = [line[6:] for line in stream.decode().split("\n\n") if line]
    return (
        [json.loads(line) for line in lines if line != "[DONE]"],
        stream,
        [loss.path for loss in writer.losses],
    )


RICH = Response(
    "r",
    "m",
    (
        Choice(
            (
                Thinking("hm", "sig", "anthropic"),
                RedactedThinking("AA", "anthropic"),
                Text("a", (Citation("x", {}, "https://x", "t"),)),
                ToolCall("c", "f", "{}"),
            ),
            Finish("tool_calls"),
            logprobs={"content": [], "refusal": None},
            extras={"openai_chat": {"seed": 5, "message": {"odd": 1}}},
        ),
        Choice((Text("b"),), Finish("length"), 1),
    ),
    Usage(3, 4, 5),
    9,
    {"openai_chat": {"service_tier": "default"}},
)


def test_chunks_and_answers_are_what_openai_publishes() -> None:
    file = shared_dir("specs") / "openai" / "sdk-types.schema.json"
    chunks, stream, losses = written(list(unfold(RICH)))
    assert stream.endswith(DONE)
    assert not losses
    types = json.loads(file.read_text())
    for name, values in (
        ("ChatCompletionChunk", chunks),
        ("ChatCompletion", [json.loads(openai_chat.encode_response(RICH, ASKED).body)]),
    ):
        validator = jsonschema.Draft202012Validator(types[name])
        for value in values:
            assert not list(validator.iter_errors(value))


def test_usage_is_sent_only_to_a_client_that_asked() -> None:
    chunks, _, _ = written(list(unfold(RICH)))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    assert all(each["usage"] is None for each in chunks[:-1])
    silent, _, _ = written(list(unfold(RICH)), Request("m", (), stream=True))
    assert all("usage" not in each for each in silent)
    assert len(silent) == len(chunks) - 1


def test_each_choice_begins_with_its_role() -> None:
    chunks, _, _ = written(list(unfold(RICH)))
    for index in (0, 1):
        first = next(each for each in chunks if each["choices"] and each["choices"][0]["index"] == index)
        assert first["choices"][0]["delta"]["role"] == "assistant"


def test_a_client_of_functions_gets_one_function_call() -> None:
    request = openai_chat.decode_request(
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"functions":[{"name":"f"}]}'
    )
    assert isinstance(request.tools[0], Tool)
    response = Response("r", "m", (Choice((ToolCall("c", "f", "{}"),), Finish("tool_calls")),))
    chunks, stream, _ = written(list(unfold(response)), request)
    assert b"tool_calls" not in stream
    assert chunks[-1]["choices"][0]["finish_reason"] == "function_call"
    (again,) = fold(events(stream)).choices[0].parts
    assert isinstance(again, ToolCall)
    assert again.arguments == "{}"
    body = json.loads(openai_chat.encode_response(response, request).body)
    assert body["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert body["choices"][0]["finish_reason"] == "function_call"


def test_a_client_of_functions_is_told_what_it_does_not_get() -> None:
    request = Request("m", (), tools=(Tool("f", extras={"openai_chat": {"legacy": True}}),))
    two = (ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}"), ToolCall("e", "f", "{}"))
    response = Response("r", "m", (Choice(two, Finish("tool_calls")),))
    path = "choices[0].message.function_call"
    assert written(list(unfold(response)), request)[2] == [path]
    assert [loss.path for loss in openai_chat.encode_response(response, request).losses] == [path]


def test_a_free_text_call_is_streamed_as_one() -> None:
    response = Response("r", "m", (Choice((ToolCall("d", "sql", "select 1", custom=True),), Finish("tool_calls")),))
    chunks, stream, _ = written(list(unfold(response)))
    assert chunks[1]["choices"][0]["delta"]["tool_calls"][0]["custom"] == {"name": "sql", "input": "select 1"}
    assert fold(events(stream)).choices == response.choices


def test_arguments_that_come_in_pieces_reach_every_kind_of_client() -> None:
    pieces: list[Event] = [
        Started("r", "m"),
        Opened(0, ToolCall("c", "f", "")),
        Opened(1, ToolCall("d", "sql", "", custom=True)),
        ArgumentsDelta(0, "{}"),
        ArgumentsDelta(1, "select"),
        ArgumentsDelta(9, "of no call"),
        Finished(Finish("tool_calls")),
    ]
    _, stream, _ = written(pieces)
    assert fold(events(stream)).choices[0].parts == (
        ToolCall("c", "f", "{}"),
        ToolCall("d", "sql", "select", custom=True),
    )
    functions = Request("m", (), tools=(Tool("f", extras={"openai_chat": {"legacy": True}}),))
    chunks, stream, _ = written(pieces, functions)
    deltas = [each["choices"][0]["delta"] for each in chunks]
    assert [delta["function_call"] for delta in deltas if "function_call" in delta] == [
        {"name": "f", "arguments": ""},
        {"arguments": "{}"},
    ]


def test_fields_that_came_late_stand_beside_the_usage() -> None:
    late = Aside("openai_chat", "fields", {"timings": 1})
    chunks, _, _ = written([Started("r", "m"), late, Metered(Usage(1)), Aside("x", "ping"), Ended()])
    assert chunks[-1]["timings"] == 1


def test_what_has_no_place_in_an_answer_is_reported() -> None:
    lost = Response(
        "r", "m", (Choice((ServerToolCall("anthropic", "s", "web_search", "{}", {}), Text("a")), Finish("pause")),)
    )  # fmt: skip
    chunks, _, losses = written([*unfold(lost)])
    assert losses == ["choices[0].message", "choices[0].finish_reason"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert [loss.path for loss in openai_chat.encode_response(lost, ASKED).losses] == losses
    cited: list[Event] = [Started("r", "m"), Opened(0, Text("")), CitationDelta(0, Citation("x", {})), Ended()]
    assert written(cited)[2] == ["choices[0].message.annotations"]


def test_a_failure_is_the_dialects_error_event() -> None:
    failure = Failure("overloaded", 503, "overloaded", "try later")
    chunks, stream, _ = written([Started("r", "m"), Opened(0, Text("")), TextDelta(0, "a"), Failed(failure)])
    assert chunks[-1] == {
        "error": {"message": "try later", "type": "server_error", "param": None, "code": "overloaded"}
    }
    assert DONE not in stream


def test_probabilities_go_through_and_those_of_another_dialect_do_not() -> None:
    body: JsonObject = {"content": [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]}
    said: list[Event] = [
        Started("r", "m"),
        Opened(0, Text("")),
        LogprobsDelta("openai_chat", body),
        LogprobsDelta("gemini", body),
    ]
    chunks, stream, _ = written([*said, Finished(Finish("stop"))])
    assert [each["choices"][0]["logprobs"] for each in chunks].count(body) == 1
    assert fold(events(stream)).choices[0].logprobs == body


def test_a_signature_after_the_thought_reaches_the_client() -> None:
    said: list[Event] = [
        Started("r", "m"),
        Opened(0, Thinking("", origin="anthropic")),
        TextDelta(0, "hm"),
        SignatureDelta(0, "s"),
        Closed(0),
    ]
    chunks, _, _ = written([*said, Finished(Finish("stop"))])
    deltas = [each["choices"][0]["delta"] for each in chunks]
    assert [delta.get("reasoning_content") for delta in deltas if delta.get("reasoning_content")] == ["hm"]
    items = [item for delta in deltas for item in delta.get("reasoning_details", ())]
    (thought,) = sealed((Thinking("hm", "s", "anthropic"),), "openai_chat")
    assert isinstance(thought, Thinking)
    assert items[-1]["signature"] == thought.signature
    assert [item.get("origin") for item in items] == ["openai_chat", None]  # clients join strings: said once


def test_citations_come_together_before_the_finish_or_the_end() -> None:
    cited = [Citation("openai_chat", {"type": "url_citation", "n": number}) for number in range(3)]
    events: list[Event] = [
        Started("r", "m"),
        Opened(0, Text("", tuple(cited[:1]))),
        TextDelta(0, "a"),
        CitationDelta(0, cited[1]),
        Finished(Finish("stop")),
        CitationDelta(0, cited[2]),
        Ended(),
    ]
    deltas = [piece["choices"][0]["delta"] for piece in written(events)[0] if piece["choices"]]
    assert deltas[1:] == [
        {"content": "a"},
        {"annotations": [cited[0].body, cited[1].body]},
        {},
        {"annotations": [cited[2].body]},
    ]


def thinks(*texts: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts], **more}


def test_thoughts_among_the_content_flow_as_thinking() -> None:
    body = (
        chunk({"role": "assistant", "content": ""})
        + chunk({"content": [thinks("I ")]})
        + chunk({"content": [thinks("think"), thinks(signature="s", closed=True)]})
        + chunk({"content": [{"type": "text", "text": "so"}]})
        + chunk({"content": "."}, "stop")
        + DONE
    )
    reader = openai_chat.StreamReader()
    events = reader.feed(body) + reader.end()
    chunked: Extras = {"openai_chat": {"chunk": {}}}
    assert fold(events).choices[0].parts == (Thinking("I think", "s", "openai_chat", chunked), Text("so."))


def test_a_frame_that_is_itself_an_error_fails_the_answer() -> None:
    reader = openai_chat.StreamReader()
    error = {"object": "error", "message": "Rate limit exceeded", "type": "rate_limit_error", "code": None}
    events = reader.feed(chunk({"content": "a"}) + frame(error))
    assert isinstance(events[-1], Failed)
    assert events[-1].failure.kind == "rate_limited"
