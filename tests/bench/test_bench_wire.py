"""The little HTTP that our own upstream and clients speak."""

import pytest

from bench.wire import content_length, http_chunk, is_complete

WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + http_chunk(b"hello") + b"0\r\n\r\n"


@pytest.mark.parametrize("answer", [WITH_LENGTH, CHUNKED])
def test_an_answer_is_complete_at_its_last_byte_and_not_before(answer: bytes) -> None:
    assert is_complete(answer)
    assert not any(is_complete(answer[:end]) for end in range(len(answer)))


def test_an_empty_body_is_complete_with_its_head() -> None:
    assert is_complete(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")


def test_a_chunk_says_its_length_in_hexadecimal() -> None:
    assert http_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_a_head_without_length_has_none() -> None:
    assert content_length(b"POST / HTTP/1.1\r\nhost: a") is None
