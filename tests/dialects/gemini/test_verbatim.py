"""What must be known of bytes that pass through."""

import json
import time

import pytest

from keywright.core.dialect import PathSaid, Peek
from keywright.core.errors import RefusedError
from keywright.core.usage import Usage
from keywright.dialects import gemini, gemini_array
from keywright.dialects.gemini import Tap, patch, peek, tap_response

SAID = PathSaid("m", stream=True)
PEEKED = Peek("m", stream=True, input_bytes=1)


def test_the_path_says_the_model_and_the_stream_and_the_body_the_rest() -> None:
    body = b'{"contents":[],"generationConfig":{"maxOutputTokens":7,"candidateCount":2}}'
    peeked = peek(body, SAID)
    assert (peeked.model, peeked.stream, peeked.input_bytes) == ("m", True, len(body))
    assert (peeked.output_tokens_max, peeked.choices, peeked.stream_usage) == (7, 2, True)
    assert patch(body, peeked, "other") is body


def test_the_other_spelling_counts_too_and_nothing_means_nothing() -> None:
    assert peek(b'{"generation_config":{"max_output_tokens":7.0}}', SAID).output_tokens_max == 7
    assert peek(b'{"generationConfig":null}', SAID).output_tokens_max is None
    assert peek(b'{"generationConfig":{"maxOutputTokens":null}}', SAID).output_tokens_max is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'{"contents":[],"contents":[]}', "invalid_json"),
        (b'{"Contents":[]}', "invalid_json"),
        (b'{"generationConfig":[]}', "invalid_json"),
        (b'{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":9}}', "invalid_json"),
        (b'{"generationConfig":{},"generation_config":{}}', "invalid_request"),
        (b'{"tools":[],"toolConfig":{},"tool_config":{}}', "invalid_request"),
        (b'{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}', "invalid_request"),
        (b'{"generationConfig":{"maxOutputTokens":0}}', "invalid_request"),
        (b'{"generationConfig":{"maxOutputTokens":1.5}}', "invalid_request"),
        (b'{"generationConfig":{"maxOutputTokens":"9"}}', "invalid_request"),
        (b'{"generationConfig":{"candidateCount":9}}', "invalid_request"),
        (b'{"model":"models/another"}', "invalid_request"),
        (b'{"model":1}', "invalid_request"),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_or_wrongly_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        peek(body, SAID)
    assert (refused.value.failure.status, refused.value.failure.code) == (400, code)


def test_a_path_must_name_a_model() -> None:
    for model in ("", "m" * 513):
        with pytest.raises(RefusedError):
            peek(b"{}", PathSaid(model))


def test_a_repeated_model_is_exchanged_and_no_other_byte() -> None:
    body = b'{ "model" : "models/m",  "contents":[{"parts":[{"text":"models/m"}]}] }'
    assert patch(body, peek(body, SAID), "other") == body.replace(b'"models/m",', b'"models/other",')
    mentioned = b'{"contents":[{"parts":[{"text":"a \\"model\\""}]}]}'
    assert patch(mentioned, peek(mentioned, SAID), "other") == mentioned


def test_a_tap_counts_what_is_generated() -> None:
    said = b'{"candidates":[{"content":{"parts":[{"text":"ab"},{"text":"c","thought":true}]}}],"modelVersion":"v"}'
    called = (
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],'
        b'"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}'
    )
    frames = b"data: " + said + b"\r\n\r\ndata: " + called + b"\r\n\r\n"
    tap = Tap(PEEKED)
    assert tap.feed(frames) == frames
    tapped = tap.result()
    assert (tapped.output_chars, tapped.model, tapped.finish) == (3 + len('{"a":1}'), "v", "STOP")
    assert (tapped.usage, tapped.complete, tapped.failure) == (Usage(input=3), True, None)


def test_a_tap_sees_an_error_and_passes_on_what_it_cannot_read() -> None:
    tap = Tap(PEEKED)
    tap.feed(b"data: no json\n\n")
    tap.feed(b'data: {"usageMetadata":{"promptTokenCount":"x","totalTokenCount":1}}\n\n')
    tap.feed(b'data: {"error":{"code":503,"status":"UNAVAILABLE"}}\n\n')
    tapped = tap.result()
    assert tapped.failure is not None
    assert (tapped.failure.kind, tapped.usage, tapped.complete) == ("overloaded", None, False)


def test_a_tap_of_what_is_no_array_is_blind_and_passes_all_on() -> None:
    tap = gemini_array.Tap(PEEKED)
    assert tap.feed(b"<html>") == b"<html>"
    assert tap.result().usage is None
    assert tap.feed(b"[]") == b"[]"
    assert not tap.result().complete


def test_a_whole_answer_is_tapped_and_junk_tells_nothing() -> None:
    body = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}'
    tapped = tap_response(body)
    assert (tapped.usage, tapped.finish, tapped.complete) == (Usage(input=3), "SAFETY", True)
    for junk in (b"", b"[]", b"\xff", b"[" * 9999):
        assert tap_response(junk).usage is None


def test_a_tap_costs_little_per_chunk() -> None:
    said = b'{"candidates":[{"content":{"parts":[{"text":"some words of an answer"}],"role":"model"},"index":0}]}'
    frame = b"data: " + said + b"\r\n\r\n"
    tap = Tap(PEEKED)
    started = time.process_time()
    for _ in range(10_000):
        tap.feed(frame)
    tap.result()
    assert (time.process_time() - started) / 10_000 < 50e-6


def test_peeking_needs_no_more_than_the_body_says() -> None:
    body = json.dumps({"contents": [{"parts": [{"text": "x" * 100_000}]}]}).encode()
    assert gemini.peek(body, SAID).input_bytes == len(body)
