"""A text is read in several ways, and each place of a reading is traced to where it stands."""

import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from keywright.core.readings import DEPTH_MAX, readings

TEXTS = st.text(st.sampled_from("ab \n\r\\%&;41nu#\"'<ö€"), max_size=40)
INNER = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=12)


def test_an_ordinary_line_is_read_once() -> None:
    assert [reading.text for reading in readings("80 % of it, and R&D: C:/tmp")] == ["80 % of it, and R&D: C:/tmp"]


def test_lines_are_joined_and_escapes_read_as_deep_as_they_may_be() -> None:
    assert [reading.text for reading in readings("a\\\n  b")] == ["a\\\n  b", "ab"]
    assert "a+b" in [reading.text for reading in readings("a%25252Bb")]
    assert "a+b" not in [reading.text for reading in readings("a%25" + "25" * DEPTH_MAX + "2Bb")]
    assert "\N{GRINNING FACE}" in [reading.text for reading in readings("\\ud83d\\ude00")]
    assert "ö" in [reading.text for reading in readings("\\xc3\\xb6")]
    assert "ö" in [reading.text for reading in readings("\\xf6")]


@given(TEXTS, INNER, TEXTS)
def test_what_is_found_in_a_reading_stands_at_its_place(before: str, inner: str, after: str) -> None:
    for written in (inner, quote(inner, safe=""), json.dumps(inner)[1:-1], json.dumps(json.dumps(inner))[3:-3]):
        text = f"{before}|{written}|{after}"
        for reading in readings(text):
            start = reading.text.find(f"|{inner}|")
            if start >= 0:
                place = reading.place(start, start + len(inner) + 2)
                assert inner in [part.text[1:-1] for part in readings(text[slice(*place)])]
                break
        else:
            raise AssertionError(f"{inner!r} is in no reading of {text!r}")


@given(TEXTS)
def test_places_are_within_the_text_and_in_its_order(text: str) -> None:
    for reading in readings(text):
        ends = [reading.place(at, at + 1) for at in range(len(reading.text))]
        assert all(0 <= start < end <= len(text) for start, end in ends)
        assert ends == sorted(ends)
