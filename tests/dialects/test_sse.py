"""Server-sent events: what comes out does not depend on where the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import UpstreamMalformedError
from keywright.dialects.sse import Frame, SseDecoder, data_frame, event_frame
from tests.laws.strategies import law

STREAM = (
    b'\xef\xbb\xbfevent: message_start\ndata: {"a":1}\n\n'
    b": ping\n\nid: 7\nretry: 10\nevent:x\ndata:one\ndata:  two\ndata\n\n"
    b"\n\ndata: plain\n\nevent: no data\n\ndata: \xed\x95\x9c\n\n"
)
FRAMES = [
    Frame(b'{"a":1}', "message_start"),
    Frame(b"one\n two\n", "x"),
    Frame(b"plain"),
    Frame("한".encode()),
]


def decoded(stream: bytes, *cuts: int) -> list[Frame]:
    decoder = SseDecoder()
    edges = [0, *cuts, len(stream)]
    pieces = [stream[left:right] for left, right in pairwise(edges)]
    return [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.end()


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_gives_the_same_frames_wherever_the_stream_is_cut(newline: bytes) -> None:
    stream = STREAM.replace(b"\n", newline)
    assert decoded(stream) == FRAMES
    for cut in range(len(stream)):
        assert decoded(stream, cut) == FRAMES


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_stream_may_come_byte_by_byte(newline: bytes) -> None:
    stream = STREAM.replace(b"\n", newline)
    assert decoded(stream, *range(1, len(stream))) == FRAMES


def test_a_frame_is_given_as_soon_as_its_empty_line_is_there() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\n\r") == [Frame(b"a")]
    assert decoder.feed(b"\ndata: b\n\nda") == [Frame(b"b")]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"ta: c\n\n") == [Frame(b"c")]


def test_a_last_frame_without_its_empty_line_is_given_at_the_end() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: [DONE]\n") == []
    assert decoder.end() == [Frame(b"[DONE]")]
    assert decoder.end() == []


def test_a_byte_order_mark_is_skipped_only_at_the_beginning() -> None:
    assert decoded(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [Frame(b"a")]


@pytest.mark.parametrize("stream", [b"data: 0123456789", b"data: 0123456789\n\n", b"x\n\ndata: 0123456789"])
def test_a_frame_that_is_too_large_is_malformed(stream: bytes) -> None:
    with pytest.raises(UpstreamMalformedError, match="larger than 10 bytes"):
        SseDecoder(frame_bytes_max=10).feed(stream)


def test_an_endless_frame_is_malformed_however_small_its_pieces() -> None:
    decoder = SseDecoder(frame_bytes_max=100)
    for _ in range(100):
        assert decoder.feed(b"x") == []
    with pytest.raises(UpstreamMalformedError):
        decoder.feed(b"x")


LINES = [
    b"event: a",
    b"event:b",
    b"event:  c",
    b"event: ",
    b"data: 1",
    b"data:2",
    b"data: ",
    b"data",
    b"id: 3",
    b": no",
]


def by_the_standard(stream: bytes) -> list[Frame]:
    """The frames of `stream`, line by line as the standard tells to read them."""
    frames: list[Frame] = []
    name, data = b"", list[bytes]()
    for line in [*stream.split(b"\n"), b""]:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            frames += [Frame(b"\n".join(data), name.decode())] if data else []
            name, data = b"", []
        elif field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return frames


@law
@given(st.lists(st.sampled_from([*LINES, b"", b""])))
def test_short_cuts_read_what_the_standard_reads(lines: list[bytes]) -> None:
    stream = b"\n".join(lines)
    assert decoded(stream) == by_the_standard(stream)


@law
@given(st.lists(st.tuples(st.sampled_from(["", "ping", "delta"]), st.binary(min_size=1))), st.data())
def test_what_is_encoded_is_decoded(events: list[tuple[str, bytes]], draw: st.DataObject) -> None:
    events = [(name, data.replace(b"\r", b"").strip(b"\n") or b"x") for name, data in events]
    encoded = [event_frame(name.encode(), data) if name else data_frame(data) for name, data in events]
    stream = b": hello\n\n".join([b"", *encoded])
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    assert decoded(stream, *cuts) == [Frame(data, name) for name, data in events]
