"""A stream that is one JSON array gives its elements, wherever it is cut."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.errors import UpstreamMalformedError
from keywright.dialects.json_array import JsonArrayDecoder
from tests.laws.strategies import law

texts = st.text(st.sampled_from('a"\\{}[],: \n'), max_size=8)
values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
elements = st.dictionaries(texts, values, max_size=3) | st.lists(values, max_size=3)


@law
@given(st.lists(elements, max_size=4), st.sampled_from([None, 1]), st.integers(1, 40))
def test_every_element_comes_whole_wherever_the_bytes_are_cut(
    said: list[object], indent: int | None, size: int
) -> None:
    body = b" \r\n" + json.dumps(said, indent=indent).encode() + b"\n"
    decoder = JsonArrayDecoder()
    found = [element for at in range(0, len(body), size) for element in decoder.feed(body[at : at + size])]
    assert [json.loads(element) for element in found] == said
    assert decoder.ended


def test_what_follows_the_array_is_dropped() -> None:
    decoder = JsonArrayDecoder()
    assert decoder.feed(b"[{}]  [{}]") == [b"{}"]
    assert decoder.feed(b"x") == []
    assert decoder.ended


@pytest.mark.parametrize("body", [b"{", b"x", b"[1]", b'["a"]', b"[,x", b"[nul"])
def test_what_is_no_array_of_objects_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        JsonArrayDecoder().feed(body)


def test_an_element_that_is_too_large_is_malformed() -> None:
    decoder = JsonArrayDecoder(element_bytes_max=10)
    assert decoder.feed(b'[{"a":1},') == [b'{"a":1}']
    with pytest.raises(UpstreamMalformedError):
        decoder.feed(b'{"a":"12345678901')


def test_a_large_text_that_comes_in_small_pieces_is_looked_through_once() -> None:
    body = b'[{"a":"' + b"x" * 2_000_000 + b'"}]'
    decoder = JsonArrayDecoder()
    started = time.process_time()
    found = [element for at in range(0, len(body), 1000) for element in decoder.feed(body[at : at + 1000])]
    assert len(found) == 1
    assert time.process_time() - started < 2
