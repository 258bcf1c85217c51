"""The little of HTTP/1.1 that our own upstream and clients need: lengths and chunks."""

from typing import Final

HEAD_END: Final = b"\r\n\r\n"
CHUNKED_END: Final = b"0\r\n\r\n"


def http_chunk(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def content_length(head: bytes) -> int | None:
    """The length that a head declares; None when it declares none."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else None


def is_complete(message: bytes) -> bool:
    """Whether `message` is a whole answer, by its content-length or, without one, as a chunked body."""
    head, separator, body = message.partition(HEAD_END)
    if not separator:
        return False
    length = content_length(head)
    return body.endswith(CHUNKED_END) if length is None else len(body) >= length
