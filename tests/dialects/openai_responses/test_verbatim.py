"""The verbatim lane: what is known of a body without decoding it, the edits that it gets, and the tap."""

import json
from typing import Any

import pytest

from keywright.core.dialect import Peek
from keywright.core.errors import RefusedError
from keywright.core.message import RedactedThinking, Thinking
from keywright.core.request import Request
from keywright.core.response import Choice, Response
from keywright.dialects import openai_responses
from keywright.dialects.seal import MARK

PEEKED = Peek("m", stream=True, input_bytes=0)


def peek(body: bytes) -> Peek:
    return openai_responses.peek(body)


def test_a_body_is_peeked_at() -> None:
    found = peek(b'{"model":"m","stream":true,"max_output_tokens":7,"input":"x"}')
    assert (found.model, found.stream, found.output_tokens_max, found.choices, found.stream_usage) == (
        "m",
        True,
        7,
        1,
        True,
    )
    assert found.input_bytes == 61


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"[]", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b'{"model":"a","model":"b"}', "invalid_json", None),
        (b'{"Model":"a","model":"b"}', "invalid_json", None),
        (b'{"model":5}', "invalid_request", "model"),
        (b"{}", "invalid_request", "model"),
        (b'{"model":"m","max_output_tokens":-1}', "invalid_request", "max_output_tokens"),
        (b'{"model":"m","stream":"yes"}', "invalid_request", "stream"),
    ],
)
def test_a_body_that_policy_could_misread_is_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        peek(body)
    assert (caught.value.failure.code, caught.value.failure.param) == (code, param)
    if param != "max_output_tokens":
        with pytest.raises(RefusedError):
            openai_responses.decode_request(body)


@pytest.mark.parametrize("body", [b'{"model":"m","input":"x"}', b'{ "input": [ {"role":"user"} ],\n"model" : "m" }'])
def test_only_the_model_is_exchanged(body: bytes) -> None:
    assert openai_responses.patch(body, peek(body), "else/where") == body.replace(b'"m"', b'"else/where"')


def foreign(thought: Thinking | RedactedThinking) -> dict[str, Any]:
    answer = openai_responses.encode_response(Response("x", "m", (Choice((thought,)),)), Request("m", ()))
    item: dict[str, Any] = json.loads(answer.body)["output"][0]
    return item


THOUGHT, REDACTED = foreign(Thinking("", "sig", "anthropic")), foreign(RedactedThinking("sig", "anthropic"))


def test_the_thoughts_of_another_dialects_provider_are_taken_out() -> None:
    kept = [
        {"role": "user", "content": f"he said {MARK.decode()}"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": THOUGHT["encrypted_content"]},
    ]
    body = json.dumps({"input": [kept[0], THOUGHT, kept[1], REDACTED, kept[2]], "model": "m"}).encode()
    patched = openai_responses.patch(body, peek(body), "x")
    assert json.loads(patched) == {"input": kept, "model": "x"}
    assert json.dumps(kept[0]).encode() in patched


@pytest.mark.parametrize("items", ['"MARK"', '{"a":"MARK"}', '[5,"MARK",["MARK"]]'])
def test_other_input_that_says_the_word_is_left_alone(items: str) -> None:
    body = f'{{"model":"m","input":{items.replace("MARK", MARK.decode())}}}'.encode()
    assert openai_responses.patch(body, peek(body), "m") == body


def frame(event: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())


def test_the_tap_counts_what_passes_and_may_be_asked_at_any_time() -> None:
    tap = openai_responses.Tap(PEEKED)
    created = frame({"type": "response.created", "response": {"model": "m", "status": "in_progress"}})
    piece = frame({"type": "response.output_text.delta", "delta": "abc"})
    assert tap.feed(created) == created
    assert tap.feed(piece) == piece
    assert tap.feed(piece[:20]) == piece[:20]
    early = tap.result()
    assert (early.output_chars, early.model, early.usage, early.complete) == (3, "m", None, False)
    tap.feed(piece[20:])
    call = {"type": "function_call", "arguments": ""}
    tap.feed(frame({"type": "response.output_item.added", "item": call}))
    usage = {"input_tokens": 3, "output_tokens": 2}
    answer: dict[str, Any] = {"model": "n", "status": "completed", "usage": usage, "output": [], "tool_usage": None}
    tap.feed(frame({"type": "response.completed", "response": answer}))
    late = tap.result()
    assert (late.output_chars, late.model, late.complete, late.finish) == (6, "n", True, "tool_calls")
    assert late.usage is not None
    assert (late.usage.input, late.usage.output) == (3, 2)


def test_the_tap_reads_the_usage_behind_a_picture() -> None:
    picture = {"type": "image_generation_call", "result": "A" * 3_000_000}
    usage = {"input_tokens": 3, "output_tokens": 2}
    last = frame(
        {"type": "response.completed", "response": {"status": "completed", "output": [picture], "usage": usage}}
    )
    tap = openai_responses.Tap(PEEKED)
    for at in range(0, len(last), 16_384):
        tap.feed(last[at : at + 16_384])
    tapped = tap.result()
    assert tapped.complete
    assert tapped.usage is not None


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "m"},
        {"type": "error", "error": {"code": "server_error", "message": "m"}},
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "m"}}},
    ],
    ids=["published", "sent", "failed"],
)
def test_the_tap_sees_a_failure(event: dict[str, Any]) -> None:
    tap = openai_responses.Tap(PEEKED)
    tap.feed(frame(event))
    failure = tap.result().failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("server", "m")


def test_the_tap_passes_on_what_it_does_not_understand() -> None:
    tap = openai_responses.Tap(PEEKED)
    for chunk in (b"data: {nonsense\n\n", b"\xff\xfe\n\n", b"data: 5\n\n", frame({"type": "x", "delta": {"a": 1}})):
        assert tap.feed(chunk) == chunk
    assert tap.result().output_chars == 0


def test_a_whole_answer_without_usage_is_counted() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "abcd"}]}
    call = {"type": "function_call", "arguments": "{}"}
    tapped = openai_responses.tap_response(json.dumps({"output": [message, call], "model": "m"}).encode())
    assert (tapped.output_chars, tapped.usage, tapped.model, tapped.finish) == (6, None, "m", "tool_calls")
    assert not openai_responses.tap_response(b"{").complete
    assert not openai_responses.tap_response(b'{"error":{"message":"x"}}').complete
