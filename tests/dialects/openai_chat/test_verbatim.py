"""The verbatim lane: nothing changes but what must, and everything is counted."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import NotTranslatableError, RefusedError
from keywright.core.usage import Usage
from keywright.dialects import openai_chat
from keywright.dialects.openai_chat.tap import TAP_BYTES_MAX, TAP_FRAME_BYTES_MAX
from tests.laws.strategies import law

ASKED = Peek("m", stream=True, input_bytes=0)
UNASKED = Peek("m", stream=True, input_bytes=0, stream_usage=False)
TOKENS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def frame(**top: Any) -> bytes:
    return b"data: " + json.dumps({"id": "r", "model": "real", **top}, separators=(",", ":")).encode() + b"\n\n"


def piece(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return frame(choices=[{"index": 0, "delta": delta, "finish_reason": finish}], usage=None)


USAGE = frame(choices=[], usage=TOKENS)
DONE = b"data: [DONE]\n\n"
BEFORE = piece({"role": "assistant", "content": ""}) + piece({"content": "añb"}) + piece({}, "stop")
STREAM = BEFORE + USAGE + DONE


def tapped(peeked: Peek, *chunks: bytes) -> tuple[bytes, Tapped]:
    tap = openai_chat.Tap(peeked)
    passed = b"".join(tap.feed(chunk) for chunk in chunks)
    return passed, tap.result()


@pytest.mark.parametrize(
    ("form", "passes"),
    [
        (None, True),
        ("text", True),
        ({"type": "json_object"}, True),
        ({"type": "json_object", "value": None}, True),
        ({"type": "json_object", "schema": {}}, True),
        ({"type": "json_schema", "json_schema": {"name": "value", "schema": {"value": 1}}}, True),
        ({"type": "json_object", "value": {}}, False),
    ],
)
def test_a_schema_in_huggingfaces_spelling_does_not_pass_as_it_is(form: Any, passes: bool) -> None:
    body = json.dumps({"model": "m", "response_format": form}).encode()
    if passes:
        assert openai_chat.patch(body, openai_chat.peek(body), "m") == body
    else:
        with pytest.raises(NotTranslatableError):
            openai_chat.patch(body, openai_chat.peek(body), "m")


def test_peek_reads_what_policy_needs() -> None:
    body = b'{"model": "a/b", "stream": true, "n": 2, "max_tokens": 5, "stream_options": {"include_usage": true}}'
    peeked = openai_chat.peek(body)
    assert (peeked.model, peeked.stream, peeked.choices, peeked.output_tokens_max) == ("a/b", True, 2, 5)
    assert (peeked.stream_usage, peeked.input_bytes) == (True, len(body))
    newer = openai_chat.peek(b'{"model":"m","max_tokens":7,"max_completion_tokens":5,"n":null,"stream":null}')
    assert (newer.output_tokens_max, newer.choices, newer.stream, newer.stream_usage) == (7, 1, False, False)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{}", "invalid_request", "model"),
        (b'{"model":3}', "invalid_request", "model"),
        (b'{"model":"m","stream":"yes"}', "invalid_request", "stream"),
        (b'{"model":"m","n":1.5}', "invalid_request", "n"),
        (b'{"model":"m","max_tokens":"9"}', "invalid_request", "max_tokens"),
        (b'{"model":"m","n":-1}', "invalid_request", "n"),
        (b'{"model":"m","n":0}', "invalid_request", "n"),
        (b'{"model":"m","max_tokens":-1}', "invalid_request", "max_tokens"),
        (b'{"model":"m","max_completion_tokens":4294967296}', "invalid_request", "max_completion_tokens"),
        (b'{"model":"m","stream_options":3}', "invalid_json", None),
        (b'{"model":"m","stream_options":{"include_usage":1}}', "invalid_request", "include_usage"),
        (b'{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}', "invalid_json", None),
        (b'{"model":"\xff"}', "invalid_request", "model"),
        (b'{"model":"m","Model":"n"}', "invalid_json", None),
        (b'{"model":"m","Messages":[]}', "invalid_json", None),
    ],
)
def test_peek_refuses_what_it_cannot_be_sure_of(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        openai_chat.peek(body)
    assert (caught.value.failure.code, caught.value.failure.param) == (code, param)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{ "model" : "a", "x":[1.0e3, "\\u00e9"] }', b'{ "model" : "b/c", "x":[1.0e3, "\\u00e9"] }'),
        (b'{"stream":true,"model":"a"}', b'{"stream":true,"model":"b/c","stream_options":{"include_usage":true}}'),
        (
            b'{"stream":true, "stream_options": {"x":1}, "model":"a"}',
            b'{"stream":true, "stream_options": {"x":1,"include_usage":true}, "model":"b/c"}',
        ),
        (
            b'{"stream":true, "stream_options": { "include_usage" : false }, "model":"a"}',
            b'{"stream":true, "stream_options": { "include_usage" : true }, "model":"b/c"}',
        ),
        (
            b'{"stream":true,"stream_options":null,"model":"a"}',
            b'{"stream":true,"stream_options":{"include_usage":true},"model":"b/c"}',
        ),
        (
            b'{"stream":true,"stream_options":{"include_usage": true},"model":"a"}',
            b'{"stream":true,"stream_options":{"include_usage": true},"model":"b/c"}',
        ),
    ],
)
def test_patch_changes_the_model_and_the_usage_flag_only(body: bytes, wanted: bytes) -> None:
    assert openai_chat.patch(body, openai_chat.peek(body), "b/c") == wanted
    other = openai_chat.peek(b"\n" + body)  # what was peeked at may be an equal body elsewhere
    assert openai_chat.patch(body, other, "b/c") == wanted


def test_a_stream_is_counted() -> None:
    passed, seen = tapped(ASKED, STREAM)
    assert passed == STREAM
    assert seen == Tapped(Usage(3, 2), "real", "stop", None, 3, complete=True)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_the_usage_is_taken_out_wherever_the_stream_is_cut(newline: bytes) -> None:
    stream = STREAM.replace(b"\n", newline)
    wanted = (BEFORE + DONE).replace(b"\n", newline)
    for cut in range(len(stream) + 1):
        passed, seen = tapped(UNASKED, stream[:cut], stream[cut:])
        assert passed == wanted
        assert seen.usage == Usage(3, 2)
    assert tapped(UNASKED, *(stream[at : at + 1] for at in range(len(stream))))[0] == wanted


@law
@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[left:right] for left, right in pairwise(edges)]
    assert tapped(ASKED, *chunks) == tapped(ASKED, STREAM)
    assert tapped(UNASKED, *chunks)[0] == BEFORE + DONE


def test_nothing_else_is_held_back() -> None:
    tap = openai_chat.Tap(UNASKED)
    assert tap.feed(BEFORE) == BEFORE
    cut = BEFORE.index(b'"delta"')
    assert tap.feed(BEFORE[:cut]) == BEFORE[:cut]
    assert tap.feed(BEFORE[cut:]) == BEFORE[cut:]
    assert tap.feed(USAGE[:-1]) == b""
    assert tap.feed(USAGE[-1:]) == b""
    assert tap.feed(b"data: [DONE]") == b"data: [DONE]"


def test_a_chunk_without_choices_that_is_not_usage_stays() -> None:
    for other in (frame(choices=[], prompt_filter_results=[]), frame(choices=[], usage=None), b"data: []\n\n"):
        assert tapped(UNASKED, other, DONE)[0] == other + DONE


def test_a_chunk_that_is_nested_too_deep_to_be_read_passes_all_the_same() -> None:
    chunk = b'data: {"usage":{},"choices":[{"delta":{"content":%b}}],"x":[]}\n\n' % (b"[" * 5000 + b"]" * 5000)
    assert tapped(UNASKED, chunk)[0] == chunk


def test_a_frame_too_large_to_be_usage_is_passed_on_in_pieces() -> None:
    large = b"data: " + b"x" * (3 * TAP_BYTES_MAX) + b"\n\n"
    tap = openai_chat.Tap(UNASKED)
    out = b""
    for at in range(0, len(large), 1000):
        out += tap.feed(large[at : at + 1000])
        assert at - len(out) <= TAP_BYTES_MAX
    assert out + tap.feed(STREAM) == large + BEFORE + DONE


def test_long_streams_are_counted_in_batches() -> None:
    chunks = [piece({"content": "abc"})] * 1000 + [piece({"reasoning": "de", "content": ""})] * 10
    chunks += [piece({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), b": ping\n\n", STREAM]
    passed, seen = tapped(ASKED, *chunks)
    assert passed == b"".join(chunks)
    assert 3023 < seen.output_chars < 3100
    assert seen.usage == Usage(3, 2)


def test_a_frame_too_large_to_be_read_is_counted_by_its_size() -> None:
    large = b"data: " + b"x" * (TAP_FRAME_BYTES_MAX + 1)
    passed, seen = tapped(ASKED, large, b"\n\n", STREAM)
    assert passed == large + b"\n\n" + STREAM
    assert seen.usage == Usage(3, 2)
    assert seen.output_chars == len(large) + 3


def test_what_cannot_be_read_does_not_hide_the_rest() -> None:
    odd = b"data: {\n\n" + frame(choices=3) + b"data: \xff\n\n"
    _, seen = tapped(ASKED, odd, STREAM)
    assert (seen.usage, seen.output_chars) == (Usage(3, 2), 3)


def test_an_error_or_an_abort_is_seen() -> None:
    _, seen = tapped(ASKED, BEFORE[:-60])
    assert (seen.complete, seen.output_chars) == (False, 3)
    _, seen = tapped(ASKED, BEFORE[:-60].rpartition(b"data:")[0] + frame(error={"message": "x", "code": 503}))
    assert seen.failure is not None
    assert seen.failure.kind == "overloaded"


def test_a_whole_answer_is_read_for_its_usage() -> None:
    body = {"model": "real", "choices": [{"message": {"content": "abc"}, "finish_reason": "length"}], "usage": TOKENS}
    assert openai_chat.tap_response(json.dumps(body).encode()) == Tapped(
        Usage(3, 2), "real", "length", None, 0, complete=True
    )
    del body["usage"]
    assert openai_chat.tap_response(json.dumps(body).encode()).output_chars == 3
    assert openai_chat.tap_response(b"<html>") == Tapped()


def test_an_error_without_a_wrapping_and_content_in_parts_are_counted() -> None:
    tap = openai_chat.Tap(openai_chat.peek(b'{"model":"m","stream":true,"messages":[]}'))
    tap.feed(b'data: {"choices":[{"delta":{"content":[{"type":"text","text":"ab"}]}}]}\n\n')
    tap.feed(b'data: {"object":"error","message":"context length exceeded","type":"x"}\n\n')
    seen = tap.result()
    assert seen.failure is not None
    assert (seen.failure.kind, seen.output_chars > 2) == ("context_too_long", True)
