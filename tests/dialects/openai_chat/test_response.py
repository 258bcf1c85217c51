"""Whole answers: what no recording and no law shows."""

import json
from typing import Any

import pytest

from keywright.core.ability import ABLE
from keywright.core.errors import ProviderError, UpstreamMalformedError
from keywright.core.message import (
    Citation,
    Document,
    Image,
    Opaque,
    PlainSource,
    Text,
    Thinking,
    ToolCall,
    Turn,
    UrlSource,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.dialects import openai_chat

ASKED = Request("m", ())


def answer(message: dict[str, Any], finish: str | None = "stop", **top: Any) -> Response:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return openai_chat.decode_response(json.dumps({"id": "r", "model": "m", "choices": [choice], **top}).encode())


def written(response: Response) -> tuple[dict[str, Any], list[str]]:
    encoded = openai_chat.encode_response(response, ASKED)
    return json.loads(encoded.body), [loss.path for loss in encoded.losses]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[3]}',
        b'{"choices":[{"message":{"content":3}}]}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_what_is_no_completion_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        openai_chat.decode_response(body)


def test_an_error_with_the_status_of_a_success_is_an_error() -> None:
    with pytest.raises(ProviderError) as caught:
        openai_chat.decode_response(b'{"error":{"message":"slow","code":429}}')
    assert (caught.value.failure.kind, caught.value.failure.status) == ("rate_limited", 429)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"), ("length", "length"), ("tool_calls", "tool_calls"), ("function_call", "tool_calls"),
        ("content_filter", "content_filter"), ("eos", "stop"), ("max_tokens", "length"), ("error", "error"),
        ("model_length", "context_window"), ("unheard_of", "other"),
    ],
)  # fmt: skip
def test_every_word_for_the_end_is_understood(word: str, reason: FinishReason) -> None:
    finish = answer({"content": "a"}, word).choices[0].finish
    assert finish is not None
    assert finish.reason == reason
    assert finish.raw in (None, word)
    assert answer({"content": "a"}, "").choices[0].finish is None


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("stop_sequence", "stop", False), ("refusal", "content_filter", False), ("context_window", "length", False),
        ("pause", "stop", True), ("error", "stop", True), ("other", "stop", True),
    ],
)  # fmt: skip
def test_reasons_that_openai_has_no_word_for_have_an_image(reason: FinishReason, word: str, lost: bool) -> None:
    body, losses = written(Response("r", "m", (Choice((Text("a"),), Finish(reason)),)))
    assert body["choices"][0]["finish_reason"] == word
    assert losses == (["choices[0].finish_reason"] if lost else [])


def test_unknown_fields_go_through() -> None:
    message = {"role": "assistant", "content": "a", "refusal": None, "odd": 1}
    top: dict[str, Any] = {
        "service_tier": "default",
        "citations": ["u"],
        "usage": {"prompt_tokens": 1, "total_tokens": 1, "cost": 2},
    }
    body, losses = written(answer(message, **top))
    assert not losses
    assert body["choices"][0]["message"] == message
    assert (body["service_tier"], body["citations"], body["usage"]["cost"]) == ("default", ["u"], 2)


def test_contradicting_usage_counts_as_none_and_is_kept() -> None:
    usage = {"prompt_tokens": -1}
    response = answer({"content": "a"}, usage=usage)
    assert response.usage is None
    assert response.extras == {"openai_chat": {"usage": usage}}


def test_pictures_audio_and_free_text_calls_survive() -> None:
    parts = (
        Text("a"),
        Image(UrlSource("https://x")),
        Image(UrlSource("https://y")),
        Opaque("openai_chat", "audio", {"id": "i", "data": "AA"}),
        ToolCall("c", "sql", "select", custom=True),
    )
    response = Response("r", "m", (Choice(parts, Finish("tool_calls")),))
    body, losses = written(response)
    assert not losses
    assert openai_chat.decode_response(json.dumps(body).encode()) == response


def test_a_call_without_id_or_with_an_object_as_arguments_is_understood() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "x", "function": {"name": "g"}}]
    first, second = answer({"content": None, "tool_calls": calls}).choices[0].parts
    assert first == ToolCall("call_r_0_0", "f", '{"a":1}')
    assert second == ToolCall("x", "g", "")


def test_what_has_no_place_is_reported() -> None:
    parts = (Text("a", (Citation("x", {}),)), Document(PlainSource("d")), Opaque("gemini", "code", {}))
    body, losses = written(Response("r", "m", (Choice(parts, Finish("stop")),)))
    assert losses == ["choices[0].message.annotations", "choices[0].message", "choices[0].message"]
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "a", "refusal": None}


def test_an_answer_that_is_itself_an_error_is_one() -> None:
    with pytest.raises(ProviderError) as caught:
        openai_chat.decode_response(b'{"object":"error","message":"slow","type":"rate_limit_error"}')
    assert caught.value.failure.kind == "rate_limited"


def test_a_thought_among_the_content_is_thinking_and_goes_back_as_it_came() -> None:
    pieces = [{"type": "text", "text": "hm"}, {"type": "reference", "reference_ids": [1]}]
    content = [{"type": "thinking", "thinking": pieces, "signature": "s"}, {"type": "text", "text": "so"}]
    thought, text = answer({"content": content}).choices[0].parts
    assert isinstance(thought, Thinking)
    assert (thought.text, thought.signature, text) == ("hm", "s", Text("so"))
    asked = Request("m", (Turn("assistant", (thought, text)), Turn("user", (Text("x"),))))
    said = json.loads(openai_chat.encode_request(asked, "m", ABLE).body)
    assert said["messages"][0]["content"] == content
    told, losses = written(Response("r", "m", (Choice((thought, text), Finish("stop")),)))
    assert told["choices"][0]["message"]["reasoning_content"] == "hm"
    assert not losses
