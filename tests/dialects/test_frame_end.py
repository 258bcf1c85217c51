"""Where the next frame ends: for each framing the place at which its decoder gives it, wherever bytes are cut."""

import json
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.dialects.aws_eventstream import EventStreamDecoder, event_block, framed
from keywright.dialects.json_array import JsonArrayDecoder
from keywright.dialects.ndjson import NdjsonDecoder
from keywright.dialects.sse import SseDecoder, event_frame

NODES = [{"a": 'x] } ,\\" ['}, {"b": [1, {"c": "d"}]}, {"é": "\n"}]
TEXTS = [json.dumps(node).encode() for node in NODES]


class Decoder(Protocol):
    def frame_end(self, data: bytes) -> int: ...
    def feed(self, chunk: bytes) -> list[Any]: ...


STREAMS: dict[str, tuple[Callable[[], Decoder], bytes]] = {
    "sse": (SseDecoder, b"".join(event_frame(b"e", text) for text in TEXTS)),
    "sse-crlf": (SseDecoder, b"".join(b"data: " + text + b"\r\n\r\n" for text in TEXTS)),
    "sse-cr": (SseDecoder, b"".join(b"data: " + text + b"\r\r" for text in TEXTS)),
    "ndjson": (NdjsonDecoder, b"".join(text + b"\n" for text in TEXTS)),
    "array": (JsonArrayDecoder, b"[" + b",\r\n".join(TEXTS) + b"]"),
    "array-spaced": (JsonArrayDecoder, json.dumps(NODES, indent=1).encode()),
    "eventstream": (EventStreamDecoder, b"".join(framed(event_block("e"), text) for text in TEXTS)),
}


def ends(make: Callable[[], Decoder], body: bytes) -> list[int]:
    """The places at which a frame is complete: found byte by byte."""
    decoder = make()
    return [place + 1 for place in range(len(body)) if decoder.feed(body[place : place + 1])]


@pytest.mark.parametrize("name", STREAMS)
@given(cut=st.integers(0, 400))
def test_a_frame_ends_where_its_decoder_gives_it(name: str, cut: int) -> None:
    make, body = STREAMS[name]
    cut = min(cut, len(body))
    decoder = make()
    decoder.feed(body[:cut])
    end = decoder.frame_end(body[cut:])
    following = [place for place in ends(make, body) if place > cut]
    if not following:
        assert end in (0, len(body) - cut), "nothing, or the end of the array"
        return
    assert cut < cut + end <= len(body)
    extra = cut + end - following[0]
    assert extra in (0, 1), "a line feed belongs to the carriage return before it"
    before = decoder.frame_end(body[cut : following[0] - 1])
    assert before == 0 or name in ("sse-crlf",)


@pytest.mark.parametrize("name", STREAMS)
def test_frame_by_frame_is_the_whole_stream(name: str) -> None:
    make, body = STREAMS[name]
    decoder, frames, rest = make(), list[Any](), body
    while end := decoder.frame_end(rest):
        found = decoder.feed(rest[:end])
        assert len(found) <= 1
        frames += found
        rest = rest[end:]
    frames += decoder.feed(rest)
    assert len(frames) == len(NODES)


def test_bytes_that_are_no_frames_end_at_once_or_never() -> None:
    assert JsonArrayDecoder().frame_end(b"nonsense") == 8
    assert EventStreamDecoder().frame_end(b"x" * 64) == 0
    assert SseDecoder().frame_end(b"nonsense") == 0
