"""Paths and queries that may go upstream: whatever a server makes of one that passes, it is the same path."""

import posixpath
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.pipeline.passage.address import (
    PATH_BYTES_MAX,
    QUERY_BYTES_MAX,
    fault_of_path,
    fault_of_query,
    holds,
    without_key,
)
from tests.passage.test_native import BAD_PATHS

KEY = "sk-kw-uAAAAAAAAAAAAAAAA-" + "x" * 49
TRICKY = st.lists(
    st.sampled_from(["a", ".", "..", "/", "//", ";", "%2e", "%2f", "%5c", "\\", "%", "%25", "%00", "?", "#", "~", ":"]),
    max_size=8,
).map(lambda parts: "".join(parts).encode())


@pytest.mark.parametrize("path", BAD_PATHS)
def test_what_may_not_go_upstream_has_a_reason(path: str) -> None:
    assert fault_of_path(path.encode())


@given(st.one_of(TRICKY, st.binary(max_size=40)))
def test_a_path_that_passes_means_one_thing_however_often_it_is_decoded_and_normalised(path: bytes) -> None:
    if fault_of_path(path):
        return
    base = b"/v1/"
    whole = base + path
    assert whole.isascii()
    assert whole.decode().isprintable()
    for decoded in (whole, unquote_to_bytes(whole), unquote_to_bytes(unquote_to_bytes(whole))):
        normal = posixpath.normpath(decoded)
        assert normal.rstrip(b"/") == decoded.rstrip(b"/"), "no server finds anything to normalise"
        assert decoded.startswith(base)
        assert not set(decoded) & set(b";\\?#\r\n\0 ")


def test_a_path_has_a_limit() -> None:
    assert not fault_of_path(b"a" * PATH_BYTES_MAX)
    assert fault_of_path(b"a" * (PATH_BYTES_MAX + 1))


@pytest.mark.parametrize("query", [b"", b"a=b&c", b"a=%20%2f..%2f", b"x[]=1&y={}", b"a=b;c?d/e"])
def test_a_query_is_passed_as_it_is(query: bytes) -> None:
    assert not fault_of_query(query)
    assert without_key(query, KEY) == query


@pytest.mark.parametrize(
    "query", [b"a b", b"a#b", b"a\\b", b"a\r\nb", b"\xc3\xa9", b"a\0", b"a" * (QUERY_BYTES_MAX + 1)]
)
def test_a_query_of_other_bytes_may_not(query: bytes) -> None:
    assert fault_of_query(query)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (f"key={KEY}", ""),
        (f"a=1&key={KEY}&b=2", "a=1&b=2"),
        (f"key={KEY}&key={KEY}", ""),
        (f"key=sk-kw-other&key={KEY}", ""),
        (f"%6bey={KEY}", ""),
        (f"key=%73{KEY[1:]}", ""),
        (f"key=+{KEY}+", ""),
        ("key=blue&a=b", "key=blue&a=b"),
        ("monkey=1&key", "monkey=1&key"),
    ],
)
def test_a_key_of_ours_is_taken_out_and_no_other(query: str, left: str) -> None:
    assert without_key(query.encode(), KEY).decode() == left


def test_an_administrator_s_key_of_any_form_is_taken_out() -> None:
    assert without_key(b"key=the+admin%2Fkey", "the admin/key") == b""
    assert holds(b"a/the%20admin/key", "the admin/key")
    assert not holds(b"a/b", "the admin/key")
