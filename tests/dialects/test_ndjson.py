"""Newline-delimited JSON: what comes out does not depend on where the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import UpstreamMalformedError
from keywright.dialects.ndjson import NdjsonDecoder
from tests.laws.strategies import law

STREAM = b'{"a":1}\n\n  \n{"b":"\\n"}\r\n\xed\x95\x9c\n[3]'
LINES = [b'{"a":1}', b'{"b":"\\n"}', "한".encode(), b"[3]"]


def decoded(stream: bytes, *cuts: int) -> list[bytes]:
    decoder = NdjsonDecoder()
    pieces = [stream[left:right] for left, right in pairwise([0, *cuts, len(stream)])]
    return [line for piece in pieces for line in decoder.feed(piece)] + decoder.end()


def test_every_cut_gives_the_same_lines() -> None:
    assert decoded(STREAM) == LINES
    for cut in range(len(STREAM)):
        assert decoded(STREAM, cut) == LINES
    assert decoded(STREAM, *range(1, len(STREAM))) == LINES


def test_a_line_is_given_as_soon_as_its_end_is_there() -> None:
    decoder = NdjsonDecoder()
    assert decoder.feed(b'{"a"') == []
    assert decoder.rest == b'{"a"'
    assert decoder.feed(b":1}\n{") == [b'{"a":1}']
    assert decoder.feed(b"") == []
    assert decoder.feed(b"}\n") == [b"{}"]
    assert decoder.end() == []


@law
@given(st.binary(max_size=60), st.integers(0, 60))
def test_bytes_are_never_lost_but_for_white_space(stream: bytes, cut: int) -> None:
    wanted = [line.strip() for line in stream.split(b"\n") if line.strip()]
    assert decoded(stream, min(cut, len(stream))) == wanted


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_line_that_is_too_large_is_refused_however_it_comes(size: int) -> None:
    stream = b"12345678\n123456789\n"
    decoder = NdjsonDecoder(line_bytes_max=8)
    with pytest.raises(UpstreamMalformedError, match="larger than 8 bytes"):
        [decoder.feed(stream[at : at + size]) for at in range(0, len(stream), size)]


def test_the_limit_holds_for_lines_that_were_joined() -> None:
    decoder = NdjsonDecoder(line_bytes_max=8)
    assert decoder.feed(b"12345678") == []
    with pytest.raises(UpstreamMalformedError):
        decoder.feed(b"9\n")
