"""AWS event streams (`application/vnd.amazon.eventstream`), sans-IO: bytes cut anywhere in, messages out, and back.

    total length u32 | headers length u32 | CRC-32 of these 8 bytes
    headers: name length u8, name, type u8, value …
    payload
    CRC-32 of everything before it

All numbers are big-endian. Both checksums are checked: the first before the length is trusted, so that a broken
length cannot make the decoder wait for bytes that never come; the second before anything of the message is read.

A stream has a handful of different header blocks and repeats them hundreds of times; each is parsed once.
"""

import struct
from collections.abc import Mapping
from typing import Final, TypeAlias
from zlib import crc32

from msgspec import Struct

from keywright.core.errors import UpstreamBrokeError, UpstreamMalformedError

HEADERS_BYTES_MAX: Final = 128 * 1024
PAYLOAD_BYTES_MAX: Final = 24 * 1024 * 1024
"""The limits of AWS's own SDKs."""

KNOWN_HEADERS_MAX: Final = 64
"""How many header blocks a decoder remembers."""

_PRELUDE: Final = struct.Struct(">III")
_LENGTHS: Final = struct.Struct(">II")
_U32: Final = struct.Struct(">I")
_U16: Final = struct.Struct(">H")
_AROUND: Final = 16
"""What a message has beside its headers and payload: the prelude and the last checksum."""

Value: TypeAlias = bool | int | bytes | str
"""Timestamps are milliseconds since 1970; a UUID is its 16 bytes."""

_FIXED: Final[dict[int, struct.Struct]] = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),
    9: struct.Struct(">16s"),
}
_BYTES: Final = 6
_STRING: Final = 7


class Message(Struct, frozen=True, gc=False):
    """One message of a stream."""

    headers: dict[str, Value]
    payload: bytes

    def word(self, name: str) -> str:
        """The header `name`; empty when it is missing or no string."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class EventStreamDecoder:
    """Bytes to messages."""

    __slots__ = ("_held", "_known", "_needed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._needed = _PRELUDE.size
        self._known: dict[bytes, dict[str, Value]] = {}

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that `chunk` completes.

        Raises:
            UpstreamMalformedError: a checksum is wrong, a length is impossible or beyond the limits, a header is of an
                unknown type.
        """
        if self._held:
            self._held += chunk
            if len(self._held) < self._needed:
                return []
            chunk = bytes(self._held)
            self._held.clear()
        messages: list[Message] = []
        at, size = 0, len(chunk)
        self._needed = _PRELUDE.size
        while size - at >= _PRELUDE.size:
            total, headers = _lengths(chunk, at)
            if size - at < total:
                self._needed = total
                break
            messages.append(self._message(chunk, at, total, headers))
            at += total
        if at < size:
            self._held += chunk[at:] if at else chunk
        return messages

    @property
    def rest_bytes(self) -> int:
        """The size of the message that is not whole yet."""
        return len(self._held)

    def frame_end(self, data: bytes) -> int:
        """How many bytes of `data`, were they fed next, it takes to the end of a message; 0 when it holds no end."""
        held = len(self._held)
        begun = bytes(self._held) + data
        if len(begun) < _PRELUDE.size:
            return 0
        total = _U32.unpack_from(begun)[0]
        return total - held if held < total <= len(begun) else 0

    def end(self) -> None:
        """The connection has ended.

        Raises:
            UpstreamBrokeError: in the middle of a message.
        """
        if self._held:
            raise UpstreamBrokeError(f"the stream ended {len(self._held)} bytes into a message", answered=True)

    def _message(self, data: bytes, at: int, total: int, headers: int) -> Message:
        last = at + total - 4
        if crc32(memoryview(data)[at:last]) != _U32.unpack_from(data, last)[0]:
            raise UpstreamMalformedError("a message of the event stream has a wrong checksum")
        start = at + _PRELUDE.size
        block = data[start : start + headers]
        parsed = self._known.get(block)
        if parsed is None:
            parsed = _parsed(block)
            if len(self._known) < KNOWN_HEADERS_MAX:
                self._known[block] = parsed
        return Message(parsed, data[start + headers : last])


def header_block(headers: Mapping[str, str]) -> bytes:
    """The bytes of `headers`, all of them strings, to be framed with any number of payloads."""
    block = bytearray()
    for name, value in headers.items():
        written, text = name.encode(), value.encode()
        block += bytes((len(written),)) + written + bytes((_STRING,)) + _U16.pack(len(text)) + text
    return bytes(block)


def event_block(kind: str) -> bytes:
    """The header block of an event of type `kind` with JSON in it."""
    return header_block({":event-type": kind, ":content-type": "application/json", ":message-type": "event"})


def exception_block(kind: str) -> bytes:
    """The header block of an exception of type `kind` with JSON in it."""
    return header_block({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"})


def framed(block: bytes, payload: bytes) -> bytes:
    """The message of a header block and a payload."""
    lengths = _LENGTHS.pack(_AROUND + len(block) + len(payload), len(block))
    first = crc32(lengths)
    body = b"".join((lengths, _U32.pack(first), block, payload))
    return body + _U32.pack(crc32(body))


def _lengths(data: bytes, at: int) -> tuple[int, int]:
    """The lengths of the message at `at`: its own, and that of its headers."""
    total, headers, checksum = _PRELUDE.unpack_from(data, at)
    if crc32(data[at : at + _LENGTHS.size]) != checksum:
        raise UpstreamMalformedError("the bytes are no event stream: the checksum of the lengths is wrong")
    payload = total - headers - _AROUND
    if payload < 0 or headers > HEADERS_BYTES_MAX or payload > PAYLOAD_BYTES_MAX:
        raise UpstreamMalformedError(f"a message of the event stream says to have {total} bytes, {headers} of headers")
    return total, headers


def _parsed(block: bytes) -> dict[str, Value]:
    headers: dict[str, Value] = {}
    at = 0
    try:
        while at < len(block):
            start = at + 1
            at = start + block[at]
            name = block[start:at].decode()
            kind = block[at]
            headers[name], at = _value(block, at + 1, kind)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise UpstreamMalformedError("the headers of an event stream's message cannot be read") from None
    if at != len(block):
        raise UpstreamMalformedError("the headers of an event stream's message are cut off")
    return headers


def _value(block: bytes, at: int, kind: int) -> tuple[Value, int]:
    """The value of type `kind` at `at`, and where it ends."""
    if kind <= 1:
        return kind == 0, at
    fixed = _FIXED.get(kind)
    if fixed is not None:
        value: Value = fixed.unpack_from(block, at)[0]
        return value, at + fixed.size
    if kind not in (_BYTES, _STRING):
        raise UpstreamMalformedError(f"a header of an event stream's message is of the unknown type {kind}")
    end = at + _U16.size + _U16.unpack_from(block, at)[0]
    written = block[at + _U16.size : end]
    return (written.decode() if kind == _STRING else written), end
