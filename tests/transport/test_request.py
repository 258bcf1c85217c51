"""Requests as bytes: nothing in a value becomes a line of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.http import HttpRequest, Origin
from keywright.transport.request import BODY_COPIED_BYTES_MAX, NAMES_KNOWN_MAX, RequestWriter, authority

WRITER = RequestWriter(Origin("https", "api.example.com", 443))


def with_header(name: bytes, value: bytes) -> HttpRequest:
    return HttpRequest(b"POST", b"/", ((name, value),), b"x")


@pytest.mark.parametrize(
    "value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"\r\n", b"a\0b", b"\r\n\r\nGET / HTTP/1.1\r\n", b"a\n\r"]
)
def test_a_value_with_a_line_break_is_refused_and_not_told(value: bytes) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL") as caught:
        WRITER.write(with_header(b"x-a", value))
    assert "GET" not in str(caught.value)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", b"a\0", b"\xe9", b"a\t", b'"a"', b"a: b\r\nc"])
def test_a_name_that_is_not_a_token_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="token"):
        WRITER.write(with_header(name, b"x"))


@pytest.mark.parametrize(
    "name", [b"host", b"Host", b"Content-Length", b"TRANSFER-ENCODING", b"connection", b"te", b"proxy-authorization"]
)
def test_a_header_that_decides_over_the_connection_is_refused(name: bytes) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="belongs to the transport"):
            WRITER.write(with_header(name, b"x"))


@pytest.mark.parametrize(
    "target",
    [b"", b"x", b"*", b"http://a/", b"@evil.example/", b"/a b", b"/a\r\nb", b"/a\0", b"/\xe9", b"/\x7f", b"/a\tb"],
)
def test_a_target_that_is_not_a_path_is_refused(target: bytes) -> None:
    with pytest.raises(ValueError, match="target"):
        WRITER.write(HttpRequest(b"GET", target, ()))


@pytest.mark.parametrize("method", [b"", b"get", b"CONNECT", b"TRACE", b"GET /", b"GET\r\n"])
def test_a_method_that_is_not_ours_is_refused(method: bytes) -> None:
    with pytest.raises(ValueError, match="method"):
        WRITER.write(HttpRequest(method, b"/", ()))


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b-c"]), st.binary(max_size=20)), max_size=5))
def test_a_head_has_the_lines_it_was_given_or_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        (head,) = WRITER.write(HttpRequest(b"GET", b"/", tuple(headers)))
    except ValueError:
        assert any(set(value) & set(b"\r\n\0") for _, value in headers)
        return
    lines = head.split(b"\r\n")
    assert lines[0] == b"GET / HTTP/1.1"
    assert lines[2:] == [name + b": " + value for name, value in headers] + [b"", b""]


def test_a_long_body_is_not_copied() -> None:
    body = b"x" * (BODY_COPIED_BYTES_MAX + 1)
    _, sent = WRITER.write(HttpRequest(b"POST", b"/", (), body))
    assert sent is body


def test_no_more_names_are_remembered_than_bounded() -> None:
    writer = RequestWriter(Origin("http", "a", 80))
    for number in range(NAMES_KNOWN_MAX * 2):
        writer.write(with_header(b"x-%d" % number, b"y"))
    assert len(writer._names_known) == NAMES_KNOWN_MAX


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (Origin("https", "a.example", 443), b"a.example"),
        (Origin("https", "a.example", 80), b"a.example:80"),
        (Origin("http", "a.example", 80), b"a.example"),
        (Origin("http", "::1", 8080), b"[::1]:8080"),
        (Origin("http", "b\u00fccher.example", 80), b"xn--bcher-kva.example"),
    ],
)
def test_authority(origin: Origin, expected: bytes) -> None:
    assert authority(origin) == expected


@pytest.mark.parametrize(
    "host", ["", "a b", "a/b", "a\r\nb", "a@b", "a#b", "a?b", "[::1]", "a\0", "a\\b", "fe80::1%lo"]
)
def test_what_is_not_a_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        authority(Origin("http", host, 80))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_not_a_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        authority(Origin("http", "a", port))
