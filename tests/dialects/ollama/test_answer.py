"""Answers, whole and in lines: what servers send, and what clients get."""

import json
from typing import Any

import pytest

from keywright.core.dialect import Dialect
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
from keywright.core.json import Json
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
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects import ollama_chat, ollama_generate, openai_chat
from keywright.dialects.ollama.reading import PARTS_MAX
from tests.dialects.ollama.official import check_answer

ASKED = Request("m", (), stream=True)
AT = "2025-06-09T17:58:55.337823Z"
AT_S = 1749491935
DURATIONS = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 2, "eval_duration": 2}
DONE: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2, **DURATIONS}
BOTH = pytest.mark.parametrize("dialect", [ollama_chat, ollama_generate], ids=["chat", "generate"])


def line(message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    said = {"model": "m", "created_at": AT, "message": {"role": "assistant", "content": "", **(message or {})}}
    return json.dumps({**said, "done": False, **fields}).encode() + b"\n"


def events(*lines: bytes, dialect: Dialect = ollama_chat) -> list[Event]:
    reader = dialect.StreamReader()
    return [event for data in lines for event in reader.feed(data)] + reader.end()


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{**more, "function": {"name": name, "arguments": arguments}}]}


def lines_of(response: Response, dialect: Dialect = ollama_chat) -> list[dict[str, Any]]:
    writer = dialect.StreamWriter(ASKED)
    return [json.loads(each) for event in unfold(response) for each in writer.write(event).splitlines()]


def whole(response: Response, dialect: Dialect = ollama_chat) -> tuple[dict[str, Any], dict[str, str]]:
    encoded = dialect.encode_response(response, ASKED)
    body: dict[str, Any] = json.loads(encoded.body)
    check_answer("ChatResponse" if dialect is ollama_chat else "GenerateResponse", body)
    return body, {loss.path: loss.weight for loss in encoded.losses}


def test_thinking_text_pictures_and_parallel_calls_become_parts_in_their_order() -> None:
    got = fold(
        events(
            line({"thinking": "h"}), line({"thinking": "m"}), line({"content": "a"}), line({"content": "b"}),
            line(call("f", {"x": 1})), line(call("f", {"x": 2}, id="own")), line({"images": ["iVBORw0KGgo="]}),
            line({"content": "c"}, **DONE),
        )
    )  # fmt: skip
    prefix = "call_20250609175855337823"
    assert got.choices[0].parts == (
        Thinking("hm", origin="ollama_chat"), Text("ab"), ToolCall(f"{prefix}_0", "f", '{"x":1}'),
        ToolCall("own", "f", '{"x":2}'), Image(Base64Source("image/png", "iVBORw0KGgo=")), Text("c"),
    )  # fmt: skip
    assert (got.model, got.created_s, got.usage) == ("m", AT_S, Usage(3, 2))
    assert got.choices[0].finish == Finish("tool_calls")
    assert got.choices[0].extras == {"ollama_chat": DURATIONS}


def test_a_line_may_say_everything_at_once() -> None:
    body = line({"thinking": "h", "content": "a", **call("f", {})}, **DONE)
    response = ollama_chat.decode_response(body)
    assert [type(part) for part in response.choices[0].parts] == [Thinking, Text, ToolCall]
    assert fold(events(body)) == response


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("stop", Finish("stop")), ("length", Finish("length")), (None, Finish("stop")),
        ("load", Finish("other", raw="load", origin="ollama_chat")),
        ("custom", Finish("other", raw="custom", origin="ollama_chat")),
    ],
)  # fmt: skip
def test_a_reason_is_read_and_given_back(word: str | None, wanted: Finish) -> None:
    response = ollama_chat.decode_response(line(done=True, done_reason=word))
    assert response.choices[0].finish == wanted
    assert whole(response)[0]["done_reason"] == (word or "stop")
    assert lines_of(response)[-1]["done_reason"] == (word or "stop")


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("tool_calls", "stop", False), ("stop_sequence", "stop", False), ("context_window", "length", False),
        ("content_filter", "stop", True), ("refusal", "stop", True), ("pause", "stop", True), ("other", "stop", True),
    ],
)  # fmt: skip
def test_a_reason_that_ollama_has_no_word_for_is_reported(reason: FinishReason, word: str, lost: bool) -> None:
    body, losses = whole(Response("", "m", (Choice((), Finish(reason, raw="x", origin="y")),)))
    assert body["done_reason"] == word
    assert losses == ({"done_reason": "knob"} if lost else {})


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ({}, None), ({"eval_count": 4}, Usage(0, 4)), ({"prompt_eval_count": 3, "eval_count": 4}, Usage(3, 4)),
        ({"prompt_eval_count": -3, "eval_count": 4}, None), ({"prompt_eval_count": "x", "eval_count": 4}, None),
        ({"prompt_eval_count": True}, None), ({"eval_count": 10**13}, None), ({"eval_count": 1.5}, None),
    ],
)  # fmt: skip
def test_counts_that_make_no_sense_count_as_not_told(counts: dict[str, Any], wanted: Usage | None) -> None:
    body = line(done=True, **counts)
    assert ollama_chat.decode_response(body).usage == wanted
    assert ollama_chat.tap_response(body).usage == wanted


def test_all_units_are_told_to_a_client() -> None:
    body, losses = whole(Response("", "m", (Choice(()),), Usage(1, 2, reasoning=4, cache_read=8, cache_write_5m=16)))
    assert (body["prompt_eval_count"], body["eval_count"]) == (25, 6)
    assert not losses


def test_nobodys_durations_are_not_told_and_a_time_always_is() -> None:
    body, _ = whole(Response("", "m", (Choice((Text("a"),), Finish("stop")),), created_s=AT_S))
    assert body == {
        "model": "m", "created_at": "2025-06-09T17:58:55Z", "message": {"role": "assistant", "content": "a"},
        "done": True, "done_reason": "stop",
    }  # fmt: skip
    for created_s in (None, -5, 10**15):
        assert whole(Response("", "m", (), created_s=created_s))[0]["created_at"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("2025-06-09T17:58:55Z", AT_S), ("2025-06-09T19:58:55.5+02:00", AT_S), ("2025-06-09T17:58:55.123456789Z", AT_S),
        ("2025-06-09T17:58:55", AT_S), ("yesterday", None), (None, None),
    ],
)  # fmt: skip
def test_times_are_read(at: str | None, wanted: int | None) -> None:
    assert ollama_chat.decode_response(line(created_at=at, done=True)).created_s == wanted


def test_a_call_without_an_id_in_an_answer_without_a_time_has_one_all_the_same() -> None:
    body = json.dumps({"message": call("f", "text"), "done": True}).encode()
    assert ollama_chat.decode_response(body).choices[0].parts == (ToolCall("call_0", "f", "text"),)


def test_log_probabilities_go_both_ways_and_to_openais_clients() -> None:
    item: Json = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5}]}
    response = ollama_chat.decode_response(line({"content": "a"}, logprobs=[item], done=True))
    assert response.choices[0].logprobs == {"content": [item]}
    assert whole(response)[0]["logprobs"] == [item]
    chat = json.loads(openai_chat.encode_response(response, ASKED).body)
    assert chat["choices"][0]["logprobs"] == {"content": [item]}
    short = ollama_chat.decode_response(line(logprobs=[{"token": "b", "logprob": -1}], done=True))
    assert short.choices[0].logprobs == {"content": [{"token": "b", "logprob": -1, "bytes": None, "top_logprobs": []}]}
    assert whole(short)[0]["logprobs"] == [{"token": "b", "logprob": -1}]
    writer = ollama_chat.StreamWriter(ASKED)
    got = json.loads(writer.write(LogprobsDelta("openai_chat", {"content": [item]})))
    assert got["logprobs"] == [item]
    assert writer.write(LogprobsDelta("gemini", {"content": [item]})) == b""
    assert writer.write(LogprobsDelta("", "odd")) == b""


def test_generate_has_its_text_in_the_line_itself() -> None:
    response = ollama_generate.decode_response(
        json.dumps({"model": "m", "response": "a", "thinking": "h", "context": [1, 2], **DONE}).encode()
    )
    assert response.choices[0].parts == (Thinking("h", origin="ollama_generate"), Text("a"))
    assert response.choices[0].extras == {"ollama_generate": {"context": [1, 2], **DURATIONS}}
    body, losses = whole(response, ollama_generate)
    assert (body["response"], body["thinking"], body["total_duration"], body["context"]) == ("a", "h", 5, [1, 2])
    assert not losses
    drawn = ollama_generate.decode_response(b'{"model":"m","image":"/9j/4A==","done":true}')
    assert drawn.choices[0].parts == (Image(Base64Source("image/jpeg", "/9j/4A==")),)
    assert json.loads(ollama_generate.encode_response(drawn, ASKED).body)["image"] == "/9j/4A=="
    assert whole(Response("", "m", (Choice((ToolCall("c", "f", ""),)),)), ollama_generate)[1] == {
        "response.tool_calls": "meaning"
    }


def test_an_answer_from_generate_reaches_a_chat_client_with_its_durations() -> None:
    response = ollama_generate.decode_response(json.dumps({"model": "m", "response": "a", **DONE}).encode())
    body, losses = whole(response)
    assert (body["message"], body["eval_duration"]) == ({"role": "assistant", "content": "a"}, 2)
    assert not losses
    assert not openai_chat.encode_response(response, ASKED).losses


@pytest.mark.parametrize(
    ("part", "path", "weight"),
    [
        (Text("a", (Citation("x", {}),)), "message.citations", "knob"), (Refusal("no"), "message.refusal", "knob"),
        (Thinking("h", "sig", "x"), "message.thinking", "knob"),
        (RedactedThinking("AA", "x"), "message.thinking", "knob"),
        (ToolCall("c", "f", "{1"), "message.tool_calls", "knob"),
        (Image(UrlSource("u")), "message.images", "meaning"), (Audio(UrlSource("u")), "message", "meaning"),
        (Opaque("x", "k", {}), "message", "meaning"), (ServerToolCall("x", "i", "n", "", {}), "message", "meaning"),
    ],
)  # fmt: skip
def test_what_an_answer_cannot_hold_is_reported_whole_and_as_a_stream(part: Part, path: str, weight: str) -> None:
    response = Response("", "m", (Choice((part, part), Finish("stop")),))
    assert whole(response)[1] == {path: weight}
    writer = ollama_chat.StreamWriter(ASKED)
    for event in unfold(response):
        writer.write(event)
    assert [(loss.path, loss.weight) for loss in writer.losses] == [(path, weight)]


def test_one_answer_is_given_and_others_are_reported() -> None:
    response = Response("", "m", (Choice((Text("a"),)), Choice((Text("b"),), index=1)), extras={"x": {"y": 1}})
    body, losses = whole(response)
    assert (body["message"]["content"], losses) == ("a", {"choices": "meaning", "y": "knob"})
    writer = ollama_chat.StreamWriter(ASKED)
    said = b"".join(map(writer.write, unfold(response)))
    assert b'"b"' not in said
    assert [loss.path for loss in writer.losses] == ["y", "choices"]


def test_interleaved_calls_stay_apart() -> None:
    writer = ollama_chat.StreamWriter(ASKED)
    stream: list[Event] = [
        Started("r", "m", AT_S), Opened(0, ToolCall("a", "f", "")), Opened(1, ToolCall("b", "g", "")),
        ArgumentsDelta(0, '{"x"'), ArgumentsDelta(1, '{"y"'), ArgumentsDelta(0, ":1}"), ArgumentsDelta(1, ":2}"),
        Closed(1), Closed(0), Opened(2, ToolCall("c", "h", "")), Finished(Finish("tool_calls")), Ended(),
    ]  # fmt: skip
    lines = [json.loads(each) for event in stream for each in writer.write(event).splitlines()]
    assert [each["message"].get("tool_calls") for each in lines] == [
        [{"id": "b", "function": {"name": "g", "arguments": {"y": 2}}}],
        [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}],
        [{"id": "c", "function": {"name": "h", "arguments": {}}}],
        None,
    ]
    assert lines[-1]["done"]


def test_a_writer_bears_what_it_cannot_place() -> None:
    writer = ollama_chat.StreamWriter(ASKED)
    for event in (
        TextDelta(0, "a"), ArgumentsDelta(0, "a"), Closed(0), SignatureDelta(0, "s"),
        CitationDelta(0, Citation("x", {})), Aside("x", "ping"), TextDelta(0, "a", choice=1),
        Metered(Usage(), {"x": {"y": 1}}), Opened(1, Text("")),
    ):  # fmt: skip
        assert writer.write(event) == b""
    assert [loss.path for loss in writer.losses] == ["message.thinking", "message.citations", "y"]


def test_an_error_is_a_line_of_the_stream_both_ways() -> None:
    writer = ollama_chat.StreamWriter(ASKED)
    said = writer.write(Failed(Failure("overloaded", 503, "overloaded", "busy")))
    assert said == b'{"error":"busy","code":"overloaded"}\n'
    got = events(line({"content": "a"}), b'{"error":"server busy, please try again"}\n', line(**DONE))
    assert isinstance(got[-1], Failed)
    assert (got[-1].failure.kind, got[-1].failure.status) == ("overloaded", 503)
    with pytest.raises(ProviderError):
        ollama_chat.decode_response(b'{"error":"model not found, try pulling it first"}')


@pytest.mark.parametrize("lines", [[], [b"\n\n"], [line({"content": "a"})], [line({"content": "a"}), b'{"model'[:0]]])
def test_a_stream_that_stops_is_broken(lines: list[bytes]) -> None:
    with pytest.raises(UpstreamBrokeError):
        events(*lines)


@BOTH
@pytest.mark.parametrize(
    "data",
    [
        b"{\n", b"3\n", b"\xff\n", b"[]\n", b'{"message":3,"response":3}\n', b'{"done":"x"}\n', b'{"model":3}\n',
        b'{"message":{"content":3},"response":[]}\n', b'{"thinking":3,"message":{"thinking":3}}\n', b'{"model"',
    ],
)  # fmt: skip
def test_what_is_no_line_is_malformed(dialect: Dialect, data: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        events(data, dialect=dialect)


@pytest.mark.parametrize(
    "message", [{"tool_calls": 3}, {"tool_calls": [3]}, {"images": 3}, {"images": [3]}, call("f", {}, id=3)]
)
def test_what_is_no_message_is_malformed(message: dict[str, Any]) -> None:
    with pytest.raises(UpstreamMalformedError):
        ollama_chat.decode_response(line(message, done=True))


def test_a_whole_answer_that_is_not_done_is_malformed() -> None:
    with pytest.raises(UpstreamMalformedError, match="not done"):
        ollama_chat.decode_response(line({"content": "a"}))


def test_the_number_of_parts_is_limited() -> None:
    calls = {"tool_calls": [{"function": {"name": "f"}}] * (PARTS_MAX + 1)}
    with pytest.raises(UpstreamMalformedError, match="parts"):
        events(line(calls))
    with pytest.raises(UpstreamMalformedError, match="parts"):
        events(*[line({"content": "a"}), line({"thinking": "b"})] * (PARTS_MAX // 2 + 1))


def test_nothing_is_read_after_the_end() -> None:
    assert events(line({"content": "a"}, **DONE), b"garbage\n") == events(line({"content": "a"}, **DONE))


def test_a_field_of_a_message_that_nobody_modelled_goes_through() -> None:
    response = ollama_chat.decode_response(line({"content": "a", "mood": "good"}, done=True, remote_host="h"))
    encoded = json.loads(ollama_chat.encode_response(response, ASKED).body)
    assert (encoded["message"]["mood"], encoded["remote_host"]) == ("good", "h")
    assert lines_of(response)[-1]["message"]["mood"] == "good"
