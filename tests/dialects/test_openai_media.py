"""Usage of pictures, sound and the like: disjoint leaves, from whole answers, their ends, and streams cut anywhere."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.json import JsonObject
from keywright.core.usage import Usage
from keywright.dialects.openai_media import Medium, Tap, tap_response, tap_tail, usage_of

PICTURE: JsonObject = {
    "input_tokens": 50,
    "output_tokens": 1000,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"image_tokens": 900, "text_tokens": 100},
}


@pytest.mark.parametrize(
    ("said", "medium", "usage"),
    [
        (PICTURE, "image", Usage(input=10, image_input=40, image_output=900, output=100)),
        ({"input_tokens": 5, "output_tokens": 7}, "image", Usage(input=5, image_output=7)),
        ({"input_tokens": 5, "output_tokens": 7}, "audio", Usage(input=5, audio_output=7)),
        ({"input_tokens": 5, "output_tokens": 7}, "text", Usage(input=5, output=7)),
        ({"prompt_tokens": 5, "completion_tokens": 7}, "text", Usage(input=5, output=7)),
        ({"type": "duration", "seconds": 9}, "text", None),
        ({"input_tokens": 5, "input_token_details": {"audio_tokens": 4}}, "text", Usage(input=1, audio_input=4)),
        ({"input_tokens": 5, "input_token_details": {"audio_tokens": 6}}, "text", None),
        ({"input_tokens": -5}, "text", None),
        ({"input_tokens": 10**13}, "text", None),
        ({"input_tokens": True, "output_tokens": "7"}, "text", None),
        ({}, "text", None),
        (None, "text", None),
        ("7", "text", None),
        ([], "text", None),
    ],
)
def test_usage_is_disjoint_or_none(said: Any, medium: Medium, usage: Usage | None) -> None:
    assert usage_of(said, medium) == usage


@pytest.mark.parametrize("cut", [0, 3, 100, 399_000])
def test_the_end_of_a_large_answer_says_it(cut: int) -> None:
    body = json.dumps({"data": [{"b64_json": "QUJD" * 100_000}], "usage": PICTURE, "size": "1x1"}).encode()
    assert tap_tail(body[cut:], "image") == tap_response(body, "image") != tap_response(b"", "image")


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b'"usage"',
        b'"usage":null}',
        b'"usage":{"input_tokens":5',
        b'"usage":' + b"{" * 9000,
        b'"text":"a \\"usage\\":{\\"input_tokens\\":5}"}',
        b'"usage":{"input_tokens":5}}'[3:],
    ],
)
def test_what_is_no_usage_is_none(tail: bytes) -> None:
    assert tap_tail(tail, "text").usage is None


def test_a_nested_usage_is_read_to_its_own_end() -> None:
    tail = b'QUJD"}],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40},"output_tokens":9}}'
    assert tap_tail(tail, "image").usage == Usage(input=10, image_input=40, image_output=9)


EVENTS = b"".join(
    b"data: %b\n\n" % json.dumps(event).encode()
    for event in (
        {"type": "image_generation.partial_image", "b64_json": "QUJD" * 50},
        {"type": "image_generation.completed", "b64_json": "QUJD" * 50, "usage": PICTURE},
        {"type": "done"},
    )
)


@given(st.lists(st.integers(0, len(EVENTS)), max_size=12))
def test_a_stream_cut_anywhere_says_the_same_and_passes_untouched(cuts: list[int]) -> None:
    tap, passed = Tap("image"), b""
    edges = [0, *sorted(cuts), len(EVENTS)]
    for start, end in itertools.pairwise(edges):
        passed += tap.feed(EVENTS[start:end])
    assert passed == EVENTS
    assert tap.result().usage == usage_of(PICTURE, "image")


def test_an_event_of_responses_has_it_within() -> None:
    tap = Tap("text")
    event = {"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}}}
    tap.feed(b"data: %b\n\n" % json.dumps(event).encode())
    assert tap.result().usage == Usage(input=3, output=4)


@given(st.binary(max_size=200))
def test_nothing_is_ever_raised(noise: bytes) -> None:
    for body in (noise, b'{"usage":' + noise, b'"usage":{' + noise + b"}"):
        tap_response(body, "text")
        tap_tail(body, "audio")
        tap = Tap("image")
        assert tap.feed(body) == body
        tap.result()
