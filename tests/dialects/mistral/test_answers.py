"""Answers, streams and errors that no recording shows: all of these are built."""

import json
from typing import Any

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
from keywright.core.failure import Failure, FailureKind
from keywright.core.fold import fold
from keywright.core.json import Extras, JsonObject
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
from keywright.dialects import mistral
from keywright.dialects.seal import is_seal

ASKED = Request("m", ())
REFERENCE: JsonObject = {"type": "reference", "reference_ids": [1]}
CITED = Citation("mistral", REFERENCE)
CHUNKED: Extras = {"mistral": {"chunk": {}}}


def answer(message: dict[str, Any], finish: str = "stop", **top: Any) -> Response:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return mistral.decode_response(json.dumps({"id": "r", "model": "m", "choices": [choice], **top}).encode())


def written(*parts: Part, finish: Finish | None = None, **more: Any) -> tuple[dict[str, Any], list[str]]:
    encoded = mistral.encode_response(Response("r", "m", (Choice(parts, finish),), **more), ASKED)
    return json.loads(encoded.body), [loss.path for loss in encoded.losses]


def read(*chunks: bytes) -> list[Event]:
    reader = mistral.StreamReader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.end()


def frame(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **top: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return frame({"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **top})


def stream(*events: Event) -> tuple[list[dict[str, Any]], list[str]]:
    writer = mistral.StreamWriter(ASKED)
    said = b"".join(map(writer.write, (Started("r", "m", 1), *events))).decode()
    lines = [line[6:] for line in said.split("\n\n") if line and line != "data: [DONE]"]
    return list(map(json.loads, lines)), [loss.path for loss in writer.losses]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("model_length", "context_window"),
        ("tool_calls", "tool_calls"),
        ("error", "error"),
        ("odd", "other"),
    ],
)
def test_a_reason_is_understood_and_said_again(word: str, reason: FinishReason) -> None:
    response = answer({"content": "x"}, word)
    finish = response.choices[0].finish
    assert finish is not None
    assert finish.reason == reason
    assert written(finish=finish) == (written(finish=Finish("stop"))[0] | {"choices": [said_choice(word)]}, [])


def said_choice(word: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "", "tool_calls": None}
    return {"index": 0, "message": message, "finish_reason": word}


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("stop_sequence", "stop", False),
        ("context_window", "model_length", False),
        ("error", "error", False),
        ("content_filter", "stop", True),
        ("refusal", "stop", True),
        ("pause", "stop", True),
        ("other", "stop", True),
    ],
)
def test_another_providers_reason_has_an_image(reason: FinishReason, word: str, *, lost: bool) -> None:
    body, losses = written(finish=Finish(reason))
    assert body["choices"][0]["finish_reason"] == word
    assert losses == (["choices[0].finish_reason"] if lost else [])


def test_thoughts_texts_and_references_keep_their_order() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
        REFERENCE,
        {"type": "thinking", "thinking": [{"type": "text", "text": "oh"}]},
        {"type": "text", "text": "b"},
    ]
    parts = answer({"content": content}).choices[0].parts
    hm, oh = (Thinking(text, None, "mistral", CHUNKED) for text in ("hm", "oh"))
    assert parts == (hm, Text("a"), Text("", (CITED,)), oh, Text("b"))
    body, losses = written(*parts)
    assert body["choices"][0]["message"]["content"] == content
    assert not losses
    pieces = [chunk({"content": [item]}) for item in content]
    assert fold(read(*pieces, chunk({"content": ""}, "stop"))).choices[0].parts == parts


def test_what_an_answer_cannot_hold_is_reported() -> None:
    body, losses = written(
        RedactedThinking("d", "anthropic"),
        Refusal("no"),
        Text("x", (Citation("openai_chat", {}), CITED)),
        Audio(Base64Source("audio/wav", "AA==")),
        ServerToolCall("anthropic", "i", "web_search", "{}", {}),
        Opaque("anthropic", "k", {}),
        Image(UrlSource("u")),
        Opaque("mistral", "k", {"type": "k"}),
    )
    path = "choices[0].message"
    assert losses == [path, path, f"{path}.citations", path, path, path]
    assert body["choices"][0]["message"]["content"] == [
        {"type": "text", "text": "no"},
        {"type": "text", "text": "x"},
        REFERENCE,
        {"type": "image_url", "image_url": "u"},
        {"type": "k"},
    ]


def test_fields_that_nobody_modelled_come_through_and_foreign_ones_are_told() -> None:
    response = answer({"content": "x", "y": 1}, z=2, usage={"prompt_tokens": 1, "prompt_audio_seconds": 4})
    encoded = mistral.encode_response(response, ASKED)
    body = json.loads(encoded.body)
    assert (body["choices"][0]["message"]["y"], body["z"], body["usage"]["prompt_audio_seconds"]) == (1, 2, 4)
    assert not encoded.losses
    extras: Extras = {"openai_chat": {"system_fingerprint": "f", "citations": ["u"]}}
    assert written(extras=extras)[1] == ["citations"]


def test_usage_is_counted_as_mistral_counts() -> None:
    usage = {
        "prompt_audio_seconds": 4,
        "prompt_tokens": 9,
        "completion_tokens": 201,
        "total_tokens": 585,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
    }
    response = answer({"content": "x"}, usage=usage)
    assert response.usage == Usage(9, 201, audio_input=375)
    assert json.loads(mistral.encode_response(response, ASKED).body)["usage"] == usage
    body, _ = written(usage=Usage(5, 3, reasoning=2, cache_read=4, cache_write_5m=1))
    assert body["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    }


def test_an_error_with_the_status_of_a_success_is_an_error() -> None:
    with pytest.raises(ProviderError) as caught:
        mistral.decode_response(b'{"object":"error","message":"Rate limit exceeded","type":"rate_limit_error"}')
    assert (caught.value.failure.kind, caught.value.failure.origin) == ("rate_limited", "mistral")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"message":{"content":3}}]}'])
def test_what_is_no_completion_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        mistral.decode_response(body)


@pytest.mark.parametrize(
    ("status", "body", "kind", "param"),
    [
        (401, {"detail": "Unauthorized"}, "authentication", None),
        (
            400,
            {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"},
            "not_found",
            None,
        ),
        (
            429,
            {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited"},
            "rate_limited",
            None,
        ),
        (
            429,
            {"message": "Service tier capacity exceeded", "type": "service_tier_capacity_exceeded"},
            "overloaded",
            None,
        ),
        (
            400,
            {
                "object": "error",
                "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context",
            },
            "context_too_long",
            None,
        ),
        (
            422,
            {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "type": "missing"}]},
            "invalid_request",
            "messages.0.role",
        ),
        (
            422,
            {"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs"}, 3]}},
            "invalid_request",
            "x",
        ),
        (500, {"object": "error", "message": "Service unavailable.", "type": "internal_server_error"}, "server", None),
        (503, "no healthy upstream", "overloaded", None),
        (529, None, "overloaded", None),
        (504, [], "timeout", None),
        (413, {"message": None}, "too_large", None),
    ],
)
def test_an_error_is_understood(status: int, body: Any, kind: FailureKind, param: str | None) -> None:
    failure = mistral.decode_error(status, json.dumps(body).encode())
    assert (failure.kind, failure.status, failure.param, failure.origin) == (kind, status, param, "mistral")
    assert json.loads(mistral.encode_error(failure, "r"))["message"] == failure.message


def test_an_error_that_is_no_json_is_understood_by_its_status() -> None:
    assert mistral.decode_error(502, b"<html>").kind == "server"


def test_a_list_of_complaints_is_said_in_words() -> None:
    detail = [{"loc": ["body", "tools", 0], "msg": "bad"}, {"msg": "worse"}]
    assert mistral.decode_error(422, json.dumps({"detail": detail}).encode()).message == "tools.0: bad; worse"


def test_our_own_errors_have_mistrals_form() -> None:
    failure = Failure("quota", 402, "budget_exceeded", "no more", param="x")
    assert json.loads(mistral.encode_error(failure, "r")) == {
        "object": "error",
        "message": "no more",
        "type": "rate_limited",
        "param": "x",
        "code": "budget_exceeded",
    }


def test_an_error_in_a_stream_fails_it() -> None:
    error = {"object": "error", "message": "Service unavailable.", "type": "internal_server_error", "code": "1000"}
    events = read(chunk({"content": "a"}), frame(error))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.origin) == ("server", "mistral")


def test_a_stream_that_ends_early_is_broken_and_garbage_is_malformed() -> None:
    with pytest.raises(UpstreamBrokeError):
        read(chunk({"content": "a"}))
    with pytest.raises(UpstreamMalformedError):
        read(b"data: {\n\n")


def test_padding_is_not_taken_for_a_field() -> None:
    events = read(chunk({"content": "a"}, p="x"), chunk({"content": "b"}, "stop", p="yz"), b"data: [DONE]\n\n")
    assert not [event for event in events if isinstance(event, Aside)]


def test_a_stream_is_written_as_mistral_does() -> None:
    chunks, losses = stream(
        Opened(0, Thinking("", origin="anthropic")),
        TextDelta(0, "hm"),
        SignatureDelta(0, "s"),
        Closed(0),
        Opened(1, Text("")),
        TextDelta(1, "so"),
        CitationDelta(1, CITED),
        CitationDelta(1, Citation("anthropic", {})),
        Closed(1),
        Opened(2, ToolCall("toolu_1", "f", '{"a"')),
        Opened(3, ToolCall("toolu_2", "g", "{}")),
        ArgumentsDelta(2, ":"),
        ArgumentsDelta(2, "1}"),
        Closed(3),
        Closed(2),
        LogprobsDelta("openai_chat", {}),
        Finished(Finish("tool_calls")),
        Metered(Usage(5, 3)),
        Ended(),
    )
    deltas = [item["choices"][0]["delta"] for item in chunks]
    (sealing,) = deltas.pop(2)["content"]
    assert (sealing["thinking"], is_seal(sealing["signature"])) == ([], True)
    assert deltas[:4] == [
        {"role": "assistant", "content": ""},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        {"content": "so"},
        {"content": [REFERENCE]},
    ]
    calls = [delta["tool_calls"][0] for delta in deltas[4:6]]
    assert [(call["index"], call["id"], call["function"]["arguments"]) for call in calls] == [
        (0, "toolu_2", "{}"),
        (1, "toolu_1", '{"a":1}'),
    ]
    assert chunks[-1]["choices"] == [{"index": 0, "delta": {"content": ""}, "finish_reason": "tool_calls"}]
    assert chunks[-1]["usage"]["total_tokens"] == 8
    assert all("usage" not in item for item in chunks[:-1])
    path = "choices[0].message"
    assert losses == [f"{path}.citations", "choices[0].logprobs"]


def test_each_choice_of_a_stream_has_its_own_end_and_the_last_says_the_usage() -> None:
    chunks, _ = stream(
        *(event for choice in (0, 1) for event in (Opened(0, Text(f"{choice}"), choice), Closed(0, choice))),
        Finished(Finish("stop"), 0),
        Finished(Finish("length"), 1),
        Ended(),
    )
    ends = [item for item in chunks if item["choices"][0]["finish_reason"]]
    assert [(item["choices"][0]["index"], item["choices"][0]["finish_reason"]) for item in ends] == [
        (0, "stop"),
        (1, "length"),
    ]
    assert ["usage" in item for item in ends] == [False, True]


def test_a_refusal_a_picture_and_a_failure_in_a_stream() -> None:
    failure = Failure("overloaded", 503, "overloaded", "try later")
    chunks, losses = stream(
        Opened(0, Refusal("")),
        TextDelta(0, "no"),
        Closed(0),
        Opened(1, Image(UrlSource("u"))),
        Closed(1),
        Opened(2, RedactedThinking("d", "anthropic")),
        TextDelta(9, "of a part that was never opened"),
        Failed(failure),
    )
    deltas = [item["choices"][0]["delta"] for item in chunks[:-1]]
    assert deltas[1:] == [{"content": "no"}, {"content": [{"type": "image_url", "image_url": "u"}]}]
    assert (chunks[-1]["object"], chunks[-1]["type"]) == ("error", "service_unavailable")
    assert chunks[-1]["error"]["message"] == "try later", "where OpenAI's SDK looks"
    assert losses == ["choices[0].message"], "one path is told once"


def test_fields_of_a_stream_that_nobody_modelled_come_through() -> None:
    events = read(chunk({"content": "a"}, x=1), chunk({"content": "b"}, "stop", y=2, usage={"prompt_tokens": 1}))
    writer = mistral.StreamWriter(ASKED)
    said = b"".join(map(writer.write, events))
    assert b'"x":1' in said
    assert b'"y":2' in said
